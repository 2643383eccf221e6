//! Middleware between sockets and handlers.

use crate::support::{Answer, Peer, eventually, serve, serve_on_one};
use headwater::http::Method;
use headwater::middleware::{AssignedId, CatchPanic, Cors, Next, RequestId};
use headwater::routing::get;
use headwater::sse;
use headwater::{Engine, Hub, Request, Response, Router};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[track_caller]
fn ask(peer: &mut Peer, method: &str, path: &str, headers: &str) -> Answer {
    peer.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
    peer.answer()
}

fn browsers_are_told_what_pages_may_do(engine: Engine) {
    let cors = Cors::origins(["https://page.test"])
        .methods([Method::PUT])
        .headers(["content-type"])
        .credentials()
        .max_age(Duration::from_mins(1));
    let hub = Hub::new();
    let news = hub.broker("news").build();
    let app = Router::new()
        .route("/", get(|| "hello").put(|| "put"))
        .route("/news", get(sse::feed(&news)))
        .with(cors);
    let server = serve(engine, app);
    let mut peer = server.connect();
    let origin = "origin: https://page.test\r\n";
    let asks =
        "access-control-request-method: PUT\r\naccess-control-request-headers: content-type\r\n";
    let preflight = ask(&mut peer, "OPTIONS", "/", &format!("{origin}{asks}"));
    assert_eq!(preflight.status, 204);
    for (name, value) in [
        ("origin", "https://page.test"),
        ("credentials", "true"),
        ("methods", "PUT"),
        ("headers", "content-type"),
    ] {
        let name = format!("access-control-allow-{name}");
        assert_eq!(preflight.header(&name), Some(value), "{preflight:?}");
    }
    assert_eq!(preflight.header("access-control-max-age"), Some("60"));
    for varies in ["origin", "access-control-request-method", "access-control-request-headers"] {
        assert!(preflight.head.contains(&format!("\r\nvary: {varies}\r\n")), "{preflight:?}");
    }
    for (headers, allowed) in [(origin, Some("https://page.test")), ("", None)] {
        let answer = ask(&mut peer, "PUT", "/", headers);
        assert_eq!((answer.text(), answer.header("vary")), ("put", Some("origin")));
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
    // Streams need permission, too.
    peer.send(format!("GET /news HTTP/1.1\r\nhost: test\r\n{origin}\r\n"));
    let stream = Answer::receive_head(&mut peer).expect("a stream");
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.header("access-control-allow-origin"), Some("https://page.test"));
}

fn ids_of_requests_reach_handlers_and_clients(engine: Engine) {
    let show = async |id: AssignedId| {
        headwater::time::sleep(Duration::from_millis(1)).await;
        id.to_string()
    };
    let app = Router::new().route("/", get(show)).with(RequestId::new().accept());
    let server = serve(engine, app);
    let mut peer = server.connect();
    let given = ask(&mut peer, "GET", "/", "");
    assert_eq!(given.header("x-request-id"), Some(given.text()));
    assert_eq!(given.text().len(), 32);
    let kept = ask(&mut peer, "GET", "/", "X-Request-ID: mine\r\n");
    assert_eq!((kept.text(), kept.header("x-request-id")), ("mine", Some("mine")));
    let replaced = ask(&mut peer, "GET", "/missing", "x-request-id: not \"valid\"\r\n");
    assert_eq!((replaced.status, replaced.header("x-request-id").map(str::len)), (404, Some(32)));
}

fn middleware_of_its_own_may_wait_and_need_not_be_send(engine: Engine) {
    async fn slowly(request: Request, next: Next) -> Response {
        let steps = Rc::new(Cell::new(0));
        headwater::time::sleep(Duration::from_millis(1)).await;
        steps.set(steps.get() + 1);
        let response = next.run(request).await;
        headwater::time::sleep(Duration::from_millis(1)).await;
        steps.set(steps.get() + 1);
        response.header("x-steps".parse().expect("a name"), steps.get().into())
    }
    let app = Router::new().route("/", get(async || "hello")).with(slowly).with(slowly);
    let server = serve_on_one(engine, app);
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(3));
    for _ in 0..3 {
        let answer = peer.answer();
        assert_eq!(answer.text(), "hello");
        assert_eq!(answer.head.matches("x-steps: 2\r\n").count(), 2, "{answer:?}");
    }
}

fn panics_are_answered_within_the_chain(engine: Engine) {
    let late = async || -> &'static str {
        headwater::time::sleep(Duration::from_millis(1)).await;
        panic!("on purpose")
    };
    let app = Router::new()
        .route("/", get(late))
        .with(RequestId::new())
        .with(CatchPanic::new().answer_with(|_| "caught"));
    let server = serve(engine, app);
    let answer = server.get("/");
    assert_eq!((answer.text(), answer.header("x-request-id").is_some()), ("caught", true));
    // It is no failure of the server any more.
    assert_eq!(server.stats().handler_panics, 0);
}

/// Says when it is dropped.
struct Flagged(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Drop for Flagged {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }
}

fn middleware_is_cancelled_with_its_handler(engine: Engine) {
    let dropped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = dropped.clone();
    let app = Router::new().route("/", get(async || std::future::pending::<&str>().await)).with(
        async move |request: Request, next: Next| {
            let _flagged = Flagged(flag.clone());
            next.run(request).await
        },
    );
    let server = serve_on_one(engine, app);
    let mut peer = server.connect();
    peer.ask("/");
    eventually("the request is there", || server.stats().requests == 1);
    peer.reset();
    eventually("it is cancelled", || dropped.load(std::sync::atomic::Ordering::Acquire));
}

on_every_engine! {
    browsers_are_told_what_pages_may_do,
    ids_of_requests_reach_handlers_and_clients,
    middleware_of_its_own_may_wait_and_need_not_be_send,
    panics_are_answered_within_the_chain,
    middleware_is_cancelled_with_its_handler,
}
