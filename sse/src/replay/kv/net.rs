//! What the stores on a network share: connections that are kept, and pauses between attempts to make
//! them. Never speaks a protocol.

#[cfg(any(feature = "redis", feature = "postgres"))]
pub(super) use pool::{Link, Pool};

#[cfg(any(feature = "redis", feature = "postgres"))]
mod pool;

use crate::replay::StoreError;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long connecting and each answer may take, unless it is set.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// After a connection could not be made the next attempt waits, longer each time: calls fail at once
/// until then.
#[derive(Default)]
pub(super) struct Backoff(Mutex<State>);

#[derive(Default)]
struct State {
    pause: Duration,
    until: Option<Instant>,
}

impl Backoff {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// Those of `connect`, or it is not time yet.
    pub(super) fn attempt<T>(
        &self,
        connect: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(until) = self.lock().until
            && let Some(left) = until.checked_duration_since(Instant::now())
        {
            return Err(StoreError::unavailable(Waiting { left }, false));
        }
        let connected = connect();
        let mut state = self.lock();
        if connected.is_ok() {
            *state = State::default();
        } else {
            state.pause = (state.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            state.until = Instant::now().checked_add(state.pause);
        }
        connected
    }
}

/// It could not be reached just now, and will be tried again later.
#[derive(Debug)]
struct Waiting {
    left: Duration,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it could not be reached, and is tried again in {} ms", self.left.as_millis())
    }
}

impl std::error::Error for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_pause_longer_each_time_and_begin_anew_after_a_success() {
        let backoff = Backoff::default();
        let refused = || Err::<(), _>(StoreError::unavailable("refused", false));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            backoff.lock().until = None;
            backoff.attempt(refused).expect_err("refused");
            pauses.push(backoff.lock().pause.as_millis());
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        let early = backoff.attempt(|| -> Result<(), _> { unreachable!("it is not time") });
        assert!(!early.expect_err("waiting").may_have_written());
        backoff.lock().until = None;
        backoff.attempt(|| Ok(())).expect("connected");
        backoff.attempt(refused).expect_err("tried at once");
        assert_eq!(backoff.lock().pause, FIRST_PAUSE);
    }
}
