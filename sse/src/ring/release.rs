//! Takes out the values that all readers have passed, and drops them outside of every lock.
//!
//! Whoever changes what this depends on (a cursor, a seat, a stamp nobody will read) makes the
//! change, then a `SeqCst` fence, then calls [`Ring::release`]. Only one thread at a time takes
//! values out; the others do not wait for it. The fence rule sees to it that nothing is forgotten:
//! who fails to get the flag ran its fence before the holder's, so the holder, which looks again
//! after its fence, sees that change too.

use std::array;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::{Held, Ring};
use crate::sync::{AtomicBool, Ordering, fence, yield_now};

/// Values taken out at a time: enough to make the flag and the fence cheap, few enough for the stack.
const BATCH: usize = 16;

/// The right to move `released` and to give out seats; given back on drop.
pub(super) struct ReleaseFlag<'ring>(&'ring AtomicBool);

impl Drop for ReleaseFlag<'_> {
    fn drop(&mut self) {
        // Release pairs with the Acquire in `try_release_flag`.
        self.0.store(false, Ordering::Release);
    }
}

impl<T> Ring<T> {
    /// Drops what every reader has passed. The caller ran its fence.
    ///
    /// # Panics
    /// Passes on a panic of a value's drop, once everything is released.
    pub(super) fn release(&self) {
        let mut panicked = None;
        loop {
            let outcome = match self.releasable() {
                0 => break,
                // Mostly it is one, and room for more is dear to fill and to empty.
                1 => self.release_batch::<1>(),
                _ => self.release_batch::<BATCH>(),
            };
            let Some(told) = outcome else { break };
            panicked = panicked.or(told.err());
        }
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
    }

    /// Drops up to `N` values. `None` if another thread is at it.
    fn release_batch<const N: usize>(&self) -> Option<thread::Result<()>> {
        let flag = self.try_release_flag()?;
        let batch = self.take_batch::<N>();
        drop(flag);
        // The fence rule, twice: `releasing` and `released`, then the cursors (above, next
        // time round); `released` and `bytes`, then whoever waits for room.
        fence(Ordering::SeqCst);
        // Foreign code, with no flag held: were a panic to leave here, what others left to us
        // while we held the flag would stay.
        Some(catch_unwind(AssertUnwindSafe(|| {
            self.room.notify();
            drop(batch);
        })))
    }

    /// Waits for the flag: only for joining, which is rare.
    pub(super) fn release_flag(&self) -> ReleaseFlag<'_> {
        loop {
            if let Some(flag) = self.try_release_flag() {
                return flag;
            }
            yield_now();
        }
    }

    fn try_release_flag(&self) -> Option<ReleaseFlag<'_>> {
        // Acquire pairs with the Release that gave the flag back: we see the last holder's
        // `released`, and the cursor of a reader that joined.
        self.releasing
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| ReleaseFlag(&self.releasing))
    }

    /// At most how many values there are to take out: 0 only if there are none. Looks without the flag.
    fn releasable(&self) -> u64 {
        let released = self.released.load(Ordering::Relaxed);
        let passed = self.passed_by_all().saturating_sub(released);
        if passed > 0 && self.slot(released).holds(released) { passed } else { 0 }
    }

    /// The slowest cursor; `u64::MAX` without a reader, when stamps alone are the bound.
    fn passed_by_all(&self) -> u64 {
        self.seats().iter().map(super::Seat::cursor).min().unwrap_or(u64::MAX)
    }

    /// Moves up to `N` values out. The caller holds the flag.
    fn take_batch<const N: usize>(&self) -> [Option<Held<T>>; N] {
        let end = self.passed_by_all();
        let mut next = self.released.load(Ordering::Relaxed);
        let mut weight = 0;
        let batch = array::from_fn(|_| {
            let slot = self.slot(next);
            if next >= end || !slot.holds(next) {
                return None;
            }
            // SAFETY: the stamp says the value is there. All readers passed it, and their cursors
            // were read with Acquire. The flag makes us the only one to move it out, and no
            // publisher writes here before it sees `released` past `next`.
            let held = slot.value.with_mut(|value| unsafe { value.cast::<Held<T>>().read() });
            next += 1;
            weight += held.weight;
            Some(held)
        });
        // Release pairs with the Acquire in `claim`.
        self.released.store(next, Ordering::Release);
        self.claims.bytes.fetch_sub(weight, Ordering::Relaxed);
        batch
    }
}
