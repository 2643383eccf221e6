//! A log of each scope in a key-value store: appending, and what every call checks first.
//! Reading is in `read.rs`, storing on a thread in `writer.rs`.

use super::config::KvReplayConfig;
use super::value::{self, HEADER_BYTES};
use super::writer::{Job, Writer};
use super::{KeyValue, LogKeys};
use crate::replay::{Ids, Page, ReplayStore, Scope, StoreError, refuse_empty};
use crate::{EventId, PreparedEvent};
use bytes::Bytes;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps events in a [`KeyValue`] store that has counters, and that other processes may share.
///
/// All processes together give one sequence of ids per scope. What is known of an id is in the
/// store: a process that has just started knows the ids of those before. See [`KvReplayConfig`] for
/// keys and settings.
///
/// Where giving an id and storing its event are two steps, a process may die between them. Readers
/// then wait for the event for a [grace time](KvReplayConfig::grace), once, and go past its place.
/// Where they cannot tell whether an event was never stored or is kept no longer, what was asked for
/// is [aged out](crate::replay::UnknownId::AgedOut): nothing is left out silently.
///
/// ```
/// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, MemoryKv, ReplayStore, Scope};
/// use headwater_sse::Event;
///
/// let memory = MemoryKv::new();
/// let (one, two) = (memory.clone(), memory);
/// let one = KvReplayStore::new(one, KvReplayConfig::new())?;
/// let two = KvReplayStore::new(two, KvReplayConfig::new())?;
///
/// let shared = Scope::shared();
/// one.append(&shared, &[Event::data("from one").into()])?;
/// let ids = two.append(&shared, &[Event::data("from two").into()])?;
/// assert_eq!(ids.last(), Some(2.into()));
/// assert_eq!(one.since(&shared, Some(&0.into()), 10)?.events.len(), 2);
/// # Ok::<(), headwater_sse::replay::StoreError>(())
/// ```
pub struct KvReplayStore {
    pub(super) kv: Arc<dyn KeyValue>,
    pub(super) config: KvReplayConfig,
    pub(super) writer: Option<Writer>,
    /// The greatest number that each counter was seen at.
    seen: Mutex<HashMap<String, u64>>,
}

/// Of how many counters the greatest number is remembered.
const SEEN_COUNTERS: usize = 65_536;
/// How many keys are removed at once.
const REMOVED_AT_ONCE: u64 = 512;

impl KvReplayStore {
    /// A log in this store.
    ///
    /// # Errors
    /// The thread for [`async_append`](KvReplayConfig::async_append) cannot be started.
    pub fn new(kv: impl KeyValue + 'static, config: KvReplayConfig) -> Result<Self, StoreError> {
        let kv: Arc<dyn KeyValue> = Arc::new(kv);
        let writer = config.async_append.map(|at_once| Writer::start(kv.clone(), &config, at_once));
        Ok(Self { writer: writer.transpose()?, kv, config, seen: Mutex::default() })
    }

    /// How many events were given an id by [`async_append`](KvReplayConfig::async_append) and then
    /// not stored, because the store was not to be reached in time, refused, or had been gone past
    /// by readers. Always 0 without it.
    pub fn lost(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::lost)
    }

    /// How many batches are still to be stored. Always 0 without
    /// [`async_append`](KvReplayConfig::async_append).
    pub fn pending(&self) -> usize {
        self.writer.as_ref().map_or(0, Writer::pending)
    }

    /// What the scope's counter is at, which is made if ids begin at the clock's time.
    pub(super) fn last(&self, log: &LogKeys) -> Result<u64, StoreError> {
        match self.kv.read(log.counter())? {
            Some(last) => Ok(last),
            None if self.clocked() => self.kv.add(log.counter(), 0, self.initial()),
            None => Ok(0),
        }
    }

    fn clocked(&self) -> bool {
        self.config.ids_from_clock || self.kv.forgets()
    }

    fn initial(&self) -> u64 {
        if self.clocked() { value::now_micros() } else { 0 }
    }

    /// The keys of a scope, which the store can hold.
    pub(super) fn log(&self, scope: &Scope) -> Result<LogKeys, StoreError> {
        let log = self.config.log(scope);
        let bytes = log.event(u64::MAX).len().max(log.counter().len());
        let most = self.kv.limits().key_bytes;
        if bytes > most { Err(StoreError::KeyTooLong { bytes, most }) } else { Ok(log) }
    }

    /// What is stored of these events, which the store can hold.
    fn values(&self, events: &[PreparedEvent]) -> Result<Vec<Bytes>, StoreError> {
        refuse_empty(events)?;
        let most = self.kv.limits().value_bytes - HEADER_BYTES;
        let each = events.iter().enumerate().map(|(at, event)| match event.without_id().len() {
            bytes if bytes > most => Err(StoreError::TooLarge { at, bytes, most }),
            _ => Ok(value::encode(event)),
        });
        each.collect()
    }

    /// Gives ids and stores the events. Returns the first id.
    fn append_now(&self, log: &LogKeys, values: &[Bytes]) -> Result<u64, StoreError> {
        let before = self.highest(log);
        if let Some(first) = self.kv.append(log, values, self.config.ttl, self.initial()) {
            let first = first?;
            self.goes_up(log, before, first, values.len())?;
            return Ok(first);
        }
        let first = self.allocate(log, values.len())?;
        let entries: Vec<_> = (first..).map(|id| log.event(id)).zip(values.to_vec()).collect();
        let put = self.kv.insert(&entries, self.config.ttl)?;
        match (first..).zip(put).find(|(_, put)| !put) {
            Some((id, _)) => Err(StoreError::Overtaken { id: id.into() }),
            None => Ok(first),
        }
    }

    fn allocate(&self, log: &LogKeys, many: usize) -> Result<u64, StoreError> {
        let before = self.highest(log);
        let last = self.kv.add(log.counter(), many as u64, self.initial())?;
        let first = last + 1 - many as u64;
        self.goes_up(log, before, first, many)?;
        Ok(first)
    }

    /// The greatest number that the log's counter was seen at, 0 if it never was.
    fn highest(&self, log: &LogKeys) -> u64 {
        self.seen().get(log.counter()).copied().unwrap_or(0)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        // Nothing panics while it is held.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// The store has lost its counter since it was at `before`, and gives numbers a second time. It
    /// is raised past them.
    fn goes_up(
        &self,
        log: &LogKeys,
        before: u64,
        first: u64,
        many: usize,
    ) -> Result<(), StoreError> {
        if first <= before {
            self.kv.add(log.counter(), before, 0)?;
            return Err(StoreError::WentBack { first: first.into(), before: before.into() });
        }
        let last = first + many as u64 - 1;
        let mut seen = self.seen();
        if let Some(highest) = seen.get_mut(log.counter()) {
            // Threads come here in any order.
            *highest = last.max(*highest);
            return Ok(());
        }
        if seen.len() >= SEEN_COUNTERS {
            seen.clear();
        }
        seen.insert(log.counter().to_owned(), last);
        Ok(())
    }

    /// Removes the quarter of the index that the events up to `last` have pushed out, and the one
    /// before, which a process that died may have left.
    fn trim(&self, log: &LogKeys, first: u64, last: u64) {
        let (before, floor) = (self.config.floor(first - 1), self.config.floor(last));
        if floor == before || self.config.ttl.is_some() {
            return;
        }
        let mut at = before.saturating_sub(self.config.quarter());
        while at < floor {
            let upto = floor.min(at + REMOVED_AT_ONCE);
            let keys: Vec<_> = (at + 1..=upto).map(|id| log.event(id)).collect();
            if self.kv.remove(&keys).is_err() {
                // The events are appended, which is what was asked for; the next quarter tries again.
                return;
            }
            at = upto;
        }
    }
}

impl ReplayStore for KvReplayStore {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        let log = self.log(scope)?;
        let values = self.values(events)?;
        if values.is_empty() {
            return Ok(Ids::consecutive(0, 0));
        }
        let first = match &self.writer {
            None => self.append_now(&log, &values)?,
            Some(writer) => writer.push(|| {
                let first = self.allocate(&log, values.len())?;
                let entries = (first..).map(|id| log.event(id)).zip(values).collect();
                Ok((first, Job::new(entries)))
            })?,
        };
        let last = first + events.len() as u64 - 1;
        self.trim(&log, first, last);
        Ok(Ids::consecutive(first, events.len()))
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        if after.is_none() && self.config.newest == 0 {
            return Ok(Page::default());
        }
        if let Some(writer) = &self.writer {
            writer.settle(self.config.grace)?;
        }
        self.read(&self.log(scope)?, after, max.max(1))
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        Ok(self.last(&self.log(scope)?)?.into())
    }

    fn blocks(&self) -> bool {
        self.kv.blocks() || self.writer.is_some()
    }
}

impl fmt::Debug for KvReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvReplayStore").field("config", &self.config).finish_non_exhaustive()
    }
}
