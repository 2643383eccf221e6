//! When each event is due, and the clock that says so.
//! Knows no sockets: the publisher asks what is due now, the subscribers how late an event came.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch. The epoch is read once, the rest comes from the monotonic
/// clock: readings never go back, and differences are exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    origin_nanos: u64,
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn new() -> Self {
        // A system clock before 1970 only changes the numbers shown, never a difference.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Instant::now(), origin_nanos: nanos(since_epoch) }
    }

    /// The time now.
    pub(crate) fn now(&self) -> u64 {
        self.origin_nanos + nanos(self.origin.elapsed())
    }
}

/// What an event of this load carries: its number, and when it was due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    /// Numbers start at 1.
    pub(crate) seq: u64,
    /// Nanoseconds of [`Clock`].
    pub(crate) due: u64,
}

/// Moments at equal distances, which do not drift: the time between two in nanoseconds, and its
/// fraction in units of 2⁻³².
#[derive(Clone, Copy, Debug)]
struct Period(u64, u64);

impl Period {
    const NONE: Self = Self(0, 0);

    fn of_rate(per_second: f64) -> Self {
        let nanos = 1e9 / per_second;
        Self(whole(nanos), whole(nanos.fract() * 4_294_967_296.0))
    }

    /// Below 2³² periods and 500 years neither product overflows.
    fn times(self, count: u64) -> u64 {
        count * self.0 + ((count * self.1) >> 32)
    }
}

/// Moments at a steady rate, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    start: u64,
    period: Period,
    passed: u64,
}

impl Pace {
    /// The first moment is one period after `start`.
    pub(crate) fn new(start: u64, per_second: f64) -> Self {
        Self { start, period: Period::of_rate(per_second), passed: 0 }
    }

    /// The next moment.
    pub(crate) fn due(&self) -> u64 {
        self.start + self.period.times(self.passed + 1)
    }

    /// Goes on to the one after it.
    pub(crate) fn advance(&mut self) {
        self.passed += 1;
    }
}

/// Between two events without due times, in nanoseconds: less than any server takes.
const UNTIMED_NANOS: u64 = 50;

/// More events than are sent without due times.
const UNTIMED: u64 = 1 << 40;

/// An open-loop schedule: event `seq` is due at `start + (seq − 1) / rate`, whatever was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start: u64,
    period: Period,
    /// Events that come before the measured ones, where times are kept.
    pub(crate) warmup: u64,
    /// Where no times are kept, what comes before is not measured.
    warm_from: u64,
    /// All events, warm-up included.
    pub(crate) total: u64,
    /// Whether due times are times to be kept, and not only what tells events of this run from others.
    pub(crate) timed: bool,
}

impl Schedule {
    /// Events at `rate` per second, due from `start` on; of these the ones in `warmup` are not
    /// measured. At least one event is measured.
    pub(crate) fn new(start: u64, rate: f64, warmup: Duration, measured: Duration) -> Self {
        Self {
            start,
            warm_from: start,
            period: Period::of_rate(rate),
            warmup: whole((warmup.as_secs_f64() * rate).ceil()),
            total: whole((warmup.as_secs_f64() * rate).ceil())
                + whole((measured.as_secs_f64() * rate).round()).max(1),
            timed: true,
        }
    }

    /// Events without end that are sent when there is room for them. What they carry as their due
    /// times is only theirs: it begins at `start` and is soon in the past. What comes in `warmup` is not
    /// measured.
    pub(crate) fn untimed(start: u64, warmup: Duration) -> Self {
        Self {
            start,
            period: Period(UNTIMED_NANOS, 0),
            warmup: 0,
            warm_from: start + nanos(warmup),
            total: UNTIMED,
            timed: false,
        }
    }

    /// One event, due at `start`.
    pub(crate) fn once(start: u64) -> Self {
        Self { start, period: Period::NONE, warmup: 0, warm_from: start, total: 1, timed: true }
    }

    /// When event `seq` is due.
    pub(crate) fn due(&self, seq: u64) -> u64 {
        self.start + self.period.times(seq - 1)
    }

    /// When the first measured event is due; where no times are kept, when the warm-up is over.
    pub(crate) fn measure_start(&self) -> u64 {
        if self.timed { self.due(self.warmup + 1) } else { self.warm_from }
    }

    /// Whether event `seq` is measured, which is sent or comes at `now`.
    pub(crate) fn measures(&self, seq: u64, now: u64) -> bool {
        if self.timed { seq > self.warmup } else { now >= self.warm_from }
    }

    /// When the one after the last measured event would be due; `None` where no times are kept.
    pub(crate) fn measure_end(&self) -> Option<u64> {
        self.timed.then(|| self.due(self.total + 1))
    }

    /// Whether `stamp` is of this run. Other loads on the same server number their events alike,
    /// but their due times differ.
    pub(crate) fn owns(&self, stamp: Stamp) -> bool {
        (1..=self.total).contains(&stamp.seq) && self.due(stamp.seq) == stamp.due
    }
}

/// Whole nanoseconds; 500 years fit.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the fraction is to be cut off, and the command line takes no negative value"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_divides_no_second_does_not_drift() {
        let schedule = Schedule::new(1_000, 3_000.0, Duration::ZERO, Duration::from_hours(1));
        assert_eq!(schedule.due(1), 1_000);
        let hour = schedule.due(3_000 * 3_600 + 1) - 1_000;
        assert!(hour.abs_diff(3_600_000_000_000) < 10_000, "{hour}");
    }

    #[test]
    fn a_pace_keeps_its_rate() {
        let mut pace = Pace::new(1_000, 3.0);
        for due in [333_334_333, 666_667_666, 1_000_001_000] {
            assert!(pace.due().abs_diff(due) < 10, "{pace:?}");
            pace.advance();
        }
    }

    #[test]
    fn warmup_events_come_before_the_measured_ones() {
        let schedule = Schedule::new(0, 10.0, Duration::from_millis(250), Duration::from_secs(2));
        assert_eq!((schedule.warmup, schedule.total), (3, 23));
        assert_eq!(schedule.measure_start(), 300_000_000);
        assert_eq!(schedule.measure_end(), Some(2_300_000_000));
    }

    #[test]
    fn without_times_to_keep_what_comes_in_the_warmup_is_not_measured() {
        let schedule = Schedule::untimed(1_000, Duration::from_micros(2));
        assert_eq!((schedule.measure_start(), schedule.measure_end()), (3_000, None));
        assert_eq!([2_999, 3_000].map(|now| schedule.measures(7, now)), [false, true]);
        let timed = Schedule::new(1_000, 10.0, Duration::from_secs(1), Duration::from_secs(1));
        assert_eq!([10, 11].map(|seq| timed.measures(seq, 0)), [false, true]);
    }

    #[test]
    fn a_very_slow_rate_still_publishes_one_event() {
        let schedule = Schedule::new(0, 0.01, Duration::ZERO, Duration::from_secs(1));
        assert_eq!(schedule.total, 1);
    }

    #[test]
    fn events_of_another_run_are_not_owned() {
        let ours = Schedule::new(1_000, 100.0, Duration::ZERO, Duration::from_secs(1));
        let theirs = Schedule::new(2_000, 100.0, Duration::ZERO, Duration::from_secs(1));
        assert!(ours.owns(Stamp { seq: 7, due: ours.due(7) }));
        assert!(!ours.owns(Stamp { seq: 7, due: theirs.due(7) }));
        assert!(!ours.owns(Stamp { seq: 0, due: 1_000 }));
        assert!(!ours.owns(Stamp { seq: 101, due: ours.due(101) }));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::new();
        let (first, second) = (clock.now(), clock.now());
        assert!(second >= first);
    }
}
