//! What a broker whose store blocks has sent lately: enough to take a stream over that has read the store
//! to its end a moment ago.

use super::Cursor;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::waiters::{Ticket, Waiters};
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

const EVENTS: usize = 4096;
const BYTES: usize = 4 * 1024 * 1024;
/// A stream is given so many of them at a time,
const PAGE_EVENTS: usize = 256;
/// or so many bytes, or one event.
const PAGE_BYTES: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Recent {
    /// Events sent so far, and times that this began; the last of the events are here.
    sent: u64,
    events: VecDeque<(EventId, PreparedEvent)>,
    bytes: usize,
    /// All that the store has up to this one was sent, or is from before this began.
    newest: Option<u64>,
    /// What is from before.
    begin: u64,
    /// By when all of that is written, or never will be.
    settles: Option<Instant>,
    /// Times that this was brought up to date.
    batches: u64,
    waiting: Waiters,
}

/// When a stream began to read the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// So many events had been sent.
    sent: u64,
    /// All was written that the store had given ids to before anything was sent.
    settled: bool,
}

/// Waits until this was brought up to date once more.
#[derive(Clone, Copy, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Turn {
    batch: Option<u64>,
    pub(super) ticket: Ticket,
}

/// What a stream lacks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// These, and whether there are more after them.
    Events(Vec<(EventId, PreparedEvent)>, bool),
    /// The store has to be asked.
    Unknown,
    /// It has read events that are still to be sent to others.
    Ahead,
}

impl Recent {
    /// Before a store is read: what is sent from now on may be missing there.
    pub(super) fn mark(&self, now: Instant) -> Mark {
        Mark { sent: self.sent, settled: self.settles.is_some_and(|settles| settles <= now) }
    }

    /// Grows with every event that is sent, and as this begins.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn push(&mut self, id: EventId, event: PreparedEvent) {
        self.sent += 1;
        self.newest = id.as_number().max(self.newest);
        self.bytes += event.len();
        self.events.push_back((id, event));
        while self.events.len() > EVENTS || self.bytes > BYTES && self.events.len() > 1 {
            let Some((_, event)) = self.events.pop_front() else { break };
            self.bytes -= event.len();
        }
    }

    /// What a stream lacks, as far as that can be told from here.
    pub(super) fn since(&self, cursor: &Cursor) -> Lacking {
        let Some(mark) = cursor.mark else { return Lacking::Unknown };
        let first = self.sent - self.events.len() as u64;
        let skip = mark.sent.checked_sub(first).and_then(|skip| usize::try_from(skip).ok());
        let Some(skip) = skip else { return Lacking::Unknown };
        let had = cursor.after.as_ref().and_then(EventId::as_number);
        if had > self.newest {
            return Lacking::Ahead;
        }
        if had < Some(self.begin) && !mark.settled {
            // What it lacks from before this began may have been written since, and nobody sends that.
            return Lacking::Unknown;
        }
        // Of these, the store may have had some when it was read.
        let lacks = |(id, _): &&(EventId, PreparedEvent)| id.as_number() > had;
        let mut lacking = self.events.range(skip.min(self.events.len())..).filter(lacks).peekable();
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some((id, event)) = lacking.peek() {
            bytes += event.len();
            if events.len() == PAGE_EVENTS || bytes > PAGE_BYTES && !events.is_empty() {
                break;
            }
            events.push((id.clone(), event.clone()));
            lacking.next();
        }
        Lacking::Events(events, lacking.peek().is_some())
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// What the store has up to here is nobody's to send: streams find it there, once it has settled. So who
    /// has read the store before has to read it again.
    pub(super) fn begin(&mut self, newest: u64, settles: Instant) {
        (self.newest, self.begin, self.settles) = (Some(newest), newest, Some(settles));
        self.sent += 1;
        self.events.clear();
        self.bytes = 0;
    }

    /// The store has said that there is nothing that was not sent before this one.
    pub(super) fn is_filled_to(&mut self, last: u64) {
        self.newest = self.newest.max(Some(last));
    }

    /// A batch was sent, or a look was taken. Returns who waits for that.
    pub(super) fn end(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.batches += 1;
        self.waiting.take()
    }

    /// Whether a batch was sent since this was asked first.
    pub(super) fn is_over(&self, turn: &mut Turn) -> bool {
        self.batches > *turn.batch.get_or_insert(self.batches)
    }

    /// Has a waker woken when it is. Returns the one that was there before.
    #[must_use = "it is foreign, and dropped without the lock"]
    pub(super) fn wait(&mut self, turn: &mut Turn, waker: &Waker) -> Option<Waker> {
        self.waiting.wait(&mut turn.ticket, waker)
    }

    #[must_use = "as of `wait`"]
    pub(super) fn forget(&mut self, turn: Turn) -> Option<Waker> {
        self.waiting.forget(turn.ticket)
    }
}

#[cfg(test)]
mod tests;
