//! What one client was sent and its core has not taken. Whether an event has a place is decided in `room`,
//! what is done without one in `enter`, and what is with a store in `kept`.
//!
//! The lock belongs to one client: it is shared by its senders and its core, and is on no broker's
//! path. No code that can panic, and no foreign code, runs under it.

use super::config::ClientConfig;
use super::kept::{Keeping, WithStore};
use super::{Command, Home, Origin, Wish};
use crate::fanout::{Disconnect, StreamId, gap};
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::waiters::{Ticket, Waiters};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};

/// No number of bytes.
const UNKNOWN: usize = usize::MAX;

pub(crate) struct ClientShared {
    pub(crate) home: Arc<dyn Home>,
    pub(crate) stream: StreamId,
    pub(super) config: Arc<ClientConfig>,
    origin: Option<Arc<dyn Origin>>,
    dropped: AtomicU64,
    subscriptions: AtomicU32,
    /// The core was asked to look at the next, and has not since.
    look_asked: AtomicBool,
    /// Bytes that the kernel has, as the core saw them last, or [`UNKNOWN`].
    unsent: AtomicUsize,
    /// Where what it is sent is kept, if it is.
    pub(super) keeping: OnceLock<Box<Keeping>>,
    queue: Mutex<Queue>,
}

/// An event that waits, and the notice of a gap that goes before it.
pub(crate) struct Queued {
    /// Rare, and so apart.
    pub(crate) notice: Option<Box<PreparedEvent>>,
    pub(crate) event: PreparedEvent,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(super) struct Queue {
    pub(super) events: VecDeque<Queued>,
    pub(super) bytes: usize,
    /// Where events are kept.
    pub(super) with_store: Option<Box<WithStore>>,
    /// The core was asked to take events and has not emptied the queue since.
    asked: bool,
    /// `close` was called.
    closing: bool,
    pub(super) end: Option<Disconnect>,
    /// Nothing more will leave.
    pub(super) over: bool,
    /// Nothing leaves before the stream has begun: waiting for it would be in vain.
    pub(super) held: bool,
    /// Events ever queued, and of these the ones that the kernel has.
    pub(super) sent: u64,
    pub(super) flushed: u64,
    /// Where gaps are to be told.
    gap: Option<Box<Missed>>,
    pub(super) room: Waiters,
    pub(super) ended: Waiters,
    pub(super) flush: Waiters,
}

/// What the notice of a gap will say.
#[derive(Default)]
struct Missed {
    /// Events dropped since the last one that was queued.
    events: u64,
    /// The last id of a queued event.
    last_id: Option<EventId>,
}

impl ClientShared {
    pub(super) fn new(
        home: Arc<dyn Home>,
        stream: StreamId,
        config: Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> Self {
        Self {
            home,
            stream,
            config,
            origin,
            dropped: AtomicU64::new(0),
            subscriptions: AtomicU32::new(0),
            look_asked: AtomicBool::new(false),
            unsent: AtomicUsize::new(UNKNOWN),
            keeping: OnceLock::new(),
            queue: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        // See the module: a poisoned queue is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn origin(&self) -> Option<&dyn Origin> {
        self.origin.as_deref()
    }

    pub(super) fn next_subscription(&self) -> u32 {
        self.subscriptions.fetch_add(1, Ordering::Relaxed)
    }

    /// Bytes that the kernel has, as far as the core has seen, which will look once more.
    pub(super) fn unsent_bytes(&self) -> Option<usize> {
        if self.lock().over {
            return None;
        }
        if !self.look_asked.swap(true, Ordering::Relaxed) {
            self.home.post(Command(Wish::Look(self.stream)));
        }
        Some(self.unsent.load(Ordering::Relaxed)).filter(|&bytes| bytes != UNKNOWN)
    }

    /// The core has looked.
    pub(crate) fn note_unsent(&self, bytes: Option<usize>) {
        self.look_asked.store(false, Ordering::Relaxed);
        self.unsent.store(bytes.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn count_dropped(&self, events: u64) {
        self.dropped.fetch_add(events, Ordering::Relaxed);
    }

    /// Events and bytes that wait, where there is a queue.
    pub(super) fn depth(&self) -> (usize, usize) {
        let queue = self.lock();
        let has_queue = self.config.queue_events.is_some();
        if has_queue { queue.depth() } else { (0, 0) }
    }

    /// Queues an event that has a place. Returns its number, from 1.
    pub(super) fn push(&self, mut queue: MutexGuard<'_, Queue>, event: PreparedEvent) -> u64 {
        let mut notice = None;
        if self.config.gap_notice.is_some() {
            let missed = queue.gap.get_or_insert_default();
            let events = std::mem::take(&mut missed.events);
            if events > 0 {
                let told = gap::notice(&self.config, events, missed.last_id.as_ref());
                notice = told.map(Box::new);
            }
            missed.last_id = event.id().or(missed.last_id.take());
        }
        queue.bytes += event.len();
        if queue.events.capacity() == 0 {
            // Most clients never have two that wait; a vector left to itself begins with room for four.
            queue.events.reserve_exact(1);
        }
        queue.events.push_back(Queued { notice, event });
        queue.sent += 1;
        let number = queue.sent;
        if !std::mem::replace(&mut queue.asked, true) {
            drop(queue);
            self.home.post(Command(Wish::Pull(self.stream)));
        }
        number
    }

    /// Counts an event that found no place, for the notice of the gap.
    pub(super) fn drop_one(&self) {
        if self.config.gap_notice.is_some() {
            self.lock().gap.get_or_insert_default().events += 1;
        }
        self.count_dropped(1);
    }

    /// Ends the stream, unless that was asked for already: one that is too slow at once, others after what is
    /// with a store.
    pub(super) fn close(&self, why: Disconnect) {
        let mut queue = self.lock();
        if !queue.closing && queue.end.is_none() {
            queue.closing = true;
            let later = queue.with_store.as_mut().filter(|_| why != Disconnect::Slow);
            if later.is_some_and(|store| store.closes_later(why)) {
                return;
            }
            drop(queue);
            self.home.post(Command(Wish::Close(self.stream, why)));
        }
    }

    /// Whether something waits that the client was sent.
    pub(crate) fn waits(&self) -> bool {
        !self.lock().events.is_empty()
    }

    /// The core was given events for the client that never were in the queue.
    pub(crate) fn note_sent(&self, events: u64) {
        self.lock().sent += events;
    }

    /// Whether the stream is held from now on, or begins.
    pub(crate) fn hold(&self, held: bool) {
        self.lock().held = held;
    }

    /// Takes the next queued event, for the core. `None` says that the core will be asked again.
    pub(crate) fn pull(&self) -> Option<Queued> {
        let mut queue = self.lock();
        let queued = queue.events.pop_front();
        queue.asked = queued.is_some();
        if queued.is_none() {
            // Most clients have nothing queued most of the time: then they hold no room for it.
            queue.events = VecDeque::new();
        }
        queue.bytes -= queued.as_ref().map_or(0, |queued| queued.event.len());
        let wake = queue.room.take();
        drop(queue);
        wake.for_each(Waker::wake);
        queued
    }

    /// The kernel has this many more of the client's events.
    pub(crate) fn flushed(&self, events: usize) {
        let mut queue = self.lock();
        queue.flushed += events as u64;
        // Who waits for room is told by the next `pull`, which comes when all that is owed has left.
        let wake = queue.flush.take();
        drop(queue);
        wake.for_each(Waker::wake);
    }

    /// Tells everybody that the stream ends. Returns what was queued and is still to be taken.
    pub(crate) fn end(&self, why: Disconnect) -> VecDeque<Queued> {
        let mut queue = self.lock();
        queue.end.get_or_insert(why);
        let left = std::mem::take(&mut queue.events);
        queue.bytes = 0;
        let wake = queue.room.take().chain(queue.ended.take());
        drop(queue);
        wake.for_each(Waker::wake);
        left
    }

    /// Tells everybody that nothing more will leave.
    pub(crate) fn over(&self, why: Disconnect) {
        drop(self.end(why));
        let mut queue = self.lock();
        queue.over = true;
        let wake = queue.flush.take();
        drop(queue);
        wake.for_each(Waker::wake);
    }
}

impl Queue {
    pub(super) fn is_ended(&self) -> bool {
        self.closing || self.end.is_some()
    }

    /// Why the stream ended, or a place among those who are told.
    pub(super) fn ended(
        &mut self,
        ticket: &mut Ticket,
        context: &mut Context<'_>,
    ) -> Option<Disconnect> {
        if self.end.is_none() {
            self.ended.wait(ticket, context.waker());
        }
        self.end
    }

    /// Whether the kernel has the client's events up to this number: `None` if that is still to be
    /// seen. Those of a held stream count as if it had.
    pub(super) fn is_flushed(&self, number: u64) -> Option<Result<(), Disconnect>> {
        if self.flushed >= number || self.held && !self.over {
            return Some(Ok(()));
        }
        self.end.filter(|_| self.over).map(Err)
    }
}

/// A future's place among those that wait, given back when it is dropped.
pub(super) struct Waiting<'a> {
    shared: &'a ClientShared,
    list: fn(&mut Queue) -> &mut Waiters,
    pub(super) ticket: Ticket,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(shared: &'a ClientShared, list: fn(&mut Queue) -> &mut Waiters) -> Self {
        Self { shared, list, ticket: Ticket::default() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waker = (self.list)(&mut self.shared.lock()).forget(self.ticket);
        // Foreign code, outside of the lock.
        drop(waker);
    }
}
