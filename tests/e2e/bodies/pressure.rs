//! How fast a streamed body is taken: as fast as its client reads.

use super::serve;
use crate::support::{Answer, PATIENCE, Peer, Running, SetAtEnd, Source, eventually};
use headwater::{Body, Engine, Timeouts};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PIECE: usize = 16 * 1024;
/// Far more than the kernel buffers for a connection.
const MOST: usize = 64 * 1024 * 1024;

/// Waits until the server polls the source no more, although it has turns to do so.
#[track_caller]
fn wait_until_held_back(server: &Running, source: &Source) {
    let mut other = server.connect();
    eventually("the source is held back", || {
        let before = source.polls();
        for _ in 0..20 {
            other.ask("/");
            assert_eq!(other.answer().text(), "ok");
        }
        assert!(source.yielded_bytes() < MOST, "somebody keeps all of that");
        source.polls() == before
    });
}

#[track_caller]
fn ask_for_stream(server: &Running) -> Peer {
    let mut peer = server.connect_narrow();
    peer.ask("/stream");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    peer
}

fn stream_is_not_polled_while_its_client_does_not_read(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    source.repeat(vec![b'x'; PIECE]);
    let mut peer = ask_for_stream(&server);
    wait_until_held_back(&server, &source);
    let held_back_at = source.yielded_bytes();
    // It goes on with the client, and no sooner than there is room for it again.
    let mut taken = 0;
    while source.yielded_bytes() == held_back_at {
        assert!(taken <= held_back_at + Body::STREAM_BUFFER_BYTES, "it never goes on");
        taken += peer.take(PIECE / 4).expect("the stream goes on").len();
    }
    wait_until_held_back(&server, &source);
    peer.reset();
    eventually("the stream is dropped", || source.open() == 0);
    server.wait_for_connections(0);
}

fn client_that_does_not_read_a_streamed_body_is_cut(engine: Engine) {
    let source = Source::default();
    let soon = Duration::from_millis(300);
    let server = serve(engine, &source, Timeouts::default().with_write(soon));
    source.repeat(vec![b'x'; PIECE]);
    let _peer = ask_for_stream(&server);
    eventually("the stream is dropped", || source.open() == 0);
    server.wait_for_connections(0);
}

fn client_that_sends_but_does_not_read_is_cut(engine: Engine) {
    let source = Source::default();
    let soon = Duration::from_millis(300);
    let server = serve(engine, &source, Timeouts::default().with_write(soon));
    source.repeat(vec![b'x'; PIECE]);
    let peer = ask_for_stream(&server);
    let over = AtomicBool::new(false);
    let mut talking = peer.clone_to_send();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                talking.try_send("x");
                std::thread::sleep(soon / 30);
            }
        });
        let _stop = SetAtEnd(&over);
        eventually("the stream is dropped", || source.open() == 0);
        server.wait_for_connections(0);
    });
}

fn stream_that_is_silent_for_long_is_no_stalled_client(engine: Engine) {
    let source = Source::default();
    let soon = Duration::from_millis(100);
    let timeouts = Timeouts::default().with_write(soon).with_idle(soon).with_body(soon);
    let server = serve(engine, &source, timeouts.with_header(soon).with_half_closed(soon));
    let mut peer = ask_for_stream(&server);
    // Two idle connections come and go meanwhile, one after the other.
    for _ in 0..2 {
        server.connect().expect_end();
    }
    source.push("late");
    source.end();
    assert_eq!(peer.take_until(b"0\r\n\r\n").expect("the end"), b"4\r\nlate\r\n0\r\n\r\n");
}

fn stream_that_is_always_ready_does_not_starve_the_others(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    source.repeat("x");
    let mut peer = ask_for_stream(&server);
    let reading = std::thread::spawn(move || {
        for _ in 0..2000 {
            peer.take(100).expect("the stream goes on");
        }
    });
    for _ in 0..50 {
        assert_eq!(server.get("/").text(), "ok");
    }
    reading.join().expect("the stream went on");
    eventually("the stream is dropped", || source.open() == 0);
}

fn requests_behind_a_streamed_body_wait_and_are_bounded(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let mut peer = ask_for_stream(&server);
    let more = "GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(1000);
    let sent = peer.clone_to_send().send_until_held_back(more.as_bytes(), MOST);
    assert!(sent < MOST, "somebody keeps all of that");
    assert_eq!(server.stats().requests, 1);
    source.push("at last");
    source.end();
    let end = "7\r\nat last\r\n0\r\n\r\n";
    assert_eq!(peer.take(end.len()).expect("the end"), end.as_bytes());
    for _ in 0..1000 {
        assert_eq!(peer.answer().text(), "ok");
    }
}

/// Nobody tells of a FIN behind bytes that are not wanted.
fn client_that_left_behind_many_requests_is_noticed(engine: Engine) {
    let source = Source::default();
    let soon = Duration::from_millis(200);
    let server = serve(engine, &source, Timeouts::default().with_half_closed(soon));
    let mut peer = ask_for_stream(&server);
    peer.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(2000));
    assert_eq!(server.get("/").text(), "ok");
    drop(peer);
    eventually("the stream is dropped", || source.open() == 0);
    server.wait_for_connections(0);
    // One that has only stopped sending keeps what does not rest for so long.
    let long = Duration::from_secs(1);
    let server = serve(engine, &source, Timeouts::default().with_half_closed(long));
    let mut peer = ask_for_stream(&server);
    peer.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(1000));
    peer.finish();
    for _ in 0..8 {
        std::thread::sleep(long / 4);
        source.push("on");
        assert_eq!(peer.take(7).expect("the stream goes on"), b"2\r\non\r\n");
    }
    source.end();
    assert_eq!(peer.take(5).expect("the end"), b"0\r\n\r\n");
    for _ in 0..1000 {
        assert_eq!(peer.answer().text(), "ok");
    }
    peer.expect_end();
}

fn drain_lets_a_streamed_body_end(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let mut peer = ask_for_stream(&server);
    let drain = server.drain(PATIENCE);
    source.push("last words");
    source.end();
    assert_eq!(peer.take_until(b"0\r\n\r\n").expect("the end"), b"a\r\nlast words\r\n0\r\n\r\n");
    peer.expect_end();
    drop(peer);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn drain_cuts_a_streamed_body_at_its_deadline(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let _peer = ask_for_stream(&server);
    assert_eq!(server.drain(Duration::from_millis(50)).wait().expect("no worker fails").cut, 1);
    assert_eq!(source.open(), 0);
}

on_every_engine! {
    stream_is_not_polled_while_its_client_does_not_read,
    client_that_does_not_read_a_streamed_body_is_cut,
    client_that_sends_but_does_not_read_is_cut,
    stream_that_is_silent_for_long_is_no_stalled_client,
    stream_that_is_always_ready_does_not_starve_the_others,
    requests_behind_a_streamed_body_wait_and_are_bounded,
    client_that_left_behind_many_requests_is_noticed,
    drain_lets_a_streamed_body_end,
    drain_cuts_a_streamed_body_at_its_deadline,
}
