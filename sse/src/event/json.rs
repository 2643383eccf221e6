//! Why a value did not become an event's data.

use super::Event;
use std::fmt;

/// A value has no form in JSON. Gives back the event as it was.
///
/// ```
/// use headwater_sse::Event;
/// use std::collections::BTreeMap;
///
/// // The keys of an object are strings.
/// let board = BTreeMap::from([((1, 2), "rook")]);
/// let refused = Event::new().event("board").with_json(&board).unwrap_err();
/// println!("{refused}");
/// assert_eq!(refused.into_event(), Event::new().event("board"));
/// ```
#[derive(Debug)]
pub struct JsonError(Box<Refused>);

#[derive(Debug)]
struct Refused {
    event: Event,
    error: serde_json::Error,
}

impl JsonError {
    pub(super) fn new(event: Event, error: serde_json::Error) -> Self {
        Self(Box::new(Refused { event, error }))
    }

    /// The event as it was before.
    pub fn into_event(self) -> Event {
        self.0.event
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the data of an event has no form in JSON: {}", self.0.error)
    }
}

impl std::error::Error for JsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn what_json_cannot_hold_gives_the_event_back() {
        let keys = HashMap::from([((1, 2), 3)]);
        let refused = Event::new().event("e").with_json(&keys).expect_err("keys are no strings");
        assert!(refused.to_string().contains("JSON"));
        assert_eq!(refused.into_event(), Event::new().event("e"));
    }

    #[test]
    fn json_is_one_line_of_data() {
        let event = Event::json("two\nlines").expect("a string");
        assert_eq!(event, Event::data("\"two\\nlines\""));
    }
}
