//! Waiting for room: threads on a condition variable, tasks by their wakers. Costs those who make
//! room one load while nobody waits.
//!
//! The fence rule: a waiter counts itself, then looks whether there is room; whoever makes room
//! does so, then looks whether anybody is counted. All waiters are told each time, as they may
//! need different amounts; there is no queue among them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::Ring;
use crate::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, fence};

/// How many tasks may wait for room in one ring.
pub(crate) const MAX_WAITING_TASKS: usize = 4096;

/// [`MAX_WAITING_TASKS`] wait for room already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyWaiters;

impl fmt::Display for TooManyWaiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MAX_WAITING_TASKS} tasks wait for room already")
    }
}

impl std::error::Error for TooManyWaiters {}

pub(super) struct Room {
    /// Threads and tasks that wait. Changed under the lock, read without.
    waiting: AtomicUsize,
    tasks: Mutex<Tasks>,
    changed: Condvar,
}

#[derive(Default)]
struct Tasks {
    next_ticket: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            tasks: Mutex::new(Tasks::default()),
            changed: Condvar::new(),
        }
    }

    /// Tells everybody who waits that there is room. The caller made room and ran its fence.
    pub(super) fn notify(&self) {
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.notify_waiting();
        }
    }

    #[cold]
    fn notify_waiting(&self) {
        let wakers = {
            let mut tasks = self.lock();
            let wakers = mem::take(&mut tasks.wakers);
            self.waiting.fetch_sub(wakers.len(), Ordering::Relaxed);
            wakers
        };
        // A thread that found no room holds the lock until it waits, so it is not missed.
        self.changed.notify_all();
        for waker in wakers.into_values() {
            waker.wake();
        }
    }

    /// Foreign code (a waker's clone, wake, drop) never runs under the lock, so a poisoned one is
    /// as consistent as any.
    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Ring<T> {
    /// Blocks the thread until a value of `weight` would fit (`true`), or until `deadline` (`false`; for
    /// ever without one). Somebody else may be quicker to use the room. Ends, too (`true`), when `moot`
    /// says that room is wanted no more; who changes that calls [`Ring::look_again`].
    pub(crate) fn wait_for_room_unless(
        &self,
        moot: impl Fn() -> bool,
        weight: u64,
        deadline: Option<Instant>,
    ) -> bool {
        let room = &self.room;
        let mut tasks = room.lock();
        room.waiting.fetch_add(1, Ordering::Relaxed);
        // The fence rule: see the module.
        fence(Ordering::SeqCst);
        let found = loop {
            if self.has_room(weight) || moot() {
                break true;
            }
            tasks = match deadline {
                None => room.changed.wait(tasks).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break false;
                    }
                    room.changed.wait_timeout(tasks, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        };
        room.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(tasks);
        found
    }

    /// How many values have made room for others: a ring that is stuck makes none.
    pub(crate) fn released(&self) -> u64 {
        self.released.load(Ordering::Relaxed)
    }

    /// Wakes everybody who waits for room, to look at something else.
    pub(crate) fn look_again(&self) {
        // The fence rule: what is to be looked at, then the waiters.
        fence(Ordering::SeqCst);
        self.room.notify();
    }

    /// How many threads and tasks wait for room.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.room.waiting.load(Ordering::Relaxed)
    }

    /// A future that is ready when a value of `weight` would fit. Somebody else may be quicker to
    /// use the room: publish, and wait again if that fails.
    pub(crate) fn room(self: &Arc<Self>, weight: u64) -> AwaitRoom<T> {
        AwaitRoom { ring: Arc::clone(self), weight, ticket: None }
    }
}

/// Future of [`Ring::room`]. Dropping it ends the wait.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct AwaitRoom<T> {
    ring: Arc<Ring<T>>,
    weight: u64,
    /// Key of the waker in the list; it is gone from there once it was woken.
    ticket: Option<u64>,
}

impl<T> AwaitRoom<T> {
    /// Puts `waker` on the list, in the place of this future's former one.
    fn register(&mut self, waker: Waker) -> Result<(), TooManyWaiters> {
        let room = &self.ring.room;
        let mut tasks = room.lock();
        let ticket = self.ticket.unwrap_or(tasks.next_ticket);
        if !tasks.wakers.contains_key(&ticket) {
            if tasks.wakers.len() >= MAX_WAITING_TASKS {
                return Err(TooManyWaiters);
            }
            room.waiting.fetch_add(1, Ordering::Relaxed);
        }
        tasks.next_ticket = tasks.next_ticket.max(ticket + 1);
        let former = tasks.wakers.insert(ticket, waker);
        drop(tasks);
        // Foreign code, outside of the lock.
        drop(former);
        self.ticket = Some(ticket);
        Ok(())
    }

    fn deregister(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let room = &self.ring.room;
        let mut tasks = room.lock();
        let waker = tasks.wakers.remove(&ticket);
        if waker.is_some() {
            room.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        drop(tasks);
        // Foreign code, outside of the lock.
        drop(waker);
    }
}

impl<T> Future for AwaitRoom<T> {
    type Output = Result<(), TooManyWaiters>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Err(refused) = this.register(context.waker().clone()) {
            return Poll::Ready(Err(refused));
        }
        // The fence rule: see the module.
        fence(Ordering::SeqCst);
        if !this.ring.has_room(this.weight) {
            return Poll::Pending;
        }
        this.deregister();
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for AwaitRoom<T> {
    fn drop(&mut self) {
        self.deregister();
    }
}
