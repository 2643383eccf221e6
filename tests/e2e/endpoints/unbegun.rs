//! Streams that `on_connect` admitted and that never began: what is told of them.

use super::Ends;
use crate::support::{
    Gate, Peer, Running, builder, eventually, get as request, serve, serve_on_one,
};
use headwater::extract::{FromRequestParts, Path, Rejection, State};
use headwater::http::{HeaderName, HeaderValue, StatusCode};
use headwater::middleware::Next;
use headwater::sse::{self, Broker, Client, Disconnect, Event};
use headwater::{
    Engine, Hub, IntoResponse, Request, Response, Router, routing::get, routing::post,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

async fn admit(_: &Request, _: &Client) {}

async fn wait(client: Client) {
    client.closed().await;
}

fn request_that_is_answered_otherwise_after_it_was_admitted_counts_as_refused(engine: Engine) {
    let ends = Ends::default();
    let numbered = async |Path(_): Path<u32>, client: Client| wait(client).await;
    let chosen = sse::feed_of(|_: &Request| Err::<Vec<Broker>, _>(StatusCode::NOT_FOUND));
    let replace = async |request: Request, next: Next| -> Response {
        drop(next.run(request).await);
        StatusCode::IM_A_TEAPOT.into_response()
    };
    let endpoint = || sse::endpoint(wait).on_connect(admit).on_disconnect(ends.hook());
    let app = Router::new()
        .route(
            "/numbered/{number}",
            get(sse::endpoint(numbered).on_connect(admit).on_disconnect(ends.hook())),
        )
        .route("/chosen", get(chosen.on_connect(admit).on_disconnect(ends.hook())))
        .nest("/replaced", Router::new().route("/", get(endpoint())).with(replace));
    let server = serve(engine, app);
    let mut told = Vec::new();
    for (path, status) in [("/numbered/x", 400), ("/chosen", 404), ("/replaced", 418)] {
        assert_eq!(server.get(path).status, status);
        told.push(Disconnect::Refused);
        ends.expect(&told);
    }
    eventually("nothing is left", || server.stats().streams == 0);
}

fn stream_without_a_thread_is_told_as_overload(engine: Engine) {
    let ends = Ends::default();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let handler = move |client: Client| {
        client.send_blocking(Event::data("in")).expect("the client is there");
        wait.lock().expect("one at a time").recv().ok();
    };
    let endpoint = sse::blocking_endpoint(handler).on_connect(admit).on_disconnect(ends.hook());
    let server = builder(engine).stream_threads(1).serve(Router::new().route("/", get(endpoint)));
    let server = Running::from(server.expect("a free port of the loopback"));
    let mut first = server.subscribe("/");
    assert_eq!(first.data(), "in");
    for _ in 0..2 {
        let busy = server.get("/");
        assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    }
    ends.expect(&[Disconnect::Overloaded; 2]);
    go.send(()).expect("the handler waits");
    first.expect_end();
    ends.expect(&[Disconnect::Overloaded, Disconnect::Overloaded, Disconnect::Done]);
}

fn stream_that_cannot_begin_is_told_as_failed_or_as_what_ended_it(engine: Engine) {
    let ends = Ends::default();
    let broker = Hub::new().broker("news").build();
    let framing = async |_: &Request, _: &Client| {
        let length = HeaderName::from_static("content-length");
        Ok::<_, StatusCode>([(length, HeaderValue::from_static("5"))])
    };
    let closing = {
        let broker = broker.clone();
        async move |_: &Request, _: &Client| broker.close()
    };
    let app = Router::new()
        .route(
            "/unsendable",
            get(sse::endpoint(wait).on_connect(framing).on_disconnect(ends.hook())),
        )
        .route(
            "/panicking",
            get(sse::endpoint(async |Panicking: Panicking, client: Client| wait(client).await)
                .on_connect(admit)
                .on_disconnect(ends.hook())),
        )
        .route("/closed", get(sse::feed(&broker).on_connect(closing).on_disconnect(ends.hook())));
    let server = serve(engine, app);
    let mut told = Vec::new();
    for (path, status, why) in [
        ("/unsendable", 500, Disconnect::Failed),
        ("/panicking", 500, Disconnect::Failed),
        ("/closed", 204, Disconnect::BrokerClosed),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
        told.push(why);
        ends.expect(&told);
    }
    eventually("nothing is left", || server.stats().streams == 0);
}

/// An argument that cannot be had.
struct Panicking;

impl FromRequestParts for Panicking {
    type Rejection = Rejection;

    fn from_request_parts(_: &Request) -> Result<Self, Rejection> {
        panic!("on purpose: over an argument");
    }
}

fn post_for_a_stream_in_a_drain_is_told_as_drain(engine: Engine) {
    let (gate, ends) = (Gate::default(), Ends::default());
    let passed = gate.clone();
    let hook = async move |_: &Request, _: &Client| passed.pass().await;
    let endpoint = sse::endpoint(wait).on_connect(hook).on_disconnect(ends.hook());
    let server = serve_on_one(engine, Router::new().route("/", post(endpoint)));
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    eventually("the hook waits", || gate.is_awaited());
    let drain = server.drain(Duration::from_secs(20));
    eventually("it drains", || !Peer::try_connect(server.addr()));
    gate.open();
    let answer = peer.answer();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    drop(peer);
    drain.wait().expect("no worker fails");
    ends.expect(&[Disconnect::Drain]);
}

/// Lets threads through once it is open.
#[derive(Clone, Default)]
struct Turnstile(Arc<(Mutex<usize>, Condvar)>);

impl Turnstile {
    /// Lets as many through as may pass in all.
    fn open(&self, count: usize) {
        *self.0.0.lock().expect("nothing panics under the lock") = count;
        self.0.1.notify_all();
    }

    /// Whether as many have passed as may.
    fn is_shut(&self) -> bool {
        *self.0.0.lock().expect("nothing panics under the lock") == 0
    }
}

/// An argument that is waited for.
struct Awaited;

impl FromRequestParts for Awaited {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        let State(Turnstile(turnstile)) = State::from_request_parts(request)?;
        let count = turnstile.0.lock().expect("nothing panics under the lock");
        let passed = turnstile.1.wait_while(count, |count| *count == 0);
        *passed.expect("nothing panics under the lock") -= 1;
        Ok(Self)
    }
}

fn request_that_is_given_up_after_it_was_admitted_is_told_too(engine: Engine) {
    let ends = Ends::default();
    let turnstile = Turnstile::default();
    let admitted = Arc::<AtomicUsize>::default();
    let count = admitted.clone();
    let hook = async move |_: &Request, _: &Client| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let endpoint = sse::blocking_endpoint(|_: Awaited, _: Client| {});
    let endpoint = endpoint.on_connect(hook).on_disconnect(ends.hook());
    let app = Router::new().route("/", get(endpoint)).state(turnstile.clone());
    let server = serve_on_one(engine, app);
    let mut leaving = server.connect();
    leaving.send(request("/"));
    eventually("it is admitted", || admitted.load(Ordering::Relaxed) == 1);
    leaving.reset();
    ends.expect(&[Disconnect::ClientGone]);
    eventually("nothing is left", || server.stats().streams == 0);
    turnstile.open(1);
    eventually("its thread has passed", || turnstile.is_shut());
    let mut staying = server.connect();
    staying.send(request("/"));
    eventually("it is admitted", || admitted.load(Ordering::Relaxed) == 2);
    server.drain(Duration::ZERO).wait().expect("no worker fails");
    ends.expect(&[Disconnect::ClientGone, Disconnect::Drain]);
    turnstile.open(1);
}

on_every_engine! {
    request_that_is_answered_otherwise_after_it_was_admitted_counts_as_refused,
    stream_without_a_thread_is_told_as_overload,
    stream_that_cannot_begin_is_told_as_failed_or_as_what_ended_it,
    post_for_a_stream_in_a_drain_is_told_as_drain,
    request_that_is_given_up_after_it_was_admitted_is_told_too,
}
