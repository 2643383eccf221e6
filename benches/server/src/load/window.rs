//! How many events may be under way where no schedule says when the next is due: as many are sent as
//! arrive. Knows no sockets.

use std::time::Duration;

use super::schedule::nanos;

/// Without an arrival for this long, what is still under way is taken for lost.
const LOST_AFTER: Duration = Duration::from_millis(100);

/// What may be under way.
#[derive(Debug)]
pub(super) struct Window {
    most: u64,
    ends_at: u64,
    arrived: u64,
    arrived_at: u64,
    /// Events that were taken for lost, and are waited for no more.
    given_up: u64,
}

impl Window {
    /// At most that many, from `start` on.
    pub(super) fn new(most: u64, start: u64, lasts: Duration) -> Self {
        let ends_at = start + nanos(lasts);
        Self { most, ends_at, arrived: 0, arrived_at: start, given_up: 0 }
    }

    /// Whether no more is to be sent.
    pub(super) fn is_over(&self, now: u64) -> bool {
        now >= self.ends_at
    }

    /// Whether there is room for one more, when so many were sent and arrived.
    pub(super) fn has_room(&mut self, sent: u64, arrived: u64, now: u64) -> bool {
        let under_way = sent.saturating_sub(arrived);
        if arrived > self.arrived {
            (self.arrived, self.arrived_at) = (arrived, now);
            // Some of them came after all.
            self.given_up = self.given_up.min(under_way);
        } else if now.saturating_sub(self.arrived_at) > nanos(LOST_AFTER) {
            (self.given_up, self.arrived_at) = (under_way, now);
        }
        under_way - self.given_up.min(under_way) < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_more_is_under_way_than_may_be() {
        let mut window = Window::new(4, 0, SECOND);
        assert!(window.has_room(3, 0, 0));
        assert!(!window.has_room(4, 0, 0));
        assert!(window.has_room(4, 1, 0));
        assert!(!window.has_room(5, 1, 0));
    }

    #[test]
    fn what_was_lost_holds_nothing_up_for_ever() {
        let mut window = Window::new(4, 0, SECOND);
        assert!(!window.has_room(4, 0, nanos(LOST_AFTER)));
        assert!(window.has_room(4, 0, nanos(LOST_AFTER) + 1));
        assert!(window.has_room(7, 0, nanos(LOST_AFTER) + 2));
        assert!(!window.has_room(8, 0, nanos(LOST_AFTER) + 2));
        assert!(window.has_room(8, 1, nanos(LOST_AFTER) + 3));
    }

    #[test]
    fn it_is_over_when_its_time_has_come() {
        let window = Window::new(1, 7, SECOND);
        assert!(!window.is_over(1_000_000_006));
        assert!(window.is_over(1_000_000_007));
    }
}
