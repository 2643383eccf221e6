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

/// The time since some point in the past, as of the last tick of the kernel's clock: up to 10 ms old
/// (`CONFIG_HZ`), never running backwards, and read at a third of the cost of [`Instant::now`]. Exact where
/// there is no such clock, which Linux has.
///
/// ```
/// let begun = headwater_engine::coarse_time();
/// assert!(headwater_engine::coarse_time() >= begun);
/// ```
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn coarse_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, to one that lives through the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    debug_assert_eq!(failed, 0, "Linux has had this clock since 2.6.32");
    // Neither is negative, and there are less than a billion nanoseconds.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn coarse_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
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
