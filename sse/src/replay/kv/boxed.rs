//! A store that was chosen while the program runs is one, too.

use super::{AppendInOneStep, Counter, KeyValue, KvLimits, LogKeys};
use crate::replay::StoreError;
use bytes::Bytes;
use std::time::Duration;

impl<K: Counter + ?Sized> Counter for Box<K> {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        (**self).add(key, by, initial)
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        (**self).read(key)
    }
}

impl<K: KeyValue + ?Sized> KeyValue for Box<K> {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        (**self).get(keys)
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        (**self).insert(entries, ttl)
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        (**self).remove(keys)
    }

    fn appends_in_one_step(&self) -> bool {
        (**self).appends_in_one_step()
    }

    fn append(
        &self,
        log: &LogKeys,
        values: &[Bytes],
        ttl: Option<Duration>,
        initial: u64,
    ) -> AppendInOneStep {
        (**self).append(log, values, ttl, initial)
    }

    fn evicts(&self) -> Result<bool, StoreError> {
        (**self).evicts()
    }

    fn limits(&self) -> KvLimits {
        (**self).limits()
    }

    fn forgets(&self) -> bool {
        (**self).forgets()
    }

    fn blocks(&self) -> bool {
        (**self).blocks()
    }
}
