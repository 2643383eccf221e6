//! What subscribers have received, by the numbers that events of this load carry.

use std::time::Instant;

use crate::figures::Latencies;
use crate::schedule::Schedule;

/// The fewest bytes that hold a mark and a number.
pub(crate) const SIZE_MIN: usize = 48;

/// What all subscribers have received.
#[derive(Debug)]
pub(crate) struct Tally {
    mark: String,
    /// From when on there are events of this load.
    pub(crate) schedule: Option<Schedule>,
    pub(crate) all: u64,
    pub(crate) measured: u64,
    pub(crate) duplicates: u64,
    pub(crate) foreign: u64,
    /// Streams that ended before the end, and why the first did.
    pub(crate) ended: u64,
    pub(crate) first_end: Option<String>,
    pub(crate) latencies: Latencies,
    pub(crate) last: Option<Instant>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            mark: mark(),
            schedule: None,
            all: 0,
            measured: 0,
            duplicates: 0,
            foreign: 0,
            ended: 0,
            first_end: None,
            latencies: Latencies::default(),
            last: None,
        }
    }

    /// Takes down that a subscriber decoded this, after those that it has `seen`.
    pub(crate) fn take(&mut self, seen: &mut Seen, data: Option<&str>) {
        let now = Instant::now();
        let seq = data.and_then(|data| number(&self.mark, data));
        let Some((seq, schedule)) = seq.zip(self.schedule) else {
            self.foreign += 1;
            return;
        };
        if !seen.insert(seq) {
            self.duplicates += 1;
            return;
        }
        self.all += 1;
        self.last = Some(now);
        if schedule.is_measured(seq) {
            self.measured += 1;
            self.latencies.add(schedule.due(seq), now);
        }
    }
}

/// Numbers that a subscriber has received, a bit each.
#[derive(Debug, Default)]
pub(crate) struct Seen(Vec<u64>);

impl Seen {
    /// Gives whether it is new.
    fn insert(&mut self, seq: u64) -> bool {
        let (word, bit) =
            (usize::try_from(seq / 64).expect("a schedule is short"), 1 << (seq % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// What data of this load begins with, and of no other on the same server.
fn mark() -> String {
    format!("witness {} ", std::process::id())
}

/// The number, if the data begins with the mark.
fn number(mark: &str, data: &str) -> Option<u64> {
    data.strip_prefix(mark)?.split(' ').next()?.parse().ok()
}

/// Data of an event: the mark, its number, and padding.
pub(crate) fn data(seq: u64, size: usize) -> String {
    format!("{:.<size$}", format!("{}{seq} ", mark()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::schedule::Plan;

    #[test]
    fn data_has_its_size_and_its_number() {
        let data = data(70_123, SIZE_MIN);
        assert_eq!((data.len(), number(&mark(), &data)), (SIZE_MIN, Some(70_123)));
        assert_eq!(super::data(u64::MAX, SIZE_MIN).len(), SIZE_MIN);
        assert_eq!(number(&mark(), "witness 0 7 ..."), None, "of another process");
        assert_eq!(number(&mark(), "seq=1 t=2 ..."), None);
        assert_eq!(number(&mark(), ""), None);
    }

    #[test]
    fn an_event_counts_once_in_whatever_order_it_comes() {
        let mut tally = Tally::new();
        let plan = Plan::new(1_000.0, Duration::from_millis(2), Duration::from_secs(1));
        tally.schedule = Some(plan.begin());
        let mut seen = Seen::default();
        for seq in [1, 200, 3, 2, 200] {
            tally.take(&mut seen, Some(&data(seq, SIZE_MIN)));
        }
        tally.take(&mut seen, Some("tick"));
        tally.take(&mut seen, None);
        assert_eq!((tally.all, tally.measured, tally.duplicates, tally.foreign), (4, 2, 1, 2));
        tally.take(&mut Seen::default(), Some(&data(1, SIZE_MIN)));
        assert_eq!(tally.all, 5, "another subscriber gets it, too");
    }
}
