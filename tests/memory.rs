//! What hostile connections cost in memory, all kinds at once. In a process of its own, so that nothing
//! else is in its resident set; the engines take turns.
#![cfg(target_os = "linux")]

use bytes::Bytes;
use futures_core::Stream;
use headwater::http::StatusCode;
use headwater::routing::get;
use headwater::{Body, Engine, HttpLimits, Response, Router, Server, ServerHandle};
use socket2::{Domain, Socket, Type};
use std::convert::Infallible;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Of each kind.
const CONNECTIONS: usize = 60;
const PATIENCE: Duration = Duration::from_mins(1);

const HEAD_BYTES: usize = 16 * 1024;
const BODY_BYTES: usize = 64 * 1024;
const PIECE_BYTES: usize = 16 * 1024;
/// What an engine receives at once.
const RECEIVE_BYTES: usize = 16 * 1024;
/// Answers that wait for the socket.
const OUT_BYTES: usize = 64 * 1024;
/// A connection's state, and on the slowest engine its thread's stack and receive buffer.
const STATE_BYTES: usize = 48 * 1024;

/// Never ends, and makes each piece anew.
struct Endless;

impl Stream for Endless {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(vec![b'x'; PIECE_BYTES].into())))
    }
}

fn serve(engine: Engine, large: &Bytes) -> ServerHandle {
    let large = large.clone();
    let app = Router::new()
        .route("/", get(|| "ok").post(|body: Bytes| body))
        .route("/large", get(move || large.clone()))
        .route("/endless", get(|| Response::new(StatusCode::OK).body(Body::stream(Endless))));
    let limits =
        HttpLimits::default().with_head_bytes(HEAD_BYTES).with_body_bytes(BODY_BYTES as u64);
    let server = Server::builder().bind("127.0.0.1:0").engine(engine).workers(1);
    server.http_limits(limits).serve(app).expect("a free port of the loopback")
}

/// What one kind of client does.
struct Kind {
    sends: Vec<u8>,
    /// Requests of it that arrive completely.
    requests: u64,
    /// What its connection may hold, besides its state.
    most_bytes: usize,
}

fn kinds() -> [Kind; 5] {
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").into_bytes();
    let padded = |start: &str, length: usize| {
        let mut bytes = start.as_bytes().to_vec();
        bytes.resize(length, b'x');
        bytes
    };
    let body = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {BODY_BYTES}\r\n\r\n");
    let pipelined = [ask("/large"), ask("/").repeat(100_000)].concat();
    [
        // A head and a body without their last byte; a buffer that grows doubles.
        Kind {
            sends: padded("GET / HTTP/1.1\r\nhost: test\r\nx: ", HEAD_BYTES - 1),
            requests: 0,
            most_bytes: 2 * HEAD_BYTES,
        },
        Kind {
            sends: padded(&body, body.len() + BODY_BYTES - 1),
            requests: 0,
            most_bytes: 2 * BODY_BYTES + RECEIVE_BYTES,
        },
        // The answer is shared.
        Kind { sends: ask("/large"), requests: 1, most_bytes: OUT_BYTES },
        // What the stream has yielded, and what the socket did not take.
        Kind {
            sends: ask("/endless"),
            requests: 1,
            most_bytes: Body::STREAM_BUFFER_BYTES + PIECE_BYTES + OUT_BYTES + PIECE_BYTES,
        },
        // More requests than anybody wants to keep.
        Kind { sends: pipelined, requests: 1, most_bytes: 2 * RECEIVE_BYTES + OUT_BYTES },
    ]
}

/// A client that does not read, and gives up sending when the server takes no more.
fn hostile(addr: SocketAddr, request: &[u8]) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16 * 1024).expect("before connecting");
    socket.connect(&addr.into()).expect("the server listens");
    let mut stream: TcpStream = socket.into();
    stream.set_write_timeout(Some(Duration::from_millis(100))).expect("an open socket");
    if let Err(error) = stream.write_all(request) {
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }
    stream
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    let kib = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kib * 1024
}

/// By how much the resident set has grown, once it grows no more.
fn settled_growth(before: usize, most: usize) -> usize {
    let (mut grown, mut looks) = (0, 0);
    while looks < 20 && grown <= most {
        std::thread::sleep(Duration::from_millis(10));
        let now = resident_bytes().saturating_sub(before);
        looks = if now > grown { 0 } else { looks + 1 };
        grown = grown.max(now);
    }
    grown
}

#[test]
fn hostile_connections_of_all_kinds_cost_bounded_memory() {
    let large = Bytes::from(vec![b'x'; 32 * 1024 * 1024]);
    let kinds = kinds();
    let most: usize = kinds.iter().map(|kind| kind.most_bytes + STATE_BYTES).sum();
    let most = most * CONNECTIONS;
    let requests = kinds.iter().map(|kind| kind.requests * CONNECTIONS as u64).sum();
    for &engine in Engine::compiled() {
        let server = serve(engine, &large);
        let addr = server.local_addrs()[0];
        let before = resident_bytes();
        let mut peers = Vec::new();
        for _ in 0..CONNECTIONS {
            peers.extend(kinds.iter().map(|kind| hostile(addr, &kind.sends)));
        }
        let deadline = Instant::now() + PATIENCE;
        while server.stats().requests < requests {
            assert!(Instant::now() < deadline, "not in {PATIENCE:?}: all have asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        let grown = settled_growth(before, most);
        println!("{engine}: {} bytes per connection", grown / peers.len());
        assert!(grown <= most, "{engine}: {grown} bytes for {} connections", peers.len());
        let stats = server.stats();
        assert_eq!((stats.connections, stats.refused), (peers.len(), 0));
        drop(peers);
        server.drain(Duration::ZERO).wait().expect("no worker fails");
    }
}
