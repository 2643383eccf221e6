//! Requests for streams that another worker answers, because it has fewer streams: which go, where to, and
//! how their connections get there. Middleware, hooks, arguments and the handler are called there, so that
//! nothing that must stay on its core has to leave it.

use super::connection::{After, Asked, HttpConnection, Phase, Slot};
use super::{Message, Worker};
use crate::router::Lookup;
use crate::stats::WorkerCounts;
use bytes::Bytes;
use headwater_engine::{Closed, Core, Handover, Key};
use headwater_http::{Connection, Head};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A worker may have this many streams more than another one, and a further one for each
/// [`SLACK_SHARE`] of the other's: few streams stay where they are, and many are even within 2 %.
const SLACK: usize = 4;
const SLACK_SHARE: usize = 64;

/// A connection on its way to another worker, that of this number.
pub(super) struct Leaving {
    to: usize,
    promise: Promise,
    request: Travelling,
}

/// That a connection will come, counted by the worker that it was promised to. Dropping it breaks it, unless
/// it was kept.
pub(super) struct Promise {
    counts: Arc<WorkerCounts>,
    kept: bool,
}

/// A request that has been received and not been answered, with what its connection is to know.
struct Travelling {
    head: Head,
    lookup: Lookup,
    body: Bytes,
    asked: Asked,
    http: Connection,
    peer: Option<SocketAddr>,
    accepted_at: Instant,
    served: bool,
}

/// A connection that comes from another worker.
pub(crate) struct Arrival {
    connection: Handover,
    promise: Promise,
    request: Travelling,
}

impl Promise {
    /// None if the worker has as many connections as it may have, or has ended.
    fn make(counts: &Arc<WorkerCounts>, most: usize) -> Option<Self> {
        counts.occupancy.promise(most).then(|| {
            counts.arriving.fetch_add(1, Ordering::Relaxed);
            Self { counts: counts.clone(), kept: false }
        })
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if !self.kept {
            self.counts.occupancy.leave();
        }
        self.counts.arriving.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Travelling {
    fn unpack(self) -> (HttpConnection, Head, Lookup, Bytes) {
        let Self { head, lookup, body, asked, http, peer, accepted_at, served } = self;
        let mut connection = HttpConnection::over(http, accepted_at);
        (connection.asked, connection.peer, connection.served) = (asked, peer, served);
        (connection, head, lookup, body)
    }
}

impl Worker {
    /// Whether requests for streams may be for another worker. Asked for each request.
    pub(super) fn is_crowded(&self) -> bool {
        self.shared.settings.balances && self.counts.load() >= SLACK && self.drain_until.is_none()
    }

    /// The worker that is to answer a request for a stream, if that is another one; the connection is
    /// released to it then.
    pub(super) fn release_to_another(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &HttpConnection,
    ) -> Option<(usize, Promise)> {
        // The answers to requests before it leave from here, and one who has said everything, and will be
        // gone soon, is not worth it.
        if !self.out.is_empty() || connection.peer_finished {
            return None;
        }
        let promised = self.promise()?;
        if !core.release(key) {
            return None;
        }
        core.cancel(key);
        self.counts.occupancy.leave();
        Some(promised)
    }

    /// Packs up for another worker.
    pub(super) fn pack(
        &mut self,
        connection: &mut HttpConnection,
        (head, lookup, body): (Head, Lookup, Bytes),
        (to, promise): (usize, Promise),
    ) -> After {
        if let Some(buffer) = connection.http.recycle() {
            self.spare = Some(buffer);
        }
        let none = Connection::new(&self.shared.settings.http);
        let http = std::mem::replace(&mut connection.http, none);
        let HttpConnection { asked, peer, accepted_at, served, .. } = *connection;
        let request = Travelling { head, lookup, body, asked, http, peer, accepted_at, served };
        After::Leave(Box::new(Leaving { to, promise, request }))
    }

    /// Promises the connection to the worker with the fewest streams, if that has noticeably fewer than this
    /// one and room.
    fn promise(&self) -> Option<(usize, Promise)> {
        let most = self.shared.settings.connections_per_worker;
        let workers = self.shared.workers.get()?;
        let others = workers.iter().enumerate().filter(|(number, other)| {
            *number != self.number
                && !other.remote.is_closed()
                && other.counts.occupancy.count() < most
        });
        let (load, to) = others.map(|(number, other)| (other.counts.load(), number)).min()?;
        if self.counts.load() < load + SLACK + load / SLACK_SHARE {
            return None;
        }
        Some((to, Promise::make(&workers[to].counts, most)?))
    }

    /// A connection has left the driver.
    pub(super) fn send_away(&mut self, core: &mut Core<'_>, key: Key, connection: Handover) {
        let Some(slot) = self.slot(key) else { return };
        let Phase::Leaving(leaving) = std::mem::replace(slot, Slot::vacant()).phase else {
            unreachable!("only connections that leave are released");
        };
        let Leaving { to, promise, request } = *leaving;
        let arrival = Message::Arrival(Box::new(Arrival { connection, promise, request }));
        let workers = self.shared.workers.get().expect("it was found among them");
        // Whoever sees the stream sees that it was handed over.
        self.counts.handed_over.fetch_add(1, Ordering::Relaxed);
        match workers[to].remote.post(arrival) {
            Ok(()) => {}
            // That worker has ended meanwhile. Here there was room before.
            Err(Closed(Message::Arrival(mut arrival))) => {
                self.counts.handed_over.fetch_sub(1, Ordering::Relaxed);
                if let Some(back) = Promise::make(&self.counts, usize::MAX) {
                    arrival.promise = back;
                    self.arrive(core, *arrival);
                }
            }
            Err(Closed(_)) => unreachable!("what was posted comes back"),
        }
    }

    /// Takes over a connection that was promised, and answers its request.
    pub(super) fn arrive(&mut self, core: &mut Core<'_>, arrival: Arrival) {
        let Arrival { connection, mut promise, request } = arrival;
        match core.adopt(connection) {
            Ok(key) => {
                promise.kept = true;
                let (connection, head, lookup, body) = request.unpack();
                self.place(key, connection);
                self.with_http(core, key, |worker, core, connection| {
                    match worker.ask_handler(core, key, connection, Some(lookup), head, body) {
                        Some(after) => after,
                        None => worker.advance(core, key, connection),
                    }
                });
            }
            // The system has no room to register it. Dropping the error closes it.
            Err(_) => {
                self.counts.accept_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        // Only now: a stream is counted as one from here on.
        drop(promise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &WorkerCounts) -> (usize, usize) {
        (of.occupancy.count(), of.arriving.load(Ordering::Relaxed))
    }

    #[test]
    fn promise_that_is_dropped_was_never_made() {
        let worker = Arc::<WorkerCounts>::default();
        let promise = Promise::make(&worker, 1);
        assert!(promise.is_some() && Promise::make(&worker, 1).is_none(), "there is room for one");
        assert_eq!(counts(&worker), (1, 1));
        drop(promise);
        assert_eq!(counts(&worker), (0, 0));
    }

    #[test]
    fn promise_that_is_kept_leaves_its_connection() {
        let worker = Arc::<WorkerCounts>::default();
        let mut promise = Promise::make(&worker, 1).expect("there is room");
        promise.kept = true;
        drop(promise);
        assert_eq!(counts(&worker), (1, 0));
    }
}
