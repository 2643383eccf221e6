//! Why an event was not queued, or not seen out.

use crate::fanout::Disconnect;
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use std::fmt;
use std::sync::Arc;

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
    /// Not now, and waiting would block the core that has to make room, or is for those who may wait: what
    /// the client missed goes before, or as many events wait for its store as may.
    Busy,
    /// The stream has not begun, and what may wait for that is used up: what the queue holds, or
    /// 1 MiB where that is more.
    NotBegun,
    /// The client's store did not take it; why is the error's [`store_error`](SendError::store_error).
    Store,
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
    store: Option<Arc<StoreError>>,
}

impl SendError {
    pub(super) fn new(refusal: SendRefusal, event: PreparedEvent) -> Self {
        Self { refusal, event, store: None }
    }

    pub(super) fn of_store(error: Arc<StoreError>, event: PreparedEvent) -> Self {
        Self { refusal: SendRefusal::Store, event, store: Some(error) }
    }

    /// Whether one who waits has a place among those who do.
    pub(super) fn may_wait(&self) -> bool {
        matches!(self.refusal, SendRefusal::Full | SendRefusal::Busy)
    }

    /// What the store said, if it is why.
    pub fn store_error(&self) -> Option<&StoreError> {
        self.store.as_deref()
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

/// The same reason, the same event, and the same answer of a store.
impl PartialEq for SendError {
    fn eq(&self, other: &Self) -> bool {
        let by_store = |error: &Self| error.store.as_ref().map(Arc::as_ptr);
        self.refusal == other.refusal
            && self.event == other.event
            && by_store(self) == by_store(other)
    }
}

impl Eq for SendError {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.store {
            return write!(f, "{error}");
        }
        f.write_str(match self.refusal {
            SendRefusal::Full => "the client's queue is full",
            SendRefusal::Closed => "the client's stream has ended",
            SendRefusal::Empty => "the event has nothing set",
            SendRefusal::Busy => "a core cannot wait for itself, nor for a store",
            SendRefusal::Store => "the store refused the event",
            SendRefusal::NotBegun => "the client's queue is full, and its stream has not begun",
        })
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&self.refusal).finish()
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.store.as_deref().and_then(std::error::Error::source)
    }
}

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
