//! How a streamed body is delimited, and what surrounds it.

use super::serve;
use crate::support::{Answer, End, Numbers, Source, eventually, pattern};
use headwater::http::StatusCode;
use headwater::routing::get;
use headwater::{Body, Engine, Response, Router, Timeouts};

fn streamed_body_is_chunked_and_the_connection_goes_on(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let mut peer = server.connect();
    for piece in ["one ", "", "two ", "three"] {
        source.push(piece);
    }
    source.end();
    for _ in 0..2 {
        peer.ask("/stream");
        let answer = peer.answer();
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.header("content-length"), None);
        assert!(!answer.is_last());
        assert!(matches!(answer.text(), "one two three" | ""), "{answer:?}");
    }
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!((source.open(), server.stats().failed_bodies), (0, 0));
}

fn streamed_body_ends_with_the_connection_for_http_1_0(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    source.push("one ");
    source.push("two");
    source.end();
    let mut peer = server.connect();
    peer.send("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let answer = peer.answer();
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(answer.is_last());
    assert_eq!(answer.text(), "one two");
}

fn head_has_no_body_and_its_stream_is_never_polled(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let mut peer = server.connect();
    for (path, header, value) in
        [("/stream", "transfer-encoding", "chunked"), ("/sized/7", "content-length", "7")]
    {
        peer.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let head = Answer::receive_head(&mut peer).expect("a head");
        assert_eq!(head.header(header), Some(value));
        // Nothing stands between the head and the next answer.
        peer.ask("/");
        assert_eq!(peer.answer().text(), "ok");
    }
    assert_eq!((source.polls(), source.open()), (0, 0));
}

fn status_without_a_body_polls_no_stream(engine: Engine) {
    let source = Source::default();
    let streams = source.clone();
    let none = move || Response::new(StatusCode::NO_CONTENT).body(Body::stream(streams.stream()));
    let app = Router::new().route("/none", get(none)).route("/", get(|| "ok"));
    let server = crate::support::serve(engine, app);
    let mut peer = server.connect();
    peer.ask("/none");
    assert_eq!(peer.answer().status, 204);
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!((source.polls(), source.open()), (0, 0));
}

fn piece_arrives_before_the_next_one_exists(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    let mut peer = server.connect();
    peer.ask("/stream");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    for piece in ["first", "second", "third"] {
        source.push(piece);
        let chunk = format!("{}\r\n{piece}\r\n", piece.len());
        assert_eq!(peer.take(chunk.len()).expect("a chunk"), chunk.as_bytes());
    }
    source.end();
    assert_eq!(peer.take_until(b"0\r\n\r\n").expect("the last chunk"), b"0\r\n\r\n");
}

fn pieces_of_any_size_arrive_intact(engine: Engine) {
    let body = pattern(3_000_000);
    for seed in 0..6 {
        let source = Source::default();
        let server = serve(engine, &source, Timeouts::default());
        let mut numbers = Numbers::new(seed);
        let longest = [10, 1000, 20_000, 40_000, 300_000, 2_000_000][numbers.below(6)];
        let body = &body[..body.len().min(longest * 400)];
        for piece in numbers.cut(body, longest) {
            source.push(piece.to_vec());
        }
        source.end();
        let mut peer = server.connect_narrow();
        let path =
            if seed % 2 == 0 { "/stream".to_owned() } else { format!("/sized/{}", body.len()) };
        peer.ask(&path);
        peer.ask("/");
        assert!(peer.answer().body == body, "seed {seed}, pieces up to {longest}");
        assert_eq!(peer.answer().text(), "ok");
    }
}

fn length_that_is_said_is_kept(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    source.push("exactly ");
    source.push("so long");
    // It has not ended, but there is nothing left to wait for.
    let mut peer = server.connect();
    peer.ask("/sized/15");
    let answer = peer.answer();
    assert_eq!((answer.header("content-length"), answer.text()), (Some("15"), "exactly so long"));
    assert!(!answer.is_last());
    peer.ask("/sized/0");
    assert_eq!(peer.answer().text(), "");
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!((source.open(), server.stats().failed_bodies), (0, 0));
}

fn body_that_is_too_short_is_cut(engine: Engine) {
    let source = Source::default();
    let server = serve(engine, &source, Timeouts::default());
    source.push("too short");
    source.end();
    let mut peer = server.connect();
    peer.ask("/sized/10");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    assert_eq!(peer.rest(), (b"too short".to_vec(), End::Closed));
    assert_eq!((source.open(), server.stats().failed_bodies), (0, 1));
}

fn surplus_of_a_body_that_is_too_long_is_never_sent(engine: Engine) {
    for pieces in [["it is too", " long"], ["it is ", "too long"], ["it is too long", "!"]] {
        let source = Source::default();
        let server = serve(engine, &source, Timeouts::default());
        for piece in pieces {
            source.push(piece);
        }
        let mut peer = server.connect();
        peer.ask("/sized/9");
        assert_eq!(peer.answer().text(), "it is too");
        peer.expect_end();
        eventually("it is counted", || server.stats().failed_bodies == 1);
        assert_eq!(source.open(), 0);
    }
}

on_every_engine! {
    streamed_body_is_chunked_and_the_connection_goes_on,
    streamed_body_ends_with_the_connection_for_http_1_0,
    head_has_no_body_and_its_stream_is_never_polled,
    status_without_a_body_polls_no_stream,
    piece_arrives_before_the_next_one_exists,
    pieces_of_any_size_arrive_intact,
    length_that_is_said_is_kept,
    body_that_is_too_short_is_cut,
    surplus_of_a_body_that_is_too_long_is_never_sent,
}
