//! Why a client cannot be told to wait for so long before it reconnects.

use super::Event;
use std::fmt;
use std::time::Duration;

/// A time to wait was refused, because it is not a whole number of milliseconds from 1 to `i32::MAX`.
///
/// It gives back the event as it was, and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryError(Box<Refused>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    event: Event,
    after: Duration,
}

impl RetryError {
    pub(super) fn new(event: Event, after: Duration) -> Self {
        Self(Box::new(Refused { event, after }))
    }

    /// The time that was refused.
    pub fn after(&self) -> Duration {
        self.0.after
    }

    /// The event as it was before.
    pub fn into_event(self) -> Event {
        self.0.event
    }
}

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (after, most) = (self.0.after, i32::MAX);
        write!(f, "the retry time of an event is 1 to {most} whole milliseconds, not {after:?}")
    }
}

impl std::error::Error for RetryError {}
