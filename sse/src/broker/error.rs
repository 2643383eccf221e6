//! Why an event was not taken.

use crate::prepared::PreparedEvent;
use std::fmt;

/// The reason of a [`PublishError`], which has an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// A core is so far behind that the hub's ring is full.
    Full,
    /// The broker was closed.
    Closed,
    /// The event has no bytes.
    Empty,
    /// The ring is full, and waiting for room would block the core that has to make it.
    Busy,
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
}

impl PublishError {
    pub(crate) fn new(refusal: Refusal, event: PreparedEvent) -> Self {
        Self { refusal, event }
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
        f.write_str(match self.refusal {
            Refusal::Full => "the hub is full: a core has not read its events",
            Refusal::Closed => "the broker is closed",
            Refusal::Empty => "the event has nothing set",
            Refusal::Busy => "the hub is full, and a core cannot wait for itself",
        })
    }
}

impl fmt::Debug for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublishError").field(&self.refusal).finish()
    }
}

impl std::error::Error for PublishError {}
