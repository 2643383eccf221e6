//! The reading end: joining, taking values in order, going to sleep, leaving.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Held, Ring, Seat, Wake};
use crate::sync::{Ordering, fence};

/// All seats of the ring are taken.
#[derive(Debug)]
pub(crate) struct TooManyReaders {
    /// How many readers the ring was made for.
    pub(crate) limit: usize,
}

impl fmt::Display for TooManyReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ring has {} readers already", self.limit)
    }
}

impl std::error::Error for TooManyReaders {}

/// One reader of a [`Ring`]. It holds back what it has not read; dropping it lets go of that.
pub(crate) struct Reader<T> {
    pub(super) ring: Arc<Ring<T>>,
    /// Index of this reader's seat.
    seat: usize,
    /// The next position to read; the seat's cursor follows at the end of each batch.
    next: u64,
}

impl<T> Ring<T> {
    /// A reader that sees every value whose publish starts after this returned (and perhaps some
    /// whose publish was under way). While it sleeps, publishers call `wake`.
    ///
    /// Waits, briefly, while another thread takes values out.
    ///
    /// # Errors
    /// [`TooManyReaders`] when as many are joined as the ring was made for.
    pub(crate) fn join(self: &Arc<Self>, wake: Arc<dyn Wake>) -> Result<Reader<T>, TooManyReaders> {
        let flag = self.release_flag();
        let Some(index) = self.seats.iter().position(|seat| !seat.is_taken()) else {
            return Err(TooManyReaders { limit: self.seats.len() });
        };
        // Relaxed: a publisher that misses the new seat does not wake it, but the reader looks at
        // the ring after it fell asleep; and it takes nothing out past it, as that needs the flag.
        self.seats_used.fetch_max(index + 1, Ordering::Relaxed);
        let start = self.first_unstamped();
        // SAFETY: we hold the flag and have just seen the seat free.
        unsafe { self.seats[index].take(start, wake) };
        drop(flag);
        // The fence rule: a publisher that saw us sit leaves the release of what lies before our
        // start to us.
        fence(Ordering::SeqCst);
        self.release();
        Ok(Reader { ring: Arc::clone(self), seat: index, next: start })
    }

    /// The first position that nobody could read yet. The caller holds the flag, so no slot from
    /// `released` on is reused meanwhile.
    fn first_unstamped(&self) -> u64 {
        let cursors = self.seats().iter().map(Seat::cursor).filter(|&cursor| cursor != u64::MAX);
        // All before any cursor is stamped: begin with the fastest reader's.
        let mut position = cursors.fold(self.released.load(Ordering::Relaxed), u64::max);
        while self.slot(position).holds(position) {
            position += 1;
        }
        position
    }
}

impl<T> Reader<T> {
    /// Lends up to `max` values, in order, with their positions, until `f` breaks. Returns how many
    /// were taken, including the one `f` broke on (or panicked on).
    ///
    /// What was taken is let go once, at the end: a long batch holds back the publishers longer.
    pub(crate) fn take(
        &mut self,
        max: usize,
        mut f: impl FnMut(u64, &T) -> ControlFlow<()>,
    ) -> usize {
        let first = self.next;
        let batch = Batch { reader: self, first };
        let mut taken = 0;
        while taken < max {
            let position = batch.reader.next;
            let slot = batch.reader.ring.slot(position);
            if !slot.holds(position) {
                break;
            }
            batch.reader.next += 1;
            taken += 1;
            let flow = slot.value.with(|value| {
                // SAFETY: the stamp says the value is there, and nobody takes it out while our
                // seat's cursor, which moves at the end of the batch, has not passed it.
                let held = unsafe { &*value.cast::<Held<T>>() };
                f(position, &held.value)
            });
            if flow.is_break() {
                break;
            }
        }
        taken
    }

    /// Whether there is nothing to take now.
    pub(crate) fn is_empty(&self) -> bool {
        !self.ring.slot(self.next).holds(self.next)
    }

    /// The position of the next value this reader will take.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    /// Says that the thread is about to wait. `true`: wait, a publish will call `wake` (once; it may
    /// come at once). `false`: do not, there is something to take.
    ///
    /// After the wait, call [`Reader::awake`]; each publish would wake again otherwise.
    pub(crate) fn prepare_sleep(&mut self) -> bool {
        self.seat().fall_asleep();
        // The fence rule: asleep, then the stamps. A publisher stamps, then looks who is asleep.
        fence(Ordering::SeqCst);
        if self.is_empty() {
            return true;
        }
        self.awake();
        false
    }

    /// Says that the wait is over. Harmless if there was none.
    pub(crate) fn awake(&mut self) {
        self.seat().awake();
    }

    fn seat(&self) -> &Seat {
        &self.ring.seats[self.seat]
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        // SAFETY: the seat is this reader's, and the reader ends here.
        let wake = unsafe { self.seat().leave() };
        // The fence rule: a publisher that still saw us sit leaves the release of its value to us.
        fence(Ordering::SeqCst);
        self.ring.release();
        // Last: foreign code.
        drop(wake);
    }
}

/// Lets go of what was taken, also if the taker panicked.
struct Batch<'reader, T> {
    reader: &'reader mut Reader<T>,
    first: u64,
}

impl<T> Drop for Batch<'_, T> {
    fn drop(&mut self) {
        let reader = &*self.reader;
        if reader.next == self.first {
            return;
        }
        reader.seat().advance(reader.next);
        // The fence rule: cursor, then `released`, the flag, and the other cursors.
        fence(Ordering::SeqCst);
        // If less than our old cursor is released, another reader is the one that gates, or a
        // holder of the flag has yet to look again; either will see our new cursor.
        if reader.ring.released.load(Ordering::Relaxed) >= self.first {
            reader.ring.release();
        }
    }
}
