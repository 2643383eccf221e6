//! Time limits of connections. When which is armed is decided by the workers.

use std::time::Duration;

/// How long a connection may take for what. An event stream has none of these until it is ending: before
/// that, a client that does not read is the slow policies' business. [`Duration::MAX`] is for ever.
///
/// ```
/// use headwater::{Server, Timeouts};
/// use std::time::Duration;
///
/// let hasty = Timeouts::default().with_header(Duration::from_secs(3)).with_idle(Duration::from_secs(15));
/// let server = Server::builder().timeouts(hasty);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a request's head to its last. Default 10 seconds; then 408.
    pub header: Duration,
    /// Between two pieces of a request's body, of 4 KiB at least: what trickles is no progress. Default
    /// 30 seconds; then 408.
    pub body: Duration,
    /// From calling a handler to its answer, of one that is not done at once. Default [`Duration::MAX`];
    /// then the handler is dropped, where it is not on a thread of its own, and its request answered 503.
    /// Only this ends a handler that waits for ever for a client that has stopped sending.
    pub handler: Duration,
    /// Before a request begins. Default 60 seconds; then the connection is closed.
    pub idle: Duration,
    /// Without progress, of 4 KiB at least, in sending a response, or what is left of an event stream that
    /// is ending. Default 30 seconds; then the connection is closed. `on_disconnect` is told the reason for
    /// which the stream was ending.
    pub write: Duration,
    /// How long a streamed body ([`Body::stream`](crate::Body::stream)) may have nothing to send once the
    /// client has stopped sending. Default 1 second; then the client counts as gone, and the stream is
    /// dropped.
    ///
    /// TCP does not tell a client that closes its socket from one that only stops sending, until it is
    /// sent something. Zero takes both for leaving at once; [`Duration::MAX`] serves a client that stops
    /// sending whatever it costs, and one that left until the stream has something for it.
    pub half_closed: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            header: seconds(10),
            body: seconds(30),
            handler: Duration::MAX,
            idle: seconds(60),
            write: seconds(30),
            half_closed: seconds(1),
        }
    }
}

impl Timeouts {
    /// Sets [`Timeouts::header`].
    #[must_use]
    pub fn with_header(mut self, limit: Duration) -> Self {
        self.header = limit;
        self
    }

    /// Sets [`Timeouts::body`].
    #[must_use]
    pub fn with_body(mut self, limit: Duration) -> Self {
        self.body = limit;
        self
    }

    /// Sets [`Timeouts::handler`].
    #[must_use]
    pub fn with_handler(mut self, limit: Duration) -> Self {
        self.handler = limit;
        self
    }

    /// Sets [`Timeouts::idle`].
    #[must_use]
    pub fn with_idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets [`Timeouts::write`].
    #[must_use]
    pub fn with_write(mut self, limit: Duration) -> Self {
        self.write = limit;
        self
    }

    /// Sets [`Timeouts::half_closed`].
    #[must_use]
    pub fn with_half_closed(mut self, limit: Duration) -> Self {
        self.half_closed = limit;
        self
    }
}
