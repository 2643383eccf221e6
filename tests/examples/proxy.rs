//! The example that passes on what an upstream streams, between a client and an upstream of this test.

use crate::PATIENCE;
use crate::process::{Connection, Example};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

#[test]
fn pieces_are_passed_on_as_they_come() {
    let upstream = Upstream::start();
    let example = upstream.proxy();
    let mut client = example.get("/log?tail=2");
    let mut server = upstream.asked();
    server.expect(&format!("GET /log?tail=2 HTTP/1.0\r\nhost: {}\r\n", upstream.addr));
    server.expect("\r\n\r\n");
    server.send("HTTP/1.0 203 OK\r\nx-own: secret\r\ncontent-type: text/log\r\n\r\nfirst\n");
    client.expect("203 ");
    client.expect("content-type: text/log\r\n");
    client.expect("first\n");
    // The first has arrived before there was a second.
    server.send("second\n");
    drop(server);
    client.expect("second\n");
    client.expect("0\r\n\r\n");
    assert!(!client.received().contains("x-own"));
    example.stop();
}

#[test]
fn request_bodies_reach_the_upstream() {
    let upstream = Upstream::start();
    let example = upstream.proxy();
    let mut client = example.ask("PUT /note HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nmilk");
    let mut server = upstream.asked();
    server.expect("PUT /note HTTP/1.0\r\n");
    server.expect("content-length: 4\r\n\r\nmilk");
    server.send("HTTP/1.0 200 OK\r\n\r\n");
    drop(server);
    client.expect("200 OK");
    client.expect("0\r\n\r\n");
    example.stop();
}

#[test]
fn upstream_is_let_go_when_the_client_leaves() {
    let upstream = Upstream::start();
    let example = upstream.proxy();
    let mut client = example.get("/endless");
    let mut server = upstream.asked();
    server.expect("\r\n\r\n");
    server.send("HTTP/1.0 200 OK\r\n\r\nfirst\n");
    client.expect("first\n");
    drop(client);
    server.expect_end();
    example.stop();
}

#[test]
fn upstream_that_does_not_answer_is_a_bad_gateway() {
    let upstream = Upstream::start();
    let example = upstream.proxy();
    let mut client = example.get("/");
    let mut server = upstream.asked();
    server.expect("\r\n\r\n");
    drop(server);
    client.expect("502 Bad Gateway");
    client.expect("no HTTP upstream\n");
    example.stop();
}

/// What the proxy asks.
struct Upstream {
    addr: SocketAddr,
    connections: Receiver<TcpStream>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            // Until the test ends.
            listener.incoming().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        Self { addr, connections }
    }

    fn proxy(&self) -> Example {
        Example::start_with("stream_proxy", &[self.addr.to_string()])
    }

    /// The next connection of the proxy.
    fn asked(&self) -> Connection {
        Connection::new(self.connections.recv_timeout(PATIENCE).expect("the proxy asks"))
    }
}
