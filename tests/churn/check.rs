//! What must hold for the events of one stream: each whole, in the order of its source, none twice.

use crate::load;
use crate::support::Heard;

/// What one client has heard of one stream.
#[derive(Default)]
pub(crate) struct Order {
    /// Of the last event of any broker, its id and its number: both are in the order of the hub.
    broker: Option<(u64, u64)>,
    /// Events of the stream's own handler.
    own: u64,
}

impl Order {
    /// Checks an event.
    #[track_caller]
    pub(crate) fn check(&mut self, heard: &Heard) {
        let number = load::number(heard.data.as_deref().expect("events have data"));
        if heard.name.as_deref() == Some("talk") {
            // What a handler sends itself is never dropped.
            assert_eq!(number, self.own, "lost, or out of order");
            self.own += 1;
            return;
        }
        let this = (heard.number(), number);
        if let Some(last) = self.broker {
            let is_later = last.0 < this.0 && last.1 < this.1;
            assert!(is_later, "id and number {this:?} after {last:?}");
        }
        self.broker = Some(this);
    }
}
