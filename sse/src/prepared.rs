//! An event formatted once, for any number of streams.
//! Never holds an id that a broker assigned, nor a chunk frame: workers write those around it.

use std::fmt;

use bytes::Bytes;

use crate::format::{ID, format_event};
use crate::{Event, EventId};

/// The bytes of one event, formatted once, immutable, and shared by all its clones.
///
/// ```
/// use headwater_sse::{Event, PreparedEvent};
///
/// let prepared = PreparedEvent::new(&Event::data("hello"));
/// assert_eq!(prepared.len(), "data: hello\n\n".len());
/// assert!(!prepared.has_id());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedEvent {
    bytes: Bytes,
    /// The event's own id line opens `bytes`: how long it is, 0 if there is none.
    id_line_bytes: usize,
}

impl PreparedEvent {
    /// Formats `event`, as [`format_event`] does.
    pub fn new(event: &Event) -> Self {
        // Which makes room for just that.
        let mut out = Vec::new();
        format_event(&mut out, event);
        let id_line_bytes = event.id.as_ref().map_or(0, |id| ID.len() + id.len() + 1);
        Self { bytes: out.into(), id_line_bytes }
    }

    /// An event that was formatted before.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        let line = bytes.starts_with(ID.as_bytes());
        let end = bytes.iter().position(|&byte| byte == b'\n').filter(|_| line);
        Self { id_line_bytes: end.map_or(0, |end| end + 1), bytes }
    }

    /// How many bytes the event has in a stream, without chunk frames and without an id that a
    /// broker assigns.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes, because nothing was set in the event.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the event carried an id of its own, be it an empty one.
    pub fn has_id(&self) -> bool {
        self.id_line_bytes > 0
    }

    /// The id that the event carried, if it did and the id is not empty.
    ///
    /// ```
    /// use headwater_sse::{Event, PreparedEvent};
    ///
    /// let prepared = PreparedEvent::new(&Event::data("hello").id("1007"));
    /// assert_eq!(prepared.id(), Some(1007.into()));
    /// ```
    pub fn id(&self) -> Option<EventId> {
        let value = self.bytes.get(ID.len()..self.id_line_bytes.checked_sub(1)?)?;
        // What an event holds as its id is an id, unless it is empty, which is none.
        EventId::from_header(value).ok()
    }
}

impl PreparedEvent {
    /// All bytes of the event, its own id line included.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl From<&Event> for PreparedEvent {
    fn from(event: &Event) -> Self {
        Self::new(event)
    }
}

impl From<Event> for PreparedEvent {
    fn from(event: Event) -> Self {
        Self::new(&event)
    }
}

impl fmt::Debug for PreparedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedEvent").field(&self.bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_own_id_opens_its_bytes() {
        let own = PreparedEvent::new(&Event::data("x").event("e").comment("c").id("own"));
        assert_eq!(own.bytes(), "id: own\n: c\nevent: e\ndata: x\n\n");
        for (event, has_id) in [(own, true), (PreparedEvent::new(&Event::data("id: x")), false)] {
            assert_eq!(event.has_id(), has_id);
            assert_eq!(PreparedEvent::from_bytes(event.bytes().clone()), event);
        }
    }

    #[test]
    fn clones_share_the_bytes() {
        let prepared = PreparedEvent::new(&Event::data("x"));
        assert_eq!(prepared.clone().bytes().as_ptr(), prepared.bytes().as_ptr());
    }
}
