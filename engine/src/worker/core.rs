//! What an application can do with its worker: the sockets, a deadline per connection, the time of the
//! turn. Delegates to the driver and the timers; what it adds is that closing a connection
//! forgets its deadline, and that bytes are counted.

use crate::{
    driver::{Attempt, Key, Outcome, Sockets},
    handover::{Handover, NotAdopted},
    timer::{Class, Fifo},
};
use std::{
    fmt,
    io::IoSlice,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// The worker as its application sees it.
pub struct Core<'a> {
    sockets: &'a mut dyn Sockets,
    timers: &'a mut Timers,
    traffic: &'a mut Traffic,
    now: Instant,
}

/// Bytes that a worker's sockets have moved since its start. What the peer of a detached connection sends
/// is thrown away by the driver, and not in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes that the application was given.
    pub received: u64,
    /// Bytes that the kernel took.
    pub sent: u64,
}

impl<'a> Core<'a> {
    pub(super) fn new(
        sockets: &'a mut dyn Sockets,
        timers: &'a mut Timers,
        traffic: &'a mut Traffic,
        now: Instant,
    ) -> Self {
        Self { sockets, timers, traffic, now }
    }
}

impl Core<'_> {
    /// The time of this turn: read once, after the wait.
    #[inline]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Tries each attempt once, in order, and writes its outcome. What was sent is counted by whoever reads
    /// the outcomes, in the same pass: [`Core::count_sent`].
    pub fn send(&mut self, batch: &mut [Attempt<'_>]) {
        self.sockets.send(batch);
    }

    /// Counts bytes that were sent by [`Core::send`].
    #[inline]
    pub const fn count_sent(&mut self, bytes: u64) {
        self.traffic.sent += bytes;
    }

    /// Tries once to send to one connection, and counts what was sent.
    #[inline]
    pub fn send_one(&mut self, key: Key, slices: &[IoSlice<'_>]) -> Outcome {
        let mut batch = [Attempt::new(key, slices)];
        self.sockets.send(&mut batch);
        if let Outcome::Sent(bytes) = batch[0].outcome {
            self.traffic.sent += bytes as u64;
        }
        batch[0].outcome
    }

    /// What was moved until now, in this turn and before.
    #[inline]
    pub const fn traffic(&self) -> Traffic {
        *self.traffic
    }

    /// See [`Sockets::pause`].
    #[inline]
    pub fn pause(&mut self, key: Key) {
        self.sockets.pause(key);
    }

    /// See [`Sockets::resume`].
    #[inline]
    pub fn resume(&mut self, key: Key) {
        self.sockets.resume(key);
    }

    /// See [`Sockets::detach`].
    pub fn detach(&mut self, key: Key) {
        self.sockets.detach(key);
    }

    /// See [`Sockets::shutdown`].
    pub fn shutdown(&mut self, key: Key) {
        self.sockets.shutdown(key);
    }

    /// Closes the connection, frees its slot and forgets its deadline.
    pub fn close(&mut self, key: Key) {
        self.timers.forget(key);
        self.sockets.close(key);
    }

    /// See [`Sockets::release`]. Its deadline stays set until it has left.
    pub fn release(&mut self, key: Key) -> bool {
        self.sockets.release(key)
    }

    /// See [`Sockets::adopt`]. It has no deadline; the application is not told that it was accepted.
    ///
    /// # Errors
    /// [`NotAdopted`] hands the connection back.
    pub fn adopt(&mut self, connection: Handover) -> Result<Key, NotAdopted> {
        let key = self.sockets.adopt(connection)?;
        self.timers.register(key);
        Ok(key)
    }

    /// See [`Sockets::resume_accept`].
    pub fn resume_accept(&mut self) {
        self.sockets.resume_accept();
    }

    /// See [`Sockets::stop_accepting`].
    pub fn stop_accepting(&mut self) {
        self.sockets.stop_accepting();
    }

    /// See [`Sockets::peer_addr`].
    pub fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        self.sockets.peer_addr(key)
    }

    /// See [`Sockets::has_finished`].
    pub fn has_finished(&self, key: Key) -> bool {
        self.sockets.has_finished(key)
    }

    /// See [`Sockets::unsent_bytes`].
    pub fn unsent_bytes(&self, key: Key) -> Option<usize> {
        self.sockets.unsent_bytes(key)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.sockets.open()
    }

    /// The class of deadlines this far ahead, rounded up to a multiple of `granularity`; the same for
    /// the same arguments. See [`Fifo::class`].
    pub fn class(&mut self, duration: Duration, granularity: Duration) -> Class {
        self.timers.fifo.class(duration, granularity)
    }

    /// Sets the deadline of this connection, in place of any other it had. Does nothing when the
    /// connection is gone.
    #[inline]
    pub fn arm(&mut self, key: Key, class: Class) {
        if self.timers.is_registered(key) {
            self.timers.fifo.arm(key.index(), class, self.now);
        }
    }

    /// Forgets the deadline of this connection.
    #[inline]
    pub fn cancel(&mut self, key: Key) {
        if self.timers.is_registered(key) {
            self.timers.fifo.cancel(key.index());
        }
    }

    /// The class that this connection is armed with.
    #[inline]
    pub fn armed(&self, key: Key) -> Option<Class> {
        if self.timers.is_registered(key) { self.timers.fifo.armed(key.index()) } else { None }
    }

    /// The connection that was armed first of those with this class.
    pub fn oldest(&self, class: Class) -> Option<Key> {
        self.timers.fifo.oldest(class).and_then(|index| self.timers.key_at(index))
    }
}

impl fmt::Debug for Core<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// Deadlines by key: the queues know slots only.
#[derive(Debug)]
pub(super) struct Timers {
    fifo: Fifo,
    /// Which tenant each slot has, or [`VACANT`].
    generations: Vec<u32>,
}

/// No connection: see `Slots`.
const VACANT: u32 = 0;

impl Timers {
    pub(super) const fn new(epoch: Instant) -> Self {
        Self { fifo: Fifo::new(epoch), generations: Vec::new() }
    }

    pub(super) fn register(&mut self, key: Key) {
        if key.index() >= self.generations.len() {
            self.generations.resize(key.index() + 1, VACANT);
        }
        self.generations[key.index()] = key.generation();
    }

    pub(super) fn forget(&mut self, key: Key) {
        if self.is_registered(key) {
            self.fifo.cancel(key.index());
            self.generations[key.index()] = VACANT;
        }
    }

    #[inline]
    fn is_registered(&self, key: Key) -> bool {
        self.key_at(key.index()) == Some(key)
    }

    #[allow(clippy::cast_possible_truncation, reason = "an index in use fits: it is a key's")]
    #[inline]
    fn key_at(&self, index: usize) -> Option<Key> {
        let generation = self.generations.get(index).filter(|generation| **generation != VACANT)?;
        Some(Key::new(index as u32, *generation))
    }

    pub(super) fn expired(&mut self, now: Instant) -> Option<(Key, Class)> {
        let (index, class) = self.fifo.expired(now)?;
        // Only registered slots are armed, so there is a tenant.
        Some((self.key_at(index)?, class))
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.fifo.next_deadline()
    }
}
