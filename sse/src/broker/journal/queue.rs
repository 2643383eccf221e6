//! What waits for a broker's store, and what its thread does next: a bounded queue of events, the wish for a
//! look, and the broker's end. Never calls a store.

use super::outlet::Pace;
use crate::broker::{PublishError, Published};
use crate::guard::guard;
use crate::keeper::batch_of;
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use crate::waiters::{Ticket, Waiters, wake_all};
use futures_channel::oneshot;
use futures_core::FusedFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod running;

pub(super) use running::Running;

/// Bytes of events that may wait for a store, or one event.
pub(super) const QUEUE_BYTES: usize = 16 * 1024 * 1024;

const ENDED: &str = "the thread that asks it has ended";

pub(super) struct Shared {
    most: usize,
    most_bytes: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct Queue {
    requests: VecDeque<Request>,
    /// Of the next of them.
    number: u64,
    /// How many there are, with those that the thread has taken and not answered.
    waiting: usize,
    /// Of these.
    bytes: usize,
    pub(super) room: Waiters,
    /// Somebody wants to know what the store has that others gave it.
    looks: bool,
    pub(super) thread: Thread,
    pub(super) closing: Closing,
    /// The broker is no more.
    gone: bool,
}

/// What gives events to the store.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Thread {
    #[default]
    None,
    Idle,
    /// It has something to do besides the events that wait.
    Busy,
}

/// How far a broker's close is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Closing {
    #[default]
    Open,
    /// What waits is sent, and nothing else is taken.
    Draining,
    Done,
}

struct Request {
    number: u64,
    event: PreparedEvent,
    /// Whoever waits for the outcome.
    reply: Option<oneshot::Sender<Outcome>>,
}

pub(super) type Outcome = Result<Published, PublishError>;

/// What the thread does next.
pub(super) enum Work {
    Batch(Vec<Taken>),
    /// To send what the store has and nobody was sent.
    Look,
    /// To end the broker.
    Close,
    /// To end itself: it counts as ended.
    End,
}

/// An event that the thread has taken. Dropping it gives its place to others.
pub(super) struct Taken {
    shared: Arc<Shared>,
    pub(super) event: PreparedEvent,
    reply: Option<oneshot::Sender<Outcome>>,
}

/// An event that waits for the store. Dropping it takes the event back, unless the store was given it.
pub(in crate::broker) struct Pending {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
    pub(super) outcome: oneshot::Receiver<Outcome>,
}

/// A place among those who wait for room. Dropping it lets the next one have what is left of that.
pub(super) struct Waiting<'a> {
    pub(super) shared: &'a Shared,
    pub(super) ticket: Ticket,
}

impl Shared {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, queue: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock but a waker's clone, and nothing is half done then.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    pub(super) fn has_room(&self, queue: &Queue, event: &PreparedEvent) -> bool {
        let fits = queue.bytes.saturating_add(event.len()) <= self.most_bytes;
        queue.waiting < self.most && (fits || queue.waiting == 0)
    }

    /// Returns the event's number.
    pub(super) fn push(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        event: PreparedEvent,
        reply: Option<oneshot::Sender<Outcome>>,
    ) -> u64 {
        let number = queue.number;
        queue.number += 1;
        queue.waiting += 1;
        queue.bytes += event.len();
        queue.requests.push_back(Request { number, event, reply });
        drop(queue);
        self.changed.notify_one();
        number
    }

    /// Takes an event out that the thread has not taken. Whether that was so.
    fn take_back(&self, number: u64) -> bool {
        let mut queue = self.lock();
        let at = queue.requests.binary_search_by_key(&number, |request| request.number);
        let Some(request) = at.ok().and_then(|at| queue.requests.remove(at)) else { return false };
        self.gives_room(queue, request.event.len());
        true
    }

    /// An event leaves: who came first can have its place.
    fn gives_room(&self, mut queue: MutexGuard<'_, Queue>, bytes: usize) {
        queue.waiting -= 1;
        queue.bytes -= bytes;
        self.wake_for_room(queue);
    }

    /// Wakes the first of those who wait for room, if there is some. Who takes it, or wants it no more, wakes
    /// the next. When nothing waits any more, which would do that later, all are woken: nobody depends on
    /// whether another task looks at what it was told.
    fn wake_for_room(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.waiting == 0 {
            let all = queue.room.take();
            drop(queue);
            return wake_all(all);
        }
        let fits = queue.bytes < self.most_bytes && queue.waiting < self.most;
        let first = fits.then(|| queue.room.take_first());
        drop(queue);
        wake_all(first.flatten().into_iter());
    }

    /// Whether the thread has something to do that does not wait for a look.
    pub(super) fn is_pressing(&self) -> bool {
        let queue = self.lock();
        !queue.requests.is_empty() || queue.closing == Closing::Draining
    }

    /// Has the thread take a look.
    pub(super) fn look(&self, mut queue: MutexGuard<'_, Queue>) {
        queue.looks = true;
        drop(queue);
        self.changed.notify_one();
    }

    /// Lets no more events in. Whether the thread ends the broker, once it has sent what it was given.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.lock();
        // One that has died is still answering what waited.
        let drains = match queue.thread {
            Thread::None => false,
            Thread::Idle => queue.waiting > 0,
            Thread::Busy => true,
        };
        queue.closing = if drains { Closing::Draining } else { Closing::Done };
        let wakers = queue.room.take();
        drop(queue);
        self.changed.notify_one();
        wake_all(wakers);
        drains
    }

    /// The broker is no more.
    pub(super) fn end(&self) {
        self.lock().gone = true;
        self.changed.notify_one();
    }

    /// What the thread does next, once there is something; `behind` says whether there is something to look
    /// for whether somebody wants it or not. A look waits for its time, and events do not wait for it; but
    /// who is behind catches up before it takes more.
    pub(super) fn next(self: &Arc<Self>, pace: &Pace, behind: bool, idle: Duration) -> Work {
        let mut queue = self.lock();
        let end = Instant::now() + idle;
        loop {
            let now = Instant::now();
            // Without a broker there is nobody to catch up for.
            let behind = behind && !queue.gone;
            queue.thread = Thread::Busy;
            if behind && pace.due <= now {
                return Work::Look;
            }
            if !queue.requests.is_empty() {
                return Work::Batch(self.take(&mut queue));
            }
            if queue.closing == Closing::Draining {
                queue.closing = Closing::Done;
                return Work::Close;
            }
            let looks = queue.looks || behind;
            if queue.looks && pace.due <= now {
                queue.looks = false;
                return Work::Look;
            }
            if !behind {
                queue.thread = Thread::Idle;
            }
            if queue.gone || !looks && end <= now {
                queue.thread = Thread::None;
                return Work::End;
            }
            let time = if looks { pace.due } else { end }.saturating_duration_since(now);
            queue =
                self.changed.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(self: &Arc<Self>, queue: &mut Queue) -> Vec<Taken> {
        // Who waits is told when the batch is sent, as after a look.
        queue.looks = false;
        let many = batch_of(queue.requests.iter().map(|request| request.event.len()));
        queue.requests.drain(..many).map(|request| request.taken(self)).collect()
    }
}

impl Request {
    fn taken(self, shared: &Arc<Shared>) -> Taken {
        Taken { shared: shared.clone(), event: self.event, reply: self.reply }
    }
}

impl Taken {
    /// Tells whoever waits what has become of the event.
    pub(super) fn answer(mut self, outcome: Outcome) {
        let reply = self.reply.take();
        // Whoever hears of it has room for the next.
        drop(self);
        if let Some(reply) = reply {
            // Whoever asked may have stopped waiting, and what its waker panics over is its own.
            guard(|| reply.send(outcome).ok()).ok();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.shared.gives_room(self.shared.lock(), self.event.len());
    }
}

impl Pending {
    /// Whether the event is taken back: then it is not stored, nor sent. Otherwise it is under way.
    pub(in crate::broker) fn take_back(&self) -> bool {
        self.shared.take_back(self.number)
    }

    pub(in crate::broker) async fn outcome(&mut self, event: &PreparedEvent) -> Outcome {
        let lost = |_| {
            let error = StoreError::unavailable(ENDED, true);
            Err(PublishError::of_store(Arc::new(error), event.clone()))
        };
        (&mut self.outcome).await.unwrap_or_else(lost)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Otherwise it is answered.
        if !self.outcome.is_terminated() {
            self.take_back();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.ticket.is_unused() {
            let mut queue = self.shared.lock();
            let waker = queue.room.forget(self.ticket);
            self.shared.wake_for_room(queue);
            // Foreign code, outside of the lock.
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests;
