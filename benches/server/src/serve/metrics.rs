//! The metrics page, in the Prometheus text format (version 0.0.4).

use headwater::ServerHandle;
use headwater::sse::Broker;
use std::fmt::{Display, Write};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn text(broker: &Broker, server: Option<&ServerHandle>) -> String {
    let mut page = Page(String::new());
    page.gauge("subscribers", "Streams subscribed now.", broker.subscriber_count());
    page.counter("events_published_total", "Events taken from publishers.", broker.published());
    page.counter(
        "events_dropped_total",
        "Events that slow subscribers missed.",
        broker.dropped_events(),
    );
    page.gauge(
        "subscribers_lagging",
        "Streams whose sockets have refused bytes and are still owed some.",
        broker.slowest(usize::MAX).len(),
    );
    page.counter(
        "callback_panics_total",
        "Callbacks about slow subscribers that panicked.",
        broker.callback_panics(),
    );
    if let Some(stats) = broker.replay_stats() {
        page.counter("replay_stored_total", "Events that the store took.", stats.stored);
        page.counter(
            "replay_refused_total",
            "Events that it did not take, and that were refused.",
            stats.refused,
        );
        page.counter(
            "replay_without_id_total",
            "Events that it did not take, and that were sent without an id.",
            stats.without_id,
        );
        page.counter(
            "replay_lost_total",
            "Events that it gave ids and could not keep afterwards.",
            stats.lost,
        );
        page.counter(
            "replay_passed_over_total",
            "Places of events that were gone or not stored in time when they were to be sent.",
            stats.passed_over,
        );
        page.gauge("replay_waiting", "Events that wait for it.", stats.waiting);
        page.counter(
            "replay_events_total",
            "Events that streams were given because they had missed them, once per stream.",
            stats.replayed,
        );
        page.counter(
            "replay_read_failures_total",
            "Times that it could not be asked for what streams had missed.",
            stats.read_failures,
        );
    }
    if let Some(server) = server {
        let stats = server.stats();
        page.counter(
            "events_delivered_total",
            "Events handed completely to the kernel, once per stream.",
            stats.events_delivered,
        );
        page.counter(
            "sends_total",
            "Attempts to hand bytes of streams to the kernel, each with one event or several.",
            stats.sends,
        );
        page.gauge("connections", "Connections open now.", stats.connections);
        page.gauge("streams", "Event streams open now.", stats.streams);
        page.gauge("owed_bytes", "Bytes that slow streams are owed now.", stats.owed_bytes);
        let bound = server.memory_bound();
        page.gauge(
            "memory_bound_fixed_bytes",
            "Memory that clients can make the server hold, by its limits, however many they are.",
            bound.at(0),
        );
        page.gauge(
            "memory_bound_connection_bytes",
            "Memory that each connection can make it hold besides.",
            bound.connection_bytes,
        );
        page.counter("connections_accepted_total", "Connections accepted.", stats.accepted);
        page.counter(
            "accept_failures_total",
            "Times that accepting stood still for want of descriptors or memory.",
            stats.accept_failures,
        );
        page.counter("requests_total", "Requests received completely.", stats.requests);
        page.counter("requests_refused_total", "Requests refused.", stats.refused);
        page.counter("handler_panics_total", "Handlers that panicked.", stats.handler_panics);
    }
    page.0
}

struct Page(String);

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.metric(name, "counter", help, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.metric(name, "gauge", help, value);
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.0,
            "# HELP headwater_{name} {help}\n# TYPE headwater_{name} {kind}\nheadwater_{name} {value}\n"
        );
    }
}
