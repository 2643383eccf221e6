//! The slices of one server become a row.

use hdrhistogram::Histogram;

use super::model::{Latency, Row, Spread};
use super::slice::Slice;
use crate::load::tally::lateness;

/// Points of a curve for each factor of ten that its tail shrinks by.
const POINTS: i32 = 20;

/// A percentile is told where at least so many samples lie beyond it.
pub(super) const FEWEST: f64 = 5.0;

/// Factors of ten: the curve goes on to 99.99 %.
const TENS: i32 = 4;

impl Spread {
    /// Of all that were measured; none of none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { least, median, most })
    }
}

/// The row of a server that lacks what is needed.
pub(in crate::compare) fn not_asked(server: &str, lacks: String) -> Row {
    let failed = Some(format!("it was not asked: {lacks}"));
    Row { server: server.to_owned(), failed, lacks: Some(lacks), ..Row::default() }
}

/// The row of this server; `noise`: of the first against itself.
pub(super) fn row(server: &str, noise: bool, slices: &[Slice]) -> Row {
    let good: Vec<&Slice> = slices.iter().filter(|slice| slice.failed.is_none()).collect();
    let first_failure = slices.iter().find_map(|slice| slice.failed.clone());
    let failed = || first_failure.clone().unwrap_or_else(|| "it was not asked".to_owned());
    let spread = |of: fn(&Slice) -> Option<f64>| Spread::of(good.iter().copied().filter_map(of));
    let median = |of: fn(&Slice) -> Option<f64>| spread(of).map(|spread| spread.median);
    Row {
        server: server.to_owned(),
        noise,
        slices: good.len(),
        failed_slices: slices.len() - good.len(),
        throughput: spread(|slice| slice.throughput),
        latency: latency(&good),
        cpu_nanos_per_event: spread(|slice| slice.cpu_nanos),
        instructions_per_event: None,
        checked: None,
        events_per_send: median(|slice| slice.events_per_send),
        lost: mean(good.iter().filter_map(|slice| slice.lost)),
        errors: good.iter().map(|slice| slice.errors).sum(),
        user_bytes_per_subscriber: spread(|slice| slice.user_bytes),
        kernel_bytes_per_subscriber: spread(|slice| slice.kernel_bytes),
        load_was_the_limit: 2 * count(&good, |slice| slice.load_was_the_limit) > good.len(),
        disturbed: good.iter().any(|slice| slice.disturbed()),
        failed: good.is_empty().then(failed),
        first_failure,
        lacks: None,
    }
}

fn count(slices: &[&Slice], what: impl Fn(&Slice) -> bool) -> usize {
    slices.iter().filter(|slice| what(slice)).count()
}

fn latency(slices: &[&Slice]) -> Option<Latency> {
    let all: Vec<[f64; 4]> = slices.iter().filter_map(|slice| slice.latency).collect();
    let at = |index: usize| Spread::of(all.iter().map(|percentiles| percentiles[index]));
    let mut together = lateness();
    for &(micros, times) in slices.iter().flat_map(|slice| &slice.latencies) {
        // Beyond ten minutes all are alike.
        together.saturating_record_n(micros, times);
    }
    let samples = Some(together.len()).filter(|count| *count > 0);
    let curve = curve(&together);
    Some(Latency { p50: at(0)?, p99: at(1)?, p999: at(2)?, max: at(3)?, samples, curve })
}

/// Of slices that are as long as each other.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    #[expect(clippy::cast_precision_loss, reason = "there are a few slices")]
    let count = values.len() as f64;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count)
}

/// Percentiles and nanoseconds, closer together where the tail is thinner.
fn curve(micros: &Histogram<u64>) -> Vec<(f64, f64)> {
    if micros.is_empty() {
        return Vec::new();
    }
    let tail = |point: i32| 10_f64.powf(-f64::from(point) / f64::from(POINTS));
    let nanos = |micros: u64| crate::load::report::float(micros) * 1e3;
    // Beyond it there are too few to tell one percentile from the next.
    let told = 1.0 - FEWEST / crate::load::report::float(micros.len());
    let mut curve: Vec<(f64, f64)> = (0..=POINTS * TENS)
        .map(|point| 1.0 - tail(point))
        .filter(|quantile| *quantile <= told)
        .map(|quantile| (quantile * 100.0, nanos(micros.value_at_quantile(quantile))))
        .collect();
    curve.push((100.0, nanos(micros.max())));
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: &[f64]) -> Option<[f64; 3]> {
        Spread::of(values.iter().copied()).map(|spread| [spread.least, spread.median, spread.most])
    }

    #[test]
    fn a_spread_is_the_least_the_middle_and_the_most() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some([3.0, 3.0, 3.0]));
        assert_eq!(spread(&[4.0, 1.0]), Some([1.0, 2.5, 4.0]));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some([1.0, 2.0, 9.0]));
    }

    #[test]
    fn what_failed_counts_only_where_nothing_else_is() {
        let good = Slice { throughput: Some(7.0), errors: 1, ..Slice::default() };
        let bad = Slice::failed("it broke".to_owned());
        let both = row("a", false, &[bad.clone(), good]);
        assert_eq!((both.slices, both.failed, both.errors), (1, None, 1));
        assert_eq!(row("a", true, &[bad]).failed.as_deref(), Some("it broke"));
    }

    #[test]
    fn a_curve_rises_to_the_most_of_all_slices() {
        let slice = |latencies: &[(u64, u64)]| Slice {
            latency: Some([1e3; 4]),
            latencies: latencies.to_vec(),
            ..Slice::default()
        };
        let slices = [slice(&[(10, 90), (20, 9)]), slice(&[(50, 1)])];
        let latency = row("a", false, &slices).latency.unwrap();
        assert!(latency.curve.len() <= 100);
        assert!(latency.curve.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
        assert_eq!((latency.curve[0], latency.curve.last()), ((0.0, 10e3), Some(&(100.0, 50e3))));
    }

    #[test]
    fn a_slice_without_latencies_has_no_curve() {
        let storm = Slice { latency: Some([1.0, 2.0, 3.0, 4.0]), ..Slice::default() };
        assert_eq!(row("a", false, &[storm]).latency.unwrap().curve, []);
    }
}
