//! How many sends answers take.

use headwater::scripted::Stage;
use headwater::{Router, routing::get};

#[test]
fn answers_to_pipelined_requests_leave_in_one_send() {
    const REQUESTS: usize = 16;
    let mut stage = Stage::new(Router::new().route("/", get(|| "Hello, World!")));
    let peer = stage.script().connect();
    for round in 1..=3 {
        stage.script().feed(peer, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(REQUESTS));
        stage.settle();
        let sent = String::from_utf8(stage.script().take_sent(peer)).expect("ASCII");
        assert_eq!(sent.matches("\r\n\r\nHello, World!").count(), REQUESTS);
        assert_eq!(stage.script().attempts(peer), round);
    }
}
