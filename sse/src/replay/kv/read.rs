//! Reading a log after an id: pages of what is there, and a verdict on what is not.
//!
//! An event that is missing below the counter is one of three things. It is *under way*: its id was
//! given, and whoever has it is storing it. It is a *hole*: whoever had it died before. Or it is
//! *gone*: it was there, and has expired, was dropped, or went down with its store. The event before
//! it, the last that the client has seen, is the witness: as long as that is there and not about to
//! expire, and the store drops nothing, what came after it cannot be gone.
//!
//! Where ids and events are one step, it is gone: what the store says of itself is not needed.
//!
//! Without a witness it may be gone or under way. It is not under way where a later event was written
//! longer ago than the grace time, or where this process has seen a grace time pass since its id was
//! given. Otherwise that is waited for, once per log, before the verdict. Nobody sleeps here: whoever reads
//! is told when to look again.

use super::sizes::Sizes;
use super::value::{self, Value, decode};
use super::{KvReplayStore, LogKeys};
use crate::EventId;
use crate::replay::{PAGE_BYTES, Page, Replayed, Since, StoreError, UnknownId, place};
use std::time::{Duration, Instant};

/// How many events are fetched at once for the time at which they were written.
const LOOKED_AT_ONCE: usize = 4;
/// Events are written and expire at times that differ by this much, besides the grace time.
pub(super) const CLOCKS: Duration = Duration::from_secs(1);

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
    looked: Instant,
    long_given: u64,
    sizes: Sizes,
}

/// What becomes of a reader when an event is missing.
enum Missing {
    /// It reads on.
    On,
    /// The page ends.
    End,
    /// It looks again after a pause.
    Later(Duration),
}

impl KvReplayStore {
    pub(super) fn read(
        &self,
        log: &LogKeys,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Since, StoreError> {
        if let Some(pause) = self.still_waits(log, after)? {
            return Ok(Since::Later(pause));
        }
        let (now_millis, looked) = (value::now_millis(), Instant::now());
        let long_given = self.long_given.of(log);
        let last = self.last(log)?;
        let (at, exact) = self.begin(after, last)?;
        let (witness_millis, sizes) = (None, Sizes::after(self.large.of(log)));
        let mut position =
            Position { at, last, exact, witness_millis, now_millis, looked, long_given, sizes };
        let (mut page, mut bytes) = (Page::default(), 0);
        while position.at < last {
            if page.events.len() >= max || bytes >= PAGE_BYTES {
                page.more = true;
                break;
            }
            let room = (max - page.events.len()) as u64;
            let many = room.min(position.sizes.at_once(PAGE_BYTES - bytes));
            let (from, upto) = (position.at + 1, last.min(position.at + many));
            let fetched = self.fetch(log, &mut position.sizes, from, upto)?;
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
                match self.missing(log, &mut position, rest, after, &mut page)? {
                    Missing::On => {}
                    Missing::End => break,
                    Missing::Later(pause) => return Ok(Since::Later(pause)),
                }
            }
        }
        Ok(Since::Page(page))
    }

    /// Whether the next event is one that is being waited for and still not there: after how long to look again.
    fn still_waits(
        &self,
        log: &LogKeys,
        after: Option<&EventId>,
    ) -> Result<Option<Duration>, StoreError> {
        let looked = Instant::now();
        let next = after.and_then(EventId::as_number).and_then(|at| at.checked_add(1));
        let Some(key) = next.map(|next| log.event(next)) else { return Ok(None) };
        let Some(sight) = self.sights.of(&key) else { return Ok(None) };
        // What another has waited for is not waited for again.
        let known = next <= Some(self.long_given.of(log));
        let pause = sight.pause(looked, self.config.grace).filter(|_| !known);
        if pause.is_some() && self.kv.get(std::slice::from_ref(&key))?.iter().any(Option::is_some) {
            self.sights.forget(&key);
            return Ok(None);
        }
        Ok(pause)
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
    fn fetch(
        &self,
        log: &LogKeys,
        sizes: &mut Sizes,
        from: u64,
        upto: u64,
    ) -> Result<Vec<Option<Value>>, StoreError> {
        let keys: Vec<_> = (from..=upto).map(|id| log.event(id)).collect();
        let stored = self.kv.get(&keys)?;
        sizes.add(&stored);
        if let Some(mean) = sizes.large() {
            self.large.raise(log, mean);
        }
        let each = (from..=upto).zip(stored);
        each.map(|(id, stored)| stored.map(|stored| decode(log, id, &stored)).transpose()).collect()
    }

    /// The event after the position is missing, the first of `rest`.
    fn missing(
        &self,
        log: &LogKeys,
        position: &mut Position,
        rest: &[Option<Value>],
        after: Option<&EventId>,
        page: &mut Page,
    ) -> Result<Missing, StoreError> {
        let begun = !page.events.is_empty();
        if !begun && !position.exact {
            // The newest are wanted, as far as they are there.
            position.at += rest.iter().take_while(|value| value.is_none()).count() as u64;
            return Ok(Missing::On);
        }
        if !self.takes_two_steps() || !self.nothing_is_gone(log, position)? {
            // The next page begins here, and says so.
            page.more = begun;
            let Some(id) = after.filter(|_| !begun) else { return Ok(Missing::End) };
            return match self.comes_late(log, position, rest)? {
                Some(pause) => Ok(Missing::Later(pause)),
                None => Err(StoreError::unknown(id, UnknownId::AgedOut)),
            };
        }
        let later =
            rest.iter().any(Option::is_some) || self.any_after(log, position, rest.len())?;
        if begun || !later {
            // What nobody has got past is under way: to a reader it was not appended yet.
            page.more = begun && later;
            return Ok(Missing::End);
        }
        if let Some(pause) = self.is_under_way(log, position) {
            return Ok(Missing::Later(pause));
        }
        self.take_places(log, position, rest)?;
        Ok(Missing::On)
    }

    /// Whether what comes after the position cannot have been there before.
    fn nothing_is_gone(&self, log: &LogKeys, position: &mut Position) -> Result<bool, StoreError> {
        if position.witness_millis.is_none() && position.at > 0 {
            let mut seen = self.fetch(log, &mut position.sizes, position.at, position.at)?;
            let seen = seen.pop().flatten();
            position.witness_millis = seen.map(|value| value.written_millis);
        }
        let lasts = match (position.witness_millis, self.config.ttl) {
            (Some(_), None) => true,
            (Some(written), Some(ttl)) => {
                let age = Duration::from_millis(value::now_millis().saturating_sub(written));
                age.saturating_add(self.config.grace).saturating_add(CLOCKS) < ttl
            }
            // Where events stay, the beginning is as good as one.
            (None, ttl) => position.at == 0 && ttl.is_none() && !self.clocked(),
        };
        Ok(lasts && !self.kv.evicts()?)
    }

    /// After how long to look again for the event after the position, the first of `rest`, if it may be under way
    /// although it may be gone.
    fn comes_late(
        &self,
        log: &LogKeys,
        position: &mut Position,
        rest: &[Option<Value>],
    ) -> Result<Option<Duration>, StoreError> {
        let known = position.at < position.long_given;
        if !self.takes_two_steps() || known || self.old_after(log, position, rest)? {
            return Ok(None);
        }
        Ok(self.is_under_way(log, position))
    }

    /// After how long to look again for the event after the position, if its id may have been given less than a
    /// grace time before it was looked for.
    fn is_under_way(&self, log: &LogKeys, position: &mut Position) -> Option<Duration> {
        let (missing, grace) = (position.at + 1, self.config.grace);
        let key = log.event(missing);
        if missing > position.long_given {
            let sight = self.sights.first(key.clone(), position.last, grace);
            if let Some(pause) = sight.pause(position.looked, grace) {
                return Some(pause);
            }
            self.long_given.raise(log, sight.given);
            position.long_given = position.long_given.max(sight.given);
        }
        self.sights.forget(&key);
        None
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
        for ids in ids.chunks(LOOKED_AT_ONCE) {
            let stored = self.kv.get(&ids.iter().map(|&id| log.event(id)).collect::<Vec<_>>())?;
            for (&id, stored) in ids.iter().zip(stored) {
                if let Some(stored) = stored
                    && old(&decode(log, id, &stored)?)
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether there is an event after those that were fetched.
    fn any_after(
        &self,
        log: &LogKeys,
        position: &mut Position,
        fetched: usize,
    ) -> Result<bool, StoreError> {
        let mut at = position.at + fetched as u64;
        while at < position.last {
            let upto = position.last.min(at + position.sizes.at_once(PAGE_BYTES));
            let fetched = self.fetch(log, &mut position.sizes, at + 1, upto)?;
            if fetched.iter().any(Option::is_some) {
                return Ok(true);
            }
            at = upto;
        }
        Ok(false)
    }

    /// Takes the places of those events after the position that are missing among `rest` and would have been stored
    /// by now: nobody waits for them again, and whoever wanted to store them is told.
    fn take_places(
        &self,
        log: &LogKeys,
        position: &Position,
        rest: &[Option<Value>],
    ) -> Result<(), StoreError> {
        let missing = (position.at + 1..=position.long_given).zip(rest);
        let missing = missing.filter(|(_, value)| value.is_none());
        let holes: Vec<_> = missing.map(|(id, _)| (log.event(id), value::hole())).collect();
        // A place that has been taken meanwhile holds its event.
        self.kv.insert(&holes, self.config.ttl)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
