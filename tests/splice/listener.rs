//! Streams that are read on a thread each, for those who want to know what has come over them so far. One
//! that ends is asked for again, after the last id that came.

use super::until;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between looks at whether it is to go on.
const LOOK: Duration = Duration::from_millis(20);

/// What came, in order.
#[derive(Default)]
pub(crate) struct Heard {
    /// The id that the stream began with.
    pub(crate) begin: Option<u64>,
    /// The last id that came, where it goes on when it is asked for again.
    pub(crate) last_id: Option<u64>,
    /// The id that each event had, and its data.
    pub(crate) events: Vec<(Option<u64>, String)>,
    pub(crate) heartbeats: usize,
    /// How often the stream was asked for.
    pub(crate) connections: usize,
}

impl Heard {
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.events.iter().filter_map(|(id, _)| *id).collect()
    }

    pub(crate) fn has(&self, data: &str) -> bool {
        self.events.iter().any(|(_, heard)| heard == data)
    }
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Heard>,
    /// The connection is to be given up for another.
    leaves: AtomicBool,
    over: AtomicBool,
}

/// Ends with the test.
pub(crate) struct Listener {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Of a path on this server.
    pub(crate) fn start(addr: SocketAddr, path: &'static str) -> Self {
        let shared = Arc::<Shared>::default();
        let seen = shared.clone();
        let thread = thread::spawn(move || {
            while !seen.over.load(Ordering::Relaxed) {
                listen(addr, path, &seen);
                // A stream may end while its store cannot be asked.
                thread::sleep(LOOK);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.shared.heard.lock().expect("no panic under the lock")
    }

    /// Waits until what was heard is like this.
    pub(crate) fn hears(&self, what: &str, condition: impl Fn(&Heard) -> bool) {
        until(what, || condition(&self.heard()));
    }

    /// Gives its connection up, and comes back.
    pub(crate) fn comes_back(&self) {
        let before = self.heard().connections;
        self.shared.leaves.store(true, Ordering::Relaxed);
        self.hears("it comes back", |heard| heard.connections > before);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is dropped once");
        // Where this test has failed already, it says why itself.
        let ended = thread.join();
        assert!(ended.is_ok() || thread::panicking(), "a listener failed");
    }
}

/// One connection, to its end.
fn listen(addr: SocketAddr, path: &str, shared: &Shared) {
    let mut stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_read_timeout(Some(LOOK)).expect("an open socket");
    let last = {
        let mut heard = shared.heard.lock().expect("no panic under the lock");
        heard.connections += 1;
        heard.last_id
    };
    let id = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{id}\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    while !shared.over.load(Ordering::Relaxed) && !shared.leaves.swap(false, Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                text.extend_from_slice(&buffer[..count]);
                take_blocks(&mut text, &mut shared.heard.lock().expect("no panic under the lock"));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => panic!("the stream is broken: {error}"),
        }
    }
}

/// Takes whole blocks off the front. Each is a chunk of its own, whose size no line of a block looks like.
fn take_blocks(text: &mut Vec<u8>, heard: &mut Heard) {
    while let Some(len) = text.windows(2).position(|pair| pair == b"\n\n") {
        let block: Vec<u8> = text.drain(..len + 2).collect();
        let block = std::str::from_utf8(&block).expect("UTF-8");
        let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
        let id = field("id: ").map(|id| id.parse().expect("a number"));
        heard.last_id = id.or(heard.last_id);
        match field("data: ") {
            Some(data) => heard.events.push((id, data.to_owned())),
            None if id.is_some() => heard.begin = heard.begin.or(id),
            None => heard.heartbeats += usize::from(field(": heartbeat").is_some()),
        }
    }
}
