//! Stores for tests, and tasks that wait for what their threads do.

use super::Core;
use crate::replay::{Ids, Page, ReplayStore, RingBuffer, Scope, StoreError};
use crate::{EventId, PreparedEvent};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// What a task of the core does, polled by hand.
pub(super) struct Task(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Task {
    pub(super) fn new(future: impl Future<Output = ()> + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }

    /// Whether it is done.
    pub(super) fn poll(&mut self) -> bool {
        let Some(future) = &mut self.0 else { return true };
        let done = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if done {
            self.0 = None;
        }
        done
    }
}

/// Goes on until a task is done.
pub(super) fn finish(core: &mut Core, task: &mut Task) {
    until(core, "it never has all", |_| task.poll());
    core.run();
}

/// Goes on until something holds, which may take what other threads do.
#[track_caller]
pub(super) fn until(core: &mut Core, what: &str, mut holds: impl FnMut(&mut Core) -> bool) {
    let give_up = Instant::now() + Duration::from_mins(1);
    while !holds(core) {
        core.run();
        assert!(Instant::now() < give_up, "{what}");
        std::thread::yield_now();
    }
}

/// A store that must not be asked on a core, and fails or stalls when it is told to.
pub(super) struct Remote {
    pub(super) ring: RingBuffer,
    pub(super) fails: AtomicBool,
    /// Calls that have come to it.
    pub(super) calls: AtomicUsize,
    /// Ids that it has given and that no event will ever have.
    pub(super) holes: AtomicU64,
    /// After this event nothing can be read.
    pub(super) unreadable: AtomicU64,
    /// Times that it was asked where it ends, from 2 on: it says so every other time, the first one included.
    pub(super) every_other_tail: AtomicU64,
    /// So long the event of an id may still be written.
    pub(super) settles: Duration,
    /// Somebody else appends an event whenever one is too large.
    pub(super) others: AtomicBool,
    stalls: Mutex<bool>,
    changed: Condvar,
}

impl Remote {
    pub(super) fn stall(&self, stalls: bool) {
        *self.stalls.lock().expect("no panic under the lock") = stalls;
        self.changed.notify_all();
    }

    /// One that keeps so many events, and gives ids so long before.
    pub(super) fn new(events: usize, settles: Duration) -> Self {
        Self {
            ring: RingBuffer::new(events),
            fails: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            holes: AtomicU64::new(0),
            every_other_tail: AtomicU64::new(0),
            settles,
            unreadable: AtomicU64::new(u64::MAX),
            others: AtomicBool::new(false),
            stalls: Mutex::new(false),
            changed: Condvar::new(),
        }
    }

    fn come(&self) -> Result<(), StoreError> {
        assert!(!crate::fanout::on_core::is_core());
        self.calls.fetch_add(1, Ordering::Relaxed);
        let stalls = self.stalls.lock().expect("no panic under the lock");
        drop(self.changed.wait_while(stalls, |stalls| *stalls).expect("no panic under the lock"));
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("it fails", false));
        }
        Ok(())
    }
}

impl ReplayStore for Remote {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        self.come()?;
        match events.iter().position(|event| event.len() > 10_000) {
            Some(at) => {
                if self.others.load(Ordering::Relaxed) {
                    self.ring.append(scope, &[crate::Event::data("another's").into()])?;
                }
                Err(StoreError::TooLarge { at, bytes: events[at].len(), most: 10_000 })
            }
            None => self.ring.append(scope, events),
        }
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.come()?;
        let asked = after.and_then(EventId::as_number);
        if asked == Some(self.unreadable.load(Ordering::Relaxed)) {
            return Err(StoreError::unavailable("it fails", false));
        }
        let holes = self.holes.load(Ordering::Relaxed);
        let tail = self.ring.tail(scope)?.as_number();
        if holes > 0 && asked > tail {
            return Ok(Page::default());
        }
        self.ring.since(scope, after, max)
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        let asked = &self.every_other_tail;
        if asked.load(Ordering::Relaxed) > 0 && asked.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return Err(StoreError::unavailable("it fails", false));
        }
        let tail = self.ring.tail(scope)?.as_number().expect("it gives numbers");
        Ok((tail + self.holes.load(Ordering::Relaxed)).into())
    }

    fn blocks(&self) -> bool {
        true
    }

    fn settles_within(&self) -> Duration {
        self.settles
    }
}

pub(super) fn remote() -> Arc<Remote> {
    remote_of(100_000)
}

/// One that keeps so many events.
pub(super) fn remote_of(events: usize) -> Arc<Remote> {
    Arc::new(Remote::new(events, Duration::ZERO))
}
