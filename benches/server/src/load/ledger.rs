//! What one subscriber has received, by number and by id, and what of it was due.
//! A subscriber may leave and return: each stay on a stream has a reckoning of its own, while what
//! is out of order or comes twice is judged across all of them. Knows no bytes and no time.

use super::answered::Answered;

/// One stay on a stream: what was due, and how much of that came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stay {
    /// The first event due.
    first: u64,
    /// The last event due, `None` while the stream is open or if the server ended it.
    last: Option<u64>,
    /// Events due that came, each once.
    received: u64,
    /// The last event of the stay before.
    left_at: Option<u64>,
}

impl Stay {
    /// No stream: nothing is due.
    fn nowhere(left_at: Option<u64>) -> Self {
        Self { first: u64::MAX, last: None, received: 0, left_at }
    }

    /// Events that were due.
    pub(crate) fn due(&self, answered: &Answered) -> u64 {
        answered.accepted_between(self.first, self.last)
    }

    /// Events that were due and came.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Events that were due and did not come.
    pub(crate) fn lost(&self, answered: &Answered) -> u64 {
        // More may have come than were answered when publishing broke off.
        self.due(answered).saturating_sub(self.received)
    }

    /// Events that were published between the stay before and this one, and did not come later.
    pub(crate) fn missed_away(&self, answered: &Answered) -> u64 {
        self.left_at
            .map_or(0, |left_at| answered.accepted_between(left_at + 1, Some(self.first - 1)))
    }
}

/// How an event fits to those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    InOrder,
    Late,
    Duplicate,
}

/// What one subscriber has received.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    last_id: Option<u64>,
    return_id: Option<u64>,
    /// The highest number received; numbers start at 1.
    last_seq: u64,
    /// Bit `n` is set when `last_seq − n` has been received.
    recent: u64,
    stay: Stay,
    /// Whether an event of this stay has come.
    begun: bool,
    left_at: Option<u64>,
    /// The first event published after the stream opened.
    live_from: u64,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            last_id: None,
            return_id: None,
            last_seq: 0,
            recent: 0,
            stay: Stay::nowhere(None),
            begun: false,
            left_at: None,
            live_from: 0,
        }
    }

    /// A stream has opened, to which every event from number `next` on is due. May be said again
    /// until the first event comes.
    pub(super) fn opened(&mut self, next: u64) {
        self.last_id = None;
        self.begun = false;
        self.live_from = next;
        self.stay = Stay { first: next, last: None, received: 0, left_at: self.left_at };
    }

    /// The subscriber leaves of its own accord: nothing more is due.
    pub(super) fn leave(&mut self) -> Stay {
        let stay = Stay {
            last: Some(if self.begun { self.last_seq } else { self.stay.first - 1 }),
            ..self.stay
        };
        self.left_at = Some(self.last_seq);
        self.return_id = self.last_id;
        self.refused();
        stay
    }

    /// What may have looked like a stream was none.
    pub(super) fn refused(&mut self) {
        self.stay = Stay::nowhere(self.left_at);
    }

    /// It comes for the first time, and says that this was the last id it saw.
    pub(super) fn come_back_after(&mut self, id: u64) {
        self.return_id = Some(id);
    }

    /// The stay on the stream that is open, or was the last.
    pub(crate) fn stay(&self) -> Stay {
        self.stay
    }

    /// The id of the last event before it left, to return with.
    pub(super) fn return_id(&self) -> Option<u64> {
        self.return_id
    }

    /// Whether event `seq` was published while the stream was open: others are replayed, and late
    /// through no fault of the server's.
    pub(super) fn is_live(&self, seq: u64) -> bool {
        seq >= self.live_from
    }

    /// Accepted events below the last one received that did not come, and those above it.
    pub(crate) fn skipped_and_behind(&self, answered: &Answered) -> (u64, u64) {
        if !self.begun {
            return (0, self.stay.due(answered));
        }
        let come = answered.accepted_between(self.stay.first, Some(self.last_seq));
        let behind = answered.accepted_between(self.last_seq + 1, None);
        (come.saturating_sub(self.stay.received), behind)
    }

    /// An event that was missed has come again, which is known by its id. One too far back to remember is
    /// taken for a duplicate: none is to stand in for one that was lost.
    pub(super) fn replayed(&mut self, id: u64) -> Arrival {
        self.judge(id).unwrap_or(Arrival::Duplicate)
    }

    /// Event `seq` has come.
    pub(super) fn arrived(&mut self, seq: u64) -> Arrival {
        let arrival = self.judge(seq);
        match arrival {
            Some(Arrival::InOrder) if !self.begun => {
                // Sooner than it was due: then all that follows it is due, too.
                self.stay.first = self.stay.first.min(seq);
                self.stay.received += 1;
                self.begun = true;
            }
            Some(Arrival::InOrder | Arrival::Late) if seq >= self.stay.first => {
                self.stay.received += 1;
            }
            _ => {}
        }
        arrival.unwrap_or(Arrival::Late)
    }

    /// `None` for one too far back to remember: late, or a duplicate.
    fn judge(&mut self, seq: u64) -> Option<Arrival> {
        if let Some(ahead) = seq.checked_sub(self.last_seq).filter(|ahead| *ahead > 0) {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.recent = self.recent.checked_shl(shift).unwrap_or(0) | 1;
            self.last_seq = seq;
            return Some(Arrival::InOrder);
        }
        let behind = u32::try_from(self.last_seq - seq).unwrap_or(u32::MAX);
        let bit = 1_u64.checked_shl(behind)?;
        if self.recent & bit != 0 {
            return Some(Arrival::Duplicate);
        }
        self.recent |= bit;
        Some(Arrival::Late)
    }

    /// The stream's position before its first event.
    pub(super) fn positioned(&mut self, id: u64) {
        self.last_id = Some(id);
    }

    /// Ids that were passed over, or `None` when `id` does not come after the last one.
    pub(super) fn follows(&mut self, id: u64) -> Option<u64> {
        let skipped = match self.last_id {
            None => Some(0),
            Some(last) => id.checked_sub(last)?.checked_sub(1),
        };
        self.last_id = Some(id);
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events 1 to `last`, all accepted.
    fn accepted(last: u64) -> Answered {
        let mut answered = Answered::default();
        (0..last).for_each(|_| answered.next(true));
        answered
    }

    fn receive(ledger: &mut Ledger, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            ledger.arrived(seq);
        }
    }

    fn on_stream(next: u64, seqs: impl IntoIterator<Item = u64>) -> Ledger {
        let mut ledger = Ledger::new();
        ledger.opened(next);
        receive(&mut ledger, seqs);
        ledger
    }

    #[test]
    fn who_comes_late_is_owed_what_is_published_from_then_on() {
        let answered = accepted(10);
        for (next, seqs, due, lost) in [
            (6, 6..11, 5, 0),
            // The first one due never came.
            (6, 7..11, 5, 1),
            // One came that was not due yet: then the next ones were.
            (6, 4..10, 7, 1),
            // None came at all.
            (6, 0..0, 5, 5),
            (11, 0..0, 0, 0),
        ] {
            let stay = on_stream(next, seqs.clone()).stay();
            assert_eq!((stay.due(&answered), stay.lost(&answered)), (due, lost), "{next} {seqs:?}");
        }
    }

    #[test]
    fn who_leaves_is_owed_nothing_after_the_last_event_it_saw() {
        let answered = accepted(10);
        let stay = on_stream(1, [1, 2, 4]).leave();
        assert_eq!((stay.due(&answered), stay.received(), stay.lost(&answered)), (4, 3, 1));
        let stay = on_stream(3, []).leave();
        assert_eq!((stay.due(&answered), stay.lost(&answered)), (0, 0));
    }

    #[test]
    fn what_was_missed_away_is_no_loss() {
        let answered = accepted(10);
        let mut ledger = on_stream(1, 1..=3);
        ledger.leave();
        ledger.opened(7);
        receive(&mut ledger, 7..=10);
        assert_eq!((ledger.stay().lost(&answered), ledger.stay().missed_away(&answered)), (0, 3));
    }

    #[test]
    fn a_replay_leaves_nothing_missed_and_a_hole_in_it_is_a_loss() {
        let answered = accepted(10);
        for (replayed, lost) in [(vec![4, 5, 6], 0), (vec![4, 6], 1)] {
            let mut ledger = on_stream(1, 1..=3);
            ledger.leave();
            ledger.opened(7);
            receive(&mut ledger, replayed.into_iter().chain(7..=10));
            let stay = ledger.stay();
            assert_eq!((stay.lost(&answered), stay.missed_away(&answered)), (lost, 0));
        }
    }

    #[test]
    fn what_comes_again_after_a_return_is_a_duplicate() {
        let mut ledger = on_stream(1, 1..=3);
        ledger.leave();
        ledger.opened(4);
        assert_eq!(ledger.arrived(3), Arrival::Duplicate);
        assert_eq!(ledger.arrived(4), Arrival::InOrder);
        assert_eq!(ledger.stay().received(), 1);
        assert_eq!((ledger.is_live(3), ledger.is_live(4)), (false, true));
    }

    #[test]
    fn nothing_is_due_to_who_got_no_stream() {
        let answered = accepted(10);
        let mut ledger = on_stream(1, []);
        ledger.refused();
        assert_eq!((ledger.stay().due(&answered), ledger.stay().missed_away(&answered)), (0, 0));
        let mut ledger = on_stream(1, 1..=3);
        ledger.leave();
        assert_eq!((ledger.stay().due(&answered), ledger.stay().missed_away(&answered)), (0, 7));
    }

    #[test]
    fn gaps_are_told_from_what_is_still_on_its_way() {
        let answered = accepted(10);
        assert_eq!(on_stream(1, [1, 2, 5, 6]).skipped_and_behind(&answered), (2, 4));
        assert_eq!(on_stream(1, []).skipped_and_behind(&answered), (0, 10));
        assert_eq!(on_stream(1, 1..=10).skipped_and_behind(&answered), (0, 0));
    }
}
