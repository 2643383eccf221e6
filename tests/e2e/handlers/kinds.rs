//! Handlers of every kind: they take the same arguments, find the same state, and run behind the same
//! middleware.

use crate::support::{Answer, Running, Source, Subscriber, builder, serve, serve_on_one};
use headwater::extract::{Path, State};
use headwater::http::{HeaderName, HeaderValue, StatusCode};
use headwater::middleware::{CatchPanic, Next};
use headwater::routing::{MethodRouter, get};
use headwater::sse::{Client, Event};
use headwater::{
    Body, Engine, Error, Request, Responder, Response, Router, blocking, detach, respond_later, sse,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone)]
struct Greeting(&'static str);

/// One of each kind that is called with arguments, all for `{id}`, and with the state.
fn kinds() -> [(&'static str, MethodRouter); 4] {
    let plain =
        |State(Greeting(hello)): State<Greeting>, Path(id): Path<u8>| format!("{hello} {id}");
    let later = respond_later(
        |State(Greeting(hello)): State<Greeting>, Path(id): Path<u8>, responder: Responder| {
            let answering = move || responder.respond(format!("{hello} {id}")).is_ok();
            std::thread::spawn(answering);
        },
    );
    let stream = sse::endpoint(
        async |State(Greeting(hello)): State<Greeting>, Path(id): Path<u8>, client: Client| {
            let event = Event::data(format!("{hello} {id}"));
            client.send(event).await.expect("it is the first");
        },
    );
    [
        ("plain", get(plain)),
        ("blocking", get(blocking(plain))),
        ("later", get(later)),
        ("stream", get(stream)),
    ]
}

fn handlers_of_every_kind_take_arguments(engine: Engine) {
    let mut inner = Router::new().state(Greeting("hello"));
    for (kind, methods) in kinds() {
        inner = inner.route(&format!("/{kind}/{{id}}"), methods);
    }
    let server = serve_on_one(engine, Router::new().nest("/api", inner));
    for kind in ["plain", "blocking", "later"] {
        assert_eq!(server.get(&format!("/api/{kind}/7")).text(), "hello 7", "{kind}");
    }
    let mut stream = server.subscribe("/api/stream/7");
    assert_eq!(stream.data(), "hello 7");
    stream.expect_end();
    // What is refused is refused before the handler is called.
    for (kind, _) in kinds() {
        let refused = server.get(&format!("/api/{kind}/700"));
        assert_eq!(refused.status, 400, "{kind}");
        assert!(refused.text().starts_with("path parameter `id`"), "{refused:?}");
    }
}

fn server_does_not_start_without_the_state_that_any_kind_takes(engine: Engine) {
    for (kind, methods) in kinds() {
        let app = Router::new().route("/{id}", methods);
        let Err(Error::Config(reason)) = builder(engine).serve(app.clone()) else {
            panic!("{kind}: it must not start");
        };
        assert!(reason.contains("GET /{id} takes State<"), "{reason}");
        drop(serve(engine, app.state(Greeting("there"))));
    }
}

/// Says on each answer that it was here, and counts.
fn marked(app: Router) -> (Router, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let mark = async move |request: Request, next: Next| {
        counted.fetch_add(1, Ordering::Relaxed);
        let name = HeaderName::from_static("x-seen");
        next.run(request).await.header(name, HeaderValue::from_static("yes"))
    };
    (app.with(mark), count)
}

fn middleware_surrounds_handlers_of_every_kind(engine: Engine) {
    let source = Source::default();
    source.push("piece");
    source.end();
    let pieces = move || Response::new(StatusCode::OK).body(Body::stream(source.stream()));
    let line = || {
        detach(Response::new(StatusCode::SWITCHING_PROTOCOLS), async |line| {
            line.write("taken over").await.ok();
        })
    };
    let mut app = Router::new().state(Greeting("hello")).route("/line", get(line));
    app = app.route("/pieces", get(pieces));
    for (kind, methods) in kinds() {
        app = app.route(&format!("/{kind}/{{id}}"), methods);
    }
    let (app, count) = marked(app);
    let server = serve_on_one(engine, app);
    let paths =
        ["/line", "/pieces", "/plain/7", "/blocking/7", "/later/7", "/stream/7", "/later/x"];
    for (number, path) in (1..).zip(paths) {
        let mut peer = server.connect();
        peer.ask(path);
        let head = Answer::receive_head(&mut peer).expect("a head");
        assert_eq!(head.header("x-seen"), Some("yes"), "{path}");
        assert_eq!(count.load(Ordering::Relaxed), number, "{path}");
    }
}

fn panic_on_a_blocking_thread_is_answered_within_the_chain(engine: Engine) {
    let fails = || -> &'static str { panic!("on purpose: on a blocking thread") };
    let app = Router::new()
        .route("/", get(blocking(fails)))
        .with(CatchPanic::new().answer_with(|_| "caught"));
    let server: Running = serve(engine, app);
    assert_eq!(server.get("/").text(), "caught");
    assert_eq!(server.stats().handler_panics, 0);
}

fn what_blocking_handlers_leave_for_middleware_arrives(engine: Engine) {
    #[derive(Clone)]
    struct Cost(u64);
    let leave = || {
        let mut response = Response::new(StatusCode::OK);
        response.extensions_mut().insert(Cost(7));
        response
    };
    let read = async |request: Request, next: Next| {
        let response = next.run(request).await;
        let cost = response.extensions().get().map_or(0, |Cost(cost)| *cost);
        response.header(HeaderName::from_static("x-cost"), cost.into())
    };
    let server = serve(engine, Router::new().route("/", get(blocking(leave))).with(read));
    assert_eq!(server.get("/").header("x-cost"), Some("7"));
}

fn stream_of_a_post_takes_its_body_and_its_client(engine: Engine) {
    let words = sse::endpoint(async |body: String, client: Client| {
        for word in body.split(' ') {
            client.send(Event::data(word)).await.expect("it reads");
        }
    });
    let server = serve(engine, Router::new().route("/", get(|| "").post(words)));
    let request = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 7\r\n\r\none two";
    let mut stream = Subscriber::ask(server.connect(), request);
    assert_eq!((stream.data(), stream.data()), ("one".to_owned(), "two".to_owned()));
    stream.expect_end();
}

on_every_engine! {
    handlers_of_every_kind_take_arguments,
    server_does_not_start_without_the_state_that_any_kind_takes,
    middleware_surrounds_handlers_of_every_kind,
    panic_on_a_blocking_thread_is_answered_within_the_chain,
    what_blocking_handlers_leave_for_middleware_arrives,
    stream_of_a_post_takes_its_body_and_its_client,
}
