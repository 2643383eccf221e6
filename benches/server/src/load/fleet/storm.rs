//! A reconnect storm: many subscribers drop at once and return within a given time, as clients do
//! after a proxy restarts. Who is refused tries again. Each returns with the id of its last event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::{Cause, Fleet};
use crate::load::schedule::nanos;
use crate::load::tally::lateness;

/// Connections dropped, and begun, between two looks at the other subscribers.
const BATCH: usize = 256;

/// Who was refused returns after this.
const RETRY: Duration = Duration::from_millis(250);

/// A storm as it goes on.
#[derive(Debug)]
pub(super) struct Storm {
    begin: u64,
    /// Time from one return to the next.
    spacing: u64,
    next_index: usize,
    to_drop: usize,
    /// Who returns when, the next first.
    returns: BinaryHeap<Reverse<(u64, usize)>>,
    give_up_at: u64,
    over: bool,
    outcome: StormOutcome,
}

/// What came of a storm.
#[derive(Clone, Debug)]
pub(crate) struct StormOutcome {
    /// Subscribers that dropped.
    pub(crate) dropped: usize,
    /// Those that got a stream again.
    pub(crate) back: usize,
    /// Attempts without a stream.
    pub(crate) refusals: u64,
    /// Why the first of these got none.
    pub(crate) first_refusal: Option<String>,
    /// Time from the first drop to the last stream.
    pub(crate) took: Duration,
    /// Time from when each was to return to its stream, refusals included, in microseconds.
    pub(crate) back_us: Histogram<u64>,
}

impl Storm {
    /// When there is something to do.
    pub(super) fn due(&self) -> Option<u64> {
        let next_return = self.returns.peek().map(|Reverse((due, _))| *due);
        match self.over {
            true => None,
            false if self.to_drop > 0 => Some(self.begin),
            false => Some(next_return.unwrap_or(self.give_up_at)),
        }
    }
}

impl Fleet {
    /// Drops `count` subscribers, or as many as there are, which return evenly spread over `within`.
    /// Who is not back this long after that stays away.
    pub(crate) fn begin_storm(&mut self, count: usize, within: Duration, patience: Duration) {
        let begin = self.clock.now();
        self.storm = Some(Storm {
            begin,
            spacing: nanos(within) / count.max(1) as u64,
            next_index: 0,
            to_drop: count,
            returns: BinaryHeap::with_capacity(count),
            give_up_at: begin + nanos(within) + nanos(patience),
            over: false,
            outcome: StormOutcome {
                dropped: 0,
                back: 0,
                refusals: 0,
                first_refusal: None,
                took: Duration::ZERO,
                back_us: lateness(),
            },
        });
    }

    /// Whether all are back, or given up.
    pub(crate) fn storm_is_over(&self) -> bool {
        self.storm.as_ref().is_none_or(|storm| storm.over)
    }

    /// How many are back so far.
    pub(crate) fn back(&self) -> usize {
        self.storm.as_ref().map_or(0, |storm| storm.outcome.back)
    }

    /// What came of the storm, if there was one.
    pub(crate) fn storm_outcome(&self) -> Option<StormOutcome> {
        self.storm.as_ref().map(|storm| storm.outcome.clone())
    }

    pub(super) fn go_on_storming(&mut self) {
        if self.storm_is_over() {
            return;
        }
        self.drop_some();
        self.return_some();
        let now = self.clock.now();
        let Some(storm) = &mut self.storm else { return };
        let all_back = storm.to_drop == 0 && storm.outcome.back == storm.outcome.dropped;
        storm.over = all_back || now >= storm.give_up_at;
        if storm.over && !all_back {
            for one in self.subscribers.iter_mut().filter(|one| one.cause == Cause::Storm) {
                self.pending -= usize::from(one.stop_waiting());
            }
        }
    }

    fn drop_some(&mut self) {
        for _ in 0..BATCH {
            let Some(storm) = self.storm.as_ref().filter(|storm| storm.to_drop > 0) else { return };
            let found = self.streaming_from(storm.next_index);
            if let Some(index) = found {
                let subscriber = &mut self.subscribers[index];
                self.over.push(subscriber.ledger.leave());
                subscriber.end();
            }
            let Some(storm) = &mut self.storm else { return };
            let Some(index) = found else {
                storm.to_drop = 0;
                return;
            };
            let due = storm.begin + storm.outcome.dropped as u64 * storm.spacing;
            storm.returns.push(Reverse((due, index)));
            storm.next_index = index + 1;
            storm.to_drop -= 1;
            storm.outcome.dropped += 1;
        }
    }

    fn return_some(&mut self) {
        for _ in 0..BATCH {
            let now = self.clock.now();
            let Some(storm) = &mut self.storm else { return };
            let Some(Reverse((due, index))) = storm.returns.peek().copied() else { return };
            if due > now {
                return;
            }
            storm.returns.pop();
            let subscriber = &self.subscribers[index];
            // Its time counts from its first attempt.
            let again = subscriber.cause == Cause::Storm;
            let since = if again { subscriber.since } else { due };
            if let Err(error) = self.open(index, Cause::Storm, since) {
                let subscriber = &mut self.subscribers[index];
                subscriber.end();
                (subscriber.cause, subscriber.since) = (Cause::Storm, since);
                self.return_refused(index, error.to_string());
            }
        }
    }

    pub(super) fn returned(&mut self, index: usize) {
        let now = self.clock.now();
        let Some(storm) = &mut self.storm else { return };
        let took = now.saturating_sub(self.subscribers[index].since);
        storm.outcome.back += 1;
        storm.outcome.back_us.saturating_record(took / 1_000);
        storm.outcome.took = Duration::from_nanos(now - storm.begin);
    }

    pub(super) fn return_refused(&mut self, index: usize, reason: String) {
        let now = self.clock.now();
        let Some(storm) = &mut self.storm else { return };
        storm.outcome.refusals += 1;
        storm.outcome.first_refusal.get_or_insert(reason);
        storm.returns.push(Reverse((now + nanos(RETRY), index)));
    }
}
