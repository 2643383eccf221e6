//! Requests that do not wait for the answer to the one before.

use crate::support::{Gate, Numbers, Running, pattern, serve};
use headwater::routing::get;
use headwater::{Engine, Request, Router};
use std::fmt::Write as _;

const REQUESTS: usize = 1000;

fn app() -> Router {
    let number = |request: Request| request.param("number").map(str::to_owned).unwrap_or_default();
    Router::new().route("/n/{number}", get(number)).route("/large", get(|| pattern(300_000)))
}

fn requests() -> String {
    (0..REQUESTS).fold(String::new(), |mut all, number| {
        write!(all, "GET /n/{number} HTTP/1.1\r\nhost: test\r\n\r\n").expect("a string grows");
        all
    })
}

fn thousand_pipelined_requests_are_answered_in_order(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let sender = peer.send_aside(requests().into_bytes());
    for number in 0..REQUESTS {
        assert_eq!(peer.answer().text(), number.to_string());
    }
    sender.join().expect("everything was sent");
    assert_eq!(server.stats().requests, REQUESTS as u64);
}

fn pipelined_requests_may_be_cut_anywhere(engine: Engine) {
    let server = serve(engine, app());
    let requests = requests();
    for (seed, longest) in (0..).zip([3, 40, 200, 5000]) {
        let mut peer = server.connect();
        // Pieces that end within a head, between heads, and that hold several.
        for piece in Numbers::new(seed).cut(requests.as_bytes(), longest) {
            peer.send(piece);
        }
        for number in 0..REQUESTS {
            assert_eq!(peer.answer().text(), number.to_string(), "seed {seed}");
        }
    }
}

fn pipelined_requests_behind_large_answers_wait_for_the_reader(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect_narrow();
    let large = pattern(300_000);
    let both = "GET /large HTTP/1.1\r\nhost: test\r\n\r\nGET /n/7 HTTP/1.1\r\nhost: test\r\n\r\n";
    let sender = peer.send_aside(both.repeat(30).into_bytes());
    assert_another_client_is_served(&server);
    for _ in 0..30 {
        assert!(peer.answer().body == large);
        assert_eq!(peer.answer().text(), "7");
    }
    sender.join().expect("everything was sent");
}

fn client_that_sends_on_before_it_is_answered_is_held_back(engine: Engine) {
    const MOST: usize = 256 * 1024 * 1024;
    let gate = Gate::default();
    let held = gate.clone();
    let app = app().route("/gate", get(async move || held.pass().await));
    let server = serve(engine, app);
    // One waits for a handler, one does not read its answers.
    for first in ["/gate", "/large"] {
        let mut peer = server.connect_narrow();
        peer.ask(first);
        let more = "GET /large HTTP/1.1\r\nhost: test\r\n\r\n".repeat(20_000);
        let sent = peer.send_until_held_back(more.as_bytes(), MOST);
        assert!(sent < MOST, "{first}: somebody keeps all of that");
        peer.reset();
    }
    server.wait_for_connections(0);
}

fn assert_another_client_is_served(server: &Running) {
    assert_eq!(server.get("/n/1").text(), "1");
}

on_every_engine! {
    thousand_pipelined_requests_are_answered_in_order,
    pipelined_requests_may_be_cut_anywhere,
    pipelined_requests_behind_large_answers_wait_for_the_reader,
    client_that_sends_on_before_it_is_answered_is_held_back,
}
