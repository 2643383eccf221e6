//! Connections that handlers take over.

use crate::support::{
    Answer, End, Gate, PATIENCE, Peer, Running, builder, eventually, pattern, serve, serve_on_one,
};
use headwater::http::{HeaderValue, StatusCode, header};
use headwater::routing::get;
use headwater::{Detached, Ended, Engine, PeerGone, Request, Response, Router, Timeouts, detach};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LARGE: usize = 8 * 1024 * 1024;

fn switching() -> Response {
    Response::new(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, HeaderValue::from_static("echo"))
}

async fn echo(line: Detached) {
    while let Some(bytes) = line.read().await {
        if line.write(bytes).await.is_err() {
            return;
        }
    }
    line.write("bye").await.ok();
}

/// `/echo` echoes, and `/` is for others.
fn echo_app() -> Router {
    Router::new()
        .route("/echo", get(|| detach(switching(), echo)))
        .route("/rest", get(|| detach(Response::new(StatusCode::OK), echo)))
        .route("/", get(|| "ok"))
}

fn head_of_an_upgrade_is_no_answer(engine: Engine) {
    let server = serve(engine, echo_app());
    let mut peer = server.connect();
    peer.send("HEAD /echo HTTP/1.1\r\nhost: test\r\n\r\n");
    peer.ask("/");
    // After a 101 the client would take the next answer for the other protocol.
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 500);
    assert_eq!(peer.answer().text(), "ok");
    peer.send("HEAD /rest HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
}

fn only_handlers_that_take_over_answer_connect(engine: Engine) {
    let tunnel = |request: Request| match request.header("proxy") {
        Some(_) => detach(Response::new(StatusCode::OK), echo),
        None => Response::new(StatusCode::OK),
    };
    let server = serve(engine, Router::new().fallback(tunnel));
    let ask = |more: &str| format!("CONNECT test:443 HTTP/1.1\r\nhost: test:443\r\n{more}\r\n");
    let mut peer = server.connect();
    peer.send(ask(""));
    assert_eq!(peer.answer().status, 501);
    peer.expect_end();
    let mut peer = server.connect();
    peer.send(ask("proxy: yes\r\n"));
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert_eq!(head.head_without_date(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    peer.send("through");
    assert_eq!(peer.take(7).expect("an echo"), b"through");
}

const ASK: &str =
    "GET /echo HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

#[track_caller]
fn upgrade(mut peer: Peer) -> Peer {
    peer.send(ASK);
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 101);
    peer
}

fn bytes_go_both_ways_after_an_upgrade(engine: Engine) {
    let server = serve(engine, echo_app());
    let mut peer = server.connect();
    peer.ask("/");
    // What comes behind the request is the first to be read.
    peer.send(ASK.to_owned() + "early");
    assert_eq!(peer.answer().text(), "ok");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert_eq!(
        head.head_without_date(),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n"
    );
    assert_eq!(peer.take(5).expect("an echo"), b"early");
    for words in ["GET / HTTP/1.1\r\n\r\n", "\0", "and so on"] {
        peer.send(words);
        assert_eq!(peer.take(words.len()).expect("an echo"), words.as_bytes());
    }
    assert_eq!(server.stats().requests, 2);
    // It may still be answered when it has said its last word.
    peer.send("last");
    peer.finish();
    assert_eq!(peer.rest(), (b"lastbye".to_vec(), End::Closed));
    server.wait_for_connections(0);
}

fn large_echo_arrives_intact_at_a_slow_reader(engine: Engine) {
    let server = serve_on_one(engine, echo_app());
    let mut peer = upgrade(server.connect_narrow());
    let sender = peer.send_aside(pattern(LARGE));
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "ok");
    }
    assert!(peer.take(LARGE).expect("an echo") == pattern(LARGE));
    sender.join().expect("everything was sent");
}

fn body_of_a_line_that_was_taken_over_ends_with_the_connection(engine: Engine) {
    let server = serve(engine, echo_app());
    let mut peer = server.connect();
    peer.send("GET /rest HTTP/1.1\r\nhost: test\r\n\r\nwords");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert!(head.is_last());
    assert_eq!((head.status, head.header("content-length")), (200, None));
    assert_eq!(peer.take(5).expect("an echo"), b"words");
    peer.finish();
    assert_eq!(peer.rest(), (b"bye".to_vec(), End::Closed));
    // HEAD takes nothing over, and HTTP/1.0 knows no 101.
    let mut peer = server.connect();
    peer.send("HEAD /rest HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 200);
    peer.expect_end();
    let mut peer = server.connect();
    peer.send("GET /echo HTTP/1.0\r\nupgrade: echo\r\n\r\n");
    assert_eq!(peer.answer().status, 505);
}

fn peer_that_sends_what_nobody_reads_is_held_back(engine: Engine) {
    const MOST: usize = 64 * 1024 * 1024;
    let gate = Gate::default();
    let held = gate.clone();
    let wait = move || {
        let held = held.clone();
        detach(switching(), async move |line| {
            held.pass().await;
            echo(line).await;
        })
    };
    let server = serve_on_one(engine, Router::new().route("/echo", get(wait)));
    let mut peer = upgrade(server.connect());
    let sent = peer.clone_to_send().send_until_held_back(&[b'x'; 1000], MOST);
    assert!(sent < MOST, "somebody keeps all of that");
    gate.open();
    assert_eq!(peer.take(sent).expect("an echo").len(), sent);
    // Nothing stands still because it was held back.
    peer.send("more");
    assert_eq!(peer.take(4).expect("an echo"), b"more");
}

/// `/echo` writes without end, and counts; then how it ended.
fn writing_app(written: &Arc<AtomicUsize>, gone: &Arc<AtomicUsize>) -> Router {
    let (written, gone) = (written.clone(), gone.clone());
    let write = move || {
        let (written, gone) = (written.clone(), gone.clone());
        detach(switching(), async move |line| {
            while line.write(vec![b'x'; 10_000]).await == Ok(()) {
                written.fetch_add(10_000, Ordering::Relaxed);
            }
            assert_eq!(line.flush().await, Err(PeerGone));
            assert_eq!(line.ended().await, Ended::PeerGone);
            assert!(line.is_gone() && line.read().await.is_none());
            gone.fetch_add(1, Ordering::Relaxed);
        })
    };
    Router::new().route("/echo", get(write)).route("/", get(|| "ok"))
}

fn handler_waits_for_a_peer_that_does_not_read(engine: Engine) {
    let (written, gone) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let server = serve_on_one(engine, writing_app(&written, &gone));
    let peer = upgrade(server.connect_narrow());
    let mut other = server.connect();
    eventually("the handler waits", || {
        let before = written.load(Ordering::Relaxed);
        for _ in 0..20 {
            other.ask("/");
            assert_eq!(other.answer().text(), "ok");
        }
        assert!(before < 8 * LARGE, "somebody keeps all of that");
        written.load(Ordering::Relaxed) == before
    });
    peer.reset();
    eventually("the handler knows", || gone.load(Ordering::Relaxed) == 1);
    server.wait_for_connections(1);
}

fn peer_that_does_not_read_for_long_is_gone(engine: Engine) {
    let (written, gone) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let timeouts = Timeouts::default().with_write(Duration::from_millis(300));
    let app = writing_app(&written, &gone);
    let started = builder(engine).workers(1).timeouts(timeouts).serve(app);
    let server = Running::from(started.expect("a free port of the loopback"));
    let _peer = upgrade(server.connect_narrow());
    eventually("the handler knows", || gone.load(Ordering::Relaxed) == 1);
    server.wait_for_connections(0);
    assert_eq!(server.stats().handler_panics, 0);
}

fn peer_that_resets_is_noticed_by_a_handler_that_waits(engine: Engine) {
    let ends = Arc::new(AtomicUsize::new(0));
    let (read, other) = (ends.clone(), ends.clone());
    let reading = move || {
        let read = read.clone();
        detach(switching(), async move |line| {
            assert_eq!(line.read().await, None);
            assert!(line.is_gone());
            read.fetch_add(1, Ordering::Relaxed);
        })
    };
    let waiting = move || {
        let other = other.clone();
        detach(switching(), async move |line| {
            assert_eq!(line.ended().await, Ended::PeerGone);
            other.fetch_add(1, Ordering::Relaxed);
        })
    };
    for (count, app) in [(1, get(reading)), (2, get(waiting))] {
        let server = serve(engine, Router::new().route("/echo", app));
        upgrade(server.connect()).reset();
        eventually("the handler knows", || ends.load(Ordering::Relaxed) == count);
        server.wait_for_connections(0);
        assert_eq!(server.stats().handler_panics, 0);
    }
}

fn what_was_written_is_sent_when_the_handler_returns(engine: Engine) {
    let app = Router::new()
        .route(
            "/echo",
            get(|| {
                detach(switching(), async |line| {
                    line.write(pattern(LARGE)).await.expect("there is room");
                })
            }),
        )
        .route(
            "/fail",
            get(|| detach(switching(), async |_| panic!("on purpose: in a detached handler"))),
        )
        .route("/", get(|| "ok"));
    let server = serve(engine, app);
    let mut peer = upgrade(server.connect_narrow());
    let (bytes, end) = peer.rest();
    assert!(bytes == pattern(LARGE));
    assert_eq!(end, End::Closed);
    drop(peer);
    let mut peer = server.connect();
    peer.ask("/fail");
    assert_eq!(Answer::receive_head(&mut peer).expect("a head").status, 101);
    peer.expect_end();
    assert_eq!(server.stats().handler_panics, 1);
    assert_eq!(server.get("/").text(), "ok");
}

fn drain_tells_handlers_and_cuts_those_that_go_on(engine: Engine) {
    let polite = || {
        detach(switching(), async |line| {
            assert_eq!(line.ended().await, Ended::Drain);
            line.write("going").await.expect("the peer is there");
        })
    };
    let server = serve(engine, Router::new().route("/echo", get(polite)));
    let mut peer = upgrade(server.connect());
    let drain = server.drain(PATIENCE);
    assert_eq!(peer.rest(), (b"going".to_vec(), End::Closed));
    drop(peer);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    let server = serve(engine, echo_app());
    let _peer = upgrade(server.connect());
    assert_eq!(server.drain(Duration::from_millis(50)).wait().expect("no worker fails").cut, 1);
}

on_every_engine! {
    head_of_an_upgrade_is_no_answer,
    only_handlers_that_take_over_answer_connect,
    bytes_go_both_ways_after_an_upgrade,
    large_echo_arrives_intact_at_a_slow_reader,
    body_of_a_line_that_was_taken_over_ends_with_the_connection,
    peer_that_sends_what_nobody_reads_is_held_back,
    handler_waits_for_a_peer_that_does_not_read,
    peer_that_does_not_read_for_long_is_gone,
    peer_that_resets_is_noticed_by_a_handler_that_waits,
    what_was_written_is_sent_when_the_handler_returns,
    drain_tells_handlers_and_cuts_those_that_go_on,
}
