//! How many events of 128 B a second a server takes and gives back, to one thread: a batch at a time, and
//! without waiting for events to be stored. What was appended is read back before a figure is printed.
//! Beside Redis, what its client library does alone, with the same values in pipelines that carry one batch
//! or as many as may be under way (`SET … PX`, without ids).
//!
//! `cargo bench -p headwater-sse --bench stores --features redis,postgres,memcache`: the store in memory, and
//! the server at `HEADWATER_STORE` (`redis://…`, `postgres://…`, `memcache://HOST:PORT`), or one of each
//! that is started here if its program is installed.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
#[path = "../tests/stores/support/server.rs"]
#[allow(dead_code, reason = "the tests of the stores use all of it")]
mod server;
mod support;

use headwater_sse::replay::{
    KeyValue, KvReplayConfig, KvReplayStore, MemoryKv, ReplayStore, Scope,
};
use headwater_sse::{Event, PreparedEvent};
use std::time::{Duration, Instant};
use support::data;

const TIME: Duration = Duration::from_secs(2);
const BATCHES: [usize; 4] = [1, 16, 64, 256];
const AT_ONCE: usize = KvReplayConfig::ASYNC_APPENDS;
/// How long a server keeps what it was given.
const TTL: Duration = Duration::from_mins(1);

fn main() {
    measure("memory");
    #[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
    databases();
}

#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
fn databases() {
    use server::{Program, Server};
    if let Ok(at) = std::env::var("HEADWATER_STORE") {
        return measure(&at);
    }
    let programs = [
        (cfg!(feature = "redis"), Program::Redis, "redis://127.0.0.1:"),
        (cfg!(feature = "postgres"), Program::Postgres, "postgres://postgres@127.0.0.1:"),
        (cfg!(feature = "memcache"), Program::Memcached, "memcache://127.0.0.1:"),
    ];
    for (wanted, program, url) in programs {
        if wanted && program.is_here() {
            let options: &[&str] = match program {
                Program::Redis => &["--save", ""],
                Program::Postgres => &[],
                // Room for all of it.
                Program::Memcached => &["-m", "4096"],
            };
            let server = Server::start(program, options);
            let database = if program == Program::Postgres { "/postgres" } else { "" };
            measure(&format!("{url}{}{database}", server.port));
        }
    }
}

/// Waits for a server that was started.
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn measure(at: &str) {
    println!("{at}: events of 128 B per second, one thread\n");
    println!(
        "batch | append | asynchronous append, all stored | read back, pages of 1000 | client \
         library alone: a batch | {AT_ONCE} batches"
    );
    for batch in BATCHES {
        let (append, read) = run(at, false, batch);
        let (background, _) = run(at, true, batch);
        let [one, many] = [batch, batch * AT_ONCE].map(|events| alone(at, events));
        println!(
            "{batch:>5} | {append:>6.0} | {background:>31.0} | {read:>24.0} | {one:>29} | {many:>10}"
        );
    }
    println!();
}

/// Values a second, in pipelines of so many, where there is such a library.
fn alone(at: &str, events: usize) -> String {
    #[cfg(feature = "redis")]
    if at.starts_with("redis") {
        return format!("{:.0}", pipelines(at, events));
    }
    let _ = (at, events);
    "–".to_owned()
}

#[cfg(feature = "redis")]
fn pipelines(at: &str, events: usize) -> f64 {
    let client = redis::Client::open(at).expect("a URL");
    let mut link = client.get_connection().expect("it is there");
    let (value, begin) = (data(), Instant::now());
    let (mut done, ttl) = (0_u64, u64::try_from(TTL.as_millis()).expect("few enough"));
    let key = |number| format!("bench/{}/alone/{events}/{number}", std::process::id());
    while begin.elapsed() < TIME {
        let mut all = redis::Pipeline::with_capacity(events);
        for _ in 0..events {
            all.cmd("SET").arg(key(done)).arg(&value).arg("PX").arg(ttl).ignore();
            done += 1;
        }
        all.exec(&mut link).expect("it takes them");
    }
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    let last: Option<String> =
        redis::cmd("GET").arg(key(done - 1)).query(&mut link).expect("it is there");
    assert_eq!(last.as_ref(), Some(&value), "the last is there");
    rate
}

fn run(at: &str, background: bool, batch: usize) -> (f64, f64) {
    let prefix = format!("bench/{}/{background}/{batch}/", std::process::id());
    let config = KvReplayConfig::new().prefix(prefix).ttl(TTL);
    let config = config.max_index(10_000_000);
    let asynchronous = config.clone().async_append(AT_ONCE);
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
