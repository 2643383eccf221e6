//! Streams that are given what they missed: by a broker's store or their own, over sockets, on every engine.

mod broker;
mod client;
mod client_splice;
mod client_store;
mod splice;
mod store;

use crate::support::{Peer, Running, Subscriber};
use headwater::sse::replay::{ReplayStore, RingBuffer, Scope};
use headwater::sse::{self, Broker};
use headwater::{Hub, Request, Router, routing::get};
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

/// A request of this user, who comes back with this id or is new.
fn of_user(path: &str, user: &str, last: Option<u64>) -> String {
    let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
    format!("GET {path} HTTP/1.1\r\nhost: test\r\nx-user: {user}\r\n{last}\r\n")
}

/// The scope of the user who makes a request: here whoever it says.
fn scope(request: &Request) -> Option<Scope> {
    let user = std::str::from_utf8(request.header("x-user")?).ok()?;
    Some(Scope::user(user))
}
