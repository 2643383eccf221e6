//! The feed that outlives its process, on a Redis server of the test's own.

use crate::PATIENCE;
use crate::process::Example;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

struct Redis {
    server: Child,
    url: String,
}

impl Redis {
    /// None where there is no such program, which is said; unless it is required.
    fn start() -> Option<Self> {
        // Given back a moment before the server takes it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a free port").port();
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn();
        let server = match started {
            Ok(server) => server,
            Err(error) => {
                let required =
                    std::env::var_os("HEADWATER_STORES").is_some_and(|is| is == "required");
                assert!(!required, "redis-server: {error}");
                println!("SKIPPED: redis-server: {error}");
                return None;
            }
        };
        let redis = Self { server, url: format!("redis://127.0.0.1:{port}/") };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "it does not listen");
            std::thread::yield_now();
        }
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Nothing of it is kept.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn publish(example: &Example, text: &str, id: u64) {
    let length = text.len();
    let request =
        format!("POST /publish HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{text}");
    example.ask(&request).expect(&format!("\r\n\r\n{id}\n"));
}

#[test]
fn feed_is_taken_over_by_a_second_process_when_the_first_is_killed() {
    let Some(redis) = Redis::start() else { return };
    let url = std::slice::from_ref(&redis.url);
    let first = Example::start_with("durable_feed", url);
    let mut stream = first.ask("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.expect("id: 0\n\n");
    publish(&first, "one", 1);
    stream.expect("id: 1\ndata: one\n\n");
    publish(&first, "two", 2);
    publish(&first, "three", 3);
    first.kill();

    let second = Example::start_with("durable_feed", url);
    let mut back = second.ask("GET /events HTTP/1.1\r\nhost: x\r\nlast-event-id: 1\r\n\r\n");
    back.expect("id: 2\ndata: two\n\n");
    back.expect("id: 3\ndata: three\n\n");
    publish(&second, "four", 4);
    back.expect("id: 4\ndata: four\n\n");
    let mut lost = second.ask("GET /events HTTP/1.1\r\nhost: x\r\nlast-event-id: 77\r\n\r\n");
    lost.expect("event: gone\ndata: future\ndata: 77\n\n");
    second.stop();
}
