//! Reading a log after an id: pages of what is there, and a verdict on what is not.
//!
//! An event that is missing below the counter is one of three things. It is *under way*: its id was
//! given, and whoever has it is storing it. It is a *hole*: whoever had it died before. Or it is
//! *gone*: it was there, and has expired, was dropped, or went down with its store. The event before
//! it, the last that the client has seen, is the witness: as long as that is there and not about to
//! expire, and the store drops nothing, what came after it cannot be gone.

use super::value::{self, Value, decode};
use super::{KvReplayStore, LogKeys};
use crate::EventId;
use crate::replay::{PAGE_BYTES, Page, Replayed, StoreError, UnknownId, place};
use std::thread;
use std::time::{Duration, Instant};

/// How many events are fetched at once.
const FETCHED_AT_ONCE: u64 = 128;
/// Events are written and expire at times that differ by this much, besides the grace time.
const CLOCKS: Duration = Duration::from_secs(1);

/// Where a reader is.
struct Position {
    /// The last id that is done with.
    at: u64,
    /// Up to where to read.
    last: u64,
    /// Whether a client has seen everything up to here, so that nothing may be left out.
    exact: bool,
    /// When what is at `at` was written, if that was read.
    witness_millis: Option<u64>,
}

impl KvReplayStore {
    pub(super) fn read(
        &self,
        log: &LogKeys,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        let last = self.last(log)?;
        let mut position = self.begin(after, last)?;
        let (mut page, mut bytes) = (Page::default(), 0);
        while position.at < last {
            if page.events.len() >= max || bytes >= PAGE_BYTES {
                page.more = true;
                break;
            }
            let room = (max - page.events.len()) as u64;
            let upto = last.min(position.at + room.min(FETCHED_AT_ONCE));
            let fetched = self.fetch(log, position.at + 1, upto)?;
            for value in fetched.iter().map_while(Option::as_ref) {
                if bytes >= PAGE_BYTES {
                    break;
                }
                position.at += 1;
                position.witness_millis = Some(value.written_millis);
                if let Some(event) = value.event.clone() {
                    bytes += event.len();
                    page.events.push(Replayed { id: position.at.into(), event });
                }
            }
            let here = fetched.iter().take_while(|value| value.is_some()).count();
            if here < fetched.len() && bytes < PAGE_BYTES {
                let rest = &fetched[here..];
                if !self.missing(log, &mut position, rest, after, &mut page)? {
                    break;
                }
            }
        }
        Ok(page)
    }

    fn begin(&self, after: Option<&EventId>, last: u64) -> Result<Position, StoreError> {
        let floor = self.config.floor(last);
        let (at, exact) = match after {
            None => (last.saturating_sub(self.config.newest as u64).max(floor), false),
            Some(id) => match place(id)? {
                at if at > last => return Err(StoreError::unknown(id, UnknownId::Future)),
                at if at < floor => return Err(StoreError::unknown(id, UnknownId::AgedOut)),
                at => (at, true),
            },
        };
        Ok(Position { at, last, exact, witness_millis: None })
    }

    /// What is stored from one id to another, both included.
    fn fetch(&self, log: &LogKeys, from: u64, upto: u64) -> Result<Vec<Option<Value>>, StoreError> {
        let keys: Vec<_> = (from..=upto).map(|id| log.event(id)).collect();
        let stored = self.kv.get(&keys)?;
        let each = (from..=upto).zip(stored);
        each.map(|(id, stored)| stored.map(|stored| decode(log, id, &stored)).transpose()).collect()
    }

    /// The event after the position is missing, the first of `rest`. Whether to read on.
    fn missing(
        &self,
        log: &LogKeys,
        position: &mut Position,
        rest: &[Option<Value>],
        after: Option<&EventId>,
        page: &mut Page,
    ) -> Result<bool, StoreError> {
        let begun = !page.events.is_empty();
        if !begun && !position.exact {
            // The newest are wanted, as far as they are there.
            position.at += rest.iter().take_while(|value| value.is_none()).count() as u64;
            return Ok(true);
        }
        if !self.nothing_is_gone(log, position)? {
            // The next page begins here, and says so.
            page.more = begun;
            return match after {
                Some(id) if !begun => Err(StoreError::unknown(id, UnknownId::AgedOut)),
                _ => Ok(false),
            };
        }
        let later =
            rest.iter().any(Option::is_some) || self.any_after(log, position, rest.len())?;
        if begun || !later {
            // What nobody has got past is under way: to a reader it was not appended yet.
            page.more = begun && later;
            return Ok(false);
        }
        self.wait_for(log, position, rest.len() as u64)?;
        Ok(true)
    }

    /// Whether what comes after the position cannot have been there before.
    fn nothing_is_gone(&self, log: &LogKeys, position: &mut Position) -> Result<bool, StoreError> {
        if position.witness_millis.is_none() && position.at > 0 {
            let seen = self.fetch(log, position.at, position.at)?.pop().flatten();
            position.witness_millis = seen.map(|value| value.written_millis);
        }
        let Some(written) = position.witness_millis else { return Ok(false) };
        let age = Duration::from_millis(value::now_millis().saturating_sub(written));
        let lasts = self.config.ttl.is_none_or(|ttl| age + self.config.grace + CLOCKS < ttl);
        Ok(lasts && !self.kv.evicts()?)
    }

    /// Whether there is an event after those that were fetched.
    fn any_after(
        &self,
        log: &LogKeys,
        position: &Position,
        fetched: usize,
    ) -> Result<bool, StoreError> {
        let mut at = position.at + fetched as u64;
        while at < position.last {
            let upto = position.last.min(at + FETCHED_AT_ONCE);
            if self.fetch(log, at + 1, upto)?.iter().any(Option::is_some) {
                return Ok(true);
            }
            at = upto;
        }
        Ok(false)
    }

    /// Waits until the event after the position is there. When the grace time is over, its place is
    /// taken, and those of the others that are missing among these: nobody waits for them again, and
    /// whoever wanted to store them is told.
    fn wait_for(&self, log: &LogKeys, position: &Position, many: u64) -> Result<(), StoreError> {
        let (from, upto) = (position.at + 1, position.at + many);
        let deadline = Instant::now() + self.config.grace;
        let mut pause = Duration::from_millis(1);
        loop {
            let fetched = self.fetch(log, from, upto)?;
            if fetched.first().is_some_and(Option::is_some) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let missing = (from..).zip(&fetched).filter(|(_, value)| value.is_none());
                let holes: Vec<_> = missing.map(|(id, _)| (log.event(id), value::hole())).collect();
                // A place that has been taken meanwhile holds its event.
                self.kv.insert(&holes, self.config.ttl)?;
                return Ok(());
            }
            thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}
