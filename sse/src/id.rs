//! The identity of an event within its stream, as clients send it back in `Last-Event-ID`.
//! Never orders ids or says which come later: only the store that assigned them can.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The id of an event.
///
/// Opaque: it can be compared for equality, printed and parsed, and prints exactly as it was
/// parsed. Two ids have no order of their own, because what comes later is known only to whoever
/// assigned them. Cloning does not allocate.
///
/// ```
/// use headwater_sse::EventId;
///
/// let id: EventId = "1007".parse()?;
/// assert_eq!(id.to_string(), "1007");
/// assert_ne!(id, "01007".parse()?);
/// # Ok::<(), headwater_sse::EventIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventId(Repr);

/// A number is the canonical decimal of a `u64`; every other spelling, `007` included, is a text,
/// so that no id has two representations and none loses its spelling.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Number(u64),
    Text(Arc<str>),
}

impl EventId {
    /// Reads an id as a client sent it, in the bytes of its `Last-Event-ID` header.
    ///
    /// # Errors
    /// It is empty, is not UTF-8, or holds a character that no id can.
    ///
    /// ```
    /// use headwater_sse::{EventId, EventIdError};
    ///
    /// assert_eq!(EventId::from_header(b"1007"), Ok(1007.into()));
    /// assert_eq!(EventId::from_header(b""), Err(EventIdError::Empty));
    /// ```
    pub fn from_header(value: &[u8]) -> Result<Self, EventIdError> {
        std::str::from_utf8(value).map_err(|_| EventIdError::NotUtf8)?.parse()
    }
}

impl EventId {
    pub(crate) const fn number(number: u64) -> Self {
        Self(Repr::Number(number))
    }

    pub(crate) const fn as_number(&self) -> Option<u64> {
        match self.0 {
            Repr::Number(number) => Some(number),
            Repr::Text(_) => None,
        }
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        if text.is_empty() {
            return Err(EventIdError::Empty);
        }
        if text.contains(['\r', '\n', '\0']) {
            return Err(EventIdError::NotOneLine);
        }
        Ok(canonical_decimal(text).map_or_else(|| Self(Repr::Text(text.into())), Self::number))
    }
}

impl From<u64> for EventId {
    fn from(number: u64) -> Self {
        Self::number(number)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(f),
            Repr::Text(text) => text.fmt(f),
        }
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => write!(f, "EventId({number})"),
            Repr::Text(text) => write!(f, "EventId({text:?})"),
        }
    }
}

/// A text was not the id of any event.
///
/// ```
/// use headwater_sse::{EventId, EventIdError};
///
/// assert_eq!("two\nlines".parse::<EventId>(), Err(EventIdError::NotOneLine));
/// assert_eq!(EventId::from_header(b"caf\xe9"), Err(EventIdError::NotUtf8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventIdError {
    /// It was empty, which says that a client has no last event.
    Empty,
    /// It held CR, LF or NUL, which no id can.
    NotOneLine,
    /// It was not UTF-8, which every stream is.
    NotUtf8,
}

impl fmt::Display for EventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty text is not the id of an event",
            Self::NotOneLine => "the id of an event cannot hold CR, LF or NUL",
            Self::NotUtf8 => "the id of an event is UTF-8",
        })
    }
}

impl std::error::Error for EventIdError {}

/// The number that prints exactly as `text`, if there is one: no sign, no leading zero, no more
/// than `u64::MAX`.
fn canonical_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    // A text that is no number is a text id: there is no error to keep.
    text.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_decimals_are_numbers() {
        let number = |text: &str| text.parse::<EventId>().expect("an id").as_number();
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("10"), Some(10));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for text in ["00", "01", "007", "+0", "+5", "-0", "-5", "5 ", "٣", "18446744073709551616"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(EventId::number(7), "7".parse().expect("an id"));
    }
}
