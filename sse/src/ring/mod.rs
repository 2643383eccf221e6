//! One ordered, bounded broadcast ring: any thread publishes, each reader reads all of it with a
//! cursor of its own. Knows nothing of events, brokers or sockets.
//!
//! The contract:
//! - **Order.** [`Ring::publish`] gives each value a position, counted from 0; every reader sees the
//!   positions from its start on without gap, in order. Positions are `u64` and are taken never to
//!   overflow (584 years at a thousand million a second).
//! - **Nobody waits for anybody.** Publishing and reading take no lock. A publisher that is
//!   suspended between claiming a position and stamping it hides what follows from readers until
//!   it runs again; it delays no other publisher until the ring is full.
//! - **Bounded** in values and in bytes. What does not fit comes back as [`Full`]; a single value
//!   heavier than the byte bound is admitted while the ring holds no bytes.
//! - **Readers come and go** ([`Ring::join`], drop of [`Reader`]). An absent reader gates nobody;
//!   with no reader at all, values are dropped as they are published.
//! - **Values are dropped as soon as all readers have passed them**, outside of every lock, by
//!   whoever moved last (see `release`).
//!   A reader keeps the ring alive, so a ring that goes away holds nothing any more.
//! - **A reader that sleeps is woken, one that is awake is not** (see `wake`).
//! - **Whoever waits for room is told** (see `room`).
//!
//! How the parts hang together: `tail` is the next position to claim, `released` the first one
//! whose slot still holds (or will hold) a value; a slot may be claimed while
//! `tail - released <= mask`. A slot's stamp is its position + 1 once the value is in it. Each
//! cursor lies between `released` and the first unstamped position.
//!
//! Every hand-over of the form "I change A, then look at B; you change B, then look at A" puts a
//! `SeqCst` fence between change and look on both sides. Of two such fences one is later, and who
//! runs the later one sees both changes. The comments call this *the fence rule*.

mod publish;
mod reader;
mod release;
mod room;
#[cfg(test)]
mod tests;
mod wake;

use std::mem::MaybeUninit;

use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering, Padded, UnsafeCell, fresh_slice};

pub(crate) use publish::Full;
pub(crate) use reader::Reader;
pub use wake::Wake;

use room::Room;
use wake::Seat;

/// The ring. See the module for the contract.
pub(crate) struct Ring<T> {
    /// Capacity − 1; the capacity is a power of two.
    mask: u64,
    capacity_bytes: u64,
    slots: Box<[Slot<T>]>,
    seats: Box<[Seat]>,
    /// How many of `seats` were ever taken, so that publishing looks at no others. Only grows.
    seats_used: AtomicUsize,
    /// What publishers write, together on one cache line.
    claims: Padded<Claims>,
    /// The first position whose value has not been taken out. Written under `releasing` only.
    released: Padded<AtomicU64>,
    /// Held by whoever takes values out, or gives out a seat. Never waited for, except by `join`.
    releasing: Padded<AtomicBool>,
    room: Room,
}

struct Claims {
    /// The next position to claim.
    tail: AtomicU64,
    /// Weight of all values that are held, and of those about to be put in.
    bytes: AtomicU64,
}

struct Slot<T> {
    /// Position + 1 of the value last put here; 0 before the first.
    stamp: AtomicU64,
    /// Filled from the stamp until the position is released.
    value: UnsafeCell<MaybeUninit<Held<T>>>,
}

struct Held<T> {
    value: T,
    weight: u64,
}

// SAFETY: the value is moved in by the one publisher that claimed the position, lent by reference
// to readers that saw its stamp, and moved out by the one holder of `releasing` after all cursors
// passed it; each step is a release/acquire pair. It is sent across threads and shared by several.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    fn fresh() -> Self {
        Self { stamp: AtomicU64::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Whether `position` is in this slot. Acquire pairs with the Release of the stamp in
    /// `publish`: who sees the stamp sees the value.
    fn holds(&self, position: u64) -> bool {
        self.stamp.load(Ordering::Acquire) == position + 1
    }
}

impl<T> Ring<T> {
    /// A ring for `capacity_events` values (rounded up to a power of two, at least 1) that weigh
    /// `capacity_bytes` together, read by up to `max_readers` at a time.
    ///
    /// # Panics
    /// If the rounded capacity does not fit into `usize`.
    pub(crate) fn new(capacity_events: usize, capacity_bytes: u64, max_readers: usize) -> Self {
        let capacity = capacity_events.next_power_of_two();
        // SAFETY: a zero stamp is the fresh one, and `MaybeUninit` takes any bytes.
        let slots = unsafe { fresh_slice(capacity, Slot::fresh) };
        Self {
            mask: capacity as u64 - 1,
            capacity_bytes,
            slots,
            seats: (0..max_readers).map(|_| Seat::vacant()).collect(),
            seats_used: AtomicUsize::new(0),
            claims: Padded(Claims { tail: AtomicU64::new(0), bytes: AtomicU64::new(0) }),
            released: Padded(AtomicU64::new(0)),
            releasing: Padded(AtomicBool::new(false)),
            room: Room::new(),
        }
    }

    /// The position the next publish will get. Exact only while nobody publishes.
    pub(crate) fn tail(&self) -> u64 {
        self.claims.tail.load(Ordering::Relaxed)
    }

    /// What values may weigh together, and the bytes of their slots.
    pub(crate) fn most_bytes(&self) -> u64 {
        let tables = size_of_val(&*self.slots) + size_of_val(&*self.seats);
        self.capacity_bytes.saturating_add(tables as u64)
    }

    /// About how many values are held: the slowest reader's lag.
    pub(crate) fn len(&self) -> usize {
        // Tail second: read the other way round, it could come out below `released`.
        let released = self.released.load(Ordering::Relaxed);
        let held = self.tail().saturating_sub(released).min(self.mask + 1);
        // At most the number of slots, which is a `usize`.
        usize::try_from(held).unwrap_or(usize::MAX)
    }

    /// About how many bytes are held.
    pub(crate) fn bytes(&self) -> u64 {
        self.claims.bytes.load(Ordering::Relaxed)
    }

    /// The seats that were ever taken. A seat missed here because the count is stale is one whose
    /// reader joined concurrently; `join` says why that is harmless.
    fn seats(&self) -> &[Seat] {
        &self.seats[..self.seats_used.load(Ordering::Relaxed)]
    }

    fn slot(&self, position: u64) -> &Slot<T> {
        // The mask keeps the index below the number of slots, so the cast loses nothing.
        #[allow(clippy::cast_possible_truncation)]
        &self.slots[(position & self.mask) as usize]
    }
}
