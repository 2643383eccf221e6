//! When each event or request is due, and how that is waited for. A timer of tokio's counts in
//! milliseconds, which is longer than most of what is measured.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::yield_now;
use tokio::time::sleep;

/// From when the schedule is made until the first is due.
const LEAD: Duration = Duration::from_millis(20);

/// What is sent later than this after it was due, was late.
const LATE: Duration = Duration::from_millis(1);

/// What is due sooner is not slept for. More than two ticks of a timer of tokio's.
const SOON: Duration = Duration::from_millis(3);

/// How many there are, and how far apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    rate: f64,
    /// Those that are not measured.
    pub(crate) warmup: u64,
    /// All of them.
    pub(crate) total: u64,
}

impl Plan {
    /// At least one is measured.
    pub(crate) fn new(rate: f64, warmup: Duration, duration: Duration) -> Self {
        let warmup = whole((warmup.as_secs_f64() * rate).ceil());
        let measured = whole((duration.as_secs_f64() * rate).round()).max(1);
        Self { rate, warmup, total: warmup + measured }
    }

    /// Begins soon.
    pub(crate) fn begin(self) -> Schedule {
        Schedule { plan: self, start: Instant::now() + LEAD }
    }
}

/// The first is due at `start`, whatever becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    plan: Plan,
    start: Instant,
}

impl Schedule {
    /// When number `seq` is due; they begin with 1.
    pub(crate) fn due(&self, seq: u64) -> Instant {
        // Nobody waits for 2^53 of them.
        #[expect(clippy::cast_precision_loss, reason = "they stay below")]
        let passed = (seq - 1) as f64 / self.plan.rate;
        self.start + Duration::from_secs_f64(passed)
    }

    /// Whether it counts, or is warm-up.
    pub(crate) fn is_measured(&self, seq: u64) -> bool {
        seq > self.plan.warmup
    }

    /// When the first one is due that counts.
    pub(crate) fn measured_from(&self) -> Instant {
        self.due(self.plan.warmup + 1)
    }

    /// Whether it is sent late, if it is sent now.
    pub(crate) fn is_late(&self, seq: u64) -> bool {
        self.due(seq).elapsed() > LATE
    }

    /// Returns as soon as number `seq` is due, which is looked at all the time, with the sockets in
    /// between. A core that sleeps takes long to wake, and a server that answers it pays for that.
    pub(crate) async fn watch_for(&self, seq: u64) {
        let left = || self.due(seq).saturating_duration_since(Instant::now());
        if let Some(long) = left().checked_sub(SOON) {
            sleep(long).await;
        }
        while !left().is_zero() {
            yield_now().await;
        }
    }

    /// Numbers, each as soon as it is due, from a thread that waits for nothing else.
    pub(crate) fn numbers(self) -> io::Result<UnboundedReceiver<u64>> {
        let (numbers, receiver) = unbounded_channel();
        thread::Builder::new().name("schedule".to_owned()).spawn(move || {
            for seq in 1..=self.plan.total {
                thread::sleep(self.due(seq).saturating_duration_since(Instant::now()));
                if numbers.send(seq).is_err() {
                    // Nobody sends any more.
                    return;
                }
            }
        })?;
        Ok(receiver)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is above zero, and times are bounded"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmup_comes_before_what_is_measured() {
        let plan = Plan::new(10.0, Duration::from_millis(250), Duration::from_secs(2));
        assert_eq!((plan.warmup, plan.total), (3, 23));
        let schedule = plan.begin();
        assert_eq!(schedule.measured_from() - schedule.due(1), Duration::from_millis(300));
        assert!(!schedule.is_measured(3) && schedule.is_measured(4));
    }

    #[test]
    fn a_rate_that_divides_no_second_does_not_drift() {
        let schedule = Plan::new(3_000.0, Duration::ZERO, Duration::from_hours(1)).begin();
        let hour = schedule.due(3_000 * 3_600 + 1) - schedule.due(1);
        assert!(hour.abs_diff(Duration::from_hours(1)) < Duration::from_micros(1), "{hour:?}");
    }

    #[tokio::test]
    async fn watching_for_a_number_ends_when_it_is_due() {
        let schedule = Plan::new(100.0, Duration::ZERO, Duration::from_millis(30)).begin();
        for seq in [1, 2, 3, 2] {
            schedule.watch_for(seq).await;
            assert!(Instant::now() >= schedule.due(seq));
        }
    }

    #[test]
    fn no_number_comes_before_it_is_due() {
        let plan = Plan::new(1_000.0, Duration::ZERO, Duration::from_millis(5));
        let schedule = plan.begin();
        let mut numbers = schedule.numbers().unwrap();
        let mut next = 1;
        while let Some(seq) = numbers.blocking_recv() {
            assert!(Instant::now() >= schedule.due(seq));
            assert_eq!(seq, next);
            next += 1;
        }
        assert_eq!(next, plan.total + 1);
    }
}
