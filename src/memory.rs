//! How much memory a server's clients can make it hold, by its limits: a calculation, no measurement. The
//! limits themselves are enforced where what they bound is held.

use crate::body::Body;
use crate::router::Router;
use crate::server::Settings;
use headwater_engine::Engine;
use headwater_sse::{Fanout, Hub};

/// A connection's state and its places in tables.
const STATE_BYTES: u64 = 512;
/// With `io_uring`: what had come when receiving was to pause.
const HELD_BYTES: u64 = 256 * 1024;
/// On the engine that has a thread for it: its stack, all of it, and its receive buffer.
const THREAD_BYTES: u64 = 96 * 1024;
/// What an engine receives at once, at most.
const RECEIVE_BYTES: u64 = 16 * 1024;
/// Answers that were written and not taken by the socket, the last of them whole.
const OUT_BYTES: u64 = 96 * 1024;
/// Receive buffers, the queues of the kernel's ring, the buffer for answers.
const ENGINE_BYTES: u64 = 2 * 1024 * 1024;

/// The most memory that clients can make a server hold, as its limits have it; from
/// [`ServerHandle::memory_bound`](crate::ServerHandle::memory_bound). In bytes of user space.
///
/// Not in it is what the application holds itself: its handlers and their futures, the bytes of answers and
/// the pieces of streamed bodies that they give, the queues of
/// [`Client`](crate::sse::Client)s ([`endpoint`](crate::sse::endpoint()) has limits for those) and what
/// stores keep; pages of what a stream missed of a second broker at the same time, or of a store of your own
/// that gives larger ones, and events of more than a page; requests that [`blocking`](crate::blocking()) handlers have, or wait for a thread with, though their
/// clients have left ([`blocking_threads`](crate::ServerBuilder::blocking_threads) and
/// [`blocking_queue`](crate::ServerBuilder::blocking_queue) limit those); about 100 bytes for the place of each event
/// that a slow stream is owed, which counts where
/// [`subscriber_buffer`](crate::sse::BrokerBuilder::subscriber_buffer) lets in very many small ones; nor the
/// kernel's socket buffers, nor what the process needs without clients.
///
/// ```
/// use headwater::{HttpLimits, Router, Server};
///
/// let server = Server::builder()
///     .bind("127.0.0.1:0")
///     .workers(2)
///     .connections_per_worker(5_000)
///     .http_limits(HttpLimits::default().with_body_bytes(64 * 1024))
///     .serve(Router::new())?;
/// let bound = server.memory_bound();
/// assert!(bound.connection_bytes < 1024 * 1024);
/// assert_eq!(bound.connections, 10_000);
/// // What all of them together can cost, and what a hundred can.
/// assert!(bound.at(100) < bound.total());
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryBound {
    /// One connection that speaks HTTP: twice [`head_bytes`](crate::HttpLimits::head_bytes) and twice
    /// [`body_bytes`](crate::HttpLimits::body_bytes), or the limit of a route that allows more, since
    /// buffers double as they grow; 48 KiB of requests behind the one that is answered; 160 KiB of answers
    /// that the client does not take ([`Body::STREAM_BUFFER_BYTES`] of a streamed body among them); and
    /// 512 bytes of state, which is all that one at rest has. On [`Engine::IoUring`] 256 KiB more, that had
    /// come when receiving was to pause; on [`Engine::Std`] 96 KiB, for its thread.
    pub connection_bytes: u64,
    /// One that is an event stream, which is more only where bodies are small: two pages of what it missed of a
    /// broker with a store, 1 MiB each (see
    /// [`Broker::subscribe_from`](crate::sse::Broker::subscribe_from)), 32 KiB of frames and of what is freed
    /// late, and the state and the thread as above. What else it is owed is the worker's.
    pub stream_bytes: u64,
    /// Connections of all workers together, see
    /// [`connections_per_worker`](crate::ServerBuilder::connections_per_worker).
    pub connections: usize,
    /// One worker: what all its slow streams are owed together beside those pages (256 MiB, and a quarter more
    /// that is freed late), the logs of events on their way, and its buffers for receiving and sending.
    pub worker_bytes: u64,
    /// How many workers there are.
    pub workers: usize,
    /// Events that wait for the slowest core, in the hubs that the server was given when it was built: see
    /// [`HubBuilder::ring_bytes`](crate::sse::HubBuilder::ring_bytes).
    pub hub_bytes: u64,
}

impl MemoryBound {
    /// Any one connection: the larger of `connection_bytes` and `stream_bytes`.
    pub fn each(&self) -> u64 {
        self.connection_bytes.max(self.stream_bytes)
    }

    /// With this many connections: `workers × worker_bytes + hub_bytes + connections × each()`.
    pub fn at(&self, connections: usize) -> u64 {
        let workers = self.worker_bytes.saturating_mul(self.workers as u64);
        let connections = self.each().saturating_mul(connections as u64);
        workers.saturating_add(self.hub_bytes).saturating_add(connections)
    }

    /// With as many connections as there may be.
    pub fn total(&self) -> u64 {
        self.at(self.connections)
    }
}

/// What of a server's settings its memory depends on.
#[derive(Clone, Copy)]
pub(crate) struct MemoryLimits {
    request_bytes: u64,
    connections_per_worker: usize,
    hub_bytes: u64,
}

impl MemoryLimits {
    pub(crate) fn of(settings: &Settings, router: &Router, hubs: &[Hub]) -> Self {
        let body_bytes = settings.http.body_bytes.max(router.largest_body_bytes());
        let head_bytes = settings.http.head_bytes as u64;
        Self {
            request_bytes: body_bytes.saturating_add(head_bytes),
            connections_per_worker: settings.connections_per_worker,
            hub_bytes: hubs.iter().map(Hub::most_bytes).fold(0, u64::saturating_add),
        }
    }

    pub(crate) fn bound(self, engine: Engine, workers: usize) -> MemoryBound {
        let of_engine = match engine {
            Engine::IoUring => HELD_BYTES,
            Engine::Std => THREAD_BYTES,
            _ => 0,
        };
        let pipelined = 3 * RECEIVE_BYTES;
        let answers = OUT_BYTES + Body::STREAM_BUFFER_BYTES as u64;
        let request = self.request_bytes.saturating_mul(2);
        let state = STATE_BYTES + of_engine;
        MemoryBound {
            connection_bytes: request.saturating_add(state + pipelined + answers),
            stream_bytes: state + Fanout::STREAM_BYTES as u64,
            connections: self.connections_per_worker.saturating_mul(workers),
            worker_bytes: Fanout::MOST_BYTES as u64 + ENGINE_BYTES,
            workers,
            hub_bytes: self.hub_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Server, routing::post};

    #[test]
    fn limits_without_end_have_a_bound_without_end() {
        let limits = crate::HttpLimits::default().with_body_bytes(u64::MAX);
        let server = Server::builder().bind("127.0.0.1:0").http_limits(limits);
        let server = server.connections_per_worker(usize::MAX).serve(Router::new());
        let bound = server.expect("a free port of the loopback").memory_bound();
        assert_eq!((bound.connection_bytes, bound.total()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn route_that_allows_larger_bodies_counts() {
        let bound = |router| {
            let server = Server::builder().bind("127.0.0.1:0").engine(Engine::Std).serve(router);
            server.expect("a free port of the loopback").memory_bound()
        };
        let (small, large) = (1024, 8 * 1024 * 1024);
        let echo = |limit| post(|body: String| body).body_limit(limit);
        let plain = bound(Router::new());
        assert_eq!(bound(Router::new().route("/", echo(small))), plain);
        let with_large = bound(Router::new().route("/", echo(large)));
        let default = crate::HttpLimits::default().body_bytes;
        assert_eq!(with_large.connection_bytes, plain.connection_bytes + 2 * (large - default));
    }

    #[test]
    fn streams_count_where_requests_are_small() {
        let bound = |body| {
            let limits = crate::HttpLimits::default().with_body_bytes(body);
            let server = Server::builder().bind("127.0.0.1:0").engine(Engine::Std);
            let server = server.http_limits(limits).serve(Router::new());
            server.expect("a free port of the loopback").memory_bound()
        };
        let (small, large) = (bound(1024), bound(2 * 1024 * 1024));
        assert_eq!(small.stream_bytes, 2 * 1024 * 1024 + 32 * 1024 + STATE_BYTES + THREAD_BYTES);
        assert_eq!(small.at(7) - small.at(0), 7 * small.stream_bytes);
        assert_eq!(large.stream_bytes, small.stream_bytes);
        assert_eq!(large.at(7) - large.at(0), 7 * large.connection_bytes);
    }

    #[test]
    fn hubs_and_workers_count_once_each() {
        let hub = Hub::builder().ring_events(2).ring_bytes(1_000_000).build();
        let bound = |workers| {
            let server = Server::builder().bind("127.0.0.1:0").hub(&hub).workers(workers);
            let server = server.connections_per_worker(10).serve(Router::new());
            server.expect("a free port of the loopback").memory_bound()
        };
        let (one, three) = (bound(1), bound(3));
        assert_eq!(one.hub_bytes, three.hub_bytes);
        assert!((1_000_000..1_100_000).contains(&one.hub_bytes), "{}", one.hub_bytes);
        assert_eq!((one.connections, three.connections), (10, 30));
        assert_eq!(three.at(0) - one.at(0), 2 * one.worker_bytes);
        assert_eq!(one.at(7) - one.at(0), 7 * one.connection_bytes);
    }
}
