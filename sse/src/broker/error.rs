//! Why an event was not taken.

use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use std::fmt;
use std::sync::Arc;

/// The reason of a [`PublishError`], which has an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// A core is so far behind that the hub's ring is full; or a store that blocks could not be given the event
    /// by a deadline.
    Full,
    /// The broker was closed.
    Closed,
    /// The event has no bytes.
    Empty,
    /// Waiting would block a core: for room in the hub's ring that the core has to make itself, or for a
    /// store that blocks, which is for tasks ([`Broker::publish_async`](crate::Broker::publish_async)).
    Busy,
    /// The broker's store did not take it; why is the error's [`store_error`](PublishError::store_error). If
    /// [`may_have_written`](StoreError::may_have_written) holds for that, the store may have the event all the
    /// same, and then subscribers get it: publishing it again may double it.
    Store,
}

/// An event was not taken, and is given back.
///
/// ```
/// use headwater_sse::{Event, Hub, Refusal};
///
/// let news = Hub::new().broker("news").build();
/// let mut later = Vec::new();
/// match news.publish(Event::data("hello")) {
///     Ok(published) => println!("published as {}", published.id),
///     // A core is stuck: nothing is lost.
///     Err(error) if error.refusal() == Refusal::Full => later.push(error.into_event()),
///     Err(error) => eprintln!("{error}"),
/// }
/// # assert!(later.is_empty());
/// ```
#[derive(Clone)]
pub struct PublishError {
    refusal: Refusal,
    event: PreparedEvent,
    store: Option<Arc<StoreError>>,
}

impl PublishError {
    pub(crate) fn new(refusal: Refusal, event: PreparedEvent) -> Self {
        Self { refusal, event, store: None }
    }

    pub(crate) fn of_store(error: Arc<StoreError>, event: PreparedEvent) -> Self {
        Self { refusal: Refusal::Store, event, store: Some(error) }
    }

    /// What the store said, if it is why.
    pub fn store_error(&self) -> Option<&StoreError> {
        self.store.as_deref()
    }

    /// Why.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The event.
    pub fn into_event(self) -> PreparedEvent {
        self.event
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.store {
            return write!(f, "{error}");
        }
        f.write_str(match self.refusal {
            Refusal::Full => "the hub is full: a core has not read its events",
            Refusal::Closed => "the broker is closed",
            Refusal::Empty => "the event has nothing set",
            Refusal::Busy => "a core cannot wait for itself, nor for a store",
            Refusal::Store => "the store refused the event",
        })
    }
}

impl fmt::Debug for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublishError").field(&self.refusal).finish()
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.store.as_deref().and_then(std::error::Error::source)
    }
}
