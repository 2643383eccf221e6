//! Why an event was not taken.

use crate::prepared::PreparedEvent;
use std::fmt;

/// The reason of a [`PublishError`].
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
