//! Replay over a key-value store with a counter: what such a store has to do, and for which keys.
//! The log that is kept in it is in `kv/store.rs`; the stores are `kv/memory.rs` and, each behind a
//! feature, those of databases.

#[cfg(feature = "memcache")]
pub use self::memcached::MemcachedKv;
#[cfg(feature = "postgres")]
pub use self::postgres::PostgresKv;
#[cfg(feature = "redis")]
pub use self::redis::RedisKv;
pub use config::KvReplayConfig;
pub use memory::MemoryKv;
pub use store::KvReplayStore;

mod boxed;
mod config;
mod marks;
#[cfg(feature = "memcache")]
mod memcached;
mod memory;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod net;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
#[cfg(feature = "redis")]
mod redis;
mod sights;
mod sizes;
mod store;
mod tail;
mod value;
mod writer;

use super::StoreError;
use bytes::Bytes;
use std::time::Duration;

/// Counters that many processes share. Every one of them goes up, for ever: a counter neither expires
/// nor is it kept by a process for itself.
pub trait Counter: Send + Sync {
    /// Adds to the counter, and returns what it is afterwards, in one step for all that do this at
    /// once. One that is missing begins at `initial`, so that it is `initial + by` then.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError>;

    /// What the counter is, if there is one.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    fn read(&self, key: &str) -> Result<Option<u64>, StoreError>;
}

/// A store of values under keys, for [`KvReplayStore`].
///
/// Keys are UTF-8 without spaces and control characters, if the [prefix](KvReplayConfig::prefix) is;
/// values are any bytes. Calls come from several threads at once. They end within some time, however
/// the store is, with a [`StoreError::Unavailable`] if need be, and find the store again when it is
/// back.
pub trait KeyValue: Counter {
    /// The values under these keys, in their order.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Puts values under keys that have none: for each whether it did. Without `ttl` they stay.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses. Some values may be there; where [`append`](Self::append) is
    /// not one step, [`may_have_written`](StoreError::may_have_written) holds for the error then, so that nobody
    /// has them twice.
    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError>;

    /// Removes these keys, where they are there.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses. Some keys may be gone.
    fn remove(&self, keys: &[String]) -> Result<(), StoreError>;

    /// Whether [`append`](Self::append) does both in one step. Otherwise a number is there before its
    /// value, so that readers may have to wait for that.
    fn appends_in_one_step(&self) -> bool {
        false
    }

    /// Adds the number of values to the log's counter and puts each value under its number, all in
    /// one step that is done or not done: nobody sees the counter without the values. Returns the
    /// first number. Called only where [`appends_in_one_step`](Self::appends_in_one_step) says that
    /// there is such a step. None where there is not; then the counter is added to first, and the
    /// values are inserted afterwards.
    fn append(
        &self,
        log: &LogKeys,
        values: &[Bytes],
        ttl: Option<Duration>,
        initial: u64,
    ) -> AppendInOneStep {
        let _ = (log, values, ttl, initial);
        None
    }

    /// Whether the store may have dropped values that had time left, for want of memory: then a
    /// value that is missing was there, maybe. Asked rarely.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    fn evicts(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// How long keys and values may be.
    fn limits(&self) -> KvLimits {
        KvLimits::default()
    }

    /// Whether the store loses its counters when it restarts, or may drop them. Then ids begin at
    /// the microseconds since 1970, see [`KvReplayConfig::ids_from_clock`].
    fn forgets(&self) -> bool {
        false
    }

    /// Whether calls may wait for the network or a disk, so that no core may make them.
    fn blocks(&self) -> bool {
        true
    }
}

/// What [`KeyValue::append`] returns.
pub type AppendInOneStep = Option<Result<u64, StoreError>>;

/// How long keys and values of a [`KeyValue`] may be, in bytes. Default: without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvLimits {
    /// Of a key.
    pub key_bytes: usize,
    /// Of a value.
    pub value_bytes: usize,
}

impl KvLimits {
    /// These limits.
    pub fn new(key_bytes: usize, value_bytes: usize) -> Self {
        Self { key_bytes, value_bytes }
    }
}

impl Default for KvLimits {
    fn default() -> Self {
        Self::new(usize::MAX, usize::MAX)
    }
}

/// The keys of one scope's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKeys {
    counter: String,
    events: String,
}

impl LogKeys {
    /// The key of the counter.
    pub fn counter(&self) -> &str {
        &self.counter
    }

    /// What the keys of all events begin with: the id follows, in decimal.
    pub fn events(&self) -> &str {
        &self.events
    }

    /// The key of the event with this id.
    pub fn event(&self, id: u64) -> String {
        format!("{}{id}", self.events)
    }
}
