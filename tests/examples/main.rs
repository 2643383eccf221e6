//! The examples as processes, spoken to over their sockets. `cargo test` has built them, unless it was told
//! to run this test only: then `cargo build --examples` does.
//!
//! Here are those that stream; the others are in `answers`, `in_tokio` and `proxy`. An example that needs
//! features is built, and tested, only where those are on: all are with `--all-features`, as in the last
//! step of the features in `.ci/run`.

mod answers;
#[cfg(feature = "redis")]
mod durable;
#[cfg(all(feature = "tokio", feature = "tower"))]
mod in_tokio;
mod process;
#[cfg(feature = "tokio")]
mod proxy;
#[cfg(feature = "redis")]
#[path = "../../sse/tests/stores/support/server.rs"]
#[allow(dead_code, reason = "the tests of the stores use all of it")]
mod server;

use process::Example;
use std::time::Duration;

#[test]
fn ticker_counts_and_goes_on_where_a_client_was_cut_off() {
    let example = Example::start("ticker");
    let mut stream = example.ask("GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.expect("200 OK");
    stream.expect("retry: 2000\n\n");
    stream.expect("id: 1\nevent: tick\ndata: tick 1\n\n");
    stream.expect("id: 2\nevent: tick\ndata: tick 2\n\n");
    let mut again = example.ask("GET /ticks HTTP/1.1\r\nhost: x\r\nlast-event-id: 41\r\n\r\n");
    again.expect("id: 42\nevent: tick\ndata: tick 42\n\n");
    example.stop();
}

#[test]
fn feeds_lead_to_their_users_only() {
    let example = Example::start("feeds");
    let mut first = example.ask("GET /users/0/feed HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut last = example.ask("GET /users/9999/feed HTTP/1.1\r\nhost: x\r\n\r\n");
    first.expect("\r\n\r\n");
    last.expect("\r\n\r\n");
    example.ask("GET /users/10000/feed HTTP/1.1\r\nhost: x\r\n\r\n").expect("404 Not Found");
    let notify = "POST /users/9999/notify HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello";
    example.ask(notify).expect("1 listen");
    last.expect("data: hello\n\n");
    let notify = "POST /users/0/notify HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
    example.ask(notify).expect("1 listen");
    first.expect("data: hi\n\n");
    assert!(!first.received().contains("hello"));
    example.stop();
}

#[test]
fn tokens_come_one_by_one_and_leaving_cancels_the_rest() {
    let example = Example::start("tokens");
    let prompt = "POST /chat HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nwhy";
    let mut stream = example.ask(prompt);
    stream.expect("event: token\ndata: because\n\n");
    stream.expect("event: token\ndata: short\n\n");
    stream.expect("data: [DONE]\n\n");
    stream.expect("0\r\n\r\n");
    let words = "why ".repeat(1000);
    let head = format!("POST /chat HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", words.len());
    let mut leaving = example.ask(&(head + &words));
    leaving.expect("data: because\n\n");
    drop(leaving);
    example.expect_line("cancelled after");
    example.expect_line("not answered");
    example.stop();
}

#[test]
fn page_is_served_and_its_stream_resumes_after_the_last_event() {
    let example = Example::start("page");
    example.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("new EventSource(\"/events\")");
    let mut stream = example.ask("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.expect("retry: 1000\n\n");
    stream.expect("id: ");
    let at = stream.number();
    // Away for two events.
    stream.expect(&format!("id: {}\n", at + 2));
    drop(stream);
    let request = format!("GET /events HTTP/1.1\r\nhost: x\r\nlast-event-id: {at}\r\n\r\n");
    let mut resumed = example.ask(&request);
    for missed in at + 1..at + 4 {
        resumed.expect(&format!("id: {missed}\n"));
    }
    let received = resumed.received();
    assert!(!received.contains(&format!("id: {at}\n")), "{received}");
    example.stop();
}

#[test]
fn chat_reaches_everybody_who_listens_and_who_comes_back() {
    let example = Example::start("chat");
    example.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("new EventSource(\"/listen\")");
    let listen = "GET /listen HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut all = [example.ask(listen), example.ask(listen)];
    for stream in &mut all {
        stream.expect("\r\n\r\n");
    }
    let say = "POST /say HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
    example.ask(say).expect("200 OK");
    for stream in &mut all {
        stream.expect("id: 1\ndata: (2 here) hi\n\n");
    }
    let [one, _] = all;
    drop(one);
    let say = "POST /say HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nagain";
    example.ask(say).expect("200 OK");
    let mut back = example.ask("GET /listen HTTP/1.1\r\nhost: x\r\nlast-event-id: 1\r\n\r\n");
    back.expect("id: 2\ndata: (");
    back.expect(" here) again\n\n");
    example.stop();
}

/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what a server of a database does.
#[cfg(feature = "redis")]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
