//! What stores refuse, and why.

use crate::EventId;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a store does not know an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownId {
    /// It is no number, so that no store has given it to an event.
    Malformed,
    /// What followed it is not kept any more, or not all of it.
    AgedOut,
    /// It is smaller than any that this store has given.
    NeverRecorded,
    /// It is greater than any that this store has given, as after a store has lost events.
    Future,
}

impl fmt::Display for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not a number",
            Self::AgedOut => "what followed it is not kept any more",
            Self::NeverRecorded => "no event was ever given it",
            Self::Future => "no event was given it so far",
        })
    }
}

/// A store could not do what it was asked.
///
/// ```
/// use headwater_sse::replay::{ReplayStore, RingBuffer, Scope, StoreError, UnknownId};
///
/// let store = RingBuffer::new(8);
/// let refused = store.since(&Scope::shared(), Some(&"x7".parse()?), 1).unwrap_err();
/// assert!(matches!(refused, StoreError::Unknown { why: UnknownId::Malformed, .. }));
/// assert_eq!(refused.to_string(), "the event id x7 is unknown: it is not a number");
/// # Ok::<(), headwater_sse::EventIdError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing can be replayed after this id.
    #[non_exhaustive]
    Unknown {
        /// The id.
        id: EventId,
        /// What is wrong with it.
        why: UnknownId,
    },
    /// The store could not be reached, or did not answer in time.
    #[non_exhaustive]
    Unavailable {
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
        /// Whether a request had left, so that its events may have been recorded.
        sent: bool,
    },
    /// The store answered, and refused: its credentials, its memory, a key of another kind.
    #[non_exhaustive]
    Refused {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An event is larger than the store can hold. Nothing of the batch was recorded.
    #[non_exhaustive]
    TooLarge {
        /// Its place in the batch, from 0.
        at: usize,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// An event has no bytes. Nothing of the batch was recorded.
    #[non_exhaustive]
    Empty {
        /// Its place in the batch, from 0.
        at: usize,
    },
    /// The key that a scope has with the store's prefix is longer than the store can hold.
    #[non_exhaustive]
    KeyTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// What is stored under a key is nothing that this library has put there.
    #[non_exhaustive]
    Corrupt {
        /// The key.
        key: String,
    },
    /// Writing took longer than the grace time, and readers have stepped over the place of an event.
    #[non_exhaustive]
    Overtaken {
        /// The id that the event had been given.
        id: EventId,
    },
    /// The store has lost its counter, and gave ids that others had before. It has been raised past
    /// them, so that the next batch gets ids of its own.
    #[non_exhaustive]
    WentBack {
        /// The first id that it gave.
        first: EventId,
        /// The id that it had given before.
        before: EventId,
    },
    /// A counter is at a number that it cannot have.
    #[non_exhaustive]
    Miscounted {
        /// Its key.
        key: String,
        /// Where it is, or the first of the numbers that it gave.
        counter: u64,
        /// How many were asked for.
        by: u64,
    },
    /// A store was set to keep events for no longer than others may be under way after their ids were
    /// given.
    #[non_exhaustive]
    ShortLived {
        /// How long it would keep them.
        ttl: Duration,
        /// What that has to be longer than.
        grace: Duration,
    },
}

impl StoreError {
    /// The store could not be reached. `sent` says whether a request had left.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>, sent: bool) -> Self {
        Self::Unavailable { source: source.into(), sent }
    }

    /// The store answered, and refused.
    pub fn refused(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused { source: source.into() }
    }

    /// Nothing can be replayed after this id.
    pub fn unknown(id: &EventId, why: UnknownId) -> Self {
        Self::Unknown { id: id.clone(), why }
    }

    /// Whether what was to be appended may have been recorded, in part or whole, although this error
    /// came back. Appending it again may record it twice.
    pub fn may_have_written(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { sent: true, .. }
                | Self::Overtaken { .. }
                | Self::WentBack { .. }
                | Self::Miscounted { .. }
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { id, why } => write!(f, "the event id {id} is unknown: {why}"),
            Self::Unavailable { source, .. } => {
                write!(f, "the replay store is not available: {source}")
            }
            Self::Refused { source } => write!(f, "the replay store refused: {source}"),
            Self::TooLarge { at, bytes, most } => write!(
                f,
                "event {at} of the batch has {bytes} bytes, and the replay store takes {most}"
            ),
            Self::Empty { at } => write!(f, "event {at} of the batch has nothing set"),
            Self::KeyTooLong { bytes, most } => {
                write!(f, "the scope's key has {bytes} bytes, and the replay store takes {most}")
            }
            Self::Corrupt { key } => write!(f, "what is stored under {key} is no event"),
            Self::Overtaken { id } => {
                write!(f, "event {id} was stored too late: readers have gone past it")
            }
            Self::WentBack { first, before } => {
                write!(f, "the replay store gave the event id {first} after {before}")
            }
            Self::Miscounted { key, counter, by } => {
                write!(f, "the counter {key} is at {counter} when {by} numbers were asked for")
            }
            Self::ShortLived { ttl, grace } => {
                write!(f, "events are kept for {ttl:?}, which has to be longer than {grace:?}")
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable { source, .. } | Self::Refused { source } => Some(&**source),
            _ => None,
        }
    }
}
