//! The feed that outlives its process, on a Redis server of the test's own.

use crate::process::Example;
use crate::server::{Program, Server};

fn publish(example: &Example, text: &str, id: u64) {
    let length = text.len();
    let request =
        format!("POST /publish HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{text}");
    example.ask(&request).expect(&format!("\r\n\r\n{id}\n"));
}

#[test]
fn feed_is_taken_over_by_a_second_process_when_the_first_is_killed() {
    if !Program::Redis.is_here() {
        return;
    }
    let redis = Server::start(Program::Redis, &["--save", ""]);
    let url = [format!("redis://127.0.0.1:{}/", redis.port)];
    let first = Example::start_with("durable_feed", &url);
    let mut stream = first.ask("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.expect("id: 0\n\n");
    publish(&first, "one", 1);
    stream.expect("id: 1\ndata: one\n\n");
    publish(&first, "two", 2);
    // It waits beside the first.
    let second = Example::start_with("durable_feed", &url);
    publish(&first, "three", 3);
    first.kill();

    let mut back = second.ask("GET /events HTTP/1.1\r\nhost: x\r\nlast-event-id: 1\r\n\r\n");
    back.expect("id: 2\ndata: two\n\n");
    back.expect("id: 3\ndata: three\n\n");
    publish(&second, "four", 4);
    back.expect("id: 4\ndata: four\n\n");
    let mut lost = second.ask("GET /events HTTP/1.1\r\nhost: x\r\nlast-event-id: 77\r\n\r\n");
    lost.expect("event: gone\ndata: future\ndata: 77\n\n");
    second.stop();
}
