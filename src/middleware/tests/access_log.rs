//! What is logged about whom.

use super::ask;
use crate::middleware::{AccessLog, CatchPanic, RequestId};
use crate::routing;
use crate::sse;
use crate::{Body, Hub, Request, Router};
use bytes::Bytes;
use futures_core::Stream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

type Fields = BTreeMap<&'static str, String>;

/// Keeps the events of the access log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Fields>>>);

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "headwater::access" && *metadata.level() == Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        self.0.lock().expect("no panic").push(fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is logged meanwhile, without the durations, which are numbers.
#[track_caller]
fn logged(calls: impl FnOnce()) -> Vec<Fields> {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), calls);
    let mut entries = std::mem::take(&mut *log.0.lock().expect("no panic"));
    for entry in &mut entries {
        let duration = entry.remove("duration_us").expect("always there");
        duration.parse::<u64>().expect("a number");
    }
    entries
}

fn fields(pairs: &[(&'static str, &str)]) -> Fields {
    pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect()
}

#[test]
fn each_request_is_one_entry() {
    let app = Router::new().route("/", routing::get(|| "hello")).with(AccessLog::new());
    let entries = logged(|| {
        let peer = ([192, 0, 2, 1], 80).into();
        let request = Request::get("/?secret").peer_addr(peer).body("").expect("valid");
        app.call_blocking(request);
        ask(&app, "PUT", "/missing", &[]);
    });
    let answered = [
        ("method", "GET"),
        ("path", "/"),
        ("status", "200"),
        ("outcome", "answered"),
        ("body_bytes", "5"),
        ("peer", "192.0.2.1:80"),
    ];
    let missing = [
        ("method", "PUT"),
        ("path", "/missing"),
        ("status", "404"),
        ("outcome", "answered"),
        ("body_bytes", "10"),
    ];
    assert_eq!(entries, [fields(&answered), fields(&missing)]);
}

#[test]
fn bodies_of_every_kind_are_logged_as_such() {
    let nothing = || crate::Response::new(http::StatusCode::OK);
    let app = Router::new()
        .route("/sized", routing::get(move || nothing().body(Body::sized_stream(7, Never))))
        .route("/stream", routing::get(move || nothing().body(Body::stream(Never))))
        .route("/line", routing::get(move || crate::detach(nothing(), async |_| ())))
        .with(AccessLog::new());
    let entries = logged(|| {
        for path in ["/sized", "/stream", "/line"] {
            ask(&app, "GET", path, &[]);
        }
    });
    let seen = entries
        .iter()
        .map(|entry| (entry["outcome"].as_str(), entry.get("body_bytes").map(String::as_str)));
    let expected = [("answered", Some("7")), ("answered", None), ("detached", None)];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

/// A body that never comes.
struct Never;

impl Stream for Never {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

#[test]
fn request_id_is_logged_from_within_and_from_without() {
    let log = || Router::new().with(AccessLog::new());
    let ids = || Router::new().with(RequestId::new().accept());
    let inner = Router::new().route("/", routing::get(async || ""));
    for app in [log().merge(ids().merge(inner.clone())), ids().merge(log().merge(inner))] {
        let entries = logged(|| {
            ask(&app, "GET", "/", &[("x-request-id", "a-7")]);
        });
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["request_id"], "a-7");
    }
}

#[test]
fn what_has_no_answer_is_logged_as_such() {
    let never = async || std::future::pending::<&'static str>().await;
    let fails = || -> &'static str { panic!("on purpose") };
    let fails_later = async || -> &'static str { panic!("on purpose") };
    let news = Hub::new().broker("news").build();
    let inner = Router::new()
        .route("/never", routing::get(never))
        .route("/fails", routing::get(fails))
        .route("/fails-later", routing::get(fails_later))
        .route("/stream", routing::get(sse::feed(&news)));
    let app = inner.clone().with(AccessLog::new());
    let entries = logged(|| {
        let request = Request::get("/never").body("").expect("valid");
        drop(app.answer(request));
        for path in ["/fails", "/fails-later"] {
            catch_unwind(AssertUnwindSafe(|| ask(&app, "GET", path, &[]))).expect_err("it panics");
        }
        ask(&app, "GET", "/stream", &[]);
    });
    let outcomes: Vec<&str> = entries.iter().map(|entry| entry["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["cancelled", "panicked", "panicked", "stream"]);
    assert!(entries[..3].iter().all(|entry| !entry.contains_key("status")));
    assert!(!entries[3].contains_key("body_bytes"));

    let caught = inner.with(AccessLog::new()).with(CatchPanic::new());
    let entries = logged(|| drop(ask(&caught, "GET", "/fails-later", &[])));
    assert_eq!((&*entries[0]["status"], &*entries[0]["outcome"]), ("500", "answered"));
}
