//! What publishing tells the reading side: how far it is and, once it is over, which events the
//! server accepted. Publishes nothing itself: see `publisher`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

/// What a publisher tells the reading thread while it works.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    sent: AtomicU64,
    arrived: AtomicU64,
    /// The thread that waits for arrivals, if it does.
    waiter: OnceLock<Thread>,
    outcome: OnceLock<Answered>,
}

impl Shared {
    /// Every event above this number is written to the server after this call. A stream whose head
    /// was received before it therefore has to carry those events.
    pub(crate) fn sent(&self) -> u64 {
        // Partner: the store in `sending`, which is visible before the event is written.
        self.sent.load(Ordering::SeqCst)
    }

    /// Which events were accepted, once all answers are in; `None` before.
    pub(crate) fn outcome(&self) -> Option<&Answered> {
        self.outcome.get()
    }

    /// How many events have arrived, on an average over those that check them.
    pub(super) fn arrived(&self) -> u64 {
        // Only a measure of how far it is: nothing else is read because of it.
        self.arrived.load(Ordering::Relaxed)
    }

    /// Takes down how many have arrived, and wakes who waits for that.
    pub(crate) fn set_arrived(&self, events: u64) {
        if self.arrived.swap(events, Ordering::Relaxed) != events
            && let Some(waiter) = self.waiter.get()
        {
            waiter.unpark();
        }
    }

    /// From now on the calling thread is woken when more have arrived.
    pub(super) fn wait_for_arrivals(&self) {
        // There is one publisher, which says so once.
        self.waiter.set(std::thread::current()).ok();
    }

    /// To be called before event `seq` is written.
    pub(super) fn sending(&self, seq: u64) {
        self.sent.store(seq, Ordering::SeqCst);
    }

    /// To be called once, at the end.
    pub(super) fn finish(&self, answered: Answered) {
        // The first outcome holds: there is one publisher, and it ends once.
        self.outcome.set(answered).ok();
    }
}

/// Which events were answered, and how. Answers come in the order of the events.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answered {
    /// The number of the last event that was answered; they begin at 1.
    last: u64,
    /// Those among them that were refused, ascending.
    refused: Vec<u64>,
}

impl Answered {
    /// Takes down the answer to the next event.
    pub(super) fn next(&mut self, accepted: bool) {
        self.last += 1;
        if !accepted {
            self.refused.push(self.last);
        }
    }

    /// Events that were answered.
    pub(crate) fn count(&self) -> u64 {
        self.last
    }

    /// Events that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.len() as u64
    }

    /// Events that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.count() - self.refused()
    }

    /// Accepted events from number `first` on, up to `last` or to the end.
    pub(crate) fn accepted_between(&self, first: u64, last: Option<u64>) -> u64 {
        let last = last.map_or(self.last, |last| last.min(self.last));
        let Some(span) = (last + 1).checked_sub(first) else { return 0 };
        let refused_before = |seq| self.refused.partition_point(|refused| *refused < seq);
        span - (refused_before(last + 1) - refused_before(first)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_events_are_due_to_nobody() {
        let mut answered = Answered::default();
        for seq in 1..=10 {
            answered.next(![3, 4, 9].contains(&seq));
        }
        assert_eq!((answered.count(), answered.refused(), answered.accepted()), (10, 3, 7));
        for (first, last, accepted) in [
            (1, None, 7),
            (1, Some(2), 2),
            (3, Some(4), 0),
            (4, Some(5), 1),
            (9, None, 1),
            (10, None, 1),
            (11, None, 0),
            (5, Some(4), 0),
            (7, Some(2), 0),
            (8, Some(99), 2),
        ] {
            assert_eq!(answered.accepted_between(first, last), accepted, "{first} to {last:?}");
        }
    }

    #[test]
    fn there_is_no_outcome_before_the_end() {
        let shared = Shared::default();
        shared.sending(5);
        assert_eq!((shared.sent(), shared.outcome()), (5, None));
        shared.finish(Answered::default());
        assert_eq!(shared.outcome(), Some(&Answered::default()));
    }
}
