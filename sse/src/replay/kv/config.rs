//! What may be set for a log in a key-value store, and the keys and places that follow from it.

use super::LogKeys;
use crate::replay::Scope;
use std::time::Duration;

/// Settings of a [`KvReplayStore`](super::KvReplayStore). All stores that share a log have the same.
///
/// | key | of |
/// |---|---|
/// | `<prefix>events/<id>` | an event of [`Scope::shared`] |
/// | `<prefix>seq` | its counter, unless [`counter_key`](Self::counter_key) is set |
/// | `<prefix><scope>/events/<id>` | an event of another scope, as that [prints](Scope) |
/// | `<prefix>seq/<scope>` | its counter |
///
/// No prefix of a store may be the beginning of another's in the same database.
///
/// ```
/// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, MemoryKv};
/// use std::time::Duration;
///
/// let config = KvReplayConfig::new().prefix("myapp/sse/").ttl(Duration::from_mins(10)).newest(20);
/// let store = KvReplayStore::new(MemoryKv::new(), config)?;
/// # let _ = store;
/// # Ok::<(), headwater_sse::replay::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KvReplayConfig {
    pub(super) prefix: String,
    pub(super) counter_key: Option<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) max_index: u64,
    pub(super) newest: usize,
    pub(super) grace: Duration,
    pub(super) ids_from_clock: bool,
    pub(super) async_append: Option<usize>,
    pub(super) retry_for: Duration,
}

impl KvReplayConfig {
    /// The default of [`max_index`](Self::max_index).
    pub const MAX_INDEX: u64 = 65_536;
    /// The cap of [`async_append`](Self::async_append) that is the seemly one.
    pub const ASYNC_APPENDS: usize = 64;

    /// The defaults.
    pub fn new() -> Self {
        Self {
            prefix: String::new(),
            counter_key: None,
            ttl: None,
            max_index: Self::MAX_INDEX,
            newest: 0,
            grace: Duration::from_secs(5),
            ids_from_clock: false,
            async_append: None,
            retry_for: Duration::from_secs(30),
        }
    }

    /// What all keys begin with. Default: nothing. Without spaces and control characters.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The key of the counter in place of `<prefix>seq`; that of another scope is this, `/`, and the
    /// scope.
    #[must_use]
    pub fn counter_key(mut self, key: impl Into<String>) -> Self {
        self.counter_key = Some(key.into());
        self
    }

    /// How long events are kept. Default: for ever, within [`max_index`](Self::max_index). Stores
    /// that count in seconds keep them up to a second longer. The counter stays in any case. Where
    /// giving an id and storing its event are two steps, longer than the [`grace`](Self::grace) and a
    /// second ([`StoreError::ShortLived`](crate::replay::StoreError::ShortLived)).
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How many of a scope's newest events may be asked for, at least one. Default 65,536. Past it
    /// the oldest quarter is dropped: removed from the store, or left to its time where there is a
    /// [`ttl`](Self::ttl).
    #[must_use]
    pub fn max_index(mut self, events: u64) -> Self {
        self.max_index = events.max(1);
        self
    }

    /// How many of the newest events a client gets that has no last id. Default 0.
    #[must_use]
    pub fn newest(mut self, many: usize) -> Self {
        self.newest = many;
        self
    }

    /// How long readers wait for an event whose id was given but that is not stored yet, while later
    /// ones are: afterwards they, and all others, go past it for good. Default 5 s. Longer than
    /// the timeouts of the store's network operations, and than clocks of processes differ.
    ///
    /// Where giving an id and storing its event are two steps, they also wait so long, once per
    /// process and log, before an event that is missing, and may be gone, has aged out.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lets the ids of a scope begin at the microseconds since 1970 where the store has no counter,
    /// in place of 1: for stores that may lose theirs altogether, such as a Redis without persistence.
    /// Ids then do not come twice after such a loss, as long as there are less than a million events a
    /// second. Where an older counter comes back, from a snapshot or an asynchronous replica, this
    /// changes nothing: ids come twice then.
    /// Stores that [forget](super::KeyValue::forgets) do this in any case.
    #[must_use]
    pub fn ids_from_clock(mut self, on: bool) -> Self {
        self.ids_from_clock = on;
        self
    }

    /// Lets [`append`](crate::replay::ReplayStore::append) return when ids are given, and stores the events on a
    /// thread. Past so many batches that are not stored yet, at least one, it waits. Nothing limits their bytes,
    /// which are in memory until then: a broker's or a client's batch has 1 MiB at most, or one event. They are
    /// stored one after the other, those behind one another in one step as long as they have 1 MiB together.
    /// Other processes see events when they are stored; [`since`](crate::replay::ReplayStore::since) of the same
    /// store waits for what was appended before. See [`KvReplayStore::lost`] for what becomes of events that
    /// cannot be stored.
    ///
    /// Default: off. The cap of 64, [`ASYNC_APPENDS`](Self::ASYNC_APPENDS), is a good one.
    ///
    /// [`KvReplayStore::lost`]: super::KvReplayStore::lost
    #[must_use]
    pub fn async_append(mut self, at_once: usize) -> Self {
        self.async_append = Some(at_once.max(1));
        self
    }

    /// For how long an [`async_append`](Self::async_append) is tried again while the store cannot be
    /// reached. Default 30 s; with [`Duration::MAX`], until it can be.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }
}

impl Default for KvReplayConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl KvReplayConfig {
    pub(super) fn log(&self, scope: &Scope) -> LogKeys {
        let prefix = &self.prefix;
        let counter = self.counter_key.clone().unwrap_or_else(|| format!("{prefix}seq"));
        if *scope == Scope::shared() {
            LogKeys { counter, events: format!("{prefix}events/") }
        } else {
            let counter = format!("{counter}/{scope}");
            LogKeys { counter, events: format!("{prefix}{scope}/events/") }
        }
    }

    /// The last id that may not be asked for any more, when this is the newest: a multiple of a
    /// quarter of the index, so that all processes agree without asking each other.
    pub(super) fn floor(&self, last: u64) -> u64 {
        last.saturating_sub(self.max_index).next_multiple_of(self.quarter())
    }

    pub(super) fn quarter(&self) -> u64 {
        (self.max_index / 4).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_index_limit_the_oldest_quarter_goes() {
        let config = KvReplayConfig::new().max_index(8);
        let floors = [0, 1, 7, 8, 9, 10, 11, 12, 13].map(|last| config.floor(last));
        assert_eq!(floors, [0, 0, 0, 0, 2, 2, 4, 4, 6]);
        for limit in 1..40 {
            let config = KvReplayConfig::new().max_index(limit);
            for last in limit..200 {
                let kept = last - config.floor(last);
                assert!(kept <= limit && kept + config.quarter() > limit, "{limit} {last}");
            }
        }
        assert_eq!(KvReplayConfig::new().max_index(0).floor(5), 4, "one is kept");
    }

    #[test]
    fn keys_are_those_of_the_documentation() {
        let config = KvReplayConfig::new().prefix("app/");
        let shared = config.log(&Scope::shared());
        assert_eq!((shared.counter(), &*shared.event(7)), ("app/seq", "app/events/7"));
        let user = config.log(&Scope::user("a/b"));
        let keys = (user.counter(), &*user.event(7));
        assert_eq!(keys, ("app/seq/user/a%2Fb", "app/user/a%2Fb/events/7"));
        let own = config.counter_key("ids");
        assert_eq!(own.log(&Scope::shared()).counter(), "ids");
        assert_eq!(own.log(&Scope::topic("t")).counter(), "ids/topic/t");
    }
}
