//! Clients on blocking sockets, one by one: plain requests, and streams. Many streams at once are in
//! `crowd`.

use crate::decode::{Decoder, Item};
use crate::process::PATIENCE;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request for the stream as a minimal client sends it: without an Accept header.
pub(crate) const SUBSCRIBE: &[u8] = b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n";

/// The receive buffer of a client that never reads, in bytes; the kernel doubles it.
const SMALL_BUFFER: usize = 4096;

/// A connection that waits for patience at most.
pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("the server takes connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_nodelay(true).expect("an option can be set");
    stream
}

/// A subscriber that never reads.
pub(crate) fn stuck(addr: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    // Before connecting: the window is offered then.
    socket.set_recv_buffer_size(SMALL_BUFFER).expect("an option can be set");
    socket.connect_timeout(&addr.into(), PATIENCE).expect("the server takes connections");
    assert_eq!(socket.send(SUBSCRIBE).expect("an empty socket has room"), SUBSCRIBE.len());
    socket
}

/// Closes with a reset instead of a FIN.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option can be set");
    drop(stream);
}

/// A keep-alive connection for plain requests.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        Self { stream: connect(addr), received: Vec::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    pub(crate) fn publish(&mut self, data: &str) -> Answer {
        let length = data.len();
        let head = "POST /publish HTTP/1.1\r\nHost: test";
        let answer = self.ask(&format!("{head}\r\nContent-Length: {length}\r\n\r\n{data}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// How many subscribers the server counts.
    pub(crate) fn count(&mut self) -> usize {
        self.get("/count").first_number()
    }

    /// The value of a metric, by its name without the prefix: of all workers together.
    pub(crate) fn metric(&mut self, name: &str) -> u64 {
        let page = self.get("/metrics").body;
        let values: Vec<u64> = (page.lines())
            .filter_map(|line| {
                line.strip_prefix("headwater_")?.strip_prefix(name)?.strip_prefix('{')
            })
            .filter_map(|rest| rest.rsplit_once(' '))
            .map(|(_, value)| value.parse().expect("a whole number"))
            .collect();
        assert!(!values.is_empty(), "no {name} in {page}");
        values.iter().sum()
    }

    fn ask(&mut self, request: &str) -> Answer {
        self.stream.write_all(request.as_bytes()).expect("the server takes the request");
        let end = loop {
            let end = self.received.windows(4).position(|window| window == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => self.read(),
            }
        };
        let head: Vec<u8> = self.received.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head is text");
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.field("content-length").expect("a length").parse().expect("a number");
        while self.received.len() < length {
            self.read();
        }
        let body: Vec<u8> = self.received.drain(..length).collect();
        answer.body = String::from_utf8(body).expect("these bodies are text");
        answer
    }

    fn read(&mut self) {
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                count => break count.expect("the answer comes in time"),
            }
        };
        assert_ne!(count, 0, "closed before the answer was complete");
        self.received.extend_from_slice(&buffer[..count]);
    }
}

impl Answer {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    }

    /// The number that the body starts with.
    pub(crate) fn first_number(&self) -> usize {
        let digits = self.body.split(|byte: char| !byte.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).expect("a number comes first")
    }
}

/// A stream that has begun.
pub(crate) struct Subscriber {
    stream: TcpStream,
    decoder: Decoder,
}

impl Subscriber {
    /// Subscribes, and waits for the head.
    pub(crate) fn open(addr: SocketAddr) -> Self {
        Self::begin(addr, SUBSCRIBE)
    }

    /// Opens another stream.
    pub(crate) fn open_at(addr: SocketAddr, path: &str) -> Self {
        Self::begin(addr, format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())
    }

    /// Comes back after this event.
    pub(crate) fn come_back(addr: SocketAddr, last: &str) -> Self {
        let field = format!("Last-Event-ID: {last}\r\n\r\n");
        Self::begin(addr, &[&SUBSCRIBE[..SUBSCRIBE.len() - 2], field.as_bytes()].concat())
    }

    fn begin(addr: SocketAddr, request: &[u8]) -> Self {
        let mut stream = connect(addr);
        stream.write_all(request).expect("the server takes the request");
        let mut subscriber = Self { stream, decoder: Decoder::default() };
        while subscriber.decoder.head.is_none() {
            assert!(subscriber.read(), "closed before the head");
        }
        subscriber
    }

    /// Several of them.
    pub(crate) fn open_many(addr: SocketAddr, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::open(addr)).collect()
    }

    pub(crate) fn head(&self) -> &str {
        self.decoder.head.as_deref().expect("open() waits for it")
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Item {
        loop {
            if let Some(item) = self.decoder.items.pop_front() {
                return item;
            }
            assert!(self.read(), "the stream ended");
        }
    }

    /// The next event, comments passed over.
    pub(crate) fn next_event(&mut self) -> (u64, String) {
        loop {
            if let Item::Event { id, data } = self.next() {
                return (id, data);
            }
        }
    }

    /// Reads to the FIN, which must follow the terminal chunk.
    pub(crate) fn read_to_end(&mut self) {
        while self.read() {}
        assert!(self.decoder.ended, "a FIN without the terminal chunk");
    }

    /// When the server has said to come back, in milliseconds.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.decoder.retry
    }

    /// The socket, to leave by.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// False at the FIN.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.decoder.receive(&buffer[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }
}
