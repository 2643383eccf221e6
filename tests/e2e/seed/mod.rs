//! The rules of the package whose behaviour this library takes over, one table of tests per part of it: what
//! a handler is given, what its client can do, what an event is, and what a broker does. Each test is named
//! after its rule; the public name that it belongs to stands above it.

mod broker;
mod broker_slow;
mod client;
mod client_policy;
mod config;
mod event;

use crate::support::{Running, Subscriber, serve_on_one};
use headwater::sse::{self, Broker, Client, ClientConfig, Event};
use headwater::{Engine, Router, routing::get};
use std::sync::mpsc;

/// More than any buffer of a narrow connection takes at once.
const LARGE: usize = 16 * 1024;

fn large(number: usize) -> Event {
    Event::data(format!("{number:.<LARGE$}"))
}

/// Serves streams whose handlers give their clients away and wait for the end.
fn serve_clients(engine: Engine, config: ClientConfig) -> (Running, mpsc::Receiver<Client>) {
    let (sender, clients) = mpsc::channel();
    let handler = async move |client: Client| {
        sender.send(client.clone()).expect("the test goes on");
        client.closed().await;
    };
    let endpoint = sse::endpoint(handler).heartbeat(None).client(config);
    (serve_on_one(engine, Router::new().route("/", get(endpoint))), clients)
}

/// A client that reads, or one that is stuck soon.
fn connect(
    server: &Running,
    clients: &mpsc::Receiver<Client>,
    reads: bool,
) -> (Subscriber, Client) {
    let peer = if reads { server.connect() } else { server.connect_narrow() };
    let stream = Subscriber::open(peer, "/");
    (stream, clients.recv().expect("the handler runs"))
}

fn serve_feed(engine: Engine, broker: &Broker) -> Running {
    serve_on_one(engine, Router::new().route("/", get(sse::feed(broker).heartbeat(None))))
}

#[track_caller]
fn publish(broker: &Broker, event: Event) {
    broker.publish(event).expect("there is room, and the broker is open");
}
