//! What a request that is answered at once allocates: nothing. In a process of its own, in which every
//! allocation is counted; the engines take turns.
#![cfg(any(all(feature = "io-uring", target_os = "linux"), feature = "epoll"))]

use headwater::{Engine, Router, Server, routing::get};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 500;
const PIPELINED: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that allocates nothing itself once it has all its buffers.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Sends the request, and reads as much as its answers have.
    fn ask(&mut self) {
        self.stream.write_all(&self.request).expect("the server takes it");
        self.stream.read_exact(&mut self.answer).expect("the server answers");
    }

    /// A client of this path that has its first answers.
    fn begin(
        address: std::net::SocketAddr,
        path: &str,
        host: &str,
        body: &str,
        at_once: usize,
    ) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
        let mut client = Self { stream, request: request.into_bytes(), answer: Vec::new() };
        client.stream.write_all(&client.request).expect("the server takes it");
        let mut byte = [0];
        while !client.answer.ends_with(body.as_bytes()) {
            client.stream.read_exact(&mut byte).expect("an answer with this body");
            client.answer.push(byte[0]);
        }
        // All answers are equally long.
        client.request = client.request.repeat(at_once);
        client.answer = client.answer.repeat(at_once);
        client
    }
}

fn app() -> Router {
    let app = Router::new().route("/plain", get(|| "Hello, World!"));
    #[cfg(feature = "json")]
    let app = {
        use headwater::extract::{Json, Path};
        #[derive(serde::Serialize)]
        struct Answer {
            id: u32,
            message: &'static str,
        }
        let answer = |Path(id): Path<u32>| Json(Answer { id, message: "Hello, World!" });
        app.route("/json/{id}", get(answer))
    };
    app
}

const ANSWERS: &[(&str, &str)] = &[
    ("/plain", "Hello, World!"),
    #[cfg(feature = "json")]
    ("/json/7", r#"{"id":7,"message":"Hello, World!"}"#),
];

#[test]
fn request_that_is_answered_at_once_allocates_nothing() {
    for &engine in Engine::compiled() {
        // Bytes travel between its threads there.
        if engine == Engine::Std {
            continue;
        }
        let server = Server::builder().engine(engine).workers(1).bind("127.0.0.1:0").serve(app());
        let server = server.expect("a free port of the loopback");
        for (path, body) in ANSWERS {
            for at_once in [1, PIPELINED] {
                // Two, whose heads differ: each is parsed.
                let begin =
                    |host| Client::begin(server.local_addrs()[0], path, host, body, at_once);
                let (mut client, mut other) = (begin("test"), begin("other"));
                let mut ask = |client: &mut Client| {
                    for _ in 0..ROUNDS {
                        client.ask();
                        other.ask();
                    }
                    for _ in 0..ROUNDS {
                        client.ask();
                    }
                };
                // Whatever is made once is made.
                ask(&mut client);
                let region = Region::new(COUNTED);
                ask(&mut client);
                let change = region.change();
                let blocks = change.allocations + change.reallocations;
                assert_eq!(blocks, 0, "{engine}: {path}, {at_once} at once: {change:?}");
                assert!(client.answer.ends_with(body.as_bytes()));
            }
        }
        // What it allocates in order to end would be counted for the next one.
        server.drain(Duration::ZERO).wait().expect("no worker fails");
    }
}
