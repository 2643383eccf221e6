//! How many events of 128 B a second a server takes and gives back, the one at `HEADWATER_STORE`
//! (`redis://…`, `postgres://…`, `memcache://HOST:PORT`), or the store in memory without it. By one
//! thread: a batch at a time, and without waiting for events to be stored. What was appended is read
//! back before a figure is printed.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod support;

use headwater_sse::replay::{
    KeyValue, KvReplayConfig, KvReplayStore, MemoryKv, ReplayStore, Scope,
};
use headwater_sse::{Event, PreparedEvent};
use std::time::{Duration, Instant};
use support::data;

const TIME: Duration = Duration::from_secs(2);

fn main() {
    let at = std::env::var("HEADWATER_STORE").unwrap_or_else(|_| "memory".to_owned());
    println!("{at}: events of 128 B per second, one thread\n");
    println!("batch | append | asynchronous append, all stored | read back, pages of 1000");
    for batch in [1, 16, 64, 256] {
        let (append, read) = run(&at, false, batch);
        let (background, _) = run(&at, true, batch);
        println!("{batch:>5} | {append:>6.0} | {background:>31.0} | {read:>24.0}");
    }
}

fn run(at: &str, background: bool, batch: usize) -> (f64, f64) {
    let prefix = format!("bench/{}/{background}/{batch}/", std::process::id());
    let config = KvReplayConfig::new().prefix(prefix).ttl(Duration::from_mins(1));
    let config = config.max_index(10_000_000);
    let asynchronous = config.clone().async_append(KvReplayConfig::ASYNC_APPENDS);
    let config = if background { asynchronous } else { config };
    let store = KvReplayStore::new(connect(at), config).expect("a store");
    let scope = Scope::topic("bench");
    let mut after = store.tail(&scope).expect("a tail");
    let events = vec![PreparedEvent::new(&Event::data(data())); batch];
    let (begin, mut appended) = (Instant::now(), 0);
    while begin.elapsed() < TIME {
        appended += store.append(&scope, &events).expect("appended").len();
    }
    while store.pending() > 0 {
        std::thread::yield_now();
    }
    let append = appended as f64 / begin.elapsed().as_secs_f64();
    assert_eq!(store.lost(), 0, "all are stored");
    let (begin, mut read) = (Instant::now(), 0);
    loop {
        let page = store.since(&scope, Some(&after), 1000).expect("known");
        read += page.events.len();
        if !page.more {
            break;
        }
        after = page.events.last().expect("there is more").id.clone();
    }
    assert_eq!(read, appended, "all are there");
    (append, read as f64 / begin.elapsed().as_secs_f64())
}

fn connect(at: &str) -> Box<dyn KeyValue> {
    match at {
        "memory" => Box::new(MemoryKv::new()),
        #[cfg(feature = "redis")]
        at if at.starts_with("redis") => {
            Box::new(headwater_sse::replay::RedisKv::new(at).expect("a URL"))
        }
        #[cfg(feature = "postgres")]
        at if at.starts_with("postgres") => {
            Box::new(headwater_sse::replay::PostgresKv::new(at).expect("a URL"))
        }
        #[cfg(feature = "memcache")]
        at if at.starts_with("memcache://") => {
            let addr = at.trim_start_matches("memcache://");
            Box::new(headwater_sse::replay::MemcachedKv::new(addr).expect("an address"))
        }
        _ => panic!("no store at {at}, or its feature is off"),
    }
}
