//! What the tests share: a driver under test, its peers, and waiting with a deadline.

use headwater_engine::{
    Attempt, Completion, Departure, Driver, Engine, Handover, Key, Outcome, SocketOptions,
    listener::bind,
};
use socket2::SockRef;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// Far more than anything takes, so that only a test that will never pass gets there.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// An engine's driver, as the suite makes it.
pub(crate) trait Subject: Driver + Sized {
    /// The module of its tests.
    const NAME: &'static str;
    const ENGINE: Engine;

    fn make(listener: TcpListener) -> io::Result<Self>;
}

#[cfg(all(feature = "io-uring", target_os = "linux"))]
impl Subject for headwater_engine::uring::Uring {
    const NAME: &'static str = "uring";
    const ENGINE: Engine = Engine::IoUring;

    fn make(listener: TcpListener) -> io::Result<Self> {
        Self::new(listener)
    }
}

#[cfg(feature = "epoll")]
impl Subject for headwater_engine::epoll::Epoll {
    const NAME: &'static str = "epoll";
    const ENGINE: Engine = Engine::Epoll;

    fn make(listener: TcpListener) -> io::Result<Self> {
        Self::new(listener)
    }
}

impl Subject for headwater_engine::std_threads::StdThreads {
    const NAME: &'static str = "std_threads";
    const ENGINE: Engine = Engine::Std;

    fn make(listener: TcpListener) -> io::Result<Self> {
        Self::new(listener)
    }
}

/// A completion, without the lease.
#[derive(Debug)]
pub(crate) enum Seen {
    Accepted(Key),
    AcceptFailed(io::Error),
    Received(Key, Vec<u8>),
    Writable(Key),
    Gone(Key, Departure),
    Released(Key, Handover),
    Woken,
}

impl Seen {
    pub(crate) fn key(&self) -> Option<Key> {
        match self {
            Self::Accepted(key)
            | Self::Received(key, _)
            | Self::Writable(key)
            | Self::Gone(key, _)
            | Self::Released(key, _) => Some(*key),
            Self::AcceptFailed(_) | Self::Woken => None,
        }
    }
}

/// Listeners on a free port of an address of their own: where a test sees that nobody listens any more, the
/// port must not be another test's by then.
pub(crate) fn listeners(count: usize) -> (Vec<TcpListener>, SocketAddr) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // The whole of 127.0.0.0/8 is the loopback, on Linux; others have one address.
    let addr = if cfg!(target_os = "linux") { [127, 2, high, low] } else { [127, 0, 0, 1] };
    let listeners = bind(SocketAddr::from((addr, 0)), count, &SocketOptions::default());
    let listeners = listeners.expect("loopback has a free port");
    let addr = listeners[0].local_addr().expect("it is bound");
    (listeners, addr)
}

/// One byte, or none at the end, over the signals with which whoever runs the tests may stop them and let them
/// go on.
pub(crate) fn read_byte(peer: &mut TcpStream) -> io::Result<usize> {
    loop {
        match peer.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Nobody listens any more. A process that another test is starting has the listener until it is another
/// program.
#[track_caller]
pub(crate) fn expect_refused(addr: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    let refused = loop {
        match TcpStream::connect(addr) {
            Ok(_) => assert!(Instant::now() < deadline, "somebody listens"),
            Err(refused) => break refused,
        }
        std::thread::yield_now();
    };
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// A driver and what it has reported, oldest first.
pub(crate) struct Rig<D: Driver> {
    pub(crate) driver: D,
    pub(crate) addr: SocketAddr,
    pub(crate) seen: VecDeque<Seen>,
}

impl<D: Subject> Rig<D> {
    pub(crate) fn new() -> Self {
        let (mut listeners, addr) = listeners(1);
        let listener = listeners.remove(0);
        let driver = D::make(listener).expect("this machine can run the engine");
        Self { driver, addr, seen: VecDeque::new() }
    }

    /// One wait, and everything there is after it.
    pub(crate) fn turn(&mut self, timeout: Duration) {
        self.driver.wait(Some(timeout)).expect("the poll object is sound");
        while let Some(completion) = self.driver.next() {
            let seen = match completion {
                Completion::Accepted(key) => Seen::Accepted(key),
                Completion::AcceptFailed(error) => Seen::AcceptFailed(error),
                Completion::Received(key, lease) => {
                    assert!(!lease.is_empty(), "an empty lease");
                    let bytes = lease.to_vec();
                    self.driver.recycle(key, lease);
                    Seen::Received(key, bytes)
                }
                Completion::Writable(key) => Seen::Writable(key),
                Completion::Gone(key, how) => Seen::Gone(key, how),
                Completion::Released(key, handover) => Seen::Released(key, handover),
                Completion::Woken => Seen::Woken,
            };
            self.seen.push_back(seen);
        }
    }

    /// Takes out the first thing seen that fits, once it is.
    pub(crate) fn until<T>(&mut self, mut fits: impl FnMut(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for place in 0..self.seen.len() {
                if let Some(found) = fits(&self.seen[place]) {
                    self.seen.remove(place);
                    return found;
                }
            }
            assert!(Instant::now() < deadline, "did not happen; seen: {:?}", self.seen);
            self.turn(Duration::from_millis(100));
        }
    }

    pub(crate) fn accepted(&mut self) -> Key {
        self.until(|seen| match seen {
            Seen::Accepted(key) => Some(*key),
            _ => None,
        })
    }

    /// A peer, and the connection that it became.
    pub(crate) fn connect(&mut self) -> (Key, TcpStream) {
        let peer = connect(self.addr);
        (self.accepted(), peer)
    }

    /// Waits for this many bytes of a connection.
    pub(crate) fn receive(&mut self, key: Key, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            bytes.extend(self.until(|seen| match seen {
                Seen::Received(from, bytes) if *from == key => Some(bytes.clone()),
                _ => None,
            }));
        }
        bytes
    }

    /// Waits for the end of a connection. Everything else about it must have come before.
    pub(crate) fn gone(&mut self, key: Key) -> Ended {
        let how = self.until(|seen| match seen {
            Seen::Gone(from, Departure::Finished) if *from == key => Some(Ended::Finished),
            Seen::Gone(from, Departure::Failed(_)) if *from == key => Some(Ended::Failed),
            _ => None,
        });
        let after = self.seen.iter().find(
            |seen| matches!(seen, Seen::Received(from, _) | Seen::Gone(from, _) if *from == key),
        );
        assert!(
            after.is_none() || how == Ended::Finished,
            "left over, or reported after the end: {after:?}"
        );
        how
    }

    /// Waits for a connection that was released. Nothing else of it may come any more.
    pub(crate) fn released(&mut self, key: Key) -> Handover {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_it = |seen: &Seen| matches!(seen, Seen::Released(from, _) if *from == key);
            if let Some(place) = self.seen.iter().position(is_it)
                && let Some(Seen::Released(_, handover)) = self.seen.remove(place)
            {
                let after = self.seen.iter().skip(place).find(|seen| seen.key() == Some(key));
                assert!(after.is_none(), "reported after it has left: {after:?}");
                return handover;
            }
            assert!(Instant::now() < deadline, "never released; seen: {:?}", self.seen);
            self.turn(Duration::from_millis(100));
        }
    }

    /// Takes a connection out of this driver.
    pub(crate) fn release(&mut self, key: Key) -> Handover {
        assert!(self.driver.release(key), "there is nothing to release");
        self.released(key)
    }

    pub(crate) fn adopt(&mut self, handover: Handover) -> Key {
        self.driver.adopt(handover).expect("it comes from the same engine")
    }

    pub(crate) fn writable(&mut self, key: Key) {
        self.until(|seen| matches!(seen, Seen::Writable(from) if *from == key).then_some(()));
    }

    /// Makes sure that the driver has had its chance to report: another connection made a round trip.
    pub(crate) fn round_trip(&mut self) {
        let (key, mut peer) = self.connect();
        io::Write::write_all(&mut peer, b"x").expect("the peer is sound");
        self.receive(key, 1);
        self.driver.close(key);
    }

    pub(crate) fn send(&mut self, key: Key, bytes: &[u8]) -> Outcome {
        let slices = [IoSlice::new(bytes)];
        let mut batch = [Attempt::new(key, &slices)];
        self.driver.send(&mut batch);
        batch[0].outcome
    }

    /// Sends until the socket is full.
    pub(crate) fn fill(&mut self, key: Key) -> usize {
        let bytes = vec![b'x'; 64 * 1024];
        let mut sent = 0;
        loop {
            match self.send(key, &bytes) {
                Outcome::Sent(0) => return sent,
                Outcome::Sent(n) => sent += n,
                Outcome::Gone => panic!("the connection broke"),
            }
        }
    }

    /// How often the driver returned from waiting in half a second, with `each` called after each.
    pub(crate) fn waits_in_half_a_second(&mut self, mut each: impl FnMut(&mut Self)) -> usize {
        let end = Instant::now() + Duration::from_millis(500);
        let mut waits = 0;
        while Instant::now() < end {
            self.turn(Duration::from_millis(250));
            each(self);
            waits += 1;
        }
        waits
    }

    pub(crate) fn has_seen(&self, key: Key) -> bool {
        self.seen.iter().any(|seen| seen.key() == Some(key))
    }
}

/// A wake-up per connection retry or so is fine; a busy loop has thousands.
pub(crate) const FEW_WAITS: usize = 60;

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    Finished,
    Failed,
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(addr).expect("the backlog has room");
    peer.set_read_timeout(Some(PATIENCE)).expect("not zero");
    peer.set_write_timeout(Some(PATIENCE)).expect("not zero");
    peer
}

/// Closes with a reset instead of a FIN.
pub(crate) fn reset(peer: TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("a plain option");
    drop(peer);
}

/// Runs a test in a process of its own that may open this many descriptors: all tests of this one share
/// theirs. `test` is its name in the suite.
pub(crate) fn with_descriptors<D: Subject>(limit: usize, test: &str, run: impl FnOnce()) {
    const IN_CHILD: &str = "HEADWATER_TEST_IN_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        return run();
    }
    let this = std::env::current_exe().expect("tests run from a file");
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit -S -n {limit} && exec \"$0\" \"$@\"")])
        .arg(this)
        .args(["--exact", &format!("{}::{test}", D::NAME), "--nocapture"])
        .env(IN_CHILD, "1")
        .output()
        .expect("there is a shell");
    let output = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}\n{errors}");
    assert!(output.contains("1 passed"), "the child ran another test: {output}");
}

/// Bytes in which a lost, doubled or moved one shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = |()| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_n((), len).map(step).collect()
}
