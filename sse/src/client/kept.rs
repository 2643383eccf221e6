//! A client whose own events are kept in a store: whose they are, how far its stream is, and what of them is
//! with a store that blocks. Who gives them to it is in `writers`.

use super::enter::Place;
use super::queue::{ClientShared, Queue, Waiting};
use super::replay::ClientReplay;
use super::writers::Outcome;
use super::{Client, Command, FlushError, ResumeError, Wish};
use crate::fanout::Disconnect;
use crate::keeper::{ID_LINE_BYTES, Settled};
use crate::prepared::PreparedEvent;
use crate::replay::{Scope, StoreError};
use crate::waiters::wake_all;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Where a client's events are kept.
pub(super) struct Keeping {
    pub(super) replay: ClientReplay,
    pub(super) scope: Scope,
    /// Held while an event gets its id and its place, where the store is asked in place. Not the queue's own
    /// lock, under which no foreign code runs.
    order: Mutex<()>,
}

/// How far a stream is whose client's events are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// What its client missed comes later: until then it may be greeted, with what is not kept.
    Greeted,
    /// It is being given what it missed, which goes before anything new.
    Replayed,
    /// What it is sent is kept.
    Live,
}

/// What of a client's events is with its store.
pub(super) struct WithStore {
    phase: Phase,
    /// Events that were ever given to it, and of these the ones of which it has said what becomes of them.
    entered: u64,
    settled: u64,
    /// Of the others, with the ids that they will have.
    bytes: usize,
    /// The stream is to end when there are no others.
    closes: Option<Disconnect>,
}

impl Keeping {
    pub(super) fn lock(&self) -> MutexGuard<'_, ()> {
        // There is nothing in there.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WithStore {
    /// Events and bytes that wait for the store.
    pub(super) fn depth(&self) -> (usize, usize) {
        // As many as fit into memory.
        (usize::try_from(self.entered - self.settled).unwrap_or(usize::MAX), self.bytes)
    }

    /// An event of so many bytes is given to the store.
    pub(super) fn enter(&mut self, bytes: usize) {
        self.entered += 1;
        self.bytes += bytes;
    }

    /// Whether the stream ends later, because the store has events of its client.
    pub(super) fn closes_later(&mut self, why: Disconnect) -> bool {
        let later = self.entered > self.settled;
        if later {
            self.closes = Some(why);
        }
        later
    }

    fn settle(&mut self, bytes: usize) -> Option<Disconnect> {
        self.settled += 1;
        self.bytes -= bytes;
        self.closes.take_if(|_| self.entered == self.settled)
    }
}

/// What an event takes in the queue, with the id that it will have.
pub(super) fn bytes_with_id(event: &PreparedEvent) -> usize {
    event.len() + ID_LINE_BYTES
}

impl ClientShared {
    /// From now on what the client is sent itself belongs to a scope. False if it does already.
    pub(super) fn keep(&self, replay: &ClientReplay, scope: Scope) -> bool {
        let keeping = Keeping { replay: replay.clone(), scope, order: Mutex::default() };
        let begins = self.keeping.set(Box::new(keeping)).is_ok();
        if begins {
            let (phase, closes) = (Phase::Greeted, None);
            let store = WithStore { phase, entered: 0, settled: 0, bytes: 0, closes };
            self.lock().with_store = Some(Box::new(store));
        }
        begins
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        let mut queue = self.lock();
        if let Some(store) = &mut queue.with_store {
            store.phase = phase;
        }
        // Senders who came too early.
        let wake = queue.room.take();
        drop(queue);
        wake_all(wake);
    }

    /// Queues an event that the client missed, past the limits: how many wait is for the caller to see to.
    pub(super) fn push_missed(&self, event: PreparedEvent) -> Result<(), ResumeError> {
        let queue = self.lock();
        if let Some(why) = queue.end {
            return Err(ResumeError::Flush(FlushError::Closed(why)));
        }
        self.push(queue, event);
        Ok(())
    }

    /// Queues an event that its store has settled, unless the stream has ended meanwhile: it is in the store
    /// then, for the client that comes back.
    pub(super) fn push_settled(&self, settled: Settled) -> Place {
        let stored = settled.id.is_some();
        let mut queue = self.lock();
        if queue.end.is_none() {
            return Place { number: self.push(queue, settled.event), stored };
        }
        // Never seen to leave.
        queue.sent += 1;
        Place { number: queue.sent, stored }
    }

    /// The store has said what becomes of an event that was given to it.
    pub(super) fn settled(
        &self,
        event: &PreparedEvent,
        outcome: Result<Settled, Arc<StoreError>>,
    ) -> Outcome {
        // Before its room is given up, so that nobody takes it.
        let outcome = outcome.map(|settled| self.push_settled(settled));
        let mut queue = self.lock();
        let bytes = bytes_with_id(event);
        let closes = queue.with_store.as_mut().and_then(|store| store.settle(bytes));
        let wake = queue.room.take().chain(queue.flush.take());
        drop(queue);
        if let Some(why) = closes {
            self.home.post(Command(Wish::Close(self.stream, why)));
        }
        wake_all(wake);
        outcome
    }
}

impl Queue {
    /// How far the stream is, where its client's events are kept.
    pub(super) fn phase(&self) -> Phase {
        self.with_store.as_ref().map_or(Phase::Live, |store| store.phase)
    }

    /// Whether nothing is with the store any more of what it was given up to this number: `None` if that is
    /// still to be seen.
    fn is_settled(&self, number: u64) -> Option<Result<(), Disconnect>> {
        if self.with_store.as_ref().is_none_or(|store| store.settled >= number) {
            return Some(Ok(()));
        }
        self.end.filter(|_| self.over).map(Err)
    }

    /// Events that were ever given to the store.
    fn entered(&self) -> u64 {
        self.with_store.as_ref().map_or(0, |store| store.entered)
    }

    /// Whether the store has events of the client.
    pub(super) fn waits_for_store(&self) -> bool {
        self.is_settled(self.entered()).is_none()
    }
}

impl Client {
    /// Waits until the store has said what becomes of what it was given before.
    pub(super) async fn is_settled(&self) -> Result<(), Disconnect> {
        let number = self.shared.lock().entered();
        let mut waiting = Waiting::new(&self.shared, |queue| &mut queue.flush);
        poll_fn(move |context| {
            let mut queue = self.shared.lock();
            if let Some(settled) = queue.is_settled(number) {
                return Poll::Ready(settled);
            }
            let before = queue.flush.wait(&mut waiting.ticket, context.waker());
            drop(queue);
            // Foreign code, outside of the lock.
            drop(before);
            Poll::Pending
        })
        .await
    }
}
