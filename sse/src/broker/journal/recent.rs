//! What a broker whose store blocks has sent lately: enough to take a stream over that has read the store
//! to its end a moment ago.

use super::Cursor;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use std::collections::VecDeque;

const EVENTS: usize = 4096;
const BYTES: usize = 4 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Recent {
    /// Events sent so far; the last of them are here.
    sent: u64,
    events: VecDeque<(EventId, PreparedEvent)>,
    bytes: usize,
}

impl Recent {
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn push(&mut self, id: EventId, event: PreparedEvent) {
        self.sent += 1;
        self.bytes += event.len();
        self.events.push_back((id, event));
        while self.events.len() > EVENTS || self.bytes > BYTES && self.events.len() > 1 {
            let Some((_, event)) = self.events.pop_front() else { break };
            self.bytes -= event.len();
        }
    }

    /// What a stream lacks; `None` if that cannot be told from here.
    pub(super) fn since(&self, cursor: &Cursor) -> Option<Vec<(EventId, PreparedEvent)>> {
        let mark = cursor.mark?;
        let first = self.sent - self.events.len() as u64;
        let skip = usize::try_from(mark.checked_sub(first)?).ok()?;
        // Of these, the store may have had some when it was read.
        let had = cursor.after.as_ref().and_then(EventId::as_number);
        let lacks = |(id, _): &&(EventId, PreparedEvent)| id.as_number() > had;
        Some(self.events.range(skip.min(self.events.len())..).filter(lacks).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(after: u64, mark: Option<u64>) -> Cursor {
        Cursor { mark, ..Cursor::new(Some(after.into())) }
    }

    fn ids(recent: &Recent, cursor: &Cursor) -> Option<Vec<u64>> {
        let events = recent.since(cursor)?;
        Some(events.iter().filter_map(|(id, _)| id.as_number()).collect())
    }

    #[test]
    fn what_was_sent_since_the_store_was_read_is_told_as_long_as_it_is_here() {
        let mut recent = Recent::default();
        assert_eq!(ids(&recent, &cursor(0, None)), None, "the store was not read to its end");
        assert_eq!(ids(&recent, &cursor(0, Some(0))), Some(vec![]));
        for id in 1..=EVENTS as u64 + 10 {
            recent.push((2 * id).into(), PreparedEvent::nothing());
        }
        let sent = recent.sent();
        assert_eq!(ids(&recent, &cursor(20, Some(9))), None, "one of these is gone");
        assert_eq!(ids(&recent, &cursor(20, Some(10))).map(|ids| ids.len()), Some(EVENTS));
        // The store had two that were sent since.
        let last = 2 * sent;
        assert_eq!(ids(&recent, &cursor(last - 4, Some(sent - 4))), Some(vec![last - 2, last]));
        assert_eq!(ids(&recent, &cursor(last, Some(sent))), Some(vec![]));
    }

    #[test]
    fn bytes_are_limited_too() {
        let mut recent = Recent::default();
        let large = PreparedEvent::new(&crate::Event::data("x".repeat(BYTES)));
        for id in 1..=3u64 {
            recent.push(id.into(), large.clone());
            assert_eq!(recent.events.len(), 1);
        }
    }
}
