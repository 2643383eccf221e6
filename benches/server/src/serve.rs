//! The server that strangers run first: one broker, a page that shows it live, and the paths that
//! `load` measures. Says what is not there yet instead of pretending.

mod live;
mod page;
mod replay;

use crate::cli::{EngineName, ServeArgs, SlowPolicyName};
use headwater::http::{HeaderValue, header};
use headwater::metrics::Metrics;
use headwater::routing::{get, post};
use headwater::sse::{self, Broker, Client, Event, Feed, Refusal, SlowPolicy, StreamEndpoint};
use headwater::{
    Engine, HttpLimits, Hub, IntoResponse, Response, Router, Server, ServerHandle, Timeouts, time,
};
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(2);
/// Longest time that a tick waits for room in the hub.
const TICK_PATIENCE: Duration = Duration::from_secs(1);
/// From one event of a client's own to the next.
const OWN_PERIOD: Duration = Duration::from_secs(1);

/// Known to handlers once the server runs.
type Handle = Arc<OnceLock<ServerHandle>>;

/// Serves until a signal. The exit code says whether that went well.
pub(crate) fn main(args: &ServeArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            say(&line);
            ExitCode::FAILURE
        }
    }
}

/// The names of the engines of this build, in the order in which auto tries them.
pub(crate) fn list_engines() -> ExitCode {
    let mut out = std::io::stdout().lock();
    match Engine::compiled().iter().try_for_each(|engine| writeln!(out, "{engine}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cannot list the engines: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &ServeArgs) -> Result<(), String> {
    let store = replay::open(&args.replay)?;
    let hub = Hub::new();
    let mut broker = hub.broker("events");
    if let Some(events) = args.subscriber_buffer {
        broker = broker.subscriber_buffer(events.get());
    }
    if let Some(policy) = args.slow_policy {
        broker = broker.slow_policy(slow_policy(policy));
    }
    if let Some(store) = store {
        broker = broker.replay(store);
    }
    let broker = broker.build();
    let handle = Handle::default();
    let mut server =
        Server::builder().hub(&hub).bind(args.addr.to_string()).engine(engine(args.engine));
    if let Some(workers) = args.workers {
        server = server.workers(workers.get());
    }
    if let Some(bytes) = args.body_limit {
        server = server.http_limits(HttpLimits::default().with_body_bytes(bytes));
    }
    if let Some(patience) = args.patience {
        let timeouts = Timeouts::default().with_header(patience).with_body(patience);
        server = server.timeouts(timeouts.with_write(patience));
    }
    let events = sse::feed(&broker)
        .heartbeat(args.heartbeat())
        .gap_notice(args.gap_notice.as_deref())
        .unknown_id_notice("unknown-id");
    let live = live::stream(&broker, replay::kind(&args.replay), &handle)
        .map_err(|error| format!("cannot start the live page: {error}"))?;
    let metrics = Metrics::new();
    metrics.watch_broker(&broker);
    let app = routes(&broker, events, live, &metrics, &handle);
    let running = server.serve(app).map_err(|error| error.to_string())?;
    // Set once: this is the only place.
    handle.set(running.clone()).ok();
    metrics.watch(&running);
    // Whoever has read the ready line may send a signal at once.
    running.catch_signals().map_err(|error| error.to_string())?;
    announce(&running)?;
    if let Some(period) = args.rate.period() {
        let size = args.size;
        thread::Builder::new()
            .name("ticks".to_owned())
            .spawn(move || tick(&broker, period, size))
            .map_err(|error| format!("cannot start the ticks: {error}"))?;
    }
    running.wait_for_signal(DRAIN).map_err(|error| error.to_string())
}

/// A line on standard error. A server goes on without readers of it.
fn say(line: &str) {
    writeln!(std::io::stderr(), "bench-server: {line}").ok();
}

fn engine(name: EngineName) -> Engine {
    match name {
        EngineName::Auto => Engine::Auto,
        EngineName::IoUring => Engine::IoUring,
        EngineName::Epoll => Engine::Epoll,
        EngineName::Std => Engine::Std,
    }
}

fn slow_policy(name: SlowPolicyName) -> SlowPolicy {
    match name {
        SlowPolicyName::Drop => SlowPolicy::Drop,
        SlowPolicyName::DropOldest => SlowPolicy::DropOldest,
        SlowPolicyName::Remove => SlowPolicy::Remove,
        SlowPolicyName::Close => SlowPolicy::Close,
    }
}

/// The ready line, alone on standard output; why this engine goes to standard error.
fn announce(running: &ServerHandle) -> Result<(), String> {
    let (addr, workers) = (running.local_addrs()[0], running.workers());
    let line = format!("listening on http://{addr} engine={} workers={workers}", running.engine());
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|error| format!("cannot say that the server is ready: {error}"))?;
    say(running.engine_reason());
    Ok(())
}

fn routes(
    broker: &Broker,
    events: Feed,
    live: StreamEndpoint,
    metrics: &Metrics,
    handle: &Handle,
) -> Router {
    let (publisher, counted, info) = (broker.clone(), broker.clone(), handle.clone());
    Router::new()
        .route("/", get(|| typed("text/html; charset=utf-8", page::text())))
        .route("/live", get(live))
        .route("/plaintext", get(|| "Hello, World!"))
        .route("/json", get(|| typed("application/json", r#"{"message":"Hello, World!"}"#)))
        .route("/events", get(events))
        .route("/ticks", get(sse::endpoint(tick_one)))
        .route("/publish", post(async move |body: String| publish(&publisher, body).await))
        .route("/count", get(move || format!("{} subscribers\n", counted.subscriber_count())))
        .route("/info", get(move || typed("application/json", describe(&info))))
        .route("/metrics", get(metrics.page()))
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    (header::CONTENT_TYPE, HeaderValue::from_static(kind), body).into_response()
}

/// A broker without a store says at once that it has no room; with one, the store may be waited for.
async fn publish(broker: &Broker, body: String) -> Response {
    let published = if broker.has_store() {
        broker.publish_async(Event::data(body)).await
    } else {
        broker.publish(Event::data(body))
    };
    match published {
        Ok(published) => {
            format!("{} subscribers, id {}\n", broker.subscriber_count(), published.id)
                .into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

fn describe(handle: &Handle) -> String {
    let Some(server) = handle.get() else { return "{}".to_owned() };
    serde_json::json!({
        "engine": server.engine().to_string(),
        "why": server.engine_reason(),
        "workers": server.workers(),
        "version": env!("CARGO_PKG_VERSION"),
    })
    .to_string()
}

/// An event a second for one client, by a handler of its own: what that costs is to be measured, too. Each
/// says when it was due as those of `load` do, in nanoseconds since 1970.
async fn tick_one(client: Client) {
    let mut due = Instant::now();
    // A system clock before 1970 only changes the numbers shown.
    let mut due_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for number in 1_u64.. {
        let data = format!("seq={number} t={} ", due_unix.as_nanos());
        // The client has left, or the server ends.
        if client.send(Event::data(data).id(number.to_string())).await.is_err() {
            return;
        }
        due += OWN_PERIOD;
        due_unix += OWN_PERIOD;
        time::sleep(due.saturating_duration_since(Instant::now())).await;
    }
}

/// Publishes a numbered event per period, padded to `size`, on a schedule that does not drift.
fn tick(broker: &Broker, period: Duration, size: usize) {
    let start = Instant::now();
    for number in 1_u64.. {
        // At rates above the resolution of sleeping, several ticks follow one sleep.
        #[expect(clippy::cast_precision_loss, reason = "2^53 ticks take longer than anybody waits")]
        let due = start + period.mul_f64(number as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let data = format!("{:.<size$}", format!("tick {number} "));
        let refused = loop {
            match broker.publish_wait(Event::data(&*data), Some(Instant::now() + TICK_PATIENCE)) {
                Ok(_) => break None,
                Err(refused) if refused.refusal() == Refusal::Full => {
                    say(&format!("tick {number} waits: {refused}"));
                }
                Err(refused) => break Some(refused),
            }
        };
        if let Some(refused) = refused {
            say(&format!("no more ticks: {refused}"));
            return;
        }
    }
}
