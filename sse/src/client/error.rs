//! Why an event was not queued, or not seen out.

use crate::fanout::Disconnect;
use crate::prepared::PreparedEvent;
use std::fmt;

/// The reason of a [`SendError`]: see [`Client::try_send`](crate::Client::try_send).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendRefusal {
    /// The client's queue has no room.
    Full,
    /// The stream has ended, or is ending.
    Closed,
    /// The event has no bytes.
    Empty,
    /// The queue has no room, and waiting for it would block the core that has to make it.
    Busy,
    /// The stream has not begun, and what may wait for that is used up: what the queue holds, or
    /// 1 MiB where that is more.
    NotBegun,
}

/// An event was not delivered, and is given back.
///
/// ```
/// use headwater_sse::{Client, Event, PreparedEvent};
///
/// /// Keeps what a client did not get, for when it comes back.
/// async fn send_or_keep(client: &Client, event: Event, kept: &mut Vec<PreparedEvent>) {
///     if let Err(error) = client.send(event).await {
///         kept.push(error.into_event());
///     }
/// }
/// ```
#[derive(Clone)]
pub struct SendError {
    refusal: SendRefusal,
    event: PreparedEvent,
}

impl SendError {
    pub(super) fn new(refusal: SendRefusal, event: PreparedEvent) -> Self {
        Self { refusal, event }
    }

    /// Why.
    pub fn refusal(&self) -> SendRefusal {
        self.refusal
    }

    /// The event.
    pub fn into_event(self) -> PreparedEvent {
        self.event
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.refusal {
            SendRefusal::Full => "the client's queue is full",
            SendRefusal::Closed => "the client's stream has ended",
            SendRefusal::Empty => "the event has nothing set",
            SendRefusal::Busy => "the client's queue is full, and a core cannot wait for itself",
            SendRefusal::NotBegun => "the client's queue is full, and its stream has not begun",
        })
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&self.refusal).finish()
    }
}

impl std::error::Error for SendError {}

/// Not all that was sent has reached the kernel.
///
/// ```
/// use headwater_sse::{Client, Event, FlushError};
///
/// /// Whether a last event has left, and otherwise why not.
/// async fn take_leave(client: &Client) -> Result<(), FlushError> {
///     // One that was closed before says so below.
///     client.send(Event::data("goodbye")).await.ok();
///     let flushed = client.flush().await;
///     if let Err(FlushError::Closed(why)) = flushed {
///         println!("it does not know: {why}");
///     }
///     flushed
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FlushError {
    /// The stream ended before.
    Closed(Disconnect),
    /// Waiting would block the core that has to send it.
    Busy,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(why) => write!(f, "the stream ended with events unsent: {why}"),
            Self::Busy => f.write_str("events are unsent, and a core cannot wait for itself"),
        }
    }
}

impl std::error::Error for FlushError {}
