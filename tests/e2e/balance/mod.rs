//! Streams on several workers: where they begin, and connections that are handed from one worker to another.

mod churn;
mod dying;
mod ends;
mod limits;
mod promises;
mod requests;
mod spread;

use crate::support::{Answer, Peer, Running, Subscriber, builder, eventually};
use headwater::sse::{self, Client};
use headwater::{Engine, Request, Router, ServerBuilder, routing::get};
use std::thread;

/// More streams than the other worker must one have before the next goes there.
const SLACK: usize = 4;

/// The name of the core that this runs on.
fn core_name() -> String {
    thread::current().name().expect("workers have names").to_owned()
}

/// The number of the worker by the name of its core.
fn number(name: &str) -> usize {
    let number = name.strip_prefix("headwater-").and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no core: {name:?}"))
}

/// A server with two workers and a route that says on which a request is answered, and one whose streams
/// stay where they are.
fn serve(engine: Engine, app: Router) -> Running {
    serve_with(builder(engine), app)
}

fn serve_with(builder: ServerBuilder, app: Router) -> Running {
    Running::from(builder.serve(with_ballast(app)).expect("a free port of the loopback"))
}

/// Adds what [`weigh_down`] asks for.
pub(crate) fn with_ballast(app: Router) -> Router {
    let ballast = |request: Request| {
        sse::stream(&request, async |client: Client| wait_for_end(&client).await)
    };
    app.route("/core", get(core_name)).route("/ballast", get(ballast))
}

/// As long as the client wants.
async fn wait_for_end(client: &Client) {
    client.closed().await;
}

/// A connection that the kernel gave to this worker.
fn connect(server: &Running, worker: usize) -> Peer {
    loop {
        let mut peer = server.connect();
        if core_of(&mut peer) == worker {
            return peer;
        }
    }
}

/// The same where each place counts: one that was tried is gone before the next. Nobody else may come and
/// go.
fn connect_one_by_one(server: &Running, worker: usize) -> Peer {
    loop {
        let mut peer = server.connect();
        if core_of(&mut peer) == worker {
            return peer;
        }
        let connections = server.stats().connections;
        drop(peer);
        server.wait_for_connections(connections - 1);
    }
}

/// The worker that answers on this connection.
fn core_of(peer: &mut Peer) -> usize {
    peer.ask("/core");
    number(peer.answer().text())
}

/// Streams that stay on the first worker, so that it has more than the other whatever happens.
pub(crate) fn weigh_down(server: &Running, streams: usize) -> Vec<Subscriber> {
    (0..streams).map(|_| Subscriber::open(connect_one_by_one(server, 0), "/ballast")).collect()
}

/// How many streams each worker has.
fn streams(server: &Running) -> Vec<usize> {
    server.worker_stats().iter().map(|stats| stats.streams).collect()
}

/// Waits until all connections and streams are gone.
fn wait_for_rest(server: &Running) {
    eventually("nothing is left", || {
        server.worker_stats().iter().all(|stats| (stats.connections, stats.streams) == (0, 0))
    });
}

/// The head of a stream, or the answer in place of one.
fn answer(peer: &mut Peer, path: &str) -> Answer {
    peer.ask(path);
    peer.answer()
}
