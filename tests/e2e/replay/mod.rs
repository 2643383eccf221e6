//! Streams that are given what they missed: by a broker's store, over sockets, on every engine.

mod broker;
mod splice;
mod store;

use crate::support::{Peer, Running, Subscriber};
use headwater::sse::replay::{ReplayStore, RingBuffer};
use headwater::sse::{self, Broker};
use headwater::{Hub, Router, routing::get};
use std::sync::Arc;

/// A broker with this store, and a route `/events` that feeds from it and sends nothing else.
fn feed_with(store: Arc<dyn ReplayStore>) -> (Broker, Router) {
    let broker = Hub::new().broker("test").subscriber_buffer(100_000).replay(store).build();
    let feed = sse::feed(&broker).heartbeat(None).unknown_id_notice("unknown");
    let router = Router::new().route("/events", get(feed));
    (broker, router)
}

fn ring() -> Arc<RingBuffer> {
    Arc::new(RingBuffer::new(100_000))
}

/// The client comes back with this id.
fn come_back(server: &Running, last: &str) -> Subscriber {
    ask(server.connect(), last)
}

fn ask(peer: Peer, last: &str) -> Subscriber {
    let request = format!("GET /events HTTP/1.1\r\nhost: test\r\nlast-event-id: {last}\r\n\r\n");
    Subscriber::ask(peer, request)
}
