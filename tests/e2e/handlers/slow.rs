//! Handlers and middleware that hold their core: noticed, whatever kind they are of.

#[cfg(feature = "tracing")]
use crate::support::reports;
use crate::support::{Answer, Peer, Running, builder, eventually};
use headwater::http::StatusCode;
use headwater::middleware::Next;
use headwater::routing::{get, post};
use headwater::{Engine, Request, Response, Router, detach, sse};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(20);

fn hold() -> &'static str {
    let begun = Instant::now();
    while begun.elapsed() <= LIMIT {
        std::hint::spin_loop();
    }
    "held"
}

fn app() -> Router {
    let rest = || headwater::time::sleep(Duration::from_millis(1));
    let later = async move || {
        rest().await;
        hold()
    };
    let stream = async |client: sse::Client| {
        hold();
        client.send(sse::Event::data("held")).await.ok();
    };
    let line = || {
        detach(Response::new(StatusCode::OK), async |line| {
            line.write(hold()).await.ok();
        })
    };
    let before = async |request: Request, next: Next| {
        hold();
        next.run(request).await
    };
    Router::new()
        .nest("/behind", Router::new().route("/", get(|| "held")).with(before))
        .route("/at-once", get(hold))
        .route("/first-poll", get(async || hold()))
        .route("/later", get(later))
        .route("/stream", get(sse::endpoint(stream)))
        .route("/line/{name}", get(line))
}

#[cfg(feature = "tracing")]
fn held(path: &str) -> String {
    format!("path=\"{path}\"\nheld_ms=")
}

#[track_caller]
fn start(engine: Engine, limit: impl Into<Option<Duration>>) -> Running {
    #[cfg(feature = "tracing")]
    reports::listen();
    let started = builder(engine).slow_handler(limit).serve(app());
    Running::from(started.expect("a free port of the loopback"))
}

#[track_caller]
fn ask(server: &Running, path: &str) {
    let mut peer: Peer = server.connect();
    peer.ask(path);
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    peer.take_until(b"held").expect("it answers");
}

const PATHS: [&str; 6] = ["/behind", "/at-once", "/first-poll", "/later", "/stream", "/line/one"];

fn handler_that_holds_its_core_is_noticed(engine: Engine) {
    let server = start(engine, LIMIT);
    for (count, path) in (1..).zip(PATHS) {
        ask(&server, path);
        // On a slow machine others may seem slow, too.
        eventually("it is counted", || server.stats().slow_handlers >= count);
        #[cfg(feature = "tracing")]
        eventually("it is reported", || reports::have(&held(path)));
    }
    #[cfg(feature = "tracing")]
    assert!(reports::have("route=\"/line/{name}\"\n"));
}

fn check_before_a_body_that_holds_its_core_is_noticed(engine: Engine) {
    #[cfg(feature = "tracing")]
    reports::listen();
    let check = |_: &Request| {
        hold();
        Ok::<(), StatusCode>(())
    };
    let app = Router::new().route("/checked", post(|body: String| body).before_body(check));
    let started = builder(engine).slow_handler(LIMIT).serve(app);
    let server = Running::from(started.expect("a free port of the loopback"));
    let mut peer = server.connect();
    peer.send("POST /checked HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody");
    assert_eq!(peer.answer().text(), "body");
    assert!(server.stats().slow_handlers >= 1);
    #[cfg(feature = "tracing")]
    eventually("it is reported", || reports::have(&held("/checked")));
}

fn handler_within_its_time_is_not_noticed(engine: Engine) {
    for limit in [Some(Duration::from_hours(1)), Some(Duration::MAX), None] {
        let server = start(engine, limit);
        for path in PATHS {
            ask(&server, path);
        }
        assert_eq!(server.stats().slow_handlers, 0);
    }
}

on_every_engine! {
    handler_that_holds_its_core_is_noticed,
    check_before_a_body_that_holds_its_core_is_noticed,
    handler_within_its_time_is_not_noticed,
}
