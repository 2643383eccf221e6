//! A log of each scope in a key-value store: appending, and what every call checks first.
//! Reading is in `read.rs`, storing on a thread in `writer.rs`.

use super::config::KvReplayConfig;
use super::marks::Marks;
use super::read::CLOCKS;
use super::sights::Sights;
use super::value::{self, HEADER_BYTES};
use super::writer::{Job, Writer};
use super::{AppendInOneStep, KeyValue, LogKeys};
use crate::guard::guard;
use crate::replay::{Ids, Page, ReplayStore, Scope, Since, StoreError, refuse_empty};
use crate::{EventId, PreparedEvent};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Keeps events in a [`KeyValue`] store that has counters, and that other processes may share.
///
/// All processes together give one sequence of ids per scope. What is known of an id is in the
/// store: a process that has just started knows the ids of those before. See [`KvReplayConfig`] for
/// keys and settings.
///
/// Where giving an id and storing its event are two steps, a process may die between them. Readers
/// then wait for the event for a [grace time](KvReplayConfig::grace), once, and go past its place.
/// Where they cannot tell whether an event was never stored or is kept no longer, they wait as well,
/// once per process and log, and then what was asked for is
/// [aged out](crate::replay::UnknownId::AgedOut): nothing is left out silently.
///
/// They are two steps where [the store has no such step](KeyValue::appends_in_one_step), which is
/// Memcached, and with [`async_append`](KvReplayConfig::async_append). In all others readers wait for
/// nothing, and what is missing has aged out.
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
    pub(super) seen: Marks,
    /// The greatest id that was given longer ago than a grace time: what is missing up to it is not
    /// under way.
    pub(super) long_given: Marks,
    /// What is missing and may be under way.
    pub(super) sights: Sights,
    /// How large events are, where they are large.
    pub(super) large: Marks,
}

/// No counter gets there: what is greater is none.
pub(super) const GREATEST_ID: u64 = u64::MAX >> 1;
/// How many keys are removed at once.
const REMOVED_AT_ONCE: u64 = 512;

impl KvReplayStore {
    /// A log in this store.
    ///
    /// # Errors
    /// [`StoreError::ShortLived`] where giving an id and storing its event are two steps, and the
    /// [`ttl`](KvReplayConfig::ttl) is no longer than the [`grace`](KvReplayConfig::grace) and a
    /// second: then no event would outlive the time in which others may be under way. Others where the
    /// thread for [`async_append`](KvReplayConfig::async_append) cannot be started.
    ///
    /// ```
    /// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, MemoryKv, StoreError};
    /// use std::time::Duration;
    ///
    /// // The grace time is 5 s.
    /// let config = KvReplayConfig::new().async_append(64).ttl(Duration::from_secs(6));
    /// let refused = KvReplayStore::new(MemoryKv::new(), config).unwrap_err();
    /// assert!(matches!(refused, StoreError::ShortLived { .. }));
    /// ```
    pub fn new(kv: impl KeyValue + 'static, config: KvReplayConfig) -> Result<Self, StoreError> {
        let kv: Arc<dyn KeyValue> = Arc::new(kv);
        let (seen, long_given, sights, large) = Default::default();
        let mut store = Self { kv, config, writer: None, seen, long_given, sights, large };
        let (config, grace) = (&store.config, store.config.grace.saturating_add(CLOCKS));
        if let Some(ttl) = config.ttl.filter(|ttl| *ttl <= grace && store.takes_two_steps()) {
            return Err(StoreError::ShortLived { ttl, grace });
        }
        if let Some(at_once) = config.async_append {
            store.writer = Some(Writer::start(store.kv.clone(), config, at_once)?);
        }
        Ok(store)
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

    /// Whether an id is given before its event is stored, so that the event may be under way.
    pub(super) fn takes_two_steps(&self) -> bool {
        self.config.async_append.is_some() || !self.kv.appends_in_one_step()
    }

    /// Whether ids begin at the clock.
    pub(super) fn clocked(&self) -> bool {
        self.config.ids_from_clock || self.kv.forgets()
    }

    pub(super) fn initial(&self) -> u64 {
        if self.clocked() { value::now_micros() } else { 0 }
    }

    /// The keys of a scope, which the store can hold.
    pub(super) fn log(&self, scope: &Scope) -> Result<LogKeys, StoreError> {
        let log = self.config.log(scope);
        let bytes = log.event(u64::MAX).len().max(log.counter().len());
        let most = self.kv.limits().key_bytes;
        if bytes > most { Err(StoreError::KeyTooLong { bytes, most }) } else { Ok(log) }
    }

    /// # Errors
    /// The store cannot hold one of these events.
    fn check(&self, events: &[PreparedEvent]) -> Result<(), StoreError> {
        refuse_empty(events)?;
        let most = self.kv.limits().value_bytes.saturating_sub(HEADER_BYTES);
        let sizes = events.iter().map(|event| event.without_id().len());
        match sizes.enumerate().find(|(_, bytes)| *bytes > most) {
            Some((at, bytes)) => Err(StoreError::TooLarge { at, bytes, most }),
            None => Ok(()),
        }
    }

    /// Gives ids and stores the events, and returns the first id; none if that takes two steps.
    fn append_in_one_step(&self, log: &LogKeys, events: &[PreparedEvent]) -> AppendInOneStep {
        if !self.kv.appends_in_one_step() {
            return None;
        }
        let before = self.seen.of(log);
        let values: Vec<_> = events.iter().map(value::encode).collect();
        let first = self.kv.append(log, &values, self.config.ttl, self.initial())?;
        Some(first.and_then(|first| {
            self.goes_up(log, before, first, events.len())?;
            Ok(first)
        }))
    }

    fn append_in_two_steps(
        &self,
        log: &LogKeys,
        events: &[PreparedEvent],
    ) -> Result<u64, StoreError> {
        let first = self.allocate(log, events.len())?;
        let put = self.kv.insert(&entries(log, first, events), self.config.ttl)?;
        match (first..).zip(put).find(|(_, put)| !put) {
            Some((id, _)) => Err(StoreError::Overtaken { id: id.into() }),
            None => Ok(first),
        }
    }

    /// Gives so many ids, at least one, and returns the first.
    fn allocate(&self, log: &LogKeys, many: usize) -> Result<u64, StoreError> {
        let (before, by) = (self.seen.of(log), many as u64);
        let last = self.kv.add(log.counter(), by, self.initial())?;
        let first = last.checked_sub(by).and_then(|before| before.checked_add(1));
        let first = first.ok_or_else(|| miscounted(log, last, by))?;
        self.goes_up(log, before, first, many)?;
        Ok(first)
    }

    /// # Errors
    /// The store has lost its counter since it was at `before`, and gives numbers a second time. It
    /// is raised past them. Or they are none that a counter from 0 can have.
    fn goes_up(
        &self,
        log: &LogKeys,
        before: u64,
        first: u64,
        many: usize,
    ) -> Result<(), StoreError> {
        let by = many as u64;
        if first == 0 || first > GREATEST_ID - by {
            return Err(miscounted(log, first, by));
        }
        if first <= before {
            self.kv.add(log.counter(), before, 0)?;
            return Err(StoreError::WentBack { first: first.into(), before: before.into() });
        }
        self.seen.raise(log, first + (by - 1));
        Ok(())
    }

    /// Removes the quarter of the index that the events up to `last` have pushed out, and the one
    /// before, which a process that died may have left.
    fn trim(&self, log: &LogKeys, first: u64, last: u64) {
        let before = self.config.floor(first.saturating_sub(1));
        let floor = self.config.floor(last);
        if floor == before || self.config.ttl.is_some() {
            return;
        }
        let mut at = before.saturating_sub(self.config.quarter());
        while at < floor {
            let upto = floor.min(at + REMOVED_AT_ONCE);
            let keys: Vec<_> = (at + 1..=upto).map(|id| log.event(id)).collect();
            // The events are appended, which is what was asked for; the next quarter tries again.
            let removed = guard(|| self.kv.remove(&keys));
            if !matches!(removed, Ok(Ok(()))) {
                return;
            }
            at = upto;
        }
    }
}

/// What is stored of events under ids from this one on. Made when the ids have been given, so that none says
/// that it was written before.
fn entries(log: &LogKeys, first: u64, events: &[PreparedEvent]) -> Vec<(String, Bytes)> {
    (first..).zip(events).map(|(id, event)| (log.event(id), value::encode(event))).collect()
}

pub(super) fn miscounted(log: &LogKeys, counter: u64, by: u64) -> StoreError {
    StoreError::Miscounted { key: log.counter().to_owned(), counter, by }
}

impl ReplayStore for KvReplayStore {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        let log = self.log(scope)?;
        self.check(events)?;
        if events.is_empty() {
            return Ok(Ids::consecutive(0, 0));
        }
        let first = match &self.writer {
            Some(writer) => writer.push(|| {
                let first = self.allocate(&log, events.len())?;
                Ok((first, Job::new(entries(&log, first, events))))
            })?,
            None => match self.append_in_one_step(&log, events) {
                Some(first) => first?,
                None => self.append_in_two_steps(&log, events)?,
            },
        };
        let last = first + (events.len() as u64 - 1);
        self.trim(&log, first, last);
        Ok(Ids::consecutive(first, events.len()))
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        loop {
            match self.since_now(scope, after, max)? {
                Since::Page(page) => return Ok(page),
                Since::Later(pause) => thread::sleep(pause),
            }
        }
    }

    fn since_now(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Since, StoreError> {
        if after.is_none() && self.config.newest == 0 {
            return Ok(Since::Page(Page::default()));
        }
        if let Some(writer) = &self.writer {
            writer.settle(self.config.grace)?;
        }
        self.read(&self.log(scope)?, after, max.max(1))
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        if let Some(writer) = &self.writer {
            writer.settle(self.config.grace)?;
        }
        Ok(self.newest(&self.log(scope)?)?.into())
    }

    fn lost(&self) -> u64 {
        self.lost()
    }

    fn blocks(&self) -> bool {
        self.kv.blocks() || self.writer.is_some()
    }

    fn settles_within(&self) -> Duration {
        if self.takes_two_steps() { self.config.grace } else { Duration::ZERO }
    }
}

impl fmt::Debug for KvReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvReplayStore").field("config", &self.config).finish_non_exhaustive()
    }
}
