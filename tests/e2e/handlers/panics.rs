//! Handlers that panic: at once, later, or while they are cleaned up.

use crate::support::{Gate, eventually, serve, serve_on_one};
use headwater::routing::get;
use headwater::{Engine, Router};
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

on_every_engine! {
    panic_costs_one_connection_a_500_and_nothing_more,
    requests_behind_a_panic_are_answered,
    panic_while_cleaning_up_does_not_end_the_worker,
}
