//! Reading a log after an id: pages of what is there, and a verdict on what is not.
//!
//! An event that is missing below the counter is one of three things. It is *under way*: its id was
//! given, and whoever has it is storing it. It is a *hole*: whoever had it died before. Or it is
//! *gone*: it was there, and has expired, was dropped, or went down with its store. The event before
//! it, the last that the client has seen, is the witness: as long as that is there and not about to
//! expire, and the store drops nothing, what came after it cannot be gone.
//!
//! Without a witness it may be gone or under way. It is not under way where ids and events are one
//! step, where a later event was written longer ago than the grace time, or where this process has
//! seen a grace time pass since its id was given. Otherwise that is waited for, once per log, before
//! the verdict.

use super::value::{self, Value, decode};
use super::{KvReplayStore, LogKeys};
use crate::EventId;
use crate::replay::{PAGE_BYTES, Page, Replayed, StoreError, UnknownId, place};
use std::thread;
use std::time::{Duration, Instant};

/// How many events are fetched at once.
const FETCHED_AT_ONCE: u64 = 128;
/// Events are written and expire at times that differ by this much, besides the grace time.
pub(super) const CLOCKS: Duration = Duration::from_secs(1);
/// The first pause between two looks for an event, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

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
    /// The time, and up to where ids had been given a grace time ago, both as of before anything was read.
    now_millis: u64,
    long_given: u64,
}

impl KvReplayStore {
    pub(super) fn read(
        &self,
        log: &LogKeys,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        let (now_millis, long_given) = (value::now_millis(), self.long_given.of(log));
        let last = self.last(log)?;
        let (at, exact) = self.begin(after, last)?;
        let mut position =
            Position { at, last, exact, witness_millis: None, now_millis, long_given };
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

    /// After which id to read, and whether a client has seen everything up to there.
    fn begin(&self, after: Option<&EventId>, last: u64) -> Result<(u64, bool), StoreError> {
        let floor = self.config.floor(last);
        let Some(id) = after else {
            return Ok((last.saturating_sub(self.config.newest as u64).max(floor), false));
        };
        match place(id)? {
            at if at > last => Err(StoreError::unknown(id, UnknownId::Future)),
            at if at < floor => Err(StoreError::unknown(id, UnknownId::AgedOut)),
            at => Ok((at, true)),
        }
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
                Some(_) if !begun && self.comes_late(log, position, rest)? => Ok(true),
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
        let lasts = match (position.witness_millis, self.config.ttl) {
            (Some(_), None) => true,
            (Some(written), Some(ttl)) => {
                let age = Duration::from_millis(value::now_millis().saturating_sub(written));
                age.saturating_add(self.config.grace).saturating_add(CLOCKS) < ttl
            }
            // Where events stay, the beginning is as good as one.
            (None, ttl) => {
                position.at == 0 && ttl.is_none() && self.takes_two_steps() && !self.clocked()
            }
        };
        Ok(lasts && !self.kv.evicts()?)
    }

    /// Waits for the event after the position, the first of `rest`, as long as it may be under way. Whether
    /// it is there then.
    fn comes_late(
        &self,
        log: &LogKeys,
        position: &Position,
        rest: &[Option<Value>],
    ) -> Result<bool, StoreError> {
        let missing = position.at + 1;
        if !self.takes_two_steps()
            || missing <= position.long_given
            || self.old_after(log, position, rest)?
        {
            return Ok(false);
        }
        let given = position.last;
        let mut is_there = || Ok(self.fetch(log, missing, missing)?.iter().any(Option::is_some));
        let comes = self.wait_until(&mut is_there)?;
        if !comes {
            self.long_given.raise(log, given);
        }
        Ok(comes)
    }

    /// Whether an event after the position was written so long ago that all before it have been, too. Looks at
    /// those that were fetched, and at some up to the end.
    fn old_after(
        &self,
        log: &LogKeys,
        position: &Position,
        fetched: &[Option<Value>],
    ) -> Result<bool, StoreError> {
        let late = self.config.grace.saturating_add(CLOCKS);
        let old = |value: &Value| {
            let age = position.now_millis.saturating_sub(value.written_millis);
            Duration::from_millis(age) > late
        };
        if fetched.iter().flatten().any(old) {
            return Ok(true);
        }
        // Each twice as far from the end as the one before: what expired did so in the order of ids.
        let rest = position.last - position.at - fetched.len() as u64;
        let distances = (0..u64::BITS).map(|n| (1 << n) - 1).take_while(|&back| back < rest);
        let ids: Vec<u64> = distances.map(|back| position.last - back).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        let stored = self.kv.get(&ids.iter().map(|&id| log.event(id)).collect::<Vec<_>>())?;
        for (id, stored) in ids.into_iter().zip(stored) {
            if let Some(stored) = stored
                && old(&decode(log, id, &stored)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
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
        let mut fetched = Vec::new();
        let mut is_there = || {
            fetched = self.fetch(log, from, upto)?;
            Ok(fetched.first().is_some_and(Option::is_some))
        };
        if self.wait_until(&mut is_there)? {
            return Ok(());
        }
        let missing = (from..).zip(&fetched).filter(|(_, value)| value.is_none());
        let holes: Vec<_> = missing.map(|(id, _)| (log.event(id), value::hole())).collect();
        // A place that has been taken meanwhile holds its event.
        self.kv.insert(&holes, self.config.ttl)?;
        Ok(())
    }

    /// Looks again and again for what is to come, for a grace time. Whether it came.
    fn wait_until(
        &self,
        is_there: &mut dyn FnMut() -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let begin = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            // The last look is one after the end.
            let left = self.config.grace.saturating_sub(begin.elapsed());
            if is_there()? {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(longest);
        }
    }
}

#[cfg(test)]
mod tests;
