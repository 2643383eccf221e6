//! The routes: one of each kind of answer and stream.

use crate::load;
use crate::support::Numbers;
use bytes::Bytes;
use headwater::routing::{get, post};
use headwater::sse::{self, Broker, Client, Event};
use headwater::{Router, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) const BROKERS: usize = 2;
/// Events of a `/talk` stream, which then ends by itself.
pub(crate) const TALK_EVENTS: u64 = 40;
/// So short that clients see some.
const HEARTBEAT: Duration = Duration::from_millis(50);
/// What a handler waits for at most.
const PAUSE_MILLIS: u64 = 30;

pub(crate) fn feed_path(broker: usize) -> String {
    format!("/feed/{broker}")
}

/// Handlers that have begun and were neither finished nor dropped.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

/// One of them.
struct Living<'a>(&'a Alive);

impl Alive {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) -> Living<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Living(self)
    }
}

impl Drop for Living<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn app(brokers: &[Broker], alive: &Alive) -> Router {
    let app = Router::new()
        .route("/", get(|| "ok"))
        .route("/large", get(|| Bytes::from_static(load::large().as_bytes())))
        .route("/echo", post(|body: Bytes| body));
    let (of_later, of_never) = (alive.clone(), alive.clone());
    let (of_talk, of_both) = (alive.clone(), alive.clone());
    let later = async move || {
        let _living = of_later.begin();
        time::sleep(Duration::from_millis(PAUSE_MILLIS)).await;
        "later"
    };
    let never = async move || {
        let _living = of_never.begin();
        // Longer than any run: a timer has its waker until it is cancelled.
        time::sleep(Duration::from_hours(24)).await;
        "never"
    };
    let talk = async move |client: Client| {
        let _living = of_talk.begin();
        send_numbered(&client, TALK_EVENTS).await;
    };
    let broker = brokers[0].clone();
    let both = async move |client: Client| {
        let _living = of_both.begin();
        let _subscribed = broker.subscribe(&client);
        send_numbered(&client, u64::MAX).await;
    };
    let app = app
        .route("/later", get(later))
        .route("/never", get(never))
        .route("/talk", get(sse::endpoint(talk)))
        .route("/both", get(sse::endpoint(both)));
    brokers.iter().enumerate().fold(app, |app, (at, broker)| {
        app.route(&feed_path(at), get(sse::feed(broker).heartbeat(HEARTBEAT)))
    })
}

/// Sends numbered events until the client is gone.
async fn send_numbered(client: &Client, events: u64) {
    let mut numbers = Numbers::new(events);
    for number in 0..events {
        let data = load::data(number, load::event_bytes(&mut numbers));
        if client.send(Event::data(data).event("talk")).await.is_err() {
            return;
        }
        time::sleep(Duration::from_millis(number % PAUSE_MILLIS)).await;
    }
}
