//! Adds up what subscribers received: order, duplicates and lateness.
//! Counts only: it reads no bytes and prints nothing. Who is owed what is `ledger`'s.

use hdrhistogram::Histogram;

use super::args::SIZE_MIN;
use super::decode::Block;
use super::ledger::{Arrival, Ledger};
use super::schedule::{Clock, Schedule, Stamp};

/// The longest lateness told apart, in microseconds: ten minutes.
const LATENESS_LIMIT_US: u64 = 600_000_000;

/// What all subscribers have received together.
#[derive(Debug)]
pub(crate) struct Tally {
    clock: Clock,
    schedule: Option<Schedule>,
    /// Events of others that say when they were due are timed from here on.
    listening_since: Option<u64>,
    /// The ids of the first and the last event that everyone has missed.
    missed: Option<(u64, u64)>,
    /// Those of them that came, each once.
    pub(crate) replayed: u64,
    /// Events of this load.
    pub(crate) deliveries: u64,
    /// Those of them that are not warm-up.
    pub(crate) measured: u64,
    /// Events of others, such as the server's own ticks.
    pub(crate) foreign: u64,
    /// Events that came after a later one, by number or by id.
    pub(crate) out_of_order: u64,
    /// Events that came again.
    pub(crate) duplicates: u64,
    /// Ids between one event and the next that never came.
    pub(crate) ids_skipped: u64,
    /// When the last event of this load came.
    pub(crate) last_arrival: u64,
    /// Bytes of streams that were only counted.
    pub(crate) counted_bytes: u64,
    /// Receive time minus due time of the measured events that were not replayed, in microseconds.
    pub(crate) lateness_us: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            schedule: None,
            listening_since: None,
            missed: None,
            replayed: 0,
            deliveries: 0,
            measured: 0,
            foreign: 0,
            out_of_order: 0,
            duplicates: 0,
            ids_skipped: 0,
            last_arrival: 0,
            counted_bytes: 0,
            lateness_us: lateness(),
        }
    }

    /// From now on, events of `schedule` are this load's.
    pub(crate) fn expect(&mut self, schedule: Schedule) {
        self.schedule = Some(schedule);
    }

    /// From now on, events of the server's own that say when they were due are timed.
    pub(crate) fn listen(&mut self) {
        self.listening_since = Some(self.now());
    }

    /// Events of the ids from `first` to `last` are those that everyone has missed: of these it is told
    /// which came again, and which late.
    pub(crate) fn expect_missed(&mut self, first: u64, last: u64) {
        self.missed = Some((first, last));
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Takes down that this many bytes came now which nobody looks at.
    pub(crate) fn counted(&mut self, bytes: usize) {
        self.counted_bytes += bytes as u64;
        // Less than an event is a heartbeat.
        if bytes >= SIZE_MIN {
            self.last_arrival = self.now();
        }
    }

    /// Grows with whatever is received.
    pub(crate) fn progress(&self) -> u64 {
        self.deliveries + self.counted_bytes
    }

    /// Takes down that `block` came at `now`.
    pub(crate) fn record(&mut self, ledger: &mut Ledger, block: Block, now: u64) {
        let (id, stamp) = match block {
            Block::Position(id) => {
                ledger.positioned(id);
                return;
            }
            Block::Event { id, stamp } => (id, stamp),
        };
        let id_in_order = id.is_none_or(|id| match ledger.follows(id) {
            Some(skipped) => {
                self.ids_skipped += skipped;
                true
            }
            None => false,
        });
        let ours = stamp.zip(self.schedule).filter(|(stamp, schedule)| schedule.owns(*stamp));
        let Some((stamp, schedule)) = ours else {
            self.foreign += 1;
            match id.zip(self.missed) {
                Some((id, missed)) => self.replay(ledger, id, missed),
                None => self.out_of_order += u64::from(!id_in_order),
            }
            let since = self.listening_since.unwrap_or(u64::MAX);
            if let Some(stamp) = stamp.filter(|stamp| stamp.due >= since) {
                self.time(stamp, now);
            }
            return;
        };
        self.deliveries += 1;
        self.last_arrival = now;
        match ledger.arrived(stamp.seq) {
            Arrival::Duplicate => {
                self.duplicates += 1;
                return;
            }
            Arrival::InOrder => self.out_of_order += u64::from(!id_in_order),
            Arrival::Late => self.out_of_order += 1,
        }
        if schedule.measures(stamp.seq, now) {
            self.measured += 1;
            if schedule.timed && ledger.is_live(stamp.seq) {
                self.time(stamp, now);
            }
        }
    }

    /// Takes down an event to somebody that has missed some.
    fn replay(&mut self, ledger: &mut Ledger, id: u64, (first, last): (u64, u64)) {
        if id > last {
            return;
        }
        match ledger.replayed(id) {
            // It was seen before.
            _ if id < first => self.duplicates += 1,
            Arrival::Duplicate => self.duplicates += 1,
            Arrival::InOrder => self.replayed += 1,
            Arrival::Late => {
                self.replayed += 1;
                self.out_of_order += 1;
            }
        }
    }

    fn time(&mut self, stamp: Stamp, now: u64) {
        self.lateness_us.saturating_record(now.saturating_sub(stamp.due) / 1_000);
    }
}

/// A histogram of microseconds, exact to 0.1 %.
pub(crate) fn lateness() -> Histogram<u64> {
    Histogram::new_with_max(LATENESS_LIMIT_US, 3).expect("the bounds are constants and valid")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::schedule::Stamp;

    fn tally() -> (Tally, Schedule) {
        let schedule =
            Schedule::new(1_000, 1_000.0, Duration::from_millis(3), Duration::from_secs(1));
        let mut tally = Tally::new(Clock::new());
        tally.expect(schedule);
        (tally, schedule)
    }

    fn receive(seqs: &[u64]) -> (Tally, Ledger) {
        let (mut tally, schedule) = tally();
        let mut ledger = Ledger::new();
        ledger.opened(1);
        for &seq in seqs {
            let stamp = Some(Stamp { seq, due: schedule.due(seq) });
            tally.record(&mut ledger, Block::Event { id: None, stamp }, schedule.due(seq) + 5_000);
        }
        (tally, ledger)
    }

    #[test]
    fn events_in_order_count_once_each() {
        let (tally, ledger) = receive(&[1, 2, 3, 4, 5]);
        assert_eq!((ledger.stay().received(), tally.out_of_order, tally.duplicates), (5, 0, 0));
    }

    #[test]
    fn warmup_events_are_checked_but_not_timed() {
        let (tally, _) = receive(&[1, 2, 3, 4, 5]);
        assert_eq!((tally.deliveries, tally.measured, tally.lateness_us.len()), (5, 2, 2));
        assert_eq!(tally.lateness_us.max(), 5);
    }

    #[test]
    fn a_late_event_is_not_a_duplicate_and_a_duplicate_is_not_late() {
        let (tally, ledger) = receive(&[1, 3, 2, 3, 4]);
        assert_eq!((ledger.stay().received(), tally.out_of_order, tally.duplicates), (4, 1, 1));
    }

    #[test]
    fn late_events_are_told_from_duplicates_for_the_last_64() {
        for (first, unique) in [(938, 3), (937, 3), (936, 2)] {
            let (tally, ledger) = receive(&[1, 1_000, first]);
            assert_eq!((ledger.stay().received(), tally.out_of_order), (unique, 1), "{first}");
        }
    }

    #[test]
    fn ids_must_rise_and_a_gap_in_them_is_counted() {
        let (mut tally, _) = tally();
        let mut ledger = Ledger::new();
        let mut event =
            |id| tally.record(&mut ledger, Block::Event { id: Some(id), stamp: None }, 0);
        event(7);
        event(8);
        event(11);
        event(11);
        event(10);
        assert_eq!((tally.foreign, tally.ids_skipped, tally.out_of_order), (5, 2, 2));
    }

    #[test]
    fn an_opening_position_is_where_ids_are_counted_from() {
        let (mut tally, _) = tally();
        let mut ledger = Ledger::new();
        tally.record(&mut ledger, Block::Position(40), 0);
        tally.record(&mut ledger, Block::Event { id: Some(42), stamp: None }, 0);
        assert_eq!((tally.foreign, tally.ids_skipped), (1, 1));
    }

    #[test]
    fn what_comes_twice_stands_in_for_nothing_that_was_missed() {
        for (ids, replayed, duplicates, out_of_order) in [
            (vec![2, 3, 4, 5], 4, 0, 0),
            // One is lost, and another came again.
            (vec![2, 3, 3, 5], 3, 1, 0),
            (vec![2, 4, 3, 5], 4, 0, 1),
            // The first was seen before, the last was not missed.
            (vec![1, 2, 3, 4, 5, 6], 4, 1, 0),
        ] {
            let (mut tally, _) = tally();
            tally.expect_missed(2, 5);
            let mut ledger = Ledger::new();
            for id in &ids {
                tally.record(&mut ledger, Block::Event { id: Some(*id), stamp: None }, 0);
            }
            let seen = (tally.replayed, tally.duplicates, tally.out_of_order);
            assert_eq!(seen, (replayed, duplicates, out_of_order), "{ids:?}");
        }
    }

    #[test]
    fn what_is_too_far_back_to_tell_is_no_event_that_was_missed() {
        let (mut tally, _) = tally();
        tally.expect_missed(2, 200);
        let mut ledger = Ledger::new();
        for id in (2..=100).chain(2..=200) {
            tally.record(&mut ledger, Block::Event { id: Some(id), stamp: None }, 0);
        }
        assert_eq!((tally.replayed, tally.duplicates, tally.out_of_order), (199, 99, 0));
    }
}
