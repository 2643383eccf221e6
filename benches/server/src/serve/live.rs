//! What the page at `/` shows of the server: a snapshot of its counts a second, as long as somebody looks,
//! through a broker on a hub of its own, so that ids, order and counts of the measured one stay untouched.
//! Only reads what is counted anyway; rates are the page's business.

use super::Handle;
use headwater::sse::{self, Broker, Client, Event, Hub, Laggard, SlowPolicy, StreamEndpoint};
use headwater::{ServerHandle, Stats};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From one snapshot to the next.
const PERIOD: Duration = Duration::from_secs(1);
/// After which a page comes back that was cut off.
const RETRY: Duration = Duration::from_secs(1);
/// How many of the slowest subscribers are named.
const SLOWEST: usize = 8;
/// Upper bounds, in events, of the groups into which subscribers are put by how far they are behind.
const LAG_EVENTS: [u64; 6] = [0, 1, 10, 100, 1_000, 10_000];

/// What a snapshot is made of, and who is shown it.
struct Sight {
    handle: Handle,
    measured: Broker,
    /// The kind of its store.
    store: Option<&'static str>,
    pages: Broker,
    /// Pages that are open: a subscription is counted only when its core has got round to it, and the maker of
    /// snapshots would go back to sleep.
    looking: AtomicUsize,
}

/// The stream of snapshots. Starts the thread that makes them, which sleeps while nobody looks.
///
/// # Errors
/// When no thread can be started.
pub(super) fn stream(
    measured: &Broker,
    store: Option<&'static str>,
    handle: &Handle,
) -> io::Result<StreamEndpoint> {
    // Who does not keep up gets the newest snapshot, and none that is old.
    let pages = Hub::new().broker("pages");
    let pages = pages.subscriber_buffer(2).slow_policy(SlowPolicy::DropOldest).build();
    let (handle, measured) = (handle.clone(), measured.clone());
    let looking = AtomicUsize::new(0);
    let sight = Arc::new(Sight { handle, measured, store, pages, looking });
    let seen = sight.clone();
    let maker = thread::Builder::new().name("live".to_owned()).spawn(move || publish(&seen))?;
    let maker = maker.thread().clone();
    let stream = sse::endpoint(async move |client| show(client, &sight, &maker).await);
    Ok(stream.retry(RETRY))
}

/// One who looks, until it is dropped.
struct Looking<'s>(&'s AtomicUsize);

impl<'s> Looking<'s> {
    fn begin(looking: &'s AtomicUsize) -> Self {
        looking.fetch_add(1, Ordering::Relaxed);
        Self(looking)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One page, until it is closed.
async fn show(client: Client, sight: &Sight, maker: &Thread) {
    // Without waiting for the next second. Who has left already is told by `closed`.
    let _looking = Looking::begin(&sight.looking);
    client.try_send(snapshot(sight)).ok();
    let _subscribed = sight.pages.subscribe(&client);
    // After it was counted: what was parked in vain looks again.
    maker.unpark();
    client.closed().await;
}

/// A snapshot a second while anybody is subscribed.
fn publish(sight: &Sight) {
    let mut due = Instant::now();
    loop {
        while sight.looking.load(Ordering::Relaxed) == 0 {
            thread::park();
            due = Instant::now();
        }
        // Of the seconds that a stopped process slept through, none is made up for.
        due = (due + PERIOD).max(Instant::now());
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Refused where a core is stuck: the next one comes in a second.
        sight.pages.publish(snapshot(sight)).ok();
    }
}

fn snapshot(sight: &Sight) -> Event {
    let Sight { handle, measured, store, looking, .. } = sight;
    let slowest: Vec<Value> = measured.slowest(SLOWEST).iter().map(laggard).collect();
    let mut all = json!({
        "at_ms": millis(SystemTime::now()),
        "broker": broker(measured),
        "slowest": slowest,
        "store": store.map(|kind| self::store(kind, measured)),
        "pages": looking.load(Ordering::Relaxed),
    });
    // From the moment that it runs; who asks before is shown the rest.
    if let Some(server) = handle.get() {
        all["server"] = describe(server);
        all["workers"] = server.worker_stats().iter().map(worker).collect();
    }
    Event::data(all.to_string())
}

fn millis(time: SystemTime) -> u64 {
    // A clock that is before 1970, or far off, tells nothing.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn describe(server: &ServerHandle) -> Value {
    json!({
        "engine": server.engine().to_string(),
        "why": server.engine_reason(),
        "version": env!("CARGO_PKG_VERSION"),
        "started_ms": millis(server.started()),
    })
}

fn worker(stats: &Stats) -> Value {
    json!({
        "connections": stats.connections,
        "streams": stats.streams,
        "owed_bytes": stats.owed_bytes,
        "accepted": stats.accepted,
        "handed_over": stats.handed_over,
        "requests": stats.requests,
        "delivered": stats.events_delivered,
        "sends": stats.sends,
        "received_bytes": stats.received_bytes,
        "sent_bytes": stats.sent_bytes,
        "refused": stats.refused,
        "accept_failures": stats.accept_failures,
        "closed_for_room": stats.closed_for_room,
        "handler_panics": stats.handler_panics,
        "slow_handlers": stats.slow_handlers,
        "late_handlers": stats.late_handlers,
        "failed_bodies": stats.failed_bodies,
    })
}

fn broker(broker: &Broker) -> Value {
    let subscribers = broker.subscriber_count() as u64;
    let mut counts = [0; LAG_EVENTS.len() + 1];
    let (mut lagging, mut owed_bytes) = (0, 0);
    broker.for_each_laggard(|who| {
        lagging += 1;
        owed_bytes += who.owed_bytes;
        counts[LAG_EVENTS.partition_point(|&bound| bound < behind(who))] += 1;
    });
    // Of a moment ago: some may have left since.
    counts[0] += subscribers.saturating_sub(lagging);
    json!({
        "name": broker.name(),
        "subscribers": subscribers,
        "published": broker.published(),
        "dropped": broker.dropped_events(),
        "backlog": broker.hub_backlog(),
        "lagging": lagging,
        "owed_bytes": owed_bytes,
        "lag": { "up_to_events": LAG_EVENTS, "subscribers": counts },
    })
}

/// In events, whether they wait or are missed already.
fn behind(who: &Laggard) -> u64 {
    who.missed.saturating_add(who.owed_events as u64)
}

fn laggard(who: &Laggard) -> Value {
    json!({
        "peer": who.client.peer_addr().map(|peer| peer.to_string()),
        "behind": behind(who),
        "missed": who.missed,
        "owed_bytes": who.owed_bytes,
        "seconds": who.since.elapsed().as_secs(),
    })
}

fn store(kind: &str, broker: &Broker) -> Value {
    let stats = broker.replay_stats().unwrap_or_default();
    json!({
        "kind": kind,
        "stored": stats.stored,
        "waiting": stats.waiting,
        "replayed": stats.replayed,
        "refused": stats.refused,
        "without_id": stats.without_id,
        "lost": stats.lost,
        "passed_over": stats.passed_over,
        "read_failures": stats.read_failures,
    })
}
