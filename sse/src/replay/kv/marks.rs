//! The greatest number that this process knows of each log, for as many logs as it remembers.
//! Never asks the store.

use super::LogKeys;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of how many logs a number is remembered.
const LOGS: usize = 65_536;

#[derive(Default)]
pub(super) struct Marks(Mutex<HashMap<String, u64>>);

impl Marks {
    /// 0 where nothing is known.
    pub(super) fn of(&self, log: &LogKeys) -> u64 {
        self.lock().get(log.counter()).copied().unwrap_or(0)
    }

    /// Threads come here in any order: a smaller number changes nothing.
    pub(super) fn raise(&self, log: &LogKeys, number: u64) {
        let mut marks = self.lock();
        if let Some(mark) = marks.get_mut(log.counter()) {
            *mark = number.max(*mark);
            return;
        }
        if marks.len() >= LOGS {
            // What is forgotten is learned again.
            marks.clear();
        }
        marks.insert(log.counter().to_owned(), number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{KvReplayConfig, Scope};

    #[test]
    fn marks_only_rise_and_are_never_more_than_the_limit() {
        let (marks, config) = (Marks::default(), KvReplayConfig::new());
        let log = |n: usize| config.log(&Scope::topic(&n.to_string()));
        for number in [3, 7, 5] {
            marks.raise(&log(0), number);
        }
        assert_eq!((marks.of(&log(0)), marks.of(&log(1))), (7, 0));
        (1..LOGS).for_each(|n| marks.raise(&log(n), 1));
        let len = || marks.lock().len();
        assert_eq!((len(), marks.of(&log(0))), (LOGS, 7));
        marks.raise(&log(LOGS), 1);
        assert_eq!((len(), marks.of(&log(LOGS))), (1, 1));
    }
}
