//! What guests are to do when, and the wait for that or for their sockets. Knows them by their numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry};

/// The longest wait, so that the end of the work is noticed.
const TICK: Duration = Duration::from_millis(20);

/// Times and sockets.
#[derive(Debug)]
pub(super) struct Agenda {
    poll: Poll,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Agenda {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, due: BinaryHeap::new() })
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// The guest of this number has something to do at that time.
    pub(super) fn put(&mut self, at: Instant, number: usize) {
        self.due.push(Reverse((at, number)));
    }

    /// Whose time has come.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let Reverse((at, number)) = self.due.peek().copied()?;
        (at <= now).then(|| {
            self.due.pop();
            number
        })
    }

    /// Waits until a socket or a guest is due, at most until `until`, and tells of the sockets.
    pub(super) fn wait(
        &mut self,
        events: &mut Events,
        until: Option<Instant>,
        mut told: impl FnMut(&mut Self, usize, &Event),
    ) -> io::Result<()> {
        let next = [self.due.peek().map(|Reverse((at, _))| *at), until].into_iter().flatten().min();
        let left = next.map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
        match self.poll.poll(events, Some(left.min(TICK))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in events.iter() {
            told(self, event.token().0, event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_due_in_the_order_of_their_times() {
        let mut agenda = Agenda::new().unwrap();
        let now = Instant::now();
        for (millis, number) in [(30, 7), (10, 8), (20, 9)] {
            agenda.put(now + Duration::from_millis(millis), number);
        }
        let soon = now + Duration::from_millis(20);
        assert_eq!(
            [agenda.take(soon), agenda.take(soon), agenda.take(soon)],
            [Some(8), Some(9), None]
        );
        assert_eq!(agenda.take(now + Duration::from_millis(30)), Some(7));
    }
}
