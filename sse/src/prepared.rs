//! An event formatted once, for any number of streams.
//! Never holds an id that a broker assigned, nor a chunk frame: workers write those around it.

use std::fmt;

use bytes::Bytes;

use crate::format::{ID, decimal_len, format_event, push_decimal};
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

    /// The event without an id of its own. The bytes are shared.
    ///
    /// ```
    /// use headwater_sse::{Event, PreparedEvent};
    ///
    /// let own = PreparedEvent::new(&Event::data("hello").id("own"));
    /// assert_eq!(own.without_id(), PreparedEvent::new(&Event::data("hello")));
    /// ```
    #[must_use]
    pub fn without_id(&self) -> Self {
        Self { bytes: self.bytes.slice(self.id_line_bytes..), id_line_bytes: 0 }
    }

    /// The event with this id, in place of its own if it has one. The bytes are copied once.
    ///
    /// ```
    /// use headwater_sse::{Event, PreparedEvent};
    ///
    /// let prepared = PreparedEvent::new(&Event::data("hello").id("own"));
    /// assert_eq!(prepared.with_id(&7.into()), PreparedEvent::new(&Event::data("hello").id("7")));
    /// ```
    #[must_use]
    pub fn with_id(&self, id: &EventId) -> Self {
        let rest = &self.bytes[self.id_line_bytes..];
        let (number, text) = match id.as_number() {
            Some(number) => (Some(number), String::new()),
            None => (None, id.to_string()),
        };
        let id_line_bytes = ID.len() + number.map_or(text.len(), decimal_len) + 1;
        // Exactly as much, so that the vector becomes the event as it is.
        let mut bytes = Vec::with_capacity(id_line_bytes + rest.len());
        bytes.extend_from_slice(ID.as_bytes());
        match number {
            Some(number) => push_decimal(&mut bytes, number),
            None => bytes.extend_from_slice(text.as_bytes()),
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(rest);
        Self { bytes: bytes.into(), id_line_bytes }
    }

    /// The bytes of the event as it goes onto a stream, its own id line included: what a store
    /// keeps.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The event that these bytes are, which [`as_bytes`](Self::as_bytes) gave: what a store has
    /// kept. None if they are not one event, so that they would end another or hold several.
    ///
    /// ```
    /// use headwater_sse::{Event, PreparedEvent};
    ///
    /// let prepared = PreparedEvent::new(&Event::data("hello"));
    /// assert_eq!(PreparedEvent::from_stored(prepared.as_bytes().clone()), Some(prepared));
    /// assert_eq!(PreparedEvent::from_stored("data: one\n\ndata: two\n\n".into()), None);
    /// assert_eq!(PreparedEvent::from_stored("data: cut o".into()), None);
    /// ```
    pub fn from_stored(bytes: Bytes) -> Option<Self> {
        let body = bytes.strip_suffix(b"\n")?;
        let lines = body.is_empty() || body.ends_with(b"\n");
        let one = !bytes.starts_with(b"\n") || body.is_empty();
        let whole = !body.windows(2).any(|pair| pair == b"\n\n") && !body.contains(&b'\r');
        (lines && one && whole).then(|| Self::from_bytes(bytes))
    }
}

impl PreparedEvent {
    /// No event: nothing is sent of it.
    pub(crate) const fn nothing() -> Self {
        Self { bytes: Bytes::new(), id_line_bytes: 0 }
    }

    /// Whether it has data, so that clients dispatch it (WHATWG HTML §9.2.6).
    pub(crate) fn has_data(&self) -> bool {
        self.bytes
            .split(|&byte| byte == b'\n')
            .any(|line| line.starts_with(crate::format::DATA.as_bytes()))
    }

    /// What tells a client an id, and nothing else.
    pub(crate) fn id_alone(id: &EventId) -> Self {
        let bytes = format!("{ID}{id}\n\n");
        Self { id_line_bytes: bytes.len() - 1, bytes: bytes.into() }
    }

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
    fn only_what_is_one_whole_event_comes_back_from_a_store() {
        let id_alone = PreparedEvent::new(&Event::new().id("7")).without_id();
        assert_eq!(id_alone.bytes(), "\n");
        for whole in ["\n", "data: \n\n", ": c\nid: x\ndata: a\n\n", "id: 1\n\n"] {
            assert!(PreparedEvent::from_stored(whole.into()).is_some(), "{whole:?}");
        }
        let others = ["", "x", "data: x\n", "\n\n", "\ndata: x\n\n", "data: x\n\n\n", "a\rb\n\n"];
        for other in others {
            assert!(PreparedEvent::from_stored(other.into()).is_none(), "{other:?}");
        }
    }

    #[test]
    fn clones_share_the_bytes() {
        let prepared = PreparedEvent::new(&Event::data("x"));
        assert_eq!(prepared.clone().bytes().as_ptr(), prepared.bytes().as_ptr());
    }
}
