//! Where a log ends. Who begins there comes back with that id, and is told what followed only if something
//! vouches for it: so it is the id of something that is stored, wherever there is any.

use super::store::{GREATEST_ID, miscounted};
use super::{KvReplayStore, LogKeys, value};
use crate::replay::StoreError;

impl KvReplayStore {
    /// What the scope's counter is at, which is made if ids begin at the clock's time.
    pub(super) fn last(&self, log: &LogKeys) -> Result<u64, StoreError> {
        let last = match self.kv.read(log.counter())? {
            Some(last) => last,
            None if self.clocked() => self.begin_at_the_clock(log)?,
            None => 0,
        };
        if last > GREATEST_ID {
            return Err(miscounted(log, last, 0));
        }
        if last > 0 {
            // Also who only reads notices when the counter goes back.
            self.seen.raise(log, last);
        }
        Ok(last)
    }

    fn begin_at_the_clock(&self, log: &LogKeys) -> Result<u64, StoreError> {
        let initial = self.initial();
        let last = self.kv.add(log.counter(), 0, initial)?;
        if last == initial && self.takes_two_steps() {
            // No event has this id. If others were to give it in this very microsecond, they would be told.
            self.kv.insert(&[(log.event(last), value::hole())], self.config.ttl)?;
        }
        Ok(last)
    }

    /// The id of the newest event that is stored, or of one near it, if there is any. What has later ids is under
    /// way, or was never stored.
    pub(super) fn newest(&self, log: &LogKeys) -> Result<u64, StoreError> {
        let last = self.last(log)?;
        if last == 0 || !self.takes_two_steps() || self.is_stored(log, last)? {
            return Ok(last);
        }
        // Each about twice as far back as the one before, and then between the two.
        let (floor, mut missing, mut back) = (self.config.floor(last), last, 1);
        let mut stored = loop {
            let Some(id) = last.checked_sub(back).filter(|&id| id > floor) else { return Ok(last) };
            if self.is_stored(log, id)? {
                break id;
            }
            (missing, back) = (id, back * 2 + 1);
        };
        while missing - stored > 1 {
            let middle = stored + (missing - stored) / 2;
            if self.is_stored(log, middle)? { stored = middle } else { missing = middle }
        }
        Ok(stored)
    }

    fn is_stored(&self, log: &LogKeys, id: u64) -> Result<bool, StoreError> {
        Ok(self.kv.get(&[log.event(id)])?.iter().any(Option::is_some))
    }
}
