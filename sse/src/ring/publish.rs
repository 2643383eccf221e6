//! Puts values into the ring: charge the bytes, claim a position, fill the slot, stamp it, wake
//! the sleepers. Waiting for room is in `room`, taking values out in `release`.

use std::fmt;

use super::{Held, Ring};
use crate::sync::{Ordering, fence};

/// The ring had no room, in values or in bytes; the value comes back.
#[derive(PartialEq, Eq)]
pub(crate) struct Full<T>(pub(crate) T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full: a reader is far behind")
    }
}

impl<T> std::error::Error for Full<T> {}

impl<T> Ring<T> {
    /// Puts `value`, which counts as `weight` bytes, behind all that were published before, and
    /// returns its position. Never waits, and wakes the readers that sleep.
    ///
    /// # Errors
    /// [`Full`] gives the value back when the ring has no room for it.
    pub(crate) fn publish(&self, value: T, weight: u64) -> Result<u64, Full<T>> {
        let Some(position) = self.claim(weight) else {
            return Err(Full(value));
        };
        self.fill(position, value, weight);
        Ok(position)
    }

    /// As [`Ring::publish`], with a value that is made once it has its position, which is told. Readers
    /// wait for it there, so `make` is brief, and it must not panic: nobody would pass the position.
    /// `None` when the ring has no room, and then nothing was made.
    pub(crate) fn publish_with(&self, weight: u64, make: impl FnOnce(u64) -> T) -> Option<u64> {
        let position = self.claim(weight)?;
        self.fill(position, make(position), weight);
        Some(position)
    }

    /// Puts the value of a position that was claimed where it belongs.
    fn fill(&self, position: u64, value: T, weight: u64) {
        let slot = self.slot(position);
        slot.value.with_mut(|filled| {
            // SAFETY: the claim made this thread the only writer of `position`, and the position
            // that used the slot before was released: its value has been moved out.
            unsafe { filled.cast::<Held<T>>().write(Held { value, weight }) };
        });
        // Release pairs with the Acquire in `Slot::holds`.
        slot.stamp.store(position + 1, Ordering::Release);
        // The fence rule: stamp, then look at the seats. A reader that goes to sleep or leaves
        // changes its seat, then looks at the stamps.
        fence(Ordering::SeqCst);
        let mut read = false;
        for seat in self.seats() {
            read |= seat.wake_if_asleep();
        }
        if !read {
            // Nobody will pass this value, so nobody else would take it out.
            self.release();
        }
    }

    /// Wakes every reader that sleeps, to tell it something that is not in the ring. The teller
    /// sets what it has to tell before; the reader looks at it after [`Reader::prepare_sleep`].
    ///
    /// [`Reader::prepare_sleep`]: super::Reader::prepare_sleep
    pub(crate) fn wake_all(&self) {
        // The fence rule: what is to be told, then the seats.
        fence(Ordering::SeqCst);
        for seat in self.seats() {
            seat.wake_if_asleep();
        }
    }

    /// Whether a value of `weight` would fit now.
    pub(super) fn has_room(&self, weight: u64) -> bool {
        let released = self.released.load(Ordering::Relaxed);
        self.tail().saturating_sub(released) <= self.mask
            && self.admit(self.bytes(), weight).is_some()
    }

    /// Takes the next position, or `None` if the ring is full.
    fn claim(&self, weight: u64) -> Option<u64> {
        // A look first, so that the usual refusal charges nothing.
        if !self.has_room(weight) {
            return None;
        }
        let bytes = &self.claims.bytes;
        bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| self.admit(held, weight))
            .ok()?;
        let mut position = self.tail();
        loop {
            // Acquire pairs with the Release in `take_batch`: what is released was moved out
            // before we write there.
            let released = self.released.load(Ordering::Acquire);
            // A stale `position` may lie below `released`; the exchange then fails.
            if position.saturating_sub(released) > self.mask {
                bytes.fetch_sub(weight, Ordering::Relaxed);
                // The fence rule: somebody may have been refused, and wait, for our charge.
                fence(Ordering::SeqCst);
                self.room.notify();
                return None;
            }
            // Relaxed: the exchange decides who owns the position and hands no data over.
            match self.claims.tail.compare_exchange_weak(
                position,
                position + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(position),
                Err(now) => position = now,
            }
        }
    }

    /// The bytes held once `weight` is added to `held`, or `None` if that is too much.
    fn admit(&self, held: u64, weight: u64) -> Option<u64> {
        held.checked_add(weight).filter(|&sum| held == 0 || sum <= self.capacity_bytes)
    }
}
