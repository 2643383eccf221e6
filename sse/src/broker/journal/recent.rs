//! What a broker whose store blocks has sent lately: enough to take a stream over that has read the store
//! to its end a moment ago.

use super::Cursor;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::waiters::{Ticket, Waiters};
use std::collections::VecDeque;
use std::task::Waker;

const EVENTS: usize = 4096;
const BYTES: usize = 4 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Recent {
    /// Events sent so far; the last of them are here.
    sent: u64,
    events: VecDeque<(EventId, PreparedEvent)>,
    bytes: usize,
    /// All that the store has up to this one was sent, or was there before anything was.
    newest: Option<u64>,
    /// What was there before.
    begin: u64,
    /// Times that this was brought up to date.
    batches: u64,
    waiting: Waiters,
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
    Events(Vec<(EventId, PreparedEvent)>),
    /// The store has to be asked.
    Unknown,
    /// It has read events that are still to be sent to others.
    Ahead,
}

impl Recent {
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
        let first = self.sent - self.events.len() as u64;
        let skip = cursor.mark.and_then(|mark| usize::try_from(mark.checked_sub(first)?).ok());
        let Some(skip) = skip else { return Lacking::Unknown };
        let had = cursor.after.as_ref().and_then(EventId::as_number);
        if had > self.newest {
            return Lacking::Ahead;
        }
        if had < Some(self.begin) {
            // Stored since the store was read, and before anything was sent.
            return Lacking::Unknown;
        }
        // Of these, the store may have had some when it was read.
        let lacks = |(id, _): &&(EventId, PreparedEvent)| id.as_number() > had;
        let events = self.events.range(skip.min(self.events.len())..);
        Lacking::Events(events.filter(lacks).cloned().collect())
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// What the store has up to here is from before anything was sent.
    pub(super) fn begin(&mut self, newest: u64) {
        if self.newest.is_none() {
            (self.newest, self.begin) = (Some(newest), newest);
        }
    }

    /// A batch was sent. Returns who waits for that.
    pub(super) fn end(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.batches += 1;
        self.waiting.take()
    }

    /// Whether a batch was sent since this was asked first.
    pub(super) fn is_over(&mut self, turn: &mut Turn, waker: &Waker) -> bool {
        let over = self.batches > *turn.batch.get_or_insert(self.batches);
        if !over {
            self.waiting.wait(&mut turn.ticket, waker);
        }
        over
    }

    pub(super) fn forget(&mut self, turn: Turn) {
        self.waiting.forget(turn.ticket);
    }
}

#[cfg(test)]
mod tests;
