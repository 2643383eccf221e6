//! What a stream's owner knows of who is at the other end: the request that opened it, and the socket.
//! This crate only passes it on.

use crate::id::EventId;
use std::any::Any;
use std::net::SocketAddr;

/// Where a stream came from. Implemented by whoever owns the sockets, given to
/// [`crate::Fanout::open`], and read through [`crate::Client`] on any thread.
///
/// ```
/// use headwater_sse::{EventId, Origin};
/// use std::{any::Any, net::SocketAddr};
///
/// struct Visit {
///     from: SocketAddr,
///     last: Option<EventId>,
///     user: String,
/// }
///
/// impl Origin for Visit {
///     fn peer_addr(&self) -> Option<SocketAddr> {
///         Some(self.from)
///     }
///
///     fn last_event_id(&self) -> Option<&EventId> {
///         self.last.as_ref()
///     }
///
///     fn request(&self) -> Option<&(dyn Any + Send + Sync)> {
///         Some(&self.user)
///     }
/// }
/// ```
pub trait Origin: Send + Sync + 'static {
    /// What the client sent as `Last-Event-ID`.
    fn last_event_id(&self) -> Option<&EventId> {
        None
    }

    /// The address at the other end of the socket.
    fn peer_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// What is kept of the request, for [`crate::Client::request`].
    fn request(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
}
