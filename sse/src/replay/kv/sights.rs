//! When this process first saw that an event is missing which may be under way, for as many as it remembers.
//! Never waits, and never asks the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many are remembered.
const SIGHTS: usize = 65_536;
/// The first pause between two looks for an event, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// By the keys of the events.
#[derive(Default)]
pub(super) struct Sights(Mutex<HashMap<String, Sight>>);

#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// What the counter was at then: ids up to here had been given.
    pub(super) given: u64,
    since: Instant,
}

impl Sight {
    /// After how long to look again, where the last look began at this time; none once that was a grace time
    /// later.
    pub(super) fn pause(&self, looked: Instant, grace: Duration) -> Option<Duration> {
        let waited = looked.saturating_duration_since(self.since);
        let left = grace.saturating_sub(waited);
        // As long again as it has taken so far, so that pauses double.
        (!left.is_zero()).then(|| waited.clamp(PAUSES.0, PAUSES.1).min(left))
    }
}

impl Sights {
    pub(super) fn of(&self, key: &str) -> Option<Sight> {
        self.lock().get(key).copied()
    }

    /// The first sight of this event, which is now, with the counter at `given`, if there was none before.
    pub(super) fn first(&self, key: String, given: u64, grace: Duration) -> Sight {
        let mut sights = self.lock();
        let now = Instant::now();
        if sights.len() >= SIGHTS && !sights.contains_key(&key) {
            // Nobody asks for these any more. Where there are none, all are waited for anew.
            let young = grace.saturating_mul(2);
            sights.retain(|_, sight| now.saturating_duration_since(sight.since) < young);
            if sights.len() >= SIGHTS {
                sights.clear();
            }
        }
        *sights.entry(key).or_insert(Sight { given, since: now })
    }

    /// It is there, or known not to come.
    pub(super) fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sight>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[test]
    fn pauses_double_and_end_with_the_grace_time() {
        let sight = Sight { given: 1, since: Instant::now() };
        let after = |millis| {
            let pause = sight.pause(sight.since + Duration::from_millis(millis), GRACE);
            pause.map(|pause| pause.as_millis())
        };
        let pauses = [0, 1, 2, 4, 32, 64, 4940, 4990, 4999, 5000, 6000].map(after);
        let expected = [1, 1, 2, 4, 32, 50, 50, 10, 1].map(Some);
        assert_eq!(pauses[..9], expected);
        assert_eq!(pauses[9..], [None, None]);
    }

    #[test]
    fn the_first_sight_stays_and_there_are_never_more_than_the_limit() {
        let sights = Sights::default();
        let see = |n: usize, given| sights.first(n.to_string(), given, GRACE).given;
        assert_eq!((see(0, 7), see(0, 8)), (7, 7));
        sights.forget("0");
        assert_eq!(see(0, 8), 8);
        (1..SIGHTS).for_each(|n| assert_eq!(see(n, 1), 1));
        assert_eq!((see(0, 9), sights.lock().len()), (8, SIGHTS));
        see(SIGHTS, 1);
        assert_eq!(sights.lock().len(), 1, "all of them are young");
    }
}
