//! Values and counters in memory, which several stores of one process may share.

use super::{AppendInOneStep, Counter, KeyValue, LogKeys};
use crate::replay::StoreError;
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The key-value store that needs no server: in memory, and gone with the process.
///
/// Clones share everything. It holds what [`KvReplayConfig`](super::KvReplayConfig) lets it hold, for
/// each scope.
#[derive(Clone, Default)]
pub struct MemoryKv(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    values: HashMap<String, (Bytes, Option<Instant>)>,
    counters: HashMap<String, u64>,
    /// What expires, the next first. Of keys that were removed, too, until then.
    expiring: BinaryHeap<Reverse<(Instant, String)>>,
}

impl MemoryKv {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn add(&mut self, key: &str, by: u64, initial: u64) -> u64 {
        if let Some(counter) = self.counters.get_mut(key) {
            *counter += by;
            return *counter;
        }
        self.counters.insert(key.to_owned(), initial + by);
        initial + by
    }

    fn insert(&mut self, key: String, value: Bytes, ttl: Option<Duration>) -> bool {
        let now = Instant::now();
        self.expire(now);
        if self.values.contains_key(&key) {
            return false;
        }
        // A time too far to be told never comes.
        let end = ttl.and_then(|ttl| now.checked_add(ttl));
        if let Some(end) = end {
            self.expiring.push(Reverse((end, key.clone())));
        }
        self.values.insert(key, (value, end));
        true
    }

    fn expire(&mut self, now: Instant) {
        while let Some(Reverse((end, _))) = self.expiring.peek()
            && *end <= now
            && let Some(Reverse((end, key))) = self.expiring.pop()
        {
            if self.values.get(&key).is_some_and(|(_, its)| *its == Some(end)) {
                self.values.remove(&key);
            }
        }
    }
}

impl Counter for MemoryKv {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        Ok(self.lock().add(key, by, initial))
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.lock().counters.get(key).copied())
    }
}

impl KeyValue for MemoryKv {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut inside = self.lock();
        inside.expire(Instant::now());
        Ok(keys.iter().map(|key| inside.values.get(key).map(|(value, _)| value.clone())).collect())
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut inside = self.lock();
        let each = entries.iter().cloned();
        Ok(each.map(|(key, value)| inside.insert(key, value, ttl)).collect())
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        let mut inside = self.lock();
        for key in keys {
            inside.values.remove(key);
        }
        Ok(())
    }

    fn appends_in_one_step(&self) -> bool {
        true
    }

    fn append(
        &self,
        log: &LogKeys,
        values: &[Bytes],
        ttl: Option<Duration>,
        initial: u64,
    ) -> AppendInOneStep {
        let mut inside = self.lock();
        let many = values.len() as u64;
        let first = inside.add(log.counter(), many, initial) + 1 - many;
        for (id, value) in (first..).zip(values) {
            inside.insert(log.event(id), value.clone(), ttl);
        }
        Some(Ok(first))
    }

    fn blocks(&self) -> bool {
        false
    }
}

impl fmt::Debug for MemoryKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = self.lock();
        f.debug_struct("MemoryKv").field("values", &inside.values.len()).finish_non_exhaustive()
    }
}
