//! When to try full sockets again: all together, soon at first, then ever later while nothing moves.
//! Without a full socket there is no deadline and no wake-up.

use crate::driver::Key;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const FIRST_DELAY: Duration = Duration::from_millis(2);
const LONGEST_DELAY: Duration = Duration::from_millis(50);

/// The stalled connections of one worker, and when they are tried again.
#[derive(Debug)]
pub(super) struct Retry {
    waiting: Vec<Key>,
    due: VecDeque<Key>,
    next_try: Option<Instant>,
    delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { waiting: Vec::new(), due: VecDeque::new(), next_try: None, delay: FIRST_DELAY }
    }
}

impl Retry {
    /// This socket is full. `again`: it had been tried in a round and took nothing.
    pub(super) fn stalled(&mut self, key: Key, again: bool) {
        self.waiting.push(key);
        if !again {
            self.delay = FIRST_DELAY;
        }
        let next_try = Instant::now().checked_add(self.delay);
        self.next_try = self.next_try.into_iter().chain(next_try).min();
    }

    /// When the next round of tries begins, if one is needed.
    pub(super) const fn next_try(&self) -> Option<Instant> {
        self.next_try
    }

    /// Begins a round if its time has come.
    pub(super) fn look_at_the_time(&mut self) {
        if self.next_try.is_some_and(|next_try| next_try <= Instant::now()) {
            self.next_try = None;
            self.delay = (self.delay * 2).min(LONGEST_DELAY);
            self.due.extend(self.waiting.drain(..));
        }
    }

    /// Takes out one socket to try now.
    pub(super) fn due(&mut self) -> Option<Key> {
        self.due.pop_front()
    }

    /// Whether there are any.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }
}
