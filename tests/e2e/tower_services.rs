//! Services of others under our router: an axum router, and services written by hand.

use crate::support::{Answer, End, Running, Source, builder, eventually, pattern, serve};
use axum::body::Body as AxumBody;
use axum::extract::{Path, Request as AxumRequest};
use bytes::Bytes;
use headwater::extract::PeerAddr;
use headwater::http::{self, StatusCode};
use headwater::middleware::Next;
use headwater::tower::{RequestBody, service};
use headwater::{Engine, Request, Router, routing};
use http_body::Body as _;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};
use tower_service::Service;

/// `source` is sent as a stream of unknown length.
fn app(source: &Source) -> Router {
    use axum::routing::{get, post};
    let source = source.clone();
    let stream = async move || AxumBody::from_stream(source.stream());
    let asked = async |request: AxumRequest| {
        let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip().to_string());
        let host =
            request.headers().get("host").map(|host| host.to_str().unwrap_or("?").to_owned());
        format!("{} {} {:?} {host:?} {peer:?}", request.method(), request.uri(), request.version())
    };
    let axum = axum::Router::new()
        .route("/users/{name}", get(async |Path(name): Path<String>| format!("user {name}")))
        .route("/echo", post(async |body: Bytes| (StatusCode::CREATED, [("x-a", "b")], body)))
        .route("/asked", get(asked))
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        .route("/large", get(async || pattern(1_000_000)))
        .route("/stream", get(stream))
        .route("/fail", get(async || -> () { panic!("on purpose: in axum") }));
    Router::new().route("/", routing::get(|| "ours")).fallback(service(axum))
}

#[track_caller]
fn start(engine: Engine, source: &Source) -> Running {
    let started = builder(engine).workers(1).serve(app(source));
    Running::from(started.expect("a free port of the loopback"))
}

fn axum_router_answers_what_ours_does_not(engine: Engine) {
    let server = start(engine, &Source::default());
    let mut peer = server.connect();
    for (path, status, text) in [
        ("/", 200, "ours"),
        ("/users/a%20b", 200, "user a b"),
        ("/missing", 404, ""),
        ("/echo", 405, ""),
        ("/empty", 204, ""),
        ("/asked?a=b", 200, r#"GET /asked?a=b HTTP/1.1 Some("test") Some("127.0.0.1")"#),
    ] {
        peer.ask(path);
        let answer = peer.answer();
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    }
    peer.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello");
    let answer = peer.answer();
    assert_eq!((answer.status, answer.text(), answer.header("x-a")), (201, "hello", Some("b")));
    assert_eq!(answer.header("content-length"), Some("5"));
    peer.ask("/large");
    let answer = peer.answer();
    assert_eq!(answer.header("content-length"), Some("1000000"));
    assert!(answer.body == pattern(1_000_000));
    assert_eq!(server.stats().failed_bodies, 0);
}

fn head_of_a_service_is_like_get_without_the_body(engine: Engine) {
    let source = Source::default();
    let server = start(engine, &source);
    source.push("piece");
    source.end();
    let mut peer = server.connect();
    for path in ["/large", "/users/x", "/stream", "/missing"] {
        peer.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let head = Answer::receive_head(&mut peer).expect("a head");
        peer.ask(path);
        let answer = peer.answer();
        if path != "/missing" {
            assert_eq!(head.head_without_date(), answer.head_without_date(), "{path}");
        }
    }
    assert_eq!(source.open(), 0);
}

fn streamed_body_of_a_service_comes_in_pieces(engine: Engine) {
    let source = Source::default();
    let server = start(engine, &source);
    // Those that are there already come first.
    source.push("zero ");
    source.push("one");
    let mut peer = server.connect();
    peer.ask("/stream");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(peer.take(18).expect("two chunks"), b"5\r\nzero \r\n3\r\none\r\n");
    for piece in ["two", "six"] {
        source.push(piece);
        assert_eq!(peer.take(8).expect("a chunk"), format!("3\r\n{piece}\r\n").as_bytes());
    }
    source.fail();
    assert_eq!(peer.rest(), (Vec::new(), End::Closed));
    assert_eq!(server.stats().failed_bodies, 1);
}

fn streamed_body_of_a_service_is_held_back_and_cancelled(engine: Engine) {
    const MOST: usize = 64 * 1024 * 1024;
    let source = Source::default();
    source.repeat(vec![b'x'; 16 * 1024]);
    let server = start(engine, &source);
    let mut peer = server.connect_narrow();
    peer.ask("/stream");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    let mut other = server.connect();
    eventually("the source is held back", || {
        let before = source.polls();
        for _ in 0..20 {
            other.ask("/");
            assert_eq!(other.answer().text(), "ours");
        }
        assert!(source.yielded_bytes() < MOST, "somebody keeps all of that");
        source.polls() == before
    });
    peer.reset();
    eventually("the stream is dropped", || source.open() == 0);
}

fn panic_of_a_service_costs_a_500(engine: Engine) {
    let server = start(engine, &Source::default());
    let mut peer = server.connect();
    peer.ask("/fail");
    assert_eq!(peer.answer().status, 500);
    assert_eq!(server.stats().handler_panics, 1);
    peer.ask("/users/next");
    assert_eq!(peer.answer().text(), "user next");
}

/// Ready at the second look, and fails on demand.
#[derive(Clone, Default)]
struct Moody {
    looked: bool,
}

impl Service<http::Request<RequestBody>> for Moody {
    type Response = http::Response<RequestBody>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.looked, true) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, request: http::Request<RequestBody>) -> Self::Future {
        assert!(self.looked, "it is asked whether it is ready");
        // Futures and answers need not be `Send`.
        let _here = Rc::new(());
        let answer = http::Response::builder()
            .header("connection", "close")
            .header("transfer-encoding", "chunked")
            .body(request.into_body());
        ready(answer.map_err(|_| "not built").and_then(|answer| {
            if answer.body().is_end_stream() { Err("nothing to say") } else { Ok(answer) }
        }))
    }
}

fn middleware_and_a_service_see_what_the_other_has_left(engine: Engine) {
    #[derive(Clone)]
    struct Left(&'static str);
    let axum = axum::Router::new().fallback(async |mut request: AxumRequest| {
        let Left(text) = request.extensions_mut().remove().expect("middleware was here");
        (axum::Extension(Left("by the service")), text)
    });
    let app =
        Router::new().fallback(service(axum)).with(async |mut request: Request, next: Next| {
            request.extensions_mut().insert(Left("by middleware"));
            let response = next.run(request).await;
            let left = response.extensions().get().map_or("nothing", |Left(text)| *text);
            let name = http::HeaderName::from_static("x-left");
            response.header(name, http::HeaderValue::from_static(left))
        });
    let server = serve(engine, app);
    let answer = server.get("/any");
    assert_eq!((answer.text(), answer.header("x-left")), ("by middleware", Some("by the service")));
}

fn service_is_called_when_it_is_ready_and_may_fail(engine: Engine) {
    let server = serve(engine, Router::new().fallback(service(Moody::default())));
    let mut peer = server.connect();
    peer.send("POST /any HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello");
    let answer = peer.answer();
    // What the service says about the connection is not its business.
    assert_eq!((answer.text(), answer.header("content-length")), ("hello", Some("5")));
    assert!(!answer.is_last());
    peer.ask("/any");
    assert_eq!(peer.answer().status, 500);
}

on_every_engine! {
    axum_router_answers_what_ours_does_not,
    head_of_a_service_is_like_get_without_the_body,
    streamed_body_of_a_service_comes_in_pieces,
    streamed_body_of_a_service_is_held_back_and_cancelled,
    panic_of_a_service_costs_a_500,
    middleware_and_a_service_see_what_the_other_has_left,
    service_is_called_when_it_is_ready_and_may_fail,
}
