//! Handlers that panic: at once, later, or while they are cleaned up.

use crate::support::{Answer, Gate, eventually, get as request_of, pattern, serve, serve_on_one};
use bytes::Bytes;
use futures_core::Stream;
use headwater::http::{HeaderValue, StatusCode, header};
use headwater::routing::{get, post};
use headwater::sse::{Client, Event};
use headwater::{
    Body, Engine, Hub, IntoResponse, Request, Response, Router, blocking, detach, sse,
};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

fn panicking_app() -> Router {
    let fail = || -> &'static str { panic!("on purpose: at once") };
    let early = async || -> &'static str { panic!("on purpose: before the first await") };
    let late = async || -> &'static str {
        headwater::time::sleep(Duration::from_millis(1)).await;
        panic!("on purpose: after the first await")
    };
    Router::new()
        .route("/at-once", get(fail))
        .route("/early", get(early))
        .route("/late", get(late))
        .route("/", get(|| "ok"))
}

fn panic_costs_one_connection_a_500_and_nothing_more(engine: Engine) {
    let server = serve_on_one(engine, panicking_app());
    let mut other = server.connect();
    for (count, path) in (1..).zip(["/at-once", "/early", "/late"]) {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.text()), (500, "the handler failed\n"), "{path}");
        assert_eq!(server.stats().handler_panics, count);
        other.ask("/");
        assert_eq!(other.answer().text(), "ok");
    }
}

fn requests_behind_a_panic_are_answered(engine: Engine) {
    let server = serve(engine, panicking_app());
    let mut peer = server.connect();
    for path in ["/at-once", "/", "/late", "/", "/early", "/"] {
        peer.ask(path);
    }
    let statuses: Vec<u16> = (0..6).map(|_| peer.answer().status).collect();
    assert_eq!(statuses, [500, 200, 500, 200, 500, 200]);
}

/// Fails when it is dropped, as a guard with an assertion may.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on purpose: while cleaning up");
    }
}

fn panic_while_cleaning_up_does_not_end_the_worker(engine: Engine) {
    let gate = Gate::default();
    let never = gate.clone();
    let ready = async || {
        let _brittle = Brittle;
        "lost"
    };
    let pending = async move || {
        let _brittle = Brittle;
        never.pass().await;
        "never"
    };
    let app = Router::new()
        .route("/ready", get(ready))
        .route("/pending", get(pending))
        .route("/", get(|| "ok"));
    let server = serve_on_one(engine, app);
    assert_eq!(server.get("/ready").status, 500);
    let mut leaving = server.connect();
    leaving.ask("/pending");
    eventually("the handler waits", || gate.is_awaited());
    leaving.reset();
    server.wait_for_connections(0);
    assert_eq!(server.get("/").text(), "ok");
}

/// A stream that yields nothing, and fails when it is dropped.
struct BrittleStream(Brittle);

impl Stream for BrittleStream {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

/// Bytes whose owner fails when it is dropped.
struct BrittleBytes(Brittle);

impl AsRef<[u8]> for BrittleBytes {
    fn as_ref(&self) -> &[u8] {
        b"brittle"
    }
}

/// Fails whenever it is dropped, also as what another panic left.
#[derive(Clone)]
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        std::panic::panic_any("on purpose: dropping what a panic left");
    }
}

fn panic_over_what_is_left_of_an_answer_does_not_end_the_worker(engine: Engine) {
    let body = || Response::new(StatusCode::OK).body(Body::stream(BrittleStream(Brittle)));
    let line = || {
        let brittle = Brittle;
        detach(Response::new(StatusCode::OK), async move |_| drop(brittle))
    };
    let events = |request: Request| {
        let brittle = Brittle;
        sse::stream(&request, async move |_| drop(brittle)).into_response()
    };
    let extended = || {
        let mut response = Response::new(StatusCode::OK);
        response.extensions_mut().insert(Explosive);
        response
    };
    let unsendable = move || extended().header(header::CONNECTION, HeaderValue::from_static("x"));
    let early_hints = move || extended().with_status(StatusCode::from_u16(103).expect("a status"));
    let explosive = || -> &'static str { std::panic::panic_any(Explosive) };
    let later = async || -> &'static str {
        headwater::time::sleep(Duration::from_millis(1)).await;
        std::panic::panic_any(Explosive)
    };
    let app = Router::new()
        .route("/body", get(body))
        .route("/owned", get(|| Bytes::from_owner(BrittleBytes(Brittle))))
        .route("/line", get(line))
        .route("/events", get(events))
        .route("/extended", get(extended))
        .route("/aside", get(blocking(extended)))
        .route("/unsendable", get(unsendable))
        .route("/early-hints", get(early_hints))
        .route("/explosive", get(explosive))
        .route("/aside/explosive", get(blocking(explosive)))
        .route("/later", get(later))
        .route(
            "/checked",
            post(|| "").before_body(move |_: &Request| match explosive() {
                "" => Ok(()),
                _ => Err(StatusCode::FORBIDDEN),
            }),
        )
        .route("/", get(|| "ok"));
    let server = serve_on_one(engine, app);
    for (ask, status) in [
        ("HEAD /body", 200),
        ("GET /body", 200),
        ("HEAD /owned", 200),
        ("GET /owned", 200),
        ("HEAD /line", 200),
        ("HEAD /events", 200),
        ("GET /extended", 200),
        ("GET /aside", 200),
        ("GET /unsendable", 500),
        ("GET /early-hints", 500),
        ("GET /explosive", 500),
        ("GET /aside/explosive", 500),
        ("GET /later", 500),
        ("POST /checked", 500),
    ] {
        let mut peer = server.connect();
        peer.send(format!("{ask} HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\n1"));
        assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, status, "{ask}");
        assert_eq!(server.get("/").text(), "ok", "{ask}");
    }
    // Each but the body that was sent: one that was sent, too, failed as it went.
    assert!(server.stats().handler_panics >= 14, "{:?}", server.stats());
}

fn panic_over_what_a_client_kept_does_not_end_the_worker(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Arc::<AtomicUsize>::default();
    let told = ends.clone();
    let handler = async |client: Client| {
        client.closed().await;
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).keep(|_| Brittle)))
        .route("/endpoint", get(sse::endpoint(handler).keep(|_| Brittle)))
        .route(
            "/told",
            get(sse::feed(&broker).keep(|_| Brittle).on_disconnect(move |_, _| {
                told.fetch_add(1, Ordering::Relaxed);
            })),
        )
        .route(
            "/refused",
            get(sse::feed(&broker)
                .keep(|_| Brittle)
                .on_connect(async |_: &Request, _: &Client| Err::<(), _>(StatusCode::FORBIDDEN))),
        )
        .route("/steady", get(sse::feed(&broker)));
    let server = serve_on_one(engine, app);
    let mut steady = server.subscribe("/steady");
    for (panics, path) in [(1, "/feed"), (2, "/endpoint"), (3, "/told")] {
        drop(server.subscribe(path));
        eventually("it has left", || server.stats().handler_panics == panics);
    }
    assert_eq!(server.get("/refused").status, 403);
    eventually("it is forgotten", || server.stats().handler_panics == 4);
    broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(steady.data(), "news");
    assert_eq!(ends.load(Ordering::Relaxed), 1);
}

/// An answer may wait for the socket to take those before it.
fn panic_over_an_answer_that_never_left_does_not_end_the_worker(engine: Engine) {
    const MOST: usize = 64 * 1024 * 1024;
    let last = async || {
        headwater::time::sleep(Duration::from_millis(1)).await;
        let mut response = Response::new(StatusCode::OK);
        response.extensions_mut().insert(Explosive);
        response
    };
    let app = Router::new()
        .route("/before", get(|| pattern(15_000)))
        .route("/last", get(last))
        .route("/", get(|| "ok"));
    let server = serve_on_one(engine, app);
    let mut peer = server.connect_narrow();
    let requests = request_of("/before").repeat(3) + &request_of("/last");
    let sent = peer.send_until_held_back(requests.as_bytes(), MOST);
    assert!(sent < MOST, "somebody keeps all of that");
    peer.reset();
    server.wait_for_connections(0);
    assert_eq!(server.get("/").text(), "ok");
    // And one that the end of the server finds there.
    let mut peer = server.connect_narrow();
    peer.send_until_held_back(requests.as_bytes(), MOST);
    server.drain(Duration::ZERO).wait().expect("no worker fails");
}

on_every_engine! {
    panic_over_an_answer_that_never_left_does_not_end_the_worker,
    panic_over_what_a_client_kept_does_not_end_the_worker,
    panic_over_what_is_left_of_an_answer_does_not_end_the_worker,
    panic_costs_one_connection_a_500_and_nothing_more,
    requests_behind_a_panic_are_answered,
    panic_while_cleaning_up_does_not_end_the_worker,
}
