//! What connections at rest hold: a subscriber its places in the tables of its worker and nothing of its
//! own, and one that waits for its next request little more. In a process of its own, in which every
//! allocation is counted; tests and engines take turns.
#![cfg(any(all(feature = "io-uring", target_os = "linux"), feature = "epoll"))]

use headwater::sse::{self, Event};
use headwater::{Engine, Hub, Router, Server, ServerHandle, routing::get};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Tables have grown past their first sizes.
const BEFORE: usize = 200;
const SUBSCRIBERS: usize = 600;
/// A table that doubles has room for as many again, and while it moves it exists twice.
const MOST_BYTES: usize = 4 * 256 * SUBSCRIBERS;
/// Whatever the server has begun to need meanwhile.
const MOST_BLOCKS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that wait for their next request. A power of two fills tables that double to the brim.
const IDLE: usize = 4096;
/// Of these, the first.
const IDLE_BEFORE: usize = IDLE / 4;
/// Of the allocator's own, for a block.
const BLOCK_BYTES: usize = 16;
/// What one of them may cost.
const MOST_IDLE_BYTES: usize = 512;

/// What others allocate would be counted.
static ALONE: Mutex<()> = Mutex::new(());

/// A client that allocates nothing, and has its head.
fn ask(server: &ServerHandle, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addrs()[0]).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
    stream.write_all(request).expect("the server takes it");
    read_until(&mut stream, b"\r\n\r\n");
    stream
}

/// Reads up to these bytes, one by one.
fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let (mut byte, mut found) = ([0], 0);
    while found < end.len() {
        // `read_exact`, since a signal may end a read.
        stream.read_exact(&mut byte).expect("bytes come before the end");
        found = if byte[0] == end[found] { found + 1 } else { usize::from(byte[0] == end[0]) };
    }
}

/// What is allocated more than when the region began.
fn held(region: &Region<'_, System>) -> (usize, usize) {
    let change = region.change();
    // What was reallocated is in both.
    let bytes = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    let blocks = change.allocations.cast_signed() - change.deallocations.cast_signed();
    (usize::try_from(bytes).unwrap_or(0), usize::try_from(blocks).unwrap_or(0))
}

#[test]
fn subscriber_at_rest_holds_no_buffer_of_its_http_phase() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engines = Engine::compiled().iter().filter(|engine| **engine != Engine::Std);
    // A long head, so that what is left of it would show.
    let padding = "x".repeat(3000);
    let request = format!("GET /?{padding} HTTP/1.1\r\nhost: test\r\nx-pad: {padding}\r\n\r\n");
    for &engine in engines {
        let broker = Hub::new().broker("news").build();
        let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
        let server = Server::builder().bind("127.0.0.1:0").engine(engine).workers(2);
        let server = server.serve(app).expect("a free port of the loopback");
        let mut streams = Vec::with_capacity(BEFORE + SUBSCRIBERS);
        streams.extend((0..BEFORE).map(|_| ask(&server, request.as_bytes())));
        let region = Region::new(COUNTED);
        streams.extend((0..SUBSCRIBERS).map(|_| ask(&server, request.as_bytes())));
        let deadline = Instant::now() + PATIENCE;
        // The last one's head leaves before its worker has tidied up.
        let (mut bytes, mut blocks) = held(&region);
        while (bytes > MOST_BYTES || blocks > MOST_BLOCKS) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
            (bytes, blocks) = held(&region);
        }
        let each = bytes / SUBSCRIBERS;
        println!("{engine}: {blocks} blocks for {SUBSCRIBERS} subscribers, {each} bytes each");
        assert!(blocks <= MOST_BLOCKS, "{engine}: {blocks} blocks for {SUBSCRIBERS} subscribers");
        assert!(bytes <= MOST_BYTES, "{engine}: {bytes} bytes for {SUBSCRIBERS} subscribers");
        // And yet they are all there.
        broker.publish(Event::data("news")).expect("there is room");
        for stream in &mut streams {
            read_until(stream, b"data: news\n\n");
        }
        assert_eq!(server.stats().streams, BEFORE + SUBSCRIBERS);
        drop(streams);
        server.drain(Duration::ZERO).wait().expect("no worker fails");
    }
}

#[test]
fn connection_that_waits_for_its_next_request_holds_at_most_512_bytes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engines = Engine::compiled().iter().filter(|engine| **engine != Engine::Std);
    let padding = "x".repeat(3000);
    let asked = format!("GET / HTTP/1.1\r\nhost: test\r\nx-pad: {padding}\r\n\r\n");
    let posted = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 3000\r\n\r\n{padding}");
    for &engine in engines {
        let echo = |body: String| body.len().to_string();
        let app = Router::new().route("/", get(|| "ok").post(echo));
        let server = Server::builder().bind("127.0.0.1:0").engine(engine).workers(1);
        let server = server.serve(app).expect("a free port of the loopback");
        let mut clients = Vec::with_capacity(IDLE);
        let request = |index: usize| if index.is_multiple_of(2) { &asked } else { &posted };
        clients.extend((0..IDLE_BEFORE).map(|index| ask(&server, request(index).as_bytes())));
        let region = Region::new(COUNTED);
        clients.extend((IDLE_BEFORE..IDLE).map(|index| ask(&server, request(index).as_bytes())));
        let deadline = Instant::now() + PATIENCE;
        let each = || {
            let (bytes, blocks) = held(&region);
            (bytes + blocks * BLOCK_BYTES) / (IDLE - IDLE_BEFORE)
        };
        // The last one's answer leaves before its worker has tidied up.
        while each() > MOST_IDLE_BYTES && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("{engine}: {} bytes for a connection that waits for a request", each());
        assert!(each() <= MOST_IDLE_BYTES, "{engine}: {} bytes each", each());
        assert_eq!(server.stats().connections, IDLE);
        drop(clients);
        server.drain(Duration::ZERO).wait().expect("no worker fails");
    }
}
