//! The driver over a ring whose completions a script decides: every order in which the kernel may tell
//! things, replayed over real sockets. What the real kernel does is the conformance suite's to test.

mod handing_over;
mod lifetime;
mod pausing;
mod pitfalls;
mod random;
mod scripted_ring;

use super::{Uring, ring::Operation, tag::Tag, tag::Watch};
use crate::driver::{Attempt, Completion, Departure, Driver, Key, Outcome, Sockets};
use crate::handover::Handover;
use scripted_ring::{Kernel, ScriptedRing};
use std::{
    collections::HashMap,
    io::{IoSlice, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

/// A driver, and the kernel that it believes to be talking to.
struct Stage {
    driver: Uring,
    kernel: Kernel,
    listener: TcpListener,
    /// Connections that have left.
    handovers: HashMap<Key, Handover>,
}

impl Stage {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let (ring, kernel) = ScriptedRing::new();
        let given = listener.try_clone().expect("a descriptor");
        let driver = Uring::over(Box::new(ring), String::new(), given).expect("a wake handle");
        let mut stage = Self { driver, kernel, listener, handovers: HashMap::new() };
        stage.turn();
        stage
    }

    /// A peer, and the connection that it became. Its receive is under way.
    fn connect(&mut self) -> (Key, TcpStream) {
        let peer =
            TcpStream::connect(self.listener.local_addr().expect("bound")).expect("loopback");
        peer.set_read_timeout(Some(Duration::from_mins(1))).expect("not zero");
        let (socket, _) = self.listener.accept().expect("it connected");
        self.kernel.accepted(socket);
        let seen = self.turn();
        let [Seen::Accepted(key)] = seen[..] else { panic!("{seen:?}") };
        (key, peer)
    }

    /// What has left under this key.
    fn take_left(&mut self, key: Key) -> Handover {
        self.handovers.remove(&key).expect("it has left")
    }

    /// One wait, and everything that is reported after it.
    fn turn(&mut self) -> Vec<Seen> {
        self.driver.wait(Some(Duration::ZERO)).expect("a scripted ring never breaks by itself");
        let mut seen = Vec::new();
        while let Some(completion) = self.driver.next() {
            seen.push(self.describe(completion));
        }
        seen
    }

    fn describe(&mut self, completion: Completion<super::Lease>) -> Seen {
        match completion {
            Completion::Accepted(key) => Seen::Accepted(key),
            Completion::AcceptFailed(error) => Seen::AcceptFailed(error.raw_os_error()),
            Completion::Received(key, lease) => {
                let text = String::from_utf8_lossy(&lease).into_owned();
                self.driver.recycle(key, lease);
                Seen::Received(key, text)
            }
            Completion::Writable(key) => Seen::Writable(key),
            Completion::Gone(key, Departure::Finished) => Seen::Finished(key),
            Completion::Gone(key, Departure::Failed(error)) => {
                Seen::Failed(key, error.raw_os_error())
            }
            Completion::Released(key, handover) => {
                self.handovers.insert(key, handover);
                Seen::Released(key)
            }
            Completion::Woken => Seen::Woken,
        }
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Seen {
    Accepted(Key),
    AcceptFailed(Option<i32>),
    Received(Key, String),
    Writable(Key),
    Finished(Key),
    Failed(Key, Option<i32>),
    Released(Key),
    Woken,
}

fn received(key: Key, text: &str) -> Seen {
    Seen::Received(key, text.to_owned())
}

const fn receive(key: Key) -> Tag {
    Tag::Connection(Watch::Receive, key)
}

/// Whether the peer sees the end of the connection.
fn sees_the_end(mut peer: TcpStream) -> bool {
    matches!(peer.read(&mut [0]), Ok(0))
}

/// Closes with a reset instead of a FIN.
fn break_off(peer: TcpStream) {
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("a plain option");
    drop(peer);
}
