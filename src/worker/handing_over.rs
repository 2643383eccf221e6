//! Requests for streams that another worker answers, because it has fewer streams: which go, where to, and
//! how their connections get there. Middleware, hooks, arguments and the handler are called there, so that
//! nothing that must stay on its core has to leave it.

use super::connection::{After, Asked, HttpConnection, Phase, Slot};
use super::{Message, Worker};
use bytes::Bytes;
use headwater_engine::{Closed, Core, Handover, Key};
use headwater_http::{Connection, Head};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A worker may have this many streams more than another one, and a further one for each
/// [`SLACK_SHARE`] of the other's: few streams stay where they are, and many are even within 2 %.
const SLACK: usize = 4;
const SLACK_SHARE: usize = 64;

/// A connection on its way to another worker.
pub(super) struct Leaving {
    /// The number of the worker, which has been promised it.
    to: usize,
    request: Travelling,
}

/// A request that has been received and not been answered, with what its connection is to know.
struct Travelling {
    head: Head,
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
    request: Travelling,
}

impl Travelling {
    fn unpack(self) -> (HttpConnection, Head, Bytes) {
        let Self { head, body, asked, http, peer, accepted_at, served } = self;
        let mut connection = HttpConnection::over(http, accepted_at);
        (connection.asked, connection.peer, connection.served) = (asked, peer, served);
        (connection, head, body)
    }
}

impl Worker {
    /// Whether requests for streams may be for another worker. Asked for each request.
    pub(super) fn is_crowded(&self) -> bool {
        self.shared.settings.balances && self.counts.load() >= SLACK && self.drain_until.is_none()
    }

    /// The worker that is to answer a request for a stream, if that is another one; the connection is
    /// released to it then.
    pub(super) fn release_to(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &HttpConnection,
    ) -> Option<usize> {
        // The answers to requests before it leave from here, and one who has said everything, and will be
        // gone soon, is not worth it.
        if !self.out.is_empty() || connection.peer_finished {
            return None;
        }
        let to = self.promise()?;
        if !core.release(key) {
            self.break_promise(to);
            return None;
        }
        core.cancel(key);
        self.counts.occupancy.leave();
        Some(to)
    }

    /// Packs up for another worker.
    pub(super) fn pack(
        &mut self,
        connection: &mut HttpConnection,
        head: Head,
        body: Bytes,
        to: usize,
    ) -> After {
        if let Some(buffer) = connection.http.recycle() {
            self.spare = Some(buffer);
        }
        let none = Connection::new(&self.shared.settings.http);
        let http = std::mem::replace(&mut connection.http, none);
        let HttpConnection { asked, peer, accepted_at, served, .. } = *connection;
        let request = Travelling { head, body, asked, http, peer, accepted_at, served };
        After::Leave(Box::new(Leaving { to, request }))
    }

    /// Promises the connection to the worker with the fewest streams, if that has noticeably fewer than this
    /// one and room.
    fn promise(&self) -> Option<usize> {
        let limit = self.shared.settings.connections_per_worker;
        let others = self.shared.workers.get()?.iter().enumerate();
        let others = others.filter(|(number, other)| {
            *number != self.number
                && !other.remote.is_closed()
                && !other.counts.occupancy.has_ended()
                && other.counts.occupancy.count() < limit
        });
        let (load, to) = others.map(|(number, other)| (other.counts.load(), number)).min()?;
        if self.counts.load() < load + SLACK + load / SLACK_SHARE {
            return None;
        }
        let counts = &self.shared.workers.get()?[to].counts;
        let promised = counts.occupancy.promise(limit);
        counts.arriving.fetch_add(usize::from(promised), Ordering::Relaxed);
        promised.then_some(to)
    }

    fn break_promise(&self, to: usize) {
        let Some(workers) = self.shared.workers.get() else { return };
        workers[to].counts.occupancy.leave();
        workers[to].counts.arriving.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection has left the driver.
    pub(super) fn send_away(&mut self, core: &mut Core<'_>, key: Key, connection: Handover) {
        let Some(slot) = self.slot(key) else { return };
        let Phase::Leaving(leaving) = std::mem::replace(slot, Slot::vacant()).phase else {
            unreachable!("only connections that leave are released");
        };
        let Leaving { to, request } = *leaving;
        let arrival = Message::Arrival(Box::new(Arrival { connection, request }));
        let workers = self.shared.workers.get().expect("it was found among them");
        // Whoever sees the stream sees that it was handed over.
        self.counts.handed_over.fetch_add(1, Ordering::Relaxed);
        match workers[to].remote.post(arrival) {
            Ok(()) => {}
            // That worker has ended meanwhile.
            Err(Closed(Message::Arrival(arrival))) => {
                self.counts.handed_over.fetch_sub(1, Ordering::Relaxed);
                self.break_promise(to);
                self.counts.occupancy.enter();
                self.counts.arriving.fetch_add(1, Ordering::Relaxed);
                self.arrive(core, *arrival);
            }
            Err(Closed(_)) => unreachable!("what was posted comes back"),
        }
    }

    /// Takes over a connection that was promised, and answers its request.
    pub(super) fn arrive(&mut self, core: &mut Core<'_>, arrival: Arrival) {
        let Arrival { connection, request } = arrival;
        if let Ok(key) = core.adopt(connection) {
            let (connection, head, body) = request.unpack();
            self.place(key, connection);
            self.with_http(core, key, |worker, core, connection| {
                match worker.ask_handler(core, key, connection, None, head, body) {
                    Some(after) => after,
                    None => worker.advance(core, key, connection),
                }
            });
        } else {
            // The system has no room to register it. Dropping the error has closed it.
            self.counts.occupancy.leave();
            self.counts.accept_failures.fetch_add(1, Ordering::Relaxed);
        }
        // Only now: what became a stream is counted as one.
        self.counts.arriving.fetch_sub(1, Ordering::Relaxed);
    }
}
