//! What a server and its brokers count, for Prometheus and whatever else reads its formats. Feature `metrics`.
//!
//! [`Metrics`] is a [`Collector`]: registered in a [`Registry`] of the crate
//! [`prometheus-client`](prometheus_client), beside whatever else a program measures, or alone, as
//! [`Metrics::page`] does. Nothing is counted for it on the way of a request or an event: a scrape reads what
//! [`ServerHandle::worker_stats`] and brokers count anyway. A plain request takes 0.3 to 0.5 % more user-space
//! instructions with the feature on, and a scrape 12.5 µs with one broker (2-core virtual machine, Linux 6.18,
//! November 2026).
//!
//! ```no_run
//! use headwater::{Hub, Router, Server, metrics::Metrics, routing::get, sse};
//!
//! let hub = Hub::new();
//! let news = hub.broker("news").build();
//! let metrics = Metrics::new();
//! metrics.watch_broker(&news);
//! let app = Router::new()
//!     .route("/events", get(sse::feed(&news)))
//!     .route("/metrics", get(metrics.page()));
//! let server = Server::builder().hub(&hub).bind("127.0.0.1:8080").serve(app)?;
//! metrics.watch(&server);
//! server.wait_for_signal(std::time::Duration::from_secs(2))?;
//! # Ok::<(), headwater::Error>(())
//! ```
//!
//! # Names
//!
//! Sums over workers are left to whoever asks: `sum(rate(headwater_requests_total[1m]))`.
//!
//! | of the server | type | |
//! |---|---|---|
//! | `headwater_server_info` | info | 1, with the labels `engine`, `reason` (why this engine, and what the system has granted) and `version` (of this library) |
//! | `headwater_start_time_seconds` | gauge | when the server was started, since 1970 |
//! | `headwater_memory_bound_fixed_bytes` | gauge | memory that clients can make the server hold, by its limits, however few they are ([`MemoryBound`](crate::MemoryBound)) |
//! | `headwater_memory_bound_connection_bytes` | gauge | memory that each connection can make it hold besides |
//!
//! | with the label `worker`, its number from 0 | type | |
//! |---|---|---|
//! | `headwater_connections` | gauge | connections open now, streams included |
//! | `headwater_streams` | gauge | event streams open now |
//! | `headwater_owed_bytes` | gauge | bytes that slow streams are owed now |
//! | `headwater_connections_accepted_total` | counter | connections accepted |
//! | `headwater_connections_handed_over_total` | counter | connections handed to another worker, by the one that accepted them |
//! | `headwater_connections_closed_for_room_total` | counter | silent connections closed to make room for others |
//! | `headwater_accept_failures_total` | counter | times that accepting stood still for want of descriptors or memory |
//! | `headwater_requests_total` | counter | requests received completely |
//! | `headwater_requests_refused_total` | counter | requests that were malformed, too large or too slow |
//! | `headwater_handler_panics_total` | counter | handlers that panicked |
//! | `headwater_slow_handlers_total` | counter | times that a handler held its core for too long |
//! | `headwater_late_handlers_total` | counter | handlers that were answered for, as they did not answer in time |
//! | `headwater_failed_bodies_total` | counter | streamed bodies that failed |
//! | `headwater_events_delivered_total` | counter | events handed completely to the kernel, once per stream |
//! | `headwater_sends_total` | counter | attempts to hand bytes of streams to the kernel, each with one event or several |
//! | `headwater_wakes_total` | counter | times that a publish found the worker asleep and woke it |
//! | `headwater_received_bytes_total` | counter | bytes received; what clients of streams send is not counted |
//! | `headwater_sent_bytes_total` | counter | bytes handed to the kernel: answers, streams, and connections that were taken over |
//!
//! | with the label `broker`, its name; brokers of one name are added up, in counters with the closed ones | type | |
//! |---|---|---|
//! | `headwater_subscribers` | gauge | streams subscribed now |
//! | `headwater_subscribers_lagging` | gauge | of them, those whose sockets have refused bytes and that have not caught up since ¹ |
//! | `headwater_lag_events_bucket` | gauge | subscribers that are this many events behind at most (`le`), those missed included ¹ |
//! | `headwater_lag_seconds_bucket` | gauge | subscribers that have been behind for this long at most (`le`) ¹ |
//! | `headwater_hub_backlog_events` | gauge | events of its hub that some core has still to read; of several hubs, the most |
//! | `headwater_events_published_total` | counter | events taken from publishers |
//! | `headwater_events_dropped_total` | counter | events that slow subscribers missed, once per subscriber |
//! | `headwater_callback_panics_total` | counter | callbacks about slow subscribers that panicked |
//! | `headwater_callbacks_skipped_total` | counter | callbacks about slow subscribers for which there was no thread |
//! | `headwater_replay_waiting` | gauge | events that wait for the store ² |
//! | `headwater_replay_stored_total` | counter | events that the store took ² |
//! | `headwater_replay_refused_total` | counter | events that it did not take, and that were refused ² |
//! | `headwater_replay_without_id_total` | counter | events that it did not take, and that were sent without an id ² |
//! | `headwater_replay_lost_total` | counter | events that it gave ids and could not keep afterwards ² |
//! | `headwater_replay_passed_over_total` | counter | places of events that were gone or not stored in time when they were to be sent ² |
//! | `headwater_replay_events_total` | counter | events that streams were given because they had missed them, once per stream ² |
//! | `headwater_replay_read_failures_total` | counter | times that it could not be asked for what streams had missed ² |
//!
//! ¹ Of what the cores noted a moment ago, see [`Broker::slowest`]. The buckets are what `OpenMetrics` calls a gauge
//! histogram: a state, which also falls. Take no `rate` of them:
//! `histogram_quantile(0.99, sum by (le) (headwater_lag_events_bucket))`.
//!
//! ² Only where there is a store.

mod brokers;
mod lag;
mod table;
mod workers;

#[cfg(test)]
mod tests;

pub use prometheus_client;

use crate::extract::Needs;
use crate::handle::WeakHandle;
use crate::handler::{Endpoint, Reply};
use crate::response::{IntoResponse, Response};
use crate::{Broker, ServerHandle};
use brokers::Brokers;
use http::{HeaderValue, StatusCode, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{self, DescriptorEncoder, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// The type of pages in the format of `OpenMetrics`.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of one server and its brokers. Cheap to clone; all clones are the same. See the
/// [module](self) for their names.
///
/// Keeps no server running. Of two servers in one process, each has one of its own, registered under a
/// label of its own:
///
/// ```
/// use headwater::metrics::{Metrics, page, prometheus_client::registry::Registry};
/// use headwater::{Request, Router, Server, routing::get};
///
/// let (public, admin) = (Metrics::new(), Metrics::new());
/// let mut registry = Registry::default();
/// for (name, metrics) in [("public", &public), ("admin", &admin)] {
///     let labelled = registry.sub_registry_with_label(("server".into(), name.into()));
///     labelled.register_collector(Box::new(metrics.clone()));
/// }
/// let app = Router::new().route("/metrics", get(page(registry)));
/// let server = Server::builder().workers(2).bind("127.0.0.1:0").serve(Router::new())?;
/// public.watch(&server);
///
/// let answer = app.call_blocking(Request::get("/metrics").body("")?);
/// let text = answer.text().expect("it is text");
/// assert!(text.contains("headwater_streams{server=\"public\",worker=\"1\"} 0\n"), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Metrics {
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    server: WeakHandle,
    brokers: Brokers,
}

impl Metrics {
    /// Figures of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells of this server, in place of any other, for as long as there is a handle to it.
    pub fn watch(&self, server: &ServerHandle) {
        self.lock().server = server.into();
    }

    /// Tells of this broker, too, until it is closed and its last subscription has ended; what it has counted
    /// stays in the sum of its name for as long as there is another of that name. Watching a broker twice does
    /// nothing.
    pub fn watch_broker(&self, broker: &Broker) {
        self.lock().brokers.add(broker);
    }

    /// A handler that answers with these figures alone: see [`page`].
    pub fn page(&self) -> Endpoint {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        page(registry)
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        // Nothing that can panic runs under the lock.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn brokers(&self) -> Brokers {
        let mut watched = self.lock();
        watched.brokers.prune();
        watched.brokers.clone()
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let server = self.lock().server.upgrade();
        if let Some(server) = server {
            describe(&server, &mut encoder)?;
            table::encode(&mut encoder, workers::FIGURES, &workers::of(&server))?;
        }
        brokers::encode(&mut encoder, &self.brokers())
    }
}

/// What the server is, and since when.
fn describe(server: &ServerHandle, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let labels = [
        ("engine", server.engine().to_string()),
        ("reason", server.engine_reason().to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let help = "The engine that runs, why, and the version of headwater.";
    encoder
        .encode_descriptor("headwater_server", help, None, MetricType::Info)?
        .encode_info(&labels)?;
    let help = "When the server was started, since 1970.";
    // A clock that is before 1970 tells nothing.
    let since = server.started().duration_since(UNIX_EPOCH).unwrap_or_default();
    encoder
        .encode_descriptor("headwater_start_time", help, Some(&Unit::Seconds), MetricType::Gauge)?
        .encode_gauge(&since.as_secs_f64())?;
    let bound = server.memory_bound();
    let fixed =
        "Memory that clients can make the server hold, by its limits, however few they are.";
    let each = "Memory that each connection can make it hold besides.";
    for (name, help, bytes) in [
        ("headwater_memory_bound_fixed", fixed, bound.at(0)),
        ("headwater_memory_bound_connection", each, bound.each()),
    ] {
        encoder
            .encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Gauge)?
            .encode_gauge(&bytes)?;
    }
    Ok(())
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A handler that answers with everything in a registry: in the format of `OpenMetrics` 1.0 where the client's
/// `Accept` names `application/openmetrics-text`, otherwise in that of Prometheus, version 0.0.4. It runs on
/// the core that was asked, and takes as long as all collectors of the registry together.
///
/// ```
/// use headwater::metrics::{page, prometheus_client::{metrics::counter::Counter, registry::Registry}};
/// use headwater::{Request, Router, routing::get};
///
/// let orders: Counter = Counter::default();
/// let mut registry = Registry::default();
/// registry.register("orders", "Orders taken", orders.clone());
/// let app = Router::new().route("/metrics", get(page(registry)));
/// orders.inc();
/// let answer = app.call_blocking(Request::get("/metrics").body("")?);
/// assert!(answer.text().is_some_and(|page| page.ends_with("\norders_total 1\n")));
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub fn page(registry: impl Into<Arc<Registry>>) -> Endpoint {
    let registry = registry.into();
    Endpoint::new(Needs::default(), move |incoming| {
        let accepted = incoming.request().header("accept");
        let open = accepted.is_some_and(|kinds| {
            kinds.windows(NAME.len()).any(|kind| kind.eq_ignore_ascii_case(NAME))
        });
        Reply::Ready(answer(&registry, open))
    })
}

/// How a client asks for the format of `OpenMetrics`.
const NAME: &[u8] = b"application/openmetrics-text";

fn answer(registry: &Registry, open: bool) -> Response {
    let mut text = String::new();
    let (kind, written) = if open {
        (OPENMETRICS, encoding::text::encode(&mut text, registry))
    } else {
        (prometheus_text::CONTENT_TYPE, prometheus_text::encode(&mut text, registry))
    };
    match written {
        Ok(()) => (header::CONTENT_TYPE, HeaderValue::from_static(kind), text).into_response(),
        // Writing to a string cannot fail: a collector has.
        Err(error) => {
            let text = format!("a metric cannot be written: {error}\n");
            Response::plain(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}
