//! The stores that there are here, and how each is opened.

use crate::EVENTS;
use headwater::sse::replay::{ReplayStore, RingBuffer};
use std::sync::Arc;

const RING: &str = "ring";
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
const STORE: &str = "HEADWATER_STORE";

/// Names each store to `run`; a server that was started for it ends afterwards.
pub(crate) fn each(mut run: impl FnMut(&str)) {
    run(RING);
    #[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
    databases(&mut run);
}

#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
fn databases(run: &mut dyn FnMut(&str)) {
    use crate::server::{Program, Server};
    if let Ok(at) = std::env::var(STORE) {
        return run(&at);
    }
    let programs = [
        (cfg!(feature = "redis"), Program::Redis, "redis://127.0.0.1:"),
        (cfg!(feature = "postgres"), Program::Postgres, "postgres://postgres@127.0.0.1:"),
        (cfg!(feature = "memcache"), Program::Memcached, "memcache://127.0.0.1:"),
    ];
    for (wanted, program, url) in programs {
        if wanted && program.is_here() {
            let server = Server::start(program, &[]);
            let database = if program == Program::Postgres { "/postgres" } else { "" };
            run(&format!("{url}{}{database}", server.port));
        }
    }
}

/// With a log of this process's own.
pub(crate) fn open(at: &str) -> Arc<dyn ReplayStore> {
    if at == RING {
        let events = usize::try_from(EVENTS).expect("few enough");
        return Arc::new(RingBuffer::new(2 * events));
    }
    database(at)
}

#[cfg(not(any(feature = "redis", feature = "postgres", feature = "memcache")))]
fn database(at: &str) -> Arc<dyn ReplayStore> {
    unreachable!("no feature for {at}")
}

#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
fn database(at: &str) -> Arc<dyn ReplayStore> {
    use headwater::sse::replay::{KeyValue, KvReplayConfig, KvReplayStore};
    let kept_in = |kv: Box<dyn KeyValue>| {
        let prefix = format!("bench/{}/", std::process::id());
        let config = KvReplayConfig::new().prefix(prefix).ttl(std::time::Duration::from_mins(10));
        Arc::new(KvReplayStore::new(kv, config).expect("a sound configuration"))
    };
    #[cfg(feature = "redis")]
    if at.starts_with("redis") {
        let kv = headwater::sse::replay::RedisKv::new(at).expect("a URL");
        return kept_in(Box::new(kv));
    }
    #[cfg(feature = "postgres")]
    if at.starts_with("postgres") {
        let kv = headwater::sse::replay::PostgresKv::new(at).expect("a URL");
        return kept_in(Box::new(kv));
    }
    #[cfg(feature = "memcache")]
    if let Some(addr) = at.strip_prefix("memcache://") {
        let kv = headwater::sse::replay::MemcachedKv::new(addr).expect("an address");
        return kept_in(Box::new(kv));
    }
    panic!("no store at {at}, or its feature is off");
}
