//! Streamed bodies that end before their time: sources that fail, and clients that leave.

use super::serve;
use crate::support::{Answer, End, Peer, Running, Source, eventually};
use headwater::{Engine, Timeouts};
use std::time::Duration;

const LONG: Duration = Duration::from_hours(1);

/// Asks, and receives the first piece.
#[track_caller]
fn begin(server: &Running, source: &Source) -> Peer {
    source.push("begin");
    let mut peer = server.connect();
    peer.ask("/stream");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    assert_eq!(peer.take(10).expect("a chunk"), b"5\r\nbegin\r\n");
    peer
}

fn stream_that_fails_cuts_its_connection(engine: Engine) {
    for (panics, fail) in [Source::fail, Source::panic].into_iter().enumerate() {
        let source = Source::default();
        let server = serve(engine, &source, Timeouts::default());
        // Later, and before the first byte.
        for (count, before) in [(1, "before"), (2, "")] {
            let mut peer = begin(&server, &source);
            source.push(before);
            fail(&source);
            let expected = if before.is_empty() { "" } else { "6\r\nbefore\r\n" };
            assert_eq!(peer.rest(), (expected.as_bytes().to_vec(), End::Closed));
            assert_eq!((source.open(), server.stats().failed_bodies), (0, count));
        }
        fail(&source);
        let mut peer = server.connect();
        peer.ask("/stream");
        assert_eq!(Answer::receive(&mut peer), Err(End::Closed));
        assert_eq!(server.stats().failed_bodies, 3);
        assert_eq!(server.stats().handler_panics, 3 * panics as u64);
        assert_eq!(server.get("/").text(), "ok");
    }
}

fn stream_is_dropped_when_its_client_resets(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default().with_half_closed(LONG));
    // While it is silent, and while it is not.
    for busy in [false, true] {
        let peer = begin(&server, &source);
        if busy {
            source.repeat("more");
        }
        peer.reset();
        eventually("the stream is dropped", || source.open() == 0);
        server.wait_for_connections(0);
    }
    assert_eq!(server.stats().failed_bodies, 0);
}

fn silent_stream_is_dropped_when_its_client_closes(engine: Engine) {
    for wait in [Duration::ZERO, Duration::from_millis(100)] {
        let source = Source::default();
        let server = serve(engine, &source, Timeouts::default().with_half_closed(wait));
        drop(begin(&server, &source));
        eventually("the stream is dropped", || source.open() == 0);
        server.wait_for_connections(0);
    }
}

fn busy_stream_is_dropped_when_its_client_closes(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default().with_half_closed(LONG));
    let peer = begin(&server, &source);
    source.repeat("more");
    drop(peer);
    eventually("the stream is dropped", || source.open() == 0);
    server.wait_for_connections(0);
}

fn client_that_stops_sending_gets_the_whole_stream(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default().with_half_closed(LONG));
    // The end comes after the request, and with it.
    let mut later = begin(&server, &source);
    later.finish();
    source.push("more");
    assert_eq!(later.take(9).expect("a chunk"), b"4\r\nmore\r\n");
    let mut together = server.connect();
    together.ask("/stream");
    together.finish();
    assert_eq!(Answer::receive_head(&mut together).expect("a head").status, 200);
    source.end();
    for peer in [&mut later, &mut together] {
        assert_eq!(peer.take(5).expect("the end"), b"0\r\n\r\n");
        peer.expect_end();
    }
}

on_every_engine! {
    stream_that_fails_cuts_its_connection,
    stream_is_dropped_when_its_client_resets,
    silent_stream_is_dropped_when_its_client_closes,
    busy_stream_is_dropped_when_its_client_closes,
    client_that_stops_sending_gets_the_whole_stream,
}
