//! Many clients that are cut off at any byte and come back, while eight threads publish as fast as the
//! clients bear: what each gets is what was published, once and in order. On every engine with a store in
//! memory; on epoll with each database, whose server the tests start, and there the server of the streams
//! is killed again and again, too, and in other tests the database's, or that stands still.
//!
//! `HEADWATER_SPLICE_SECONDS` says how long each test publishes, `HEADWATER_SPLICE_CLIENTS` for how many, and
//! `HEADWATER_SPLICE_OUTAGE_SECONDS` how long a database stands still.
#![cfg(target_os = "linux")]

mod client;
mod ids;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod killed;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod listener;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod outage;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
#[path = "../../sse/tests/stores/support/server.rs"]
#[allow(dead_code, reason = "the tests of the stores use all of it")]
mod server;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod store;

use client::Clients;
use headwater::sse::replay::{ReplayStore, RingBuffer};
use headwater::sse::{self, Broker, Event, EventId};
use headwater::{Engine, Hub, Router, Server, ServerHandle, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PUBLISHERS: usize = 8;
/// The slowest client may be so far behind; otherwise none would ever come to the end.
const WINDOW: u64 = 5_000;
/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_mins(5);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn publishing_time() -> Duration {
    Duration::from_secs(setting("HEADWATER_SPLICE_SECONDS", 1))
}

fn clients() -> usize {
    usize::try_from(setting("HEADWATER_SPLICE_CLIENTS", 50)).expect("a number of clients")
}

/// Waits for what another thread or process does.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn number(id: &EventId) -> u64 {
    id.to_string().parse().expect("a number")
}

fn serve(engine: Engine, addr: &str, store: Arc<dyn ReplayStore>) -> (Broker, ServerHandle) {
    let broker = Hub::new().broker("splice").replay(store).build();
    let app = Router::new().route("/events", get(sse::feed(&broker).heartbeat(None)));
    let server = Server::builder().bind(addr).engine(engine).workers(2);
    (broker, server.serve(app).expect("a free port of the loopback"))
}

fn splice(engine: Engine, store: Arc<dyn ReplayStore>) {
    let (broker, server) = serve(engine, "127.0.0.1:0", store);
    let clients = Clients::start(server.local_addrs()[0], clients());
    clients.begun();
    let newest = AtomicU64::new(0);
    let end = Instant::now() + publishing_time();
    thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            scope.spawn(|| {
                while Instant::now() < end {
                    let begin = newest.load(Ordering::Relaxed).saturating_sub(WINDOW);
                    if clients.slowest().is_some_and(|slowest| slowest < begin) {
                        thread::sleep(Duration::from_millis(1));
                        continue;
                    }
                    let published = broker.publish_wait(Event::data("x"), None);
                    let id = published.expect("there will be room").id;
                    newest.fetch_max(number(&id), Ordering::Relaxed);
                }
            });
        }
    });
    let published = broker.published();
    assert!(published > 0);
    let newest = newest.load(Ordering::Relaxed);
    let followed = clients.finish(newest);
    for client in &followed {
        assert!(client.ids.are_all_up_to(newest), "not all, or some twice");
    }
    let cuts: u64 = followed.iter().map(|client| client.cuts).sum();
    println!("{engine}: {published} events, {cuts} times cut off");
    let stats = broker.replay_stats().expect("it has a store");
    assert_eq!((stats.stored, stats.refused, stats.without_id), (published, 0, 0));
    server.drain(Duration::ZERO).wait().expect("no worker fails");
    assert_eq!(broker.subscriber_count(), 0);
}

fn ring() -> Arc<RingBuffer> {
    Arc::new(RingBuffer::builder(1_000_000).bytes(1 << 30).build())
}

#[cfg(all(feature = "io-uring", target_os = "linux"))]
#[test]
fn ring_on_io_uring() {
    splice(Engine::IoUring, ring());
}

#[cfg(feature = "epoll")]
#[test]
fn ring_on_epoll() {
    splice(Engine::Epoll, ring());
}

#[test]
fn ring_on_std() {
    splice(Engine::Std, ring());
}

#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
mod databases {
    use super::server::{Program, Server};
    use headwater::Engine;

    fn splice(program: Program, options: &[&str]) {
        if program.is_here() {
            let database = Server::start(program, options);
            super::splice(Engine::Epoll, super::store::open(program, database.port));
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn redis_on_epoll() {
        splice(Program::Redis, &["--save", ""]);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_on_epoll() {
        splice(Program::Postgres, &[]);
    }

    #[cfg(feature = "memcache")]
    #[test]
    fn memcached_on_epoll() {
        splice(Program::Memcached, &["-m", "512"]);
    }
}
