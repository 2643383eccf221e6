//! The event a program builds: its fields, and what each may hold.
//! Never spells an event in bytes: see `format`.

#[cfg(feature = "json")]
pub use json::JsonError;
pub use retry::RetryError;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(feature = "json")]
mod json;
mod retry;

/// One server-sent event, built field by field.
///
/// Every field is optional. Building never fails and never panics: what the format cannot carry
/// is taken out of a value, so that no field can smuggle in a line of another. Where altering a
/// value would be wrong, the `try_` setters refuse it instead.
///
/// | field | what it holds | taken out |
/// |---|---|---|
/// | [`data`](Event::data) | any text; LF, CRLF and CR all arrive as LF | nothing |
/// | [`event`](Event::event) | one line | CR, LF, NUL |
/// | [`id`](Event::id) | one line | CR, LF, NUL |
/// | [`comment`](Event::comment) | one line | CR, LF |
/// | [`retry`](Event::retry) | whole milliseconds, 1 to `i32::MAX` | fractions, the excess |
///
/// Clients dispatch an event only if its data is set, to an empty string at least. Without data
/// an id and a retry time still take effect, an event name has none. An event with nothing set
/// has no bytes.
///
/// A client drops a U+FEFF at the very start of a stream. No event begins with one, whatever its
/// fields hold, because each line begins with the name of its field.
///
/// ```
/// use headwater_sse::Event;
/// use std::time::Duration;
///
/// let event = Event::data("42 °C").event("temperature").id("1007").retry(Duration::from_secs(5));
/// let keep_alive = Event::new().comment("still here");
/// # let _ = (event, keep_alive);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub(crate) id: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) retry_millis: Option<NonZeroU32>,
    pub(crate) data: Option<String>,
}

impl Event {
    /// An event with nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// An event with data: the text that a client's listener receives.
    ///
    /// An empty string is data too: the listener is called with it.
    ///
    /// ```
    /// use headwater_sse::{Event, format_event};
    ///
    /// let mut out = Vec::new();
    /// format_event(&mut out, &Event::data("two\nlines"));
    /// assert_eq!(out, b"data: two\ndata: lines\n\n");
    /// ```
    pub fn data(data: impl Into<String>) -> Self {
        Self::new().with_data(data)
    }

    /// Sets the data, as [`Event::data`] does.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// An event whose data is `value` as JSON, on one line.
    ///
    /// # Errors
    /// The value has no form in JSON, as maps do whose keys are no strings.
    ///
    /// ```
    /// use headwater_sse::Event;
    ///
    /// let event = Event::json(&[("low", 12), ("high", 21)])?.event("forecast");
    /// assert_eq!(event, Event::data(r#"[["low",12],["high",21]]"#).event("forecast"));
    /// # Ok::<(), headwater_sse::JsonError>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Self::new().with_json(value)
    }

    /// Sets the data, as [`Event::json`] does.
    ///
    /// # Errors
    /// As [`Event::json`]; the event is given back, as it was.
    #[cfg(feature = "json")]
    pub fn with_json<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<Self, JsonError> {
        match serde_json::to_string(value) {
            Ok(data) => Ok(self.with_data(data)),
            Err(error) => Err(JsonError::new(self, error)),
        }
    }

    /// Sets the event's name, which decides the listeners that receive it. CR, LF and NUL are
    /// taken out; an empty name is no name, and then a client calls it `message`.
    ///
    /// ```
    /// use headwater_sse::Event;
    ///
    /// // Whatever a name holds, it becomes no line of its own.
    /// assert_eq!(Event::new().event("a\ndata: b"), Event::new().event("adata: b"));
    /// ```
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        let name = without(name.into(), Field::Event);
        self.name = Some(name).filter(|name| !name.is_empty());
        self
    }

    /// Sets the id, which a client sends back as `Last-Event-ID` when it reconnects. CR, LF and
    /// NUL are taken out. An empty id is not the same as none: it makes a client forget its last.
    ///
    /// ```
    /// use headwater_sse::{Event, EventId};
    ///
    /// let id: EventId = "1007".parse()?;
    /// assert_eq!(Event::data("x").id(id), Event::data("x").id("1007"));
    /// # Ok::<(), headwater_sse::EventIdError>(())
    /// ```
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(without(id.into(), Field::Id));
        self
    }

    /// Sets how long a client waits before it reconnects, in whole milliseconds. Less than one is
    /// none; more than `i32::MAX` (24 days) is cut to that, because the timers of browsers and
    /// Node.js fire at once when they are given more.
    ///
    /// ```
    /// use headwater_sse::{Event, format_event};
    /// use std::time::Duration;
    ///
    /// let mut out = Vec::new();
    /// format_event(&mut out, &Event::new().retry(Duration::from_secs_f64(1.5)));
    /// assert_eq!(out, b"retry: 1500\n\n");
    /// ```
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_millis = retry_millis(after);
        self
    }

    /// Sets the comment, one line that clients skip. CR and LF are taken out.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(without(comment.into(), Field::Comment));
        self
    }

    /// Sets the event's name, as [`Event::event`] does, unless something would have to be taken
    /// out of it.
    ///
    /// # Errors
    /// The name holds CR, LF or NUL. The error gives back the event and the name.
    pub fn try_event(self, name: impl Into<String>) -> Result<Self, FieldError> {
        self.checked(name.into(), Field::Event).map(|(event, name)| event.event(name))
    }

    /// Sets the id, as [`Event::id`] does, unless something would have to be taken out of it.
    ///
    /// # Errors
    /// The id holds CR, LF or NUL. The error gives back the event and the id.
    ///
    /// ```
    /// use headwater_sse::Event;
    ///
    /// let refused = Event::data("x").try_id("two\nlines").unwrap_err();
    /// assert_eq!(refused.to_string(), "the id of an event cannot hold '\\n' (at byte 3)");
    /// assert_eq!(refused.into_event(), Event::data("x"));
    /// ```
    pub fn try_id(self, id: impl Into<String>) -> Result<Self, FieldError> {
        self.checked(id.into(), Field::Id).map(|(event, id)| event.id(id))
    }

    /// Sets the comment, as [`Event::comment`] does, unless something would have to be taken out
    /// of it.
    ///
    /// # Errors
    /// The comment holds CR or LF. The error gives back the event and the comment.
    pub fn try_comment(self, comment: impl Into<String>) -> Result<Self, FieldError> {
        self.checked(comment.into(), Field::Comment).map(|(event, text)| event.comment(text))
    }

    /// Sets how long a client waits before it reconnects, as [`Event::retry`] does, unless it would wait for
    /// another time.
    ///
    /// # Errors
    /// The time is not a whole number of milliseconds from 1 to `i32::MAX`. The error gives back the event
    /// and the time.
    ///
    /// ```
    /// use headwater_sse::Event;
    /// use std::time::Duration;
    ///
    /// let event = Event::data("x").try_retry(Duration::from_millis(1500))?;
    /// assert_eq!(event, Event::data("x").retry(Duration::from_millis(1500)));
    /// assert!(event.try_retry(Duration::from_micros(1500)).is_err());
    /// # Ok::<(), headwater_sse::RetryError>(())
    /// ```
    pub fn try_retry(self, after: Duration) -> Result<Self, RetryError> {
        let told = retry_millis(after).map(|millis| Duration::from_millis(millis.get().into()));
        if told == Some(after) { Ok(self.retry(after)) } else { Err(RetryError::new(self, after)) }
    }

    /// Whether nothing is set, so that the event has no bytes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn checked(self, value: String, field: Field) -> Result<(Self, String), FieldError> {
        match value.find(field.forbidden()) {
            None => Ok((self, value)),
            Some(at) => Err(FieldError(Box::new(Refused { event: self, field, value, at }))),
        }
    }
}

/// A field that holds one line, and so cannot hold every text: see [`FieldError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The event's name.
    Event,
    /// The event's id.
    Id,
    /// The comment.
    Comment,
}

impl Field {
    fn forbidden(self) -> &'static [char] {
        match self {
            Self::Event | Self::Id => &['\r', '\n', '\0'],
            Self::Comment => &['\r', '\n'],
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "name",
            Self::Id => "id",
            Self::Comment => "comment",
        })
    }
}

/// A value was refused because its field cannot hold one of its characters.
///
/// It gives back the event as it was, and the value.
///
/// ```
/// use headwater_sse::{Event, Field};
///
/// let refused = Event::data("x").try_event("two\nwords").unwrap_err();
/// assert_eq!((refused.field(), refused.value()), (Field::Event, "two\nwords"));
/// // What can be held is enough here.
/// let name = refused.value()[..refused.position()].to_owned();
/// let event = refused.into_event().event(name);
/// assert_eq!(event, Event::data("x").event("two"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError(Box<Refused>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    event: Event,
    field: Field,
    value: String,
    at: usize,
}

impl FieldError {
    /// The field whose value was refused.
    pub fn field(&self) -> Field {
        self.0.field
    }

    /// The value that was refused.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// Where in the value, in bytes, the first character is that cannot be held.
    pub fn position(&self) -> usize {
        self.0.at
    }

    /// The event as it was before.
    pub fn into_event(self) -> Event {
        self.0.event
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { field, value, at, .. } = &*self.0;
        // `at` comes from searching this value, so that there is a character.
        let found = value[*at..].chars().next().unwrap_or_default();
        write!(f, "the {field} of an event cannot hold {found:?} (at byte {at})")
    }
}

impl std::error::Error for FieldError {}

const RETRY_MILLIS_MAX: u32 = i32::MAX.cast_unsigned();

/// Whole milliseconds, as many as a client can be told to wait; none for less than one.
fn retry_millis(after: Duration) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(after.as_millis()).unwrap_or(u32::MAX).min(RETRY_MILLIS_MAX))
}

fn without(mut value: String, field: Field) -> String {
    let forbidden = field.forbidden();
    if value.contains(forbidden) {
        value.retain(|c| !forbidden.contains(&c));
    }
    value
}
