//! Churn: at a steady rate a subscriber leaves and another comes in its place, whatever the server
//! makes of that. Those that come are owed every event published after their stream opened.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{Cause, Fleet, Habit, Subscriber};
use crate::load::schedule::{Pace, nanos};
use crate::load::tally::lateness;

/// Changes made between two looks at the other subscribers. What is left over is due at once.
const BATCH: usize = 64;

/// Churn as it goes on.
#[derive(Debug)]
pub(super) struct Churn {
    pace: Pace,
    /// Nobody leaves after this.
    until: u64,
    next_index: usize,
    outcome: ChurnOutcome,
}

/// What came of churn.
#[derive(Clone, Debug)]
pub(crate) struct ChurnOutcome {
    /// Subscribers that left, and as many that tried to come.
    pub(crate) left: u64,
    /// Those that got a stream.
    pub(crate) came: u64,
    /// Those that did not.
    pub(crate) refused: u64,
    /// Why the first of these did not.
    pub(crate) first_refusal: Option<String>,
    /// Time from when one was to connect to its stream, in microseconds.
    pub(crate) came_us: Histogram<u64>,
}

impl Churn {
    /// When the next one leaves.
    pub(super) fn due(&self) -> Option<u64> {
        Some(self.pace.due()).filter(|due| *due <= self.until)
    }
}

impl Fleet {
    /// From now on and for as long as `time`, `per_second` subscribers leave each second, and others
    /// come.
    pub(crate) fn begin_churn(&mut self, per_second: f64, time: Duration) {
        let now = self.clock.now();
        self.churn = Some(Churn {
            pace: Pace::new(now, per_second),
            until: now + nanos(time),
            next_index: 0,
            outcome: ChurnOutcome {
                left: 0,
                came: 0,
                refused: 0,
                first_refusal: None,
                came_us: lateness(),
            },
        });
    }

    /// Whether nobody leaves any more; those that are connecting may still come.
    pub(crate) fn churn_is_over(&self) -> bool {
        self.churn.as_ref().is_none_or(|churn| churn.due().is_none())
    }

    /// What came of churn, if there was any.
    pub(crate) fn churn_outcome(&self) -> Option<ChurnOutcome> {
        self.churn.as_ref().map(|churn| churn.outcome.clone())
    }

    pub(super) fn keep_churning(&mut self) {
        for _ in 0..BATCH {
            let now = self.clock.now();
            let Some(churn) = &mut self.churn else { return };
            let Some(due) = churn.due().filter(|due| *due <= now) else { return };
            churn.pace.advance();
            let from = churn.next_index;
            let found = self.streaming_from(from).or_else(|| self.streaming_from(0));
            // Without an open stream nobody is there to leave.
            let Some(index) = found else { continue };
            self.replace(index, due);
        }
    }

    fn replace(&mut self, index: usize, due: u64) {
        self.over.push(self.subscribers[index].ledger.leave());
        self.subscribers[index] = Subscriber::new(Habit::Reads);
        let opened = self.open(index, Cause::Churn, due);
        if let Some(churn) = &mut self.churn {
            churn.next_index = index + 1;
            churn.outcome.left += 1;
        }
        if let Err(error) = opened {
            self.churn_refused(error.to_string());
        }
    }

    pub(super) fn churned_in(&mut self, index: usize) {
        let Some(churn) = &mut self.churn else { return };
        let took = self.clock.now().saturating_sub(self.subscribers[index].since);
        churn.outcome.came += 1;
        churn.outcome.came_us.saturating_record(took / 1_000);
    }

    pub(super) fn churn_refused(&mut self, reason: String) {
        let Some(churn) = &mut self.churn else { return };
        churn.outcome.refused += 1;
        churn.outcome.first_refusal.get_or_insert(reason);
    }
}
