//! A reader's seat: its cursor, and the protocol that wakes it exactly when it sleeps.
//!
//! One word says it all: whether the seat is TAKEN, whether the reader is ASLEEP, and how many
//! publishers are just now inside `wake()`, each a WAKER.
//!
//! ```text
//! join            0              →  TAKEN
//! fall_asleep     TAKEN          →  TAKEN | ASLEEP     the reader, whatever the wakers
//! awake           TAKEN | ASLEEP →  TAKEN              the reader, by itself
//! wake_if_asleep  TAKEN | ASLEEP →  TAKEN + WAKER      one publisher wins; it calls `wake()`
//!                        + WAKER →                     the same publisher, afterwards
//! leave           TAKEN          →  0                  only without ASLEEP or any WAKER
//! ```
//! So publishing needs no reference count on the wake object: only a WAKER uses it, and it is put
//! in and taken out only while there can be none. A reader may sleep again while a waker that has
//! done its work is still to say so: the woken thread often runs before its waker goes on.

use std::sync::Arc;

use crate::sync::{AtomicU32, AtomicU64, Ordering, Padded, UnsafeCell, yield_now};

/// Wakes the thread that reads, wherever it waits. See the [crate's example](crate).
///
/// Called by publishers, on their threads, once for each time the reader went to sleep. It must be
/// quick, and must not block, panic, or join or leave a hub. A wake that comes before the reader
/// really waits must not be lost (an eventfd, a pipe or an unpark all remember it).
pub trait Wake: Send + Sync {
    /// Ends the reader's present or next wait.
    fn wake(&self);
}

const TAKEN: u32 = 1;
const ASLEEP: u32 = 2;
/// One publisher inside `wake()`. The count cannot overflow: each is a thread.
const WAKER: u32 = 4;

/// The cursor of a seat without a reader: it gates nothing.
const NOBODY: u64 = u64::MAX;

pub(super) struct Seat {
    /// Read by publishers, written when the reader sleeps and wakes.
    attention: Padded<Attention>,
    /// The next position the reader will read. Apart from the above: it is written at each batch.
    cursor: Padded<AtomicU64>,
}

struct Attention {
    state: AtomicU32,
    wake: UnsafeCell<Option<Arc<dyn Wake>>>,
}

// SAFETY: `wake` is written only while no publisher can be a WAKER, and by one thread (`take` and
// `leave` say which); WAKERs share it by reference, which `Wake: Sync` allows.
unsafe impl Sync for Seat {}

impl Seat {
    pub(super) fn vacant() -> Self {
        Self {
            attention: Padded(Attention { state: AtomicU32::new(0), wake: UnsafeCell::new(None) }),
            cursor: Padded(AtomicU64::new(NOBODY)),
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        // Acquire pairs with the Release in `leave`: the seat's last owner is done with it.
        self.attention.state.load(Ordering::Acquire) & TAKEN != 0
    }

    /// Where the reader is, `u64::MAX` without one. Acquire pairs with the Release in `advance`
    /// and `leave`: who sees the cursor past a value may take the value away.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Acquire)
    }

    /// Seats a reader that starts at `position`.
    ///
    /// # Safety
    /// The caller holds the ring's release flag and has seen `is_taken` say no.
    pub(super) unsafe fn take(&self, position: u64, wake: Arc<dyn Wake>) {
        // SAFETY: nobody is a WAKER of a free seat, and only the holder of the flag takes it.
        self.attention.wake.with_mut(|cell| unsafe { *cell = Some(wake) });
        // Relaxed both: the cursor matters to holders of the release flag, which orders it; the
        // wake object is handed over by `fall_asleep`.
        self.cursor.store(position, Ordering::Relaxed);
        self.attention.state.store(TAKEN, Ordering::Relaxed);
    }

    /// Frees the seat, waiting for publishers that are just now waking it. The caller runs a fence
    /// and releases what the reader held back.
    ///
    /// # Safety
    /// The caller is the seat's reader and does not use the seat again.
    pub(super) unsafe fn leave(&self) -> Option<Arc<dyn Wake>> {
        self.awake();
        // Acquire pairs with the Release in `Woken`: the wakers are done with the wake object.
        while self.attention.state.load(Ordering::Acquire) != TAKEN {
            yield_now();
        }
        // SAFETY: no WAKER, and only the reader, who is here, could let one in by sleeping.
        let wake = self.attention.wake.with_mut(|cell| unsafe { cell.replace(None) });
        // Release: see `cursor` and `is_taken`. The fence at the end of the last batch is no
        // substitute: the reader may leave in another thread than it read.
        self.cursor.store(NOBODY, Ordering::Release);
        self.attention.state.store(0, Ordering::Release);
        wake
    }

    /// Says that everything before `position` was read.
    pub(super) fn advance(&self, position: u64) {
        // Release: see `cursor`.
        self.cursor.store(position, Ordering::Release);
    }

    /// Marks the reader asleep. The caller runs a fence, looks at the ring once more, and calls
    /// `awake` if it found something.
    pub(super) fn fall_asleep(&self) {
        // Release pairs with the Acquire in `wake`: it hands the wake object over.
        self.attention.state.fetch_or(ASLEEP, Ordering::Release);
    }

    /// Marks the reader awake.
    pub(super) fn awake(&self) {
        // A look first: mostly a publisher has done it.
        if self.attention.state.load(Ordering::Relaxed) & ASLEEP != 0 {
            self.attention.state.fetch_and(!ASLEEP, Ordering::Relaxed);
        }
    }

    /// Wakes the reader if it sleeps; says whether there is a reader. The caller ran its fence.
    pub(super) fn wake_if_asleep(&self) -> bool {
        let state = self.attention.state.load(Ordering::Relaxed);
        if state & ASLEEP != 0 {
            self.wake();
        }
        state & TAKEN != 0
    }

    /// Becomes a WAKER and calls the wake object, unless another publisher was first.
    #[cold]
    fn wake(&self) {
        /// Ends the WAKER, also if `wake` panics: the reader could not leave otherwise.
        struct Woken<'seat>(&'seat AtomicU32);
        impl Drop for Woken<'_> {
            fn drop(&mut self) {
                // Release pairs with the Acquire in `leave`.
                self.0.fetch_sub(WAKER, Ordering::Release);
            }
        }
        let state = &self.attention.state;
        // Acquire pairs with the Release in `fall_asleep`: we see the reader's wake object.
        let won = state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            (state & ASLEEP != 0).then(|| state - ASLEEP + WAKER)
        });
        if won.is_err() {
            return;
        }
        let _woken = Woken(state);
        self.attention.wake.with(|cell| {
            // SAFETY: while this thread is a WAKER nobody writes the cell.
            if let Some(wake) = unsafe { &*cell } {
                wake.wake();
            }
        });
    }
}
