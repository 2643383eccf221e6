//! What it takes to give 1,000 clients the 1,000 events of 128 B that each has missed, all at once, by a
//! server of one worker that has just been started: events and bytes a second, and how far the server's
//! resident memory rises meanwhile.
//!
//! `cargo bench --bench resume`, with `--features redis,postgres,memcache` from those, too: from the server
//! at `HEADWATER_STORE` (a URL as of `bench-server --replay`), or one that is started here if its program is
//! installed. Each server of streams is a process of its own, and so are its clients, which share the
//! machine with it. A client that gets anything but the events after its id, in order, ends the benchmark. For Linux.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod clients;
#[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
#[path = "../../sse/tests/stores/support/server.rs"]
#[allow(dead_code, reason = "the tests of the stores use all of it")]
mod server;
mod store;

use clients::Clients;
use headwater::sse::replay::ReplayStore;
use headwater::sse::{self, Broker, Event, EventId, PreparedEvent, Refusal};
use headwater::{Hub, Router, Server, routing::get};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 1000;
const EVENTS: u64 = 1000;
/// Of an event, its id apart.
const EVENT_BYTES: usize = 128;
const PATIENCE: Duration = Duration::from_mins(2);
/// Says to a process of this program from which store it is to serve.
const SERVE: &str = "HEADWATER_RESUME_SERVE";

fn main() {
    if let Ok(told) = std::env::var(clients::TOLD) {
        return clients::run(&told);
    }
    if let Ok(at) = std::env::var(SERVE) {
        return serve(&at);
    }
    println!(
        "{CLIENTS} clients resume after {EVENTS} events of {EVENT_BYTES} B each, one worker\n"
    );
    println!("store    |  seconds |   events/s |   MB/s | resident before | peak over that");
    store::each(|at| {
        // Each connection takes a descriptor.
        let status = Command::new("sh")
            .args(["-c", r#"ulimit -S -n "$(ulimit -H -n)"; exec "$0""#])
            .arg(std::env::current_exe().expect("this program"))
            .env(SERVE, at)
            .status();
        assert!(status.expect("this program starts").success(), "{at}");
    });
}

/// Waits for what another thread or process does.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn serve(at: &str) {
    let store = store::open(at);
    let (begin, end) = publish_before(&store);
    let broker = broker(&store);
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
    let server = Server::builder().bind("127.0.0.1:0").workers(1).serve(app);
    let server = server.expect("a free port of the loopback");
    let mut clients = Clients::start(server.local_addrs()[0], begin, end);
    until("all are connected", || server.stats().connections == CLIENTS);
    // Sets the peak to what is resident now.
    std::fs::write("/proc/self/clear_refs", "5").expect("one's own may be written");
    let before = resident("VmRSS:");
    let (took, bytes) = clients.resume();
    let peak = resident("VmHWM:").saturating_sub(before);
    let events = (CLIENTS as u64 * EVENTS) as f64 / took.as_secs_f64();
    let megabytes = bytes as f64 / took.as_secs_f64() / 1e6;
    let name = at.split(':').next().unwrap_or(at);
    println!(
        "{name:<8} | {:>8.3} | {events:>10.0} | {megabytes:>6.1} | {:>12.1} MB | {:>11.1} MB",
        took.as_secs_f64(),
        before as f64 / 1e6,
        peak as f64 / 1e6
    );
    let stats = broker.replay_stats().expect("it has a store");
    assert_eq!(stats.replayed, CLIENTS as u64 * EVENTS, "all of them are from the store");
    server.drain(Duration::ZERO).wait().expect("no worker fails");
}

fn broker(store: &Arc<dyn ReplayStore>) -> Broker {
    Hub::new().broker("resume").replay(store.clone()).build()
}

/// By a broker that is gone afterwards, so that nothing but the store has them. Returns the ids that clients
/// have and that they get last.
fn publish_before(store: &Arc<dyn ReplayStore>) -> (u64, u64) {
    let broker = broker(store);
    let event = || Event::data("x".repeat(EVENT_BYTES - "data: \n\n".len()));
    assert_eq!(PreparedEvent::new(&event()).len(), EVENT_BYTES);
    let publish = || number(&broker.publish_wait(event(), None).expect("the store works").id);
    let begin = publish();
    for _ in 1..EVENTS {
        until("there is room", || match broker.publish_later(event()) {
            Ok(()) => true,
            Err(error) if error.refusal() == Refusal::Busy => false,
            Err(error) => panic!("{error}"),
        });
    }
    let end = publish();
    assert_eq!(end - begin, EVENTS, "nobody else publishes");
    (begin, end)
}

fn number(id: &EventId) -> u64 {
    id.to_string().parse().expect("a number")
}

/// Bytes, from a line that says kilobytes.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let size = status.lines().find_map(|text| text.strip_prefix(line)).expect("it has the line");
    size.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
