//! The contract that every engine fulfils. A driver moves bytes and reports what happened to
//! sockets; it knows nothing of requests, events or deadlines (see `timer` and `worker`).
//!
//! The worker calls [`Driver::wait`] once, then [`Driver::next`] until it returns `None`, and uses
//! the operations of [`Sockets`] in between. What every driver promises:
//!
//! 1. A send ends inside the call. Nothing of the caller's is in flight in the kernel afterwards.
//! 2. After [`Sockets::close`] no completion carries that key again; the index may be reused, the
//!    generation is not. Operations on a key that is gone do nothing and report [`Outcome::Gone`].
//! 3. `Gone` is reported once per connection, after every byte that came before it, and the
//!    connection stays open (so that an answer can still be sent after a FIN) until `close`.
//! 4. After a send that did not take everything, `Writable` follows as soon as there is room again.
//!    It may also come without need.
//! 5. A connection that is paused delivers no `Received`, and costs no CPU. It still reports a reset.
//! 6. A detached connection delivers no `Received` any more: what the peer sends is read and thrown
//!    away by the driver, so that a FIN behind it is noticed at once.
//! 7. At most one lease per connection is out at a time; the next bytes of a connection come only
//!    after its lease was recycled.
//! 8. `AcceptFailed` stops accepting until [`Sockets::resume_accept`]: the listener never spins.
//!    Errors that concern only one embryonic connection (`ECONNABORTED` and the like) are skipped.
//! 9. After [`Sockets::release`] nothing is reported of the connection but `Released`, once nothing of the
//!    kernel's and no lease refers to it any more. What it has received meanwhile, and its end, travel
//!    along. Until then it may be sent to, and closed: then nothing is reported at all.
//! 10. After [`Sockets::adopt`] it is like one that was just accepted: what travelled along is delivered
//!     first, the end behind it, and `Writable` follows where a send had fallen short before.

use crate::handover::{Handover, NotAdopted};
use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    ops::Deref,
    sync::Arc,
    time::Duration,
};

/// Names one connection of one worker: a slot, and which of its tenants is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// A key from its parts; drivers and tests make them, applications only pass them on.
    pub const fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// The slot, reused after `close`: small enough to index a table with.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Which tenant of the slot; differs from every earlier tenant's.
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// Both parts in one word, for places that carry a plain number.
    pub const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// The reverse of [`Key::to_u64`].
    #[allow(clippy::cast_possible_truncation, reason = "takes the word apart on purpose")]
    pub const fn from_u64(word: u64) -> Self {
        Self { index: word as u32, generation: (word >> 32) as u32 }
    }
}

/// How a connection ended on the peer's side.
#[derive(Debug)]
pub enum Departure {
    /// The peer will send nothing more (FIN). It may still read.
    Finished,
    /// Reset, timed out, or broken otherwise: nothing can be sent or received.
    Failed(io::Error),
}

/// What happened to a socket, or to the worker.
#[derive(Debug)]
pub enum Completion<L> {
    /// A new connection; it is receiving already.
    Accepted(Key),
    /// Accepting failed for want of a resource (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, no thread)
    /// and stands still until [`Sockets::resume_accept`].
    AcceptFailed(io::Error),
    /// Bytes, lent until [`Driver::recycle`]. Never empty.
    Received(Key, L),
    /// There may be room to send again.
    Writable(Key),
    /// The peer left. See promise 3.
    Gone(Key, Departure),
    /// The connection has left this worker, and its slot is free. See promise 9.
    Released(Key, Handover),
    /// Somebody used the [`Wake`] handle. Several wakes may come as one.
    Woken,
}

/// One non-blocking attempt to send, and what came of it.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Where to.
    pub key: Key,
    /// What, in order. At most 1,024 slices are looked at.
    pub slices: &'a [IoSlice<'a>],
    /// Filled in by [`Sockets::send`].
    pub outcome: Outcome,
}

impl<'a> Attempt<'a> {
    /// An attempt not made yet.
    pub const fn new(key: Key, slices: &'a [IoSlice<'a>]) -> Self {
        Self { key, slices, outcome: Outcome::Sent(0) }
    }

    /// How many bytes are offered.
    pub fn offered(&self) -> usize {
        self.slices.iter().map(|slice| slice.len()).sum()
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The kernel took this many bytes. Fewer than offered, zero included, means that the socket is
    /// full: `Writable` follows.
    Sent(usize),
    /// The connection cannot take bytes any more; close it.
    Gone,
}

/// What can be done to the sockets of one worker. Object-safe, so that applications are compiled
/// once and not per driver.
pub trait Sockets {
    /// Tries each attempt once, in order, and writes its outcome.
    fn send(&mut self, batch: &mut [Attempt<'_>]);

    /// Stops delivering bytes of this connection: back-pressure.
    fn pause(&mut self, key: Key);

    /// Undoes `pause`.
    fn resume(&mut self, key: Key);

    /// From now on this connection only sends (promise 6). Undoes `pause`.
    fn detach(&mut self, key: Key);

    /// Sends a FIN after everything sent before. Receiving goes on.
    fn shutdown(&mut self, key: Key);

    /// Closes the connection and frees its slot.
    fn close(&mut self, key: Key);

    /// Takes the connection out of this worker, to be adopted by another one: `Released` follows (promise
    /// 9). False, and nothing happens, if it is gone or its end was reported: there is nothing to hand
    /// over then but its close.
    fn release(&mut self, key: Key) -> bool;

    /// Takes over a connection that another driver of this engine has released (promise 10).
    ///
    /// # Errors
    /// [`NotAdopted`] hands it back when it comes from another engine, or the system has no room for it.
    fn adopt(&mut self, handover: Handover) -> Result<Key, NotAdopted>;

    /// Tries to accept again after `AcceptFailed`.
    fn resume_accept(&mut self);

    /// Accepts what the kernel has queued already (reported by the next calls of `next`), then closes
    /// the listener.
    fn stop_accepting(&mut self);

    /// The address of the peer, asked from the kernel. `None` when the connection is gone.
    fn peer_addr(&self, key: Key) -> Option<SocketAddr>;

    /// Asks the kernel whether the peer has said its last word, although what it said before was not
    /// received: for a paused connection, whose end is reported only once it is resumed. Where the system
    /// cannot tell (not Linux), false until both directions are shut down; also false when the connection
    /// is gone.
    fn has_finished(&self, key: Key) -> bool;

    /// Asks the kernel how many bytes it has taken for this connection and the peer has not acknowledged.
    /// `None` where the system cannot tell (not Linux), and when the connection is gone.
    fn unsent_bytes(&self, key: Key) -> Option<usize>;

    /// How many connections are open.
    fn open(&self) -> usize;
}

/// One engine's part of one worker. See the module for what it promises.
pub trait Driver: Sockets {
    /// Received bytes on loan.
    type Lease: Deref<Target = [u8]>;

    /// What the system has granted this driver, in one line for people; nothing where there is nothing
    /// to grant.
    fn granted(&self) -> String {
        String::new()
    }

    /// A handle that ends a `wait` from any thread.
    fn waker(&self) -> Arc<dyn Wake>;

    /// Waits until something happened or the time is over; `None` waits for ever. Returns at once
    /// when [`Driver::next`] still has something, or a wake came before.
    ///
    /// # Errors
    /// Only what makes the worker useless (the poll object broke). An interrupted wait is no error.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// The next thing that happened, if any. One busy connection cannot keep the others waiting: it
    /// is looked at again after them.
    fn next(&mut self) -> Option<Completion<Self::Lease>>;

    /// Takes a lease back. The key may be gone by now.
    fn recycle(&mut self, key: Key, lease: Self::Lease);
}

/// Ends a wait of a worker from any thread. Costs a system call: `mailbox` avoids needless ones.
pub trait Wake: Send + Sync {
    /// Makes the current or the next [`Driver::wait`] return.
    fn wake(&self);
}
