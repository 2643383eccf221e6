//! The state of one connection. What happens to it is decided in `exchange` and `streams`.

use super::handing_over::Leaving;
use super::pieces::Sending;
use super::takeover::Line;
use crate::response::Response;
use crate::router::Lookup;
use async_task::Task;
use bytes::BytesMut;
use headwater_engine::Outbox;
use headwater_http::{Connection, Head, Limits, Version};
use headwater_sse::StreamId;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

/// One connection of this worker, or room for one.
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) phase: Phase,
}

impl Slot {
    pub(super) const fn vacant() -> Self {
        Self { generation: 0, phase: Phase::Vacant }
    }
}

/// What a connection is doing. An idle stream needs nothing beyond this here.
pub(super) enum Phase {
    Vacant,
    /// Being served further up the stack.
    Busy,
    Http(Box<HttpConnection>),
    /// The fan-out has it.
    Stream(Live),
    /// A handler took it over.
    Detached(Box<Line>),
    /// On its way to another worker, until its driver lets go of it.
    Leaving(Box<Leaving>),
    /// Everything was sent, the FIN too: waits for the peer's.
    Lingering,
}

/// An event stream, as its slot knows it.
#[derive(Clone, Copy)]
pub(super) struct Live {
    pub(super) id: StreamId,
    /// The number of its heartbeat.
    pub(super) beat: u16,
    /// Goes on in a drain.
    pub(super) finishes: bool,
}

/// What becomes of a connection after its HTTP phase was served.
pub(super) enum After {
    Keep,
    Stream(Live),
    Detached(Box<Line>),
    Leave(Box<Leaving>),
    Linger,
    Close,
}

/// Kept small, since most connections are idle: what few have at a time is in boxes of its own.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(super) struct HttpConnection {
    pub(super) accepted_at: Instant,
    pub(super) http: Connection,
    /// The request whose body is being received.
    pub(super) arriving: Option<Box<Arriving>>,
    /// Bytes of the body when its deadline was last put off; none of a head or body without a deadline of
    /// its own yet.
    pub(super) mark: Option<usize>,
    /// How the answer must be written.
    pub(super) asked: Asked,
    /// The client waits to be asked for the body.
    pub(super) expects_continue: bool,
    /// A handler that is not done. Dropping it cancels it.
    pub(super) task: Option<Task<()>>,
    /// A streamed body that is being sent.
    pub(super) sending: Option<Box<Sending>>,
    /// The path of a request whose handler was pending.
    pub(super) path: Option<Rc<[u8]>>,
    /// What the socket has not taken. While there is some, no further request is looked at.
    pub(super) unsent: Option<Box<Outbox>>,
    /// Bytes sent since the deadline of `unsent` was last put off.
    pub(super) progress: usize,
    /// An answer that waits for `unsent` to leave.
    pub(super) held: Option<Box<Response>>,
    pub(super) peer: Option<SocketAddr>,
    /// No bytes are wanted now.
    pub(super) paused: bool,
    /// The peer sent a FIN.
    pub(super) peer_finished: bool,
    /// An error was answered: nothing that the peer says matters any more.
    pub(super) refused: bool,
    /// At least one request was received completely.
    pub(super) served: bool,
}

/// A request of which the body is being received.
pub(super) struct Arriving {
    pub(super) head: Head,
    /// Its route, looked up before its body.
    pub(super) lookup: Lookup,
    pub(super) body: BytesMut,
}

impl Arriving {
    /// Nothing of the body yet.
    pub(super) fn of(head: Head, lookup: Lookup) -> Box<Self> {
        Box::new(Self { head, lookup, body: BytesMut::new() })
    }
}

/// What of the request decides how its answer is written.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) head_only: bool,
    /// The method is CONNECT.
    pub(super) connects: bool,
}

impl HttpConnection {
    /// Whether nothing is received, answered or sent now.
    pub(super) fn is_idle(&self) -> bool {
        self.http.is_idle() && self.unsent.is_none() && !self.is_answering()
    }

    /// Whether a request waits for its handler or for the rest of its answer.
    pub(super) fn is_answering(&self) -> bool {
        self.task.is_some() || self.sending.is_some()
    }

    /// Before a refusal: one whose head has not come is answered with a body, since what is known of HEAD is
    /// the last request's. HEAD whose body is refused gets none (RFC 9110 §9.3.2).
    pub(super) fn forget_the_last(&mut self) {
        self.asked.head_only &= self.arriving.is_some();
    }

    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self::over(Connection::new(limits), now)
    }

    pub(super) fn over(http: Connection, accepted_at: Instant) -> Self {
        Self {
            accepted_at,
            http,
            arriving: None,
            mark: None,
            asked: Asked { version: Version::Http11, head_only: false, connects: false },
            expects_continue: false,
            task: None,
            sending: None,
            path: None,
            unsent: None,
            progress: 0,
            held: None,
            peer: None,
            paused: false,
            peer_finished: false,
            refused: false,
            served: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_is_small() {
        assert!(size_of::<HttpConnection>() <= 272, "{}", size_of::<HttpConnection>());
        assert!(size_of::<Slot>() <= 24, "{}", size_of::<Slot>());
    }
}
