//! What all scenarios stand on: servers that must end well, and waiting for conditions. The clients are
//! in `peer`, `answer` and `subscriber`.

mod answer;
mod futures;
mod numbers;
mod peer;
#[cfg(feature = "tracing")]
pub(crate) mod reports;
mod source;
mod subscriber;

pub(crate) use answer::Answer;
pub(crate) use futures::{Gate, block_on};
pub(crate) use numbers::Numbers;
pub(crate) use peer::{End, Peer, get};
pub(crate) use source::Source;
pub(crate) use subscriber::{Ending, Heard, Subscriber};

use headwater::{Engine, Router, Server, ServerBuilder, ServerHandle};
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take before it counts as not happening. Far more than a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(50);
    while !condition() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// A server with two workers on a free port of an address of its own: some tests go on connecting to a
/// server that has ended, whose port may be the next one's, and that counts its connections.
pub(crate) fn builder(engine: Engine) -> ServerBuilder {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // The whole of 127.0.0.0/8 is the loopback, on Linux; others have one address.
    let addr = if cfg!(target_os = "linux") { [127, 1, high, low] } else { [127, 0, 0, 1] };
    let addr = SocketAddr::from((addr, 0));
    Server::builder().bind(addr.to_string()).engine(engine).workers(2)
}

/// Serves with two workers.
#[track_caller]
pub(crate) fn serve(engine: Engine, router: Router) -> Running {
    Running::from(builder(engine).serve(router).expect("a free port of the loopback"))
}

/// Serves with one worker, where all connections share a core.
#[track_caller]
pub(crate) fn serve_on_one(engine: Engine, router: Router) -> Running {
    let one = builder(engine).workers(1);
    Running::from(one.serve(router).expect("a free port of the loopback"))
}

/// A running server. Dropping it ends the server, and fails the test if a worker did not end well.
pub(crate) struct Running {
    handle: ServerHandle,
}

impl From<ServerHandle> for Running {
    fn from(handle: ServerHandle) -> Self {
        Self { handle }
    }
}

impl Running {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.handle.local_addrs()[0]
    }

    /// A new connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> Peer {
        Peer::connect(self.addr())
    }

    /// A new connection that takes few bytes while its client does not read.
    #[track_caller]
    pub(crate) fn connect_narrow(&self) -> Peer {
        Peer::connect_narrow(self.addr())
    }

    /// The answer to one GET on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut peer = self.connect();
        peer.ask(path);
        peer.answer()
    }

    /// An open stream, its head read: whoever has the head is subscribed.
    #[track_caller]
    pub(crate) fn subscribe(&self, path: &str) -> Subscriber {
        Subscriber::open(self.connect(), path)
    }

    #[track_caller]
    pub(crate) fn wait_for_connections(&self, connections: usize) {
        let what = format!("{connections} connections are open");
        eventually(&what, || self.handle.stats().connections == connections);
    }
}

impl Deref for Running {
    type Target = ServerHandle;

    fn deref(&self) -> &ServerHandle {
        &self.handle
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.handle.drain(Duration::ZERO).wait();
        if !std::thread::panicking() {
            ended.expect("no worker fails");
        }
    }
}

/// Sets a flag when it is dropped, so that a thread that waits for it ends although a test fails.
pub(crate) struct SetAtEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `count` bytes that are the same nowhere near.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| b"0123456789abcdefghijklmnopqrstuvwxyz"[(at ^ (at >> 9)) % 36]).collect()
}
