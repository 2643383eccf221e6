//! What both loads count, and how it is printed. All latencies are kept, so percentiles are exact.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Latencies of what is measured, in whole microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Takes down how long after `due` something came at `now`.
    pub(crate) fn add(&mut self, due: Instant, now: Instant) {
        let micros = now.saturating_duration_since(due).as_micros();
        // Nothing is waited for over an hour.
        self.0.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }

    /// The percentiles; each null without any.
    pub(crate) fn value(&self) -> Value {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |per_mille| percentile(&sorted, per_mille);
        json!({
            "p50": at(500), "p90": at(900), "p99": at(990), "p99_9": at(999), "max": sorted.last(),
        })
    }
}

/// The least value that so many of a thousand do not exceed.
fn percentile(sorted: &[u32], per_mille: usize) -> Option<u32> {
    let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied()
}

/// What this process spends, from when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    cpu: Duration,
    since: Instant,
}

impl Own {
    pub(crate) fn begin() -> Self {
        Self { cpu: cpu(), since: Instant::now() }
    }

    /// What was spent by now, also for each of so many.
    pub(crate) fn value(self, count: u64) -> Value {
        let spent = cpu().saturating_sub(self.cpu).as_secs_f64();
        let percent = spent * 100.0 / self.since.elapsed().as_secs_f64();
        json!({ "cpu_percent": percent, "cpu_us_each": each(spent * 1e6, count) })
    }
}

/// So much for each of so many; nothing if there are none.
pub(crate) fn each(all: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| all / float(count))
}

/// So many within a time; nothing if it took none.
pub(crate) fn per_second(count: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| float(count) / time.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 of anything")]
fn float(count: u64) -> f64 {
    count as f64
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.expect("every process has this clock").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_came() {
        let mut latencies = Latencies::default();
        assert!(latencies.value()["p50"].is_null() && latencies.value()["max"].is_null());
        let due = Instant::now();
        for micros in (1..=1_000).rev() {
            latencies.add(due, due + Duration::from_micros(micros));
        }
        let expected = json!({ "p50": 500, "p90": 900, "p99": 990, "p99_9": 999, "max": 1_000 });
        assert_eq!(latencies.value(), expected);
    }

    #[test]
    fn a_single_value_is_every_percentile() {
        assert_eq!(percentile(&[7], 1), Some(7));
        assert_eq!(percentile(&[7], 999), Some(7));
        assert_eq!(percentile(&[], 500), None);
    }
}
