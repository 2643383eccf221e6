//! Stores in databases that the tests have started.

use crate::number;
use crate::server::Program;
use headwater::sse::replay::{KeyValue, KvReplayConfig, KvReplayStore, ReplayStore, Scope};
use std::sync::Arc;
use std::time::Duration;

/// A store of this database that does not wait long for what somebody has left undone.
pub(crate) fn open(program: Program, port: u16) -> Arc<dyn ReplayStore> {
    open_within(program, port, Duration::from_secs(2), Duration::from_millis(300))
}

/// One that takes so long at most for each answer, and waits so long for what has an id and is not there.
pub(crate) fn open_within(
    program: Program,
    port: u16,
    timeout: Duration,
    grace: Duration,
) -> Arc<dyn ReplayStore> {
    let config = KvReplayConfig::new().max_index(10_000_000).grace(grace);
    match program {
        #[cfg(feature = "redis")]
        Program::Redis => {
            let url = format!("redis://127.0.0.1:{port}/");
            let kv = headwater::sse::replay::RedisKv::new(&url).expect("a URL");
            kept_in(kv.timeout(timeout), config)
        }
        #[cfg(feature = "postgres")]
        Program::Postgres => {
            let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
            let kv = headwater::sse::replay::PostgresKv::new(&url).expect("a URL");
            kept_in(kv.timeout(timeout), config)
        }
        #[cfg(feature = "memcache")]
        Program::Memcached => {
            let addr = format!("127.0.0.1:{port}");
            let kv = headwater::sse::replay::MemcachedKv::new(&addr).expect("an address");
            kept_in(kv.timeout(timeout).expect("an address"), config)
        }
        #[allow(unreachable_patterns, reason = "with all features there is no other")]
        other => unreachable!("{other:?} is not part of this build"),
    }
}

fn kept_in(kv: impl KeyValue + 'static, config: KvReplayConfig) -> Arc<dyn ReplayStore> {
    Arc::new(KvReplayStore::new(kv, config).expect("a sound configuration"))
}

/// The ids of all that comes after this one.
pub(crate) fn stored_after(store: &dyn ReplayStore, scope: &Scope, first: u64) -> Vec<u64> {
    let (mut ids, mut at) = (Vec::new(), first.into());
    loop {
        let page = store.since(scope, Some(&at), 1000).expect("the database answers");
        ids.extend(page.events.iter().map(|event| number(&event.id)));
        match page.events.last() {
            Some(last) if page.more => at = last.id.clone(),
            _ => return ids,
        }
    }
}
