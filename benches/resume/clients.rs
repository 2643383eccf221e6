//! The clients, in a process of their own: all are connected first, and then come back at once.

use crate::{CLIENTS, PATIENCE};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Address of the server, the id that all have, the id that they get last.
pub(crate) const TOLD: &str = "HEADWATER_RESUME_CLIENTS";

/// What the server holds of them.
pub(crate) struct Clients {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Clients {
    pub(crate) fn start(addr: SocketAddr, begin: u64, end: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .env(TOLD, format!("{addr} {begin} {end}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let says = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, says }
    }

    /// Lets them come back. Returns how long they took, and the bytes that they got.
    pub(crate) fn resume(&mut self) -> (Duration, u64) {
        let mut line = String::new();
        // Their first line says that they are ready, their second how it went.
        self.says.read_line(&mut line).expect("a line");
        self.process.stdin.take().expect("it is piped").write_all(b"\n").expect("they read");
        line.clear();
        self.says.read_line(&mut line).expect("a line");
        assert!(self.process.wait().expect("it is ours").success(), "the clients failed");
        let (nanos, bytes) = line.trim().split_once(' ').expect("two numbers");
        let nanos = Duration::from_nanos(nanos.parse().expect("a number"));
        (nanos, bytes.parse().expect("a number"))
    }
}

struct Client {
    stream: TcpStream,
    /// The id of the event that is due.
    next: u64,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

/// What this process does if it was told to be the clients.
pub(crate) fn run(told: &str) {
    let told: Vec<&str> = told.split(' ').collect();
    let [addr, begin, end] = told[..] else { panic!("three words") };
    let [begin, end]: [u64; 2] = [begin, end].map(|id| id.parse().expect("a number"));
    let connect = |_| {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_nonblocking(true).expect("an open socket");
        Client { stream, next: begin + 1, rest: Vec::new() }
    };
    let mut clients: Vec<Client> = (0..CLIENTS).map(connect).collect();
    println!("ready");
    io::stdin().read_line(&mut String::new()).expect("the server says when");
    let request = format!("GET / HTTP/1.1\r\nhost: bench\r\nlast-event-id: {begin}\r\n\r\n");
    let start = Instant::now();
    for client in &mut clients {
        client.stream.write_all(request.as_bytes()).expect("it takes a request whole");
    }
    let (mut bytes, mut buffer) = (0, vec![0; 256 * 1024]);
    while !clients.is_empty() {
        assert!(start.elapsed() < PATIENCE, "{} clients lack events", clients.len());
        let before = bytes;
        for client in &mut clients {
            bytes += client.read(&mut buffer);
        }
        clients.retain(|client| client.next <= end);
        if bytes == before {
            thread::sleep(Duration::from_micros(200));
        }
    }
    println!("{} {bytes}", start.elapsed().as_nanos());
}

impl Client {
    /// Reads what has come, which must be the events that are due.
    fn read(&mut self, buffer: &mut [u8]) -> u64 {
        let count = match self.stream.read(buffer) {
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return 0;
            }
            Err(error) => panic!("a client is lost: {error}"),
        };
        assert!(count > 0, "a stream ended");
        for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                if let Some(id) = self.rest.strip_prefix(b"id: ") {
                    let id = std::str::from_utf8(id).expect("UTF-8").trim();
                    assert_eq!(id.parse(), Ok(self.next), "the event that is due");
                    self.next += 1;
                }
                self.rest.clear();
            }
        }
        count as u64
    }
}
