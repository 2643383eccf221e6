//! What a server counts, for metrics. Each worker counts for itself; reading adds up.

use headwater_engine::{Occupancy, Traffic};
use headwater_sse::Counts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The counts of one worker.
#[derive(Default)]
pub(crate) struct WorkerCounts {
    /// Connections, those that were promised by other workers included.
    pub(crate) occupancy: Occupancy,
    /// Of those, the ones that were promised, until their requests are answered.
    pub(crate) arriving: AtomicUsize,
    /// Connections that were handed to other workers.
    pub(crate) handed_over: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) accept_failures: AtomicU64,
    pub(crate) closed_for_room: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) handler_panics: AtomicU64,
    pub(crate) failed_bodies: AtomicU64,
    pub(crate) slow_handlers: AtomicU64,
    pub(crate) late_handlers: AtomicU64,
    /// As of the end of the last turn.
    pub(crate) received_bytes: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    /// By whoever published.
    pub(crate) wakes: AtomicU64,
    /// Connections with something left to send when the worker ended.
    pub(crate) cut: AtomicUsize,
    pub(crate) fanout: Arc<Counts>,
}

impl WorkerCounts {
    /// By the worker itself, so that nothing is between the two steps.
    pub(crate) fn count_request(&self) {
        self.requests.store(self.requests.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// By the worker itself, once a turn: nobody else counts these.
    pub(crate) fn note_traffic(&self, traffic: Traffic) {
        self.received_bytes.store(traffic.received, Ordering::Relaxed);
        self.sent_bytes.store(traffic.sent, Ordering::Relaxed);
    }

    /// Streams that this worker has, or is about to have.
    pub(crate) fn load(&self) -> usize {
        self.fanout.streams.load(Ordering::Relaxed) + self.arriving.load(Ordering::Relaxed)
    }
}

/// What a server or one of its workers has counted since its start.
///
/// ```
/// use headwater::{Router, Server, Stats, routing::get};
/// # use std::{io::{Read, Write}, net::TcpStream};
///
/// let app = Router::new().route("/", get(|| "hello"));
/// let server = Server::builder().bind("127.0.0.1:0").serve(app)?;
/// # let mut client = TcpStream::connect(server.local_addrs()[0])?;
/// # client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
/// # client.read_to_end(&mut Vec::new())?;
/// // After one request:
/// let Stats { requests, connections, streams, .. } = server.stats();
/// assert_eq!(requests, 1);
/// println!("{connections} connections, {streams} of them streams");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections open now, streams included.
    pub connections: usize,
    /// Event streams open now.
    pub streams: usize,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections that were handed from one worker to another, see
    /// [`ServerBuilder::balance_streams`](crate::ServerBuilder::balance_streams): counted by the one that
    /// accepted them.
    pub handed_over: u64,
    /// Times that accepting had to stand still for want of descriptors or memory, and connections that
    /// could not be handed over to a worker for that reason and were closed.
    pub accept_failures: u64,
    /// Connections that were closed, before they had sent anything, to make room for others.
    pub closed_for_room: u64,
    /// Requests received completely.
    pub requests: u64,
    /// Requests refused because they were malformed, too large or too slow.
    pub refused: u64,
    /// Handlers that panicked; each cost one connection a 500.
    pub handler_panics: u64,
    /// Streamed bodies that failed: by an error, a panic, or another length than they said. Each cost its
    /// connection.
    pub failed_bodies: u64,
    /// Times that a handler held its core for too long, see
    /// [`ServerBuilder::slow_handler`](crate::ServerBuilder::slow_handler).
    pub slow_handlers: u64,
    /// Handlers that did not answer in time and were answered for, see
    /// [`Timeouts::handler`](crate::Timeouts::handler).
    pub late_handlers: u64,
    /// Events handed completely to the kernel, once per stream.
    pub events_delivered: u64,
    /// Attempts to hand bytes of event streams to the kernel. Where events come faster than cores turn
    /// to a stream, one attempt has several.
    pub sends: u64,
    /// Times that a publish found a worker asleep and woke it, which costs the publisher a system call.
    pub wakes: u64,
    /// Bytes that slow streams are owed now.
    pub owed_bytes: usize,
    /// Bytes received from clients: requests, and what they send on connections that were taken over. What
    /// clients of event streams send is thrown away uncounted. As of the end of each worker's last turn.
    pub received_bytes: u64,
    /// Bytes handed to the kernel: answers, event streams, and connections that were taken over. As of the
    /// end of each worker's last turn, so that an answer never counts itself.
    pub sent_bytes: u64,
}

impl Stats {
    pub(crate) fn sum<'a>(workers: impl Iterator<Item = &'a Arc<WorkerCounts>>) -> Self {
        workers.fold(Self::default(), |sum, worker| {
            let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
            // Before the others. Partner: the release in `admit`.
            let accepted = worker.accepted.load(Ordering::Acquire);
            Self {
                connections: sum.connections + worker.occupancy.count(),
                streams: sum.streams + worker.fanout.streams.load(Ordering::Relaxed),
                accepted: sum.accepted + accepted,
                handed_over: sum.handed_over + of(&worker.handed_over),
                accept_failures: sum.accept_failures + of(&worker.accept_failures),
                closed_for_room: sum.closed_for_room + of(&worker.closed_for_room),
                requests: sum.requests + of(&worker.requests),
                refused: sum.refused + of(&worker.refused),
                handler_panics: sum.handler_panics + of(&worker.handler_panics),
                failed_bodies: sum.failed_bodies + of(&worker.failed_bodies),
                slow_handlers: sum.slow_handlers + of(&worker.slow_handlers),
                late_handlers: sum.late_handlers + of(&worker.late_handlers),
                events_delivered: sum.events_delivered + of(&worker.fanout.delivered),
                sends: sum.sends + of(&worker.fanout.sends),
                wakes: sum.wakes + of(&worker.wakes),
                owed_bytes: sum.owed_bytes + worker.fanout.owed_bytes.load(Ordering::Relaxed),
                received_bytes: sum.received_bytes + of(&worker.received_bytes),
                sent_bytes: sum.sent_bytes + of(&worker.sent_bytes),
            }
        })
    }
}
