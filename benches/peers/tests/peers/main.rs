//! Each peer as a process: all give the same plain text, also to requests sent at once; where there
//! is a stream, what is published reaches every subscriber, whole, once and in order. That the witness
//! sees just that, and what a server fails to do, is in `witness`.

mod witness;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use headwater_peers::client::{self, Course};

/// How long anything may take. Only failures take that long.
const PATIENCE: Duration = Duration::from_mins(1);

const EVENTS: usize = 50;

/// Requests sent at once.
const PIPELINED: usize = 16;

struct Peer {
    child: Child,
    addr: SocketAddr,
}

impl Peer {
    fn start(program: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(["--addr", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer can be started");
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output is piped");
        BufReader::new(out).read_line(&mut line).expect("the ready line is text");
        let addr = line.trim_end().strip_prefix("listening on http://").expect("a ready line");
        Self { addr: addr.parse().expect("an address"), child }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the peer listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
        stream
    }

    /// A stream whose head has come.
    fn subscribe(&self) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        write!(stream, "GET /events HTTP/1.1\r\nHost: peer\r\n\r\n").expect("room for a request");
        let mut reader = BufReader::new(stream);
        let head = head(&mut reader);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("content-type: text/event-stream"), "{head}");
        assert!(lower.contains("transfer-encoding: chunked"), "{head}");
        reader
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, which is what made the test fail.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("a head is text"), 0, "cut: {head}");
    }
    head
}

/// Reads chunks until the stream carries so many events; gives the stream.
fn read_events(reader: &mut BufReader<TcpStream>, count: usize) -> String {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let mut size = String::new();
        assert_ne!(reader.read_line(&mut size).expect("a chunk in time"), 0, "cut: {text}");
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a chunk size");
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).expect("a whole chunk");
        assert_eq!(&chunk[size..], b"\r\n");
        text += std::str::from_utf8(&chunk[..size]).expect("events are text");
    }
    text
}

/// Publishes all events behind one another on one connection; gives the answers' statuses.
fn publish(peer: &Peer) -> Vec<String> {
    let mut stream = peer.connect();
    for number in 1..=EVENTS {
        let body = format!("event {number}");
        let length = body.len();
        write!(
            stream,
            "POST /publish HTTP/1.1\r\nHost: peer\r\nContent-Type: text/plain\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .expect("room for a request");
    }
    let mut reader = BufReader::new(stream);
    let mut answer = || {
        let head = head(&mut reader);
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.expect("a load relies on it").parse().expect("a number");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a whole answer");
        head.lines().next().expect("a status line").to_owned()
    };
    (0..EVENTS).map(|_| answer()).collect()
}

fn serves(program: &str) {
    let peer = Peer::start(program, &[]);
    let mut subscribers: Vec<_> = (0..5).map(|_| peer.subscribe()).collect();
    // One that leaves is no concern of the others.
    drop(subscribers.pop());
    let statuses = publish(&peer);
    assert!(statuses.iter().all(|status| status == "HTTP/1.1 200 OK"), "{statuses:?}");
    let event = |number| format!("id: {number}\ndata: event {number}\n\n");
    let expected = (1..=EVENTS).map(event).collect::<Vec<_>>().concat();
    for subscriber in &mut subscribers {
        assert_eq!(read_events(subscriber, EVENTS), expected);
    }
    greets(&peer);
}

/// The body and its type are the same for all, and each request gets an answer of its own.
fn greets(peer: &Peer) {
    let mut stream = peer.connect();
    let request = "GET /plaintext HTTP/1.1\r\nHost: peer\r\n\r\n";
    stream.write_all(request.repeat(PIPELINED).as_bytes()).expect("room for the requests");
    let mut reader = BufReader::new(stream);
    for _ in 0..PIPELINED {
        let head = head(&mut reader).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-length: 13\r\n"), "{head}");
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        let kind = kind.and_then(|kind| kind.split(';').next());
        assert_eq!(kind, Some("text/plain"), "{head}");
        let mut body = [0; 13];
        reader.read_exact(&mut body).expect("a whole answer");
        assert_eq!(&body, b"Hello, World!");
    }
}

/// Has no stream, and is measured: by a client that sends as much as it says.
fn only_greets(program: &str, flags: &[&str]) {
    let peer = Peer::start(program, flags);
    greets(&peer);
    assert_eq!(Course { connections: 3, depth: 16 }.run(peer.addr, 5), Ok(()));
}

#[test]
fn actix_delivers_everything_in_order() {
    serves(env!("CARGO_BIN_EXE_actix"));
}

#[test]
fn axum_delivers_everything_in_order() {
    serves(env!("CARGO_BIN_EXE_axum"));
}

#[test]
fn the_bare_loop_delivers_everything_in_order() {
    serves(env!("CARGO_BIN_EXE_bare"));
}

#[test]
fn hyper_greets_everyone() {
    only_greets(env!("CARGO_BIN_EXE_hyper"), &[]);
}

#[test]
fn may_minihttp_greets_everyone() {
    only_greets(env!("CARGO_BIN_EXE_may_minihttp"), &[]);
}

#[test]
fn ntex_greets_everyone() {
    only_greets(env!("CARGO_BIN_EXE_ntex"), &[]);
}

#[test]
fn ntex_on_epoll_greets_everyone() {
    only_greets(env!("CARGO_BIN_EXE_ntex"), &["--epoll"]);
}

#[test]
fn another_path_is_no_plaintext() {
    let peer = Peer::start(env!("CARGO_BIN_EXE_hyper"), &[]);
    let mut stream = peer.connect();
    write!(stream, "GET / HTTP/1.1\r\nHost: peer\r\n\r\n").expect("room for a request");
    let head = head(&mut BufReader::new(stream));
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[test]
fn a_client_that_finds_no_plaintext_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client comes");
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").expect("room");
        // Until the client has read it and leaves.
        stream.read_to_end(&mut Vec::new()).expect("an end");
    });
    let line = client::check(addr).expect_err("it is no 200");
    assert!(line.contains("404 Not Found"), "{line}");
    server.join().expect("it does not panic");
}
