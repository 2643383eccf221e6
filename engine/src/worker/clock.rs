//! What time it is, for a worker: the system's time, or one that a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Where a worker takes its time from.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub enum Clock {
    /// The system's monotonic clock.
    #[default]
    System,
    /// Stands still until it is moved.
    Manual(ManualClock),
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    started: Instant,
    moved_nanos: Arc<AtomicU64>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock that shows the present until it is moved.
    pub fn new() -> Self {
        Self { started: Instant::now(), moved_nanos: Arc::default() }
    }

    /// The time it shows.
    pub fn now(&self) -> Instant {
        self.started + Duration::from_nanos(self.moved_nanos.load(Ordering::Relaxed))
    }

    /// Moves it on. All moves together reach 500 years.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.moved_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}
