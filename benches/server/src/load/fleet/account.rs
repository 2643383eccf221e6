//! The reckoning at the end: what was due to whom, and what of it came. Changes nothing.

use super::{Fleet, Habit, Subscriber};
use crate::load::answered::Answered;
use crate::load::report::{float, whole};

/// What was due to all subscribers, and what of it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Deliveries due to those that read.
    pub(crate) due: u64,
    /// Those of them that did not come.
    pub(crate) lost: u64,
    /// Published while a subscriber was away, and not replayed to it.
    pub(crate) missed_away: u64,
    /// Deliveries to those whose bytes are only counted: the bytes, in units of an event.
    pub(crate) counted: u64,
    /// Accepted events that slow ones were not sent before later ones.
    pub(crate) slow_skipped: u64,
    /// Accepted events that had not come to slow ones at the end.
    pub(crate) slow_behind: u64,
}

impl Fleet {
    /// From now on, bytes of streams are events of this load's.
    pub(crate) fn count_bytes_from_here(&mut self) {
        self.bytes_before = self.subscribers.iter().map(Subscriber::stream_bytes).collect();
    }

    /// Whether every open stream of those that read has brought what was due to it, and what was
    /// published while its subscriber was away: that may be replayed.
    pub(crate) fn all_have(&self, answered: &Answered) -> bool {
        let decoded = self.of(Habit::Reads).filter(|(_, one)| one.is_streaming());
        let mut whole_bytes: Option<u64> = None;
        for (index, one) in decoded {
            let stay = one.ledger.stay();
            if stay.lost(answered) + stay.missed_away(answered) > 0 {
                return false;
            }
            let bytes = self.bytes_since(index);
            whole_bytes = Some(whole_bytes.map_or(bytes, |least| least.min(bytes)));
        }
        let least = whole_bytes.unwrap_or(0);
        self.of(Habit::Counts)
            .filter(|(_, one)| one.is_streaming())
            .all(|(index, _)| self.bytes_since(index) >= least)
    }

    /// What was due to all, and what of it came.
    pub(crate) fn account(&self, answered: &Answered) -> Account {
        let mut account = Account::default();
        let here = self.of(Habit::Reads).map(|(_, one)| one.ledger.stay());
        for stay in here.chain(self.over.iter().copied()) {
            account.due += stay.due(answered);
            account.lost += stay.lost(answered);
            account.missed_away += stay.missed_away(answered);
        }
        for (_, one) in self.of(Habit::Slow) {
            let (skipped, behind) = one.ledger.skipped_and_behind(answered);
            account.slow_skipped += skipped;
            account.slow_behind += behind;
        }
        let event_bytes = self.bytes_per_event();
        for (index, one) in self.of(Habit::Counts) {
            let due = one.ledger.stay().due(answered);
            let came = whole(float(self.bytes_since(index)) / event_bytes).min(due);
            account.counted += came;
            account.due += due;
            account.lost += due - came;
        }
        account
    }

    fn of(&self, habit: Habit) -> impl Iterator<Item = (usize, &Subscriber)> {
        self.subscribers.iter().enumerate().filter(move |(_, one)| one.habit == habit)
    }

    fn bytes_since(&self, index: usize) -> u64 {
        let before = self.bytes_before.get(index).copied().unwrap_or(0);
        self.subscribers[index].stream_bytes().saturating_sub(before)
    }

    /// Stream bytes that an event of this load took on the streams that were decoded, and at least
    /// one. What else came between events came to all alike.
    fn bytes_per_event(&self) -> f64 {
        let bytes: u64 = self.of(Habit::Reads).map(|(index, _)| self.bytes_since(index)).sum();
        let events: u64 = self.of(Habit::Reads).map(|(_, one)| one.ledger.stay().received()).sum();
        (float(bytes) / float(events.max(1))).max(1.0)
    }
}
