//! The routes: one of each kind of answer here, of streams in `streams`.

use super::lives::Watch;
use super::streams;
use crate::load;
use bytes::Bytes;
use headwater::routing::{get, post};
use headwater::sse::Broker;
use headwater::{Router, blocking, time};
use std::thread;
use std::time::Duration;

/// What a handler waits for.
const PAUSE: Duration = Duration::from_millis(30);

pub(super) fn app(brokers: &[Broker], watch: &Watch) -> Router {
    let tasks = watch.tasks.clone();
    let later = async move || {
        let _life = tasks.begin();
        time::sleep(PAUSE).await;
        "later"
    };
    let tasks = watch.tasks.clone();
    let never = async move || {
        let _life = tasks.begin();
        // Longer than any run: a timer has its waker until it is cancelled.
        time::sleep(Duration::from_hours(24)).await;
        "never"
    };
    let threads = watch.threads.clone();
    let aside = move || {
        let _life = threads.begin();
        thread::sleep(PAUSE / 10);
        "aside"
    };
    streams::routes(brokers, watch)
        .route("/", get(|| "ok"))
        .route("/large", get(|| Bytes::from_static(load::large().as_bytes())))
        .route("/echo", post(|body: Bytes| body))
        .route("/later", get(later))
        .route("/never", get(never))
        .route("/aside", get(blocking(aside)))
}
