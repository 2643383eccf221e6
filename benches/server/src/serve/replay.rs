//! The store that `--replay` names.

use crate::cli::values::Replay;
use headwater::sse::replay::{
    KeyValue, KvReplayConfig, KvReplayStore, MemoryKv, ReplayStore, RingBuffer, StoreError,
};
use std::sync::Arc;

/// Before the keys of stores that others use, too.
const PREFIX: &str = "bench-server/";

/// Opens the store; none where none is named.
///
/// # Errors
/// One line: the store cannot be opened, or is not part of this build.
pub(super) fn open(replay: &Replay) -> Result<Option<Arc<dyn ReplayStore>>, String> {
    Ok(Some(match replay {
        Replay::None => return Ok(None),
        Replay::Ring(events) => Arc::new(RingBuffer::new(events.get())),
        Replay::Memory => kept_in(MemoryKv::new()).map_err(|error| error.to_string())?,
        Replay::Redis(url) => redis(url)?,
        Replay::Postgres(url) => postgres(url)?,
        Replay::Memcache(url) => memcache(url)?,
    }))
}

/// What it is called where people look: not by its URL, in which a password may be.
pub(super) fn kind(replay: &Replay) -> Option<&'static str> {
    match replay {
        Replay::None => None,
        Replay::Ring(_) => Some("ring"),
        Replay::Memory => Some("memory"),
        Replay::Redis(_) => Some("Redis"),
        Replay::Postgres(_) => Some("Postgres"),
        Replay::Memcache(_) => Some("Memcached"),
    }
}

fn kept_in(kv: impl KeyValue + 'static) -> Result<Arc<dyn ReplayStore>, StoreError> {
    let store = KvReplayStore::new(kv, KvReplayConfig::new().prefix(PREFIX))?;
    Ok(Arc::new(store))
}

/// How each database is opened, or why it is not.
macro_rules! database {
    ($name:ident, $feature:literal, $url:ident => $open:expr) => {
        #[cfg(feature = $feature)]
        fn $name($url: &str) -> Result<Arc<dyn ReplayStore>, String> {
            $open.and_then(kept_in).map_err(|error| format!("--replay {}: {error}", $url))
        }

        #[cfg(not(feature = $feature))]
        fn $name(url: &str) -> Result<Arc<dyn ReplayStore>, String> {
            Err(format!(
                "--replay {url} is not part of this build: build it with --features {}",
                $feature
            ))
        }
    };
}

database!(redis, "redis", url => headwater::sse::replay::RedisKv::new(url));
database!(postgres, "postgres", url => headwater::sse::replay::PostgresKv::new(url));
database!(memcache, "memcache", url => {
    headwater::sse::replay::MemcachedKv::new(url.trim_start_matches("memcache://").trim_end_matches('/'))
});
