//! What a look at a connection brings.

use crate::Head;
use bytes::Bytes;

/// What happened on a connection. The [crate's example](crate) takes them one after the other.
#[derive(Debug)]
pub enum Step {
    /// Nothing, until more is received.
    NeedMore,
    /// A request has begun.
    Request(Head),
    /// The next piece of its body, decoded and never empty. Pieces are as the bytes came, and share
    /// the connection's buffer.
    Body(Bytes),
    /// The request is complete. Trailers were checked and dropped (RFC 9112 §7.1.2).
    End,
    /// The request has not been answered yet.
    Paused,
    /// No further request will come: close once everything is sent (RFC 9112 §9.6).
    Closed,
}
