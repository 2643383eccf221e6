//! One running example, and connections to it.

use crate::PATIENCE;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

pub(crate) struct Example {
    child: Child,
    addr: SocketAddr,
    lines: Receiver<String>,
}

impl Example {
    /// Starts an example on a free port.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same, with more arguments behind the address.
    pub(crate) fn start_with(name: &str, arguments: &[String]) -> Self {
        let mut child = Command::new(binary(name))
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; build it: cargo build --examples"));
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Until the example ends, or the test.
            out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        let line: String = lines.recv_timeout(PATIENCE).expect("it says where it listens");
        let addr = line.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        let addr = addr.and_then(|addr| addr.parse().ok());
        let addr = addr.unwrap_or_else(|| panic!("no address: {line}"));
        Self { child, addr, lines }
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> Connection {
        let stream = TcpStream::connect(self.addr).expect("it listens");
        let mut connection = Connection::new(stream);
        connection.send(request);
        connection
    }

    /// Sends a GET on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Connection {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
    }

    /// Waits for a line with this text on its standard output.
    pub(crate) fn expect_line(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the line comes");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it at once, wherever it is.
    #[cfg(feature = "redis")]
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// Asks it to end, which it does in order.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").arg(pid).status().expect("there is such a command");
        assert!(told.success());
        assert!(self.child.wait().expect("it is ours").success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Beside the directory of this test.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this process has a file");
    let target = own.parent().and_then(|deps| deps.parent()).expect("it is in target/PROFILE/deps");
    target.join("examples").join(name)
}

/// One connection, and what has come over it.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// Bytes that were looked at.
    seen: usize,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        Self { stream, received: Vec::new(), seen: 0 }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the peer takes it");
    }

    /// Waits for this text, behind what was waited for before.
    pub(crate) fn expect(&mut self, text: &str) {
        loop {
            let rest = &self.received[self.seen..];
            if let Some(at) = rest.windows(text.len()).position(|part| part == text.as_bytes()) {
                self.seen += at + text.len();
                return;
            }
            self.receive(text);
        }
    }

    /// The number that comes next.
    pub(crate) fn number(&mut self) -> u64 {
        loop {
            let digits = self.received[self.seen..].split(|byte| !byte.is_ascii_digit()).next();
            let digits = digits.unwrap_or_default();
            if self.received.len() > self.seen + digits.len() {
                return String::from_utf8_lossy(digits).parse().expect("a number");
            }
            self.receive("a number");
        }
    }

    /// Waits until the peer has ended the connection, without having said more.
    #[cfg(feature = "tokio")]
    pub(crate) fn expect_end(&mut self) {
        match read(&mut self.stream, &mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("no end: {other:?}"),
        }
    }

    fn receive(&mut self, wanted: &str) {
        let mut piece = [0; 4096];
        let count = read(&mut self.stream, &mut piece).unwrap_or_else(|error| {
            panic!("no {wanted:?}: {error} after {:?}", self.received());
        });
        assert!(count > 0, "no {wanted:?} before the end of {:?}", self.received());
        self.received.extend_from_slice(&piece[..count]);
    }

    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

/// As `Read::read`, over the signals with which whoever runs the tests may stop them and let them go on.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
