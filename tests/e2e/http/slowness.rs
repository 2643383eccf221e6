//! Clients that take their time: nobody holds a connection for ever.

use crate::support::{Peer, Running, SetAtEnd, builder, eventually, pattern};
use headwater::routing::get;
use headwater::{Engine, Router, Timeouts};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn serve(engine: Engine, timeouts: Timeouts) -> Running {
    let app = Router::new()
        .route("/", get(|| "ok").post(|body: String| body))
        .route("/large", get(|| pattern(LARGE)));
    let server = builder(engine).timeouts(timeouts).serve(app);
    Running::from(server.expect("a free port of the loopback"))
}

const LARGE: usize = 16 * 1024 * 1024;
const SOON: Duration = Duration::from_millis(300);

#[track_caller]
fn told_it_was_too_slow(mut peer: Peer) {
    let answer = peer.answer();
    assert_eq!(answer.status, 408);
    assert!(answer.is_last());
    peer.expect_end();
}

fn slow_head_is_answered_with_408(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_header(SOON));
    let begun = Instant::now();
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nho");
    told_it_was_too_slow(peer);
    assert!(begun.elapsed() >= SOON);
    server.wait_for_connections(0);
    assert_eq!(server.stats().refused, 1);
}

fn head_that_trickles_is_not_given_more_time_for_each_byte(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_header(SOON));
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nx: ");
    // One byte at a time, and never silent: only a limit on the whole head ends this.
    let told = AtomicBool::new(false);
    let mut trickle = peer.clone_to_send();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !told.load(Ordering::Relaxed) {
                trickle.try_send("x");
                std::thread::sleep(SOON / 30);
            }
        });
        let _stop = SetAtEnd(&told);
        assert_eq!(peer.answer().status, 408);
    });
}

fn slow_body_is_answered_with_408(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_body(SOON));
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhalf");
    told_it_was_too_slow(peer);
}

fn head_whose_body_is_slow_is_answered_by_a_head(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_body(SOON));
    let mut peer = server.connect();
    peer.send("HEAD / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhalf");
    let head = peer.take_until(b"\r\n\r\n").expect("an answer comes before the end");
    assert!(head.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&head));
    peer.expect_end();
}

fn body_that_trickles_is_not_given_more_time_for_each_byte(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_body(SOON));
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n");
    let told = AtomicBool::new(false);
    let mut trickle = peer.clone_to_send();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !told.load(Ordering::Relaxed) {
                trickle.try_send("x");
                std::thread::sleep(SOON / 30);
            }
        });
        let _stop = SetAtEnd(&told);
        assert_eq!(peer.answer().status, 408);
    });
}

fn each_of_many_pipelined_requests_has_its_own_time(engine: Engine) {
    let limit = Duration::from_millis(1500);
    let server = serve(engine, Timeouts::default().with_header(limit).with_body(limit));
    let mut heads = server.connect();
    let mut bodies = server.connect();
    let post = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n";
    heads.send("GET / HTTP/1.1\r\nho");
    bodies.send(format!("{post}ha"));
    // There is always one that has begun and not ended.
    let begun = Instant::now();
    while begun.elapsed() < 2 * limit {
        heads.send("st: test\r\n\r\nGET / HTTP/1.1\r\nho");
        assert_eq!(heads.answer().text(), "ok");
        bodies.send(format!("lf{post}ha"));
        assert_eq!(bodies.answer().text(), "half");
    }
}

fn slow_reader_of_a_large_answer_is_cut(engine: Engine) {
    let server = serve(engine, Timeouts::default().with_write(SOON));
    let mut peer = server.connect_narrow();
    peer.ask("/large");
    let mut other = server.connect();
    other.ask("/");
    assert_eq!(other.answer().text(), "ok");
    // Of the two, only the one that does not read is ended, by the server.
    eventually("both have asked", || server.stats().requests == 2);
    server.wait_for_connections(1);
    let (received, _) = peer.rest();
    assert!(received.len() < LARGE, "{} bytes", received.len());
}

fn idle_connections_are_closed(engine: Engine) {
    let idle = Duration::from_secs(2);
    let server = serve(engine, Timeouts::default().with_idle(idle));
    let mut busy = server.connect();
    busy.ask("/");
    let mut silent = server.connect();
    assert_eq!(busy.answer().text(), "ok");
    busy.expect_end();
    silent.expect_end();
    server.wait_for_connections(0);
}

fn times_without_end_can_be_set(engine: Engine) {
    let timeouts = Timeouts::default()
        .with_header(Duration::MAX)
        .with_body(Duration::MAX)
        .with_idle(Duration::MAX)
        .with_write(Duration::MAX);
    let server = serve(engine, timeouts);
    let mut peer = server.connect();
    peer.send("POST / HTTP/1.1\r\nhost: test\r\nconte");
    peer.send("nt-length: 2\r\n\r\nh");
    peer.send("i");
    assert_eq!(peer.answer().text(), "hi");
    peer.ask("/large");
    assert_eq!(peer.answer().body.len(), LARGE);
}

on_every_engine! {
    slow_head_is_answered_with_408,
    head_that_trickles_is_not_given_more_time_for_each_byte,
    slow_body_is_answered_with_408,
    head_whose_body_is_slow_is_answered_by_a_head,
    body_that_trickles_is_not_given_more_time_for_each_byte,
    each_of_many_pipelined_requests_has_its_own_time,
    slow_reader_of_a_large_answer_is_cut,
    idle_connections_are_closed,
    times_without_end_can_be_set,
}
