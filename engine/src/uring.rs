//! The `io_uring` engine, Linux only. Fulfils the contract of `driver`.
//!
//! Accepting and receiving are multishot, into buffers that the kernel is provided with; a detached
//! connection is only polled; a batch of sends is one submission, in which each attempt ends. What
//! completions say is queued in their order, and reported when its turn comes. Each operation carries
//! a tag with the generation of its connection, and a connection is closed only after the last
//! completion of everything that was under way on it. Rings are set up in `setup`; what the kernel is
//! told and tells goes through the contract in `ring`, so that tests can replay completions.

mod accept;
mod closing;
mod connection;
mod contract;
mod held;
mod kernel;
mod pool;
mod ring;
mod self_test;
mod setup;
mod tag;
mod wake;

use crate::{driver::Key, slots::Slots};
use accept::Acceptor;
use closing::Closing;
use connection::{Connection, Wish};
use held::{Held, Pieces};
use kernel::KernelRing;
use ring::{Brought, Completed, Operation, Patience, Piece, Ring};
pub(crate) use self_test::self_test;
use std::{
    collections::VecDeque,
    io,
    net::{TcpListener, TcpStream},
    ops::Deref,
    os::fd::AsRawFd,
    sync::Arc,
};
use tag::{Tag, Watch};
use wake::EventFd;

/// The `io_uring` engine's part of one worker. Belongs to the thread that made it.
#[derive(Debug)]
pub struct Uring {
    /// Dropped first: it waits until the kernel has let go of everything.
    ring: Box<dyn Ring>,
    granted: String,
    acceptor: Acceptor,
    connections: Slots<Connection>,
    held: Held,
    closing: Closing,
    waker: Arc<EventFd>,
    /// Whether the poll of the wake handle is under way.
    polls_waker: bool,
    ready: VecDeque<Ready>,
    /// How many turns are left before [`Driver::next`] gives way to new completions.
    turns: usize,
    /// What detached connections send is received here, and forgotten.
    scratch: Vec<u8>,
}

/// What is to be reported, or looked at.
#[derive(Debug)]
enum Ready {
    Accepted(Key),
    AcceptFailed(io::Error),
    Woken,
    Piece(Key, Piece),
    /// Something else about a connection.
    Turn(Key),
}

/// Received bytes on loan: a buffer of the kernel's, or a copy.
#[derive(Debug)]
pub struct Lease(Bytes);

#[derive(Debug)]
enum Bytes {
    Piece(Piece),
    Copy(Box<[u8]>),
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Piece(piece) => piece.bytes(),
            Bytes::Copy(bytes) => bytes,
        }
    }
}

/// A connection on its way to another driver. Nothing is under way on it.
#[derive(Debug)]
pub(crate) struct Carried(Box<(Connection, Pieces)>);

#[allow(clippy::cast_sign_loss, reason = "flags")]
mod events {
    pub(super) const READABLE: u32 = libc::POLLIN as u32;
    pub(super) const ROOM: u32 = libc::POLLOUT as u32;
    /// These need not be asked for.
    pub(super) const RESET: u32 = 0;
    pub(super) const BROKEN: u32 = (libc::POLLERR | libc::POLLHUP) as u32;
    pub(super) const DETACHED: u32 = (libc::POLLIN | libc::POLLRDHUP) as u32;
}

impl Uring {
    /// A driver that accepts on this listener.
    ///
    /// # Errors
    /// When the kernel gives no ring, in one line that says why, or no wake handle.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        Self::with_ring(setup::ring()?, listener)
    }

    fn with_ring(ring: KernelRing, listener: TcpListener) -> io::Result<Self> {
        // Accepting waits in the kernel, which it does on blocking sockets only.
        listener.set_nonblocking(false)?;
        let granted = ring.granted.to_string();
        Self::over(Box::new(ring), granted, listener)
    }

    /// A driver over any ring.
    fn over(ring: Box<dyn Ring>, granted: String, listener: TcpListener) -> io::Result<Self> {
        Ok(Self {
            ring,
            granted,
            acceptor: Acceptor::new(listener),
            connections: Slots::new(),
            held: Held::default(),
            closing: Closing::default(),
            waker: Arc::new(EventFd::new()?),
            polls_waker: false,
            ready: VecDeque::new(),
            turns: 0,
            scratch: Vec::new(),
        })
    }

    /// Queues what every wait needs under way.
    fn prepare(&mut self) -> io::Result<()> {
        if !self.polls_waker {
            self.polls_waker = true;
            let poll = Operation::PollMulti(self.waker.as_raw_fd(), events::READABLE);
            self.ring.push(Tag::Wake, poll);
        }
        if self.acceptor.is_about_to_accept() && !self.closing.is_empty() {
            // Their descriptors are free once their last completions were taken.
            self.ring.enter(Patience::None)?;
            self.take_completions();
        }
        self.acceptor.begin(&mut *self.ring);
        Ok(())
    }

    /// Moves what the kernel tells into the queue.
    fn take_completions(&mut self) {
        while let Some(completed) = self.ring.reap() {
            let Completed { tag, result, more, brought } = completed;
            match tag {
                Tag::Accept => self.accept(result, more, brought),
                Tag::Listener => self.acceptor.polled(),
                Tag::Wake => {
                    if !more {
                        self.polls_waker = false;
                        self.waker.reset();
                    }
                    self.ready.push_back(Ready::Woken);
                }
                Tag::Connection(Watch::Receive, key) => self.receive(key, result, more, brought),
                Tag::Connection(watch, key) => self.polled(key, watch, result, more),
                // A cancel says nothing: what it takes back completes by itself. Sends that were given
                // up with a broken ring are nobody's.
                Tag::Cancel | Tag::Send(_) => {}
            }
        }
    }

    fn accept(&mut self, result: Result<u32, i32>, more: bool, brought: Brought) {
        if let Brought::Socket(socket) = brought {
            self.acceptor.accepted();
            let report = self.admit(socket);
            self.ready.push_back(report);
        }
        if !more && let Some(error) = self.acceptor.ended(result.err()) {
            self.ready.push_back(Ready::AcceptFailed(error));
        }
    }

    fn admit(&mut self, socket: TcpStream) -> Ready {
        if let Some(error) = self.has_no_slot() {
            return Ready::AcceptFailed(self.acceptor.fail(error));
        }
        let key = self.connections.insert(Connection::new(socket));
        self.settle(key);
        Ready::Accepted(key)
    }

    /// Indices are reused, so the greatest is below the number of connections.
    fn has_no_slot(&self) -> Option<io::Error> {
        (self.connections.len() > Tag::MAX_INDEX)
            .then(|| io::Error::other("more connections than one worker can name"))
    }

    fn receive(&mut self, key: Key, result: Result<u32, i32>, more: bool, brought: Brought) {
        let connection = self.connections.get_mut(key);
        if connection.is_none() && !more {
            self.closing.ended(key, Watch::Receive);
        }
        match (brought, connection) {
            (Brought::Piece(piece), None) => return self.ring.recycle(piece),
            (_, None) => return,
            (Brought::Piece(piece), Some(connection)) => {
                connection.piece_came();
                self.ready.push_back(Ready::Piece(key, piece));
            }
            (_, Some(connection)) => {
                if result == Err(libc::ENOBUFS) {
                    self.ring.grow();
                }
                if !more {
                    connection.receive_ended(result);
                }
            }
        }
        if !more && let Some(connection) = self.connections.get_mut(key) {
            connection.ended(Watch::Receive);
        }
        self.go_on(key);
    }

    fn polled(&mut self, key: Key, watch: Watch, result: Result<u32, i32>, more: bool) {
        let Some(connection) = self.connections.get_mut(key) else {
            if !more {
                self.closing.ended(key, watch);
            }
            return;
        };
        if !more {
            connection.ended(watch);
        }
        connection.polled(watch, result);
        self.go_on(key);
    }

    /// Queues the connection if there is something to report of it, and asks the kernel for what is
    /// wanted now.
    fn go_on(&mut self, key: Key) {
        if self.connections.get_mut(key).is_some_and(Connection::enqueue) {
            self.ready.push_back(Ready::Turn(key));
        }
        self.settle(key);
    }

    /// Asks the kernel for what is wanted now.
    fn settle(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let fd = connection.socket.as_raw_fd();
        while let Some(wish) = connection.next_wish() {
            let (tag, operation) = match wish {
                Wish::Cancel(watch) => {
                    (Tag::Cancel, Operation::Cancel(Tag::Connection(watch, key)))
                }
                Wish::Begin(watch) => {
                    let operation = match watch {
                        Watch::Receive => Operation::Receive(fd),
                        Watch::Detached => Operation::Poll(fd, events::DETACHED),
                        // The kernel also tells of the peer's end, unasked. A poll that goes on
                        // tells of it once.
                        Watch::Reset => Operation::PollMulti(fd, events::RESET),
                        Watch::Room => Operation::PollMulti(fd, events::ROOM),
                    };
                    (Tag::Connection(watch, key), operation)
                }
            };
            self.ring.push(tag, operation);
        }
    }

    /// Changes a connection, and goes on with it.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(key) {
            change(connection);
            self.go_on(key);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
