//! The readiness engine: epoll or kqueue through mio, edge-triggered, all on one thread. Fulfils the
//! contract of `driver`.
//!
//! An edge is told once, so whatever it said is kept as a flag of the connection until a receive has
//! drained the socket. Connections with such flags stand in one queue; each gets one receive when its
//! turn comes and goes to the back if there may be more.

mod accept;
mod connection;

use crate::{
    driver::{Attempt, Completion, Driver, Key, Outcome, Sockets, Wake},
    handover::{self, Handover, NotAdopted},
    slots::Slots,
    socket::{self, RECEIVE_BUFFER_BYTES},
    std_threads::poll,
    unsent::unsent_bytes,
};
use accept::Acceptor;
use connection::{Connection, Flow, Step};
use mio::{Events, Interest, Poll, Token};
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr, TcpListener},
    ops::Deref,
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

/// The epoll engine's part of one worker.
pub struct Epoll {
    poll: Poll,
    events: Events,
    waker: Arc<mio::Waker>,
    woken: bool,
    acceptor: Acceptor,
    connections: Slots<Connection>,
    ready: VecDeque<Ready>,
    /// How many turns are left before [`Driver::next`] gives way to new events.
    turns: usize,
    spare: Option<Box<[u8]>>,
}

/// Who has something to do.
#[derive(Clone, Copy, Debug)]
enum Ready {
    Listener,
    Connection(Key),
}

/// Received bytes, in the buffer that the driver lends.
#[derive(Debug)]
pub struct Lease {
    buffer: Box<[u8]>,
    len: usize,
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

/// A connection on its way to another driver.
#[derive(Debug)]
pub(crate) struct Carried(Connection);

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// How many events one wait takes from the kernel; the rest come with the next.
const EVENTS: usize = 1024;

impl Epoll {
    /// A driver that accepts on this listener, which it makes non-blocking.
    ///
    /// # Errors
    /// When the system has no room for the poll object or the wake handle.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKER)?);
        let mut listener = mio::net::TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            waker,
            woken: false,
            acceptor: Acceptor::new(listener),
            connections: Slots::new(),
            ready: VecDeque::new(),
            turns: 0,
            spare: None,
        })
    }

    /// Moves what the kernel told into flags and the queue. No connection is closed in between, so an
    /// event cannot outlive its connection; the generation in the token guards against a descriptor
    /// that a forked child still holds.
    fn take_events(&mut self) {
        for event in &self.events {
            match event.token() {
                WAKER => self.woken = true,
                LISTENER => {
                    if self.acceptor.note_ready() {
                        self.ready.push_back(Ready::Listener);
                    }
                }
                Token(word) => {
                    // Narrower machines keep the index only.
                    let index = word & u32::MAX as usize;
                    let key = self.connections.key_at(index).filter(|key| token(*key).0 == word);
                    let Some(key) = key else { continue };
                    let Some(connection) = self.connections.get_mut(key) else { continue };
                    connection.note(event);
                    if connection.enqueue() {
                        self.ready.push_back(Ready::Connection(key));
                    }
                }
            }
        }
    }

    fn enqueue(&mut self, key: Key) {
        if self.connections.get_mut(key).is_some_and(Connection::enqueue) {
            self.ready.push_back(Ready::Connection(key));
        }
    }

    fn accept_turn(&mut self) -> Option<Completion<Lease>> {
        let accepted = self.acceptor.accept(self.poll.registry(), &mut self.connections);
        if self.acceptor.is_ready() {
            // A slice of accepts counts as one turn; then the others are served.
            if self.acceptor.slice_left() {
                self.ready.push_front(Ready::Listener);
                self.turns += 1;
            } else {
                self.ready.push_back(Ready::Listener);
            }
        }
        accepted
    }

    fn connection_turn(&mut self, key: Key) -> Option<Completion<Lease>> {
        let connection = self.connections.get_mut(key)?;
        connection.dequeue();
        let step = connection.step(&mut self.spare);
        if let Step::Released = step {
            let carried = handover::Carried::Epoll(Carried(self.connections.remove(key)?));
            return Some(Completion::Released(key, Handover(carried)));
        }
        self.enqueue(key);
        match step {
            Step::Nothing | Step::Released => None,
            Step::Writable => Some(Completion::Writable(key)),
            Step::Received(lease) => Some(Completion::Received(key, lease)),
            Step::Gone(departure) => Some(Completion::Gone(key, departure)),
        }
    }

    fn try_send(&mut self, key: Key, slices: &[IoSlice<'_>]) -> Outcome {
        let Some(connection) = self.connections.get_mut(key) else { return Outcome::Gone };
        let (outcome, short) = socket::attempt(&connection.stream, slices);
        if short {
            connection.stalled = true;
            // More slices than one call takes: the socket may have room, so no edge would come.
            if slices.len() > socket::MAX_SLICES {
                connection.writable = true;
                self.enqueue(key);
            }
        }
        outcome
    }
}

impl Driver for Epoll {
    type Lease = Lease;

    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let at_once = self.woken || self.acceptor.has_reports() || !self.ready.is_empty();
        let timeout = if at_once { Some(Duration::ZERO) } else { timeout };
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => self.take_events(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.turns = self.ready.len();
        self.acceptor.refill_slice();
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<Lease>> {
        if std::mem::take(&mut self.woken) {
            return Some(Completion::Woken);
        }
        if let Some(report) = self.acceptor.report() {
            return Some(report);
        }
        while self.turns > 0 {
            self.turns -= 1;
            let completion = match self.ready.pop_front()? {
                Ready::Listener => self.accept_turn(),
                Ready::Connection(key) => self.connection_turn(key),
            };
            if completion.is_some() {
                return completion;
            }
        }
        None
    }

    fn recycle(&mut self, key: Key, lease: Lease) {
        self.spare = Some(lease.buffer);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.lent = false;
            self.enqueue(key);
        }
    }
}

impl Sockets for Epoll {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        for attempt in batch {
            attempt.outcome = self.try_send(attempt.key, attempt.slices);
        }
    }

    fn pause(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.flow == Flow::Receiving
        {
            connection.flow = Flow::Paused;
        }
    }

    fn resume(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.flow == Flow::Paused
        {
            connection.flow = Flow::Receiving;
            self.enqueue(key);
        }
    }

    fn detach(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && !matches!(connection.flow, Flow::Departed | Flow::Leaving)
        {
            connection.flow = Flow::Detached;
            self.enqueue(key);
        }
    }

    fn shutdown(&mut self, key: Key) {
        if let Some(connection) = self.connections.get(key) {
            // Fails only on a connection that is broken, which receiving reports.
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
    }

    fn close(&mut self, key: Key) {
        // Closing the descriptor takes it out of the poll object; what still stands in the queue under
        // this key finds nobody.
        drop(self.connections.remove(key));
    }

    fn release(&mut self, key: Key) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        match connection.flow {
            Flow::Departed => return false,
            Flow::Leaving => return true,
            Flow::Receiving | Flow::Paused | Flow::Detached => {}
        }
        // Fails only if it is not registered. What it told before has been taken out of it.
        let _ = self.poll.registry().deregister(&mut connection.stream);
        connection.flow = Flow::Leaving;
        self.enqueue(key);
        true
    }

    fn adopt(&mut self, handover: Handover) -> Result<Key, NotAdopted> {
        let handover::Carried::Epoll(Carried(connection)) = handover.0 else {
            return Err(NotAdopted::of_another_engine(handover.0));
        };
        let registry = self.poll.registry();
        accept::insert(connection.arrived(), registry, &mut self.connections).map_err(
            |(error, connection)| {
                NotAdopted::new(handover::Carried::Epoll(Carried(connection)), error)
            },
        )
    }

    fn resume_accept(&mut self) {
        if self.acceptor.resume() {
            self.ready.push_back(Ready::Listener);
        }
    }

    fn stop_accepting(&mut self) {
        self.acceptor.stop(self.poll.registry(), &mut self.connections);
    }

    fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        self.connections.get(key)?.stream.peer_addr().ok()
    }

    fn has_finished(&self, key: Key) -> bool {
        self.connections.get(key).is_some_and(|at| poll::has_finished(at.stream.as_fd()))
    }

    fn unsent_bytes(&self, key: Key) -> Option<usize> {
        unsent_bytes(self.connections.get(key)?.stream.as_fd())
    }

    fn open(&self) -> usize {
        self.connections.len()
    }
}

impl Wake for mio::Waker {
    fn wake(&self) {
        // Inherent methods come first: this is mio's. It fails only if the event descriptor is
        // broken, and then the poll object of the worker is too, which its wait reports.
        let _ = Self::wake(self);
    }
}

/// Whether this machine has what the engine needs: a poll object and a wake handle.
pub(crate) fn self_test() -> io::Result<()> {
    let poll = Poll::new()?;
    mio::Waker::new(poll.registry(), WAKER).map(drop)
}

/// Where a connection's events are filed. Below the two tokens above, since no index is 2³² − 1.
#[allow(clippy::cast_possible_truncation, reason = "narrower machines keep the index only")]
fn token(key: Key) -> Token {
    Token(key.to_u64() as usize)
}

fn buffer() -> Box<[u8]> {
    vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice()
}
