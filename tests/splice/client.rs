//! The clients: each reads for a random number of bytes, leaves as it stands, and comes back with the last id
//! that it got whole. The first is what a stream begins with.

use super::ids::Ids;
use super::{PATIENCE, until};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread each, which does little.
const STACK: usize = 128 * 1024;
/// Bytes after which a client is cut off, at most.
const STAY: u64 = 200_000;
/// No id: not known yet, or no event yet.
const NONE: u64 = u64::MAX;

/// What a client got.
pub(crate) struct Followed {
    /// In order, the one that it began with included.
    pub(crate) ids: Ids,
    pub(crate) cuts: u64,
}

pub(crate) struct Clients {
    /// The last id of each.
    last: Vec<Arc<AtomicU64>>,
    threads: Vec<JoinHandle<Followed>>,
    /// Where all end.
    end: Arc<AtomicU64>,
}

impl Clients {
    pub(crate) fn start(addr: SocketAddr, count: usize) -> Self {
        let end = Arc::new(AtomicU64::new(NONE));
        let (mut last, mut threads) = (Vec::new(), Vec::new());
        for seed in 0..count as u64 {
            let progress = Arc::new(AtomicU64::new(NONE));
            last.push(progress.clone());
            let end = end.clone();
            let thread = thread::Builder::new().stack_size(STACK);
            let thread = thread.spawn(move || follow(addr, seed, &progress, &end));
            threads.push(thread.expect("a thread"));
        }
        Self { last, threads, end }
    }

    /// The last id of the slowest of those that have begun.
    pub(crate) fn slowest(&self) -> Option<u64> {
        let all = self.last.iter().map(|last| last.load(Ordering::Relaxed));
        all.filter(|last| *last != NONE).min()
    }

    /// Waits until all have begun.
    pub(crate) fn begun(&self) {
        until("all have begun", || {
            self.last.iter().all(|last| last.load(Ordering::Relaxed) != NONE)
        });
    }

    /// Waits until all have all up to this id.
    pub(crate) fn finish(self, end: u64) -> Vec<Followed> {
        self.end.store(end, Ordering::Relaxed);
        until("all have all", || self.threads.iter().all(JoinHandle::is_finished));
        self.threads.into_iter().map(|thread| thread.join().expect("no client fails")).collect()
    }
}

fn follow(addr: SocketAddr, seed: u64, progress: &AtomicU64, end: &AtomicU64) -> Followed {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let (mut ids, mut cuts) = (Ids::default(), 0);
    let mut buffer = vec![0; 32 * 1024];
    let lacks = |ids: &Ids| ids.last().is_none_or(|last| last < end.load(Ordering::Relaxed));
    while lacks(&ids) {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let stay = random.wrapping_mul(0x2545_f491_4f6c_dd1d) % STAY;
        // A server that was killed comes back.
        let Some(mut stream) = connect(addr, ids.last()) else { continue };
        let mut read = 0;
        let mut text = Vec::new();
        while read < stay && lacks(&ids) {
            let count = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                Err(_) => break,
            };
            read += count as u64;
            text.extend_from_slice(&buffer[..count]);
            take_ids(&mut text, &mut ids);
            progress.store(ids.last().unwrap_or(NONE), Ordering::Relaxed);
        }
        cuts += 1;
    }
    Followed { ids, cuts }
}

/// A stream after this event; the end of the last request is looked for now and then.
fn connect(addr: SocketAddr, last: Option<u64>) -> Option<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "nobody listens");
        if let Ok(mut stream) = TcpStream::connect(addr) {
            stream.set_read_timeout(Some(Duration::from_millis(200))).expect("an open socket");
            let id = last.map_or(String::new(), |last| format!("last-event-id: {last}\r\n"));
            let request = format!("GET /events HTTP/1.1\r\nhost: x\r\n{id}\r\n");
            return stream.write_all(request.as_bytes()).ok().map(|()| stream);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Takes whole events off the front. Each is a chunk of its own: `id: N`, its data, an empty line.
fn take_ids(text: &mut Vec<u8>, ids: &mut Ids) {
    let mut at = 0;
    while let Some(len) = text[at..].windows(2).position(|pair| pair == b"\n\n") {
        let block = std::str::from_utf8(&text[at..at + len]).expect("UTF-8");
        at += len + 2;
        if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
            let id: u64 = id.parse().expect("a number");
            ids.push(id);
        }
    }
    text.drain(..at);
}
