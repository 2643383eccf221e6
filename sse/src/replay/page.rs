//! What stores answer: the ids of what was appended, and pages of what was missed.

use crate::{EventId, PreparedEvent};
use std::time::Duration;

/// The ids of a batch, in its order.
///
/// ```
/// use headwater_sse::replay::Ids;
///
/// let ids = Ids::consecutive(7, 2);
/// assert_eq!(ids.last(), Some(8.into()));
/// assert_eq!(ids.iter().collect::<Vec<_>>(), [7.into(), 8.into()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    Numbers { first: u64, many: usize },
    List(Vec<EventId>),
}

impl Ids {
    /// So many numbers, from this one on.
    pub fn consecutive(first: u64, many: usize) -> Self {
        Self(Repr::Numbers { first, many })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Numbers { many, .. } => *many,
            Repr::List(ids) => ids.len(),
        }
    }

    /// Whether the batch was empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the batch's event at this place, from 0.
    pub fn get(&self, at: usize) -> Option<EventId> {
        match &self.0 {
            Repr::Numbers { first, many } => (at < *many).then(|| (first + at as u64).into()),
            Repr::List(ids) => ids.get(at).cloned(),
        }
    }

    /// The id of the last event.
    pub fn last(&self) -> Option<EventId> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = EventId> + '_ {
        (0..self.len()).map_while(|at| self.get(at))
    }
}

impl From<Vec<EventId>> for Ids {
    fn from(ids: Vec<EventId>) -> Self {
        Self(Repr::List(ids))
    }
}

/// An event that was stored: its id, and its bytes without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The id that the store gave it.
    pub id: EventId,
    /// The event, without an id line.
    pub event: PreparedEvent,
}

impl Replayed {
    /// The event as it goes onto a stream, its id line in front.
    ///
    /// ```
    /// use headwater_sse::{Event, PreparedEvent, replay::Replayed};
    ///
    /// let stored = Replayed { id: 7.into(), event: Event::data("x").into() };
    /// assert_eq!(stored.with_id(), PreparedEvent::new(&Event::data("x").id("7")));
    /// ```
    pub fn with_id(&self) -> PreparedEvent {
        self.event.with_id(&self.id)
    }
}

/// Part of what came after an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Oldest first.
    pub events: Vec<Replayed>,
    /// Whether there was more when this was read, after the last of these. Then there is at least
    /// one here.
    pub more: bool,
}

impl Page {
    /// A page of these events, and whether there are more after them.
    pub fn new(events: Vec<Replayed>, more: bool) -> Self {
        Self { events, more }
    }
}

/// What a store answers that waits for nothing: [`ReplayStore::since_now`](super::ReplayStore::since_now).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// The page.
    Page(Page),
    /// An event may still be under way: after how long to ask again.
    Later(Duration),
}
