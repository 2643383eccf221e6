//! Axes: where a value lies between two ends, and which values are named beside the axis.

use crate::compare::figures::trimmed;

/// A named place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Tick {
    pub(in super::super) at: f64,
    pub(in super::super) name: String,
}

/// One axis: its name with the unit, its ends, and its ticks. Values are already what is linear on paper:
/// a logarithm for a logarithmic axis.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Axis {
    pub(in super::super) name: String,
    low: f64,
    high: f64,
    pub(in super::super) ticks: Vec<Tick>,
}

/// The least and the greatest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Span {
    low: f64,
    high: f64,
}

/// Ticks that there is room for.
const MOST_TICKS: usize = 9;

impl Span {
    /// None where no value is finite.
    pub(in super::super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        values.filter(|value| value.is_finite()).fold(None, |span, value| {
            Some(span.map_or(Self { low: value, high: value }, |span: Self| Self {
                low: span.low.min(value),
                high: span.high.max(value),
            }))
        })
    }
}

impl Axis {
    /// With ends and ticks as given.
    pub(in super::super) fn fixed(name: &str, low: f64, high: f64, ticks: Vec<Tick>) -> Self {
        Self { name: name.to_owned(), low, high, ticks }
    }

    /// Over decimal logarithms, from tick to tick: 1, 2 and 5 of each decade where there is room, else
    /// decades.
    pub(in super::super) fn log(name: &str, span: Span, figure: fn(f64) -> String) -> Self {
        let (first, last) = (span.low.floor(), span.high.ceil().max(span.low.floor() + 1.0));
        let fine: Vec<f64> = if last - first <= 3.0 {
            decades(first, last)
                .flat_map(|decade| [0.0, 2f64.log10(), 5f64.log10()].map(|part| decade + part))
                .collect()
        } else {
            decades(first, last).collect()
        };
        let below = fine.iter().copied().rfind(|tick| *tick <= span.low + 1e-9).unwrap_or(first);
        let above = fine.iter().copied().find(|tick| *tick >= span.high - 1e-9).unwrap_or(last);
        let (low, high) = if above > below { (below, above) } else { (below, below + 1.0) };
        let within: Vec<f64> =
            fine.into_iter().filter(|tick| (low..=high + 1e-9).contains(tick)).collect();
        let within = if within.len() > MOST_TICKS { whole_decades(within) } else { within };
        let stride = within.len().div_ceil(MOST_TICKS).max(1);
        let ticks = within
            .into_iter()
            .step_by(stride)
            .map(|at| Tick { at, name: trimmed(&figure(10f64.powf(at))) })
            .collect();
        Self { name: name.to_owned(), low, high, ticks }
    }

    /// From zero, in even steps of `unit` times 1, 2 or 5 and a power of ten.
    pub(in super::super) fn from_zero(
        name: &str,
        most: f64,
        unit: f64,
        figure: fn(f64) -> String,
    ) -> Self {
        let most = if most > 0.0 { most } else { unit };
        let rough = most / unit / 4.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|part| part * decade)
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough)
            * unit;
        let ticks: Vec<Tick> = (0..=u8::try_from(MOST_TICKS).unwrap_or(u8::MAX))
            .map(|count| f64::from(count) * step)
            .take_while(|at| *at < most + step)
            .map(|at| Tick { at, name: trimmed(&figure(at)) })
            .collect();
        let high = ticks.last().map_or(most, |tick| tick.at.max(most));
        Self { name: name.to_owned(), low: 0.0, high, ticks }
    }

    /// From 0 at the low end to 1 at the high one; what lies beyond an end is drawn at the end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// From one to the other, at most as many as a float has.
fn decades(first: f64, last: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(first), |decade| Some(decade + 1.0))
        .take_while(move |decade| *decade <= last)
}

fn whole_decades(ticks: Vec<f64>) -> Vec<f64> {
    let whole: Vec<f64> = ticks.iter().copied().filter(|tick| tick.fract() == 0.0).collect();
    if whole.len() > 1 { whole } else { ticks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::figures::{bytes, count};

    fn log(least: f64, most: f64) -> Axis {
        let span = Span::of([least.log10(), most.log10()].into_iter()).expect("finite values");
        Axis::log("axis", span, count)
    }

    fn names(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| tick.name.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn a_short_span_is_divided_into_ones_twos_and_fives() {
        assert_eq!(names(&log(2.1, 48.0)), ["2", "5", "10", "20", "50"]);
    }

    #[test]
    fn a_long_span_has_decades_and_never_more_than_there_is_room_for() {
        assert_eq!(names(&log(1.0, 10_000.0)), ["1", "10", "100", "1 k", "10 k"]);
        for most in [1.0, 3.0, 1e3, 1e9, 1e300] {
            let axis = log(1e-300, most);
            assert!((2..=MOST_TICKS).contains(&axis.ticks.len()), "{axis:?}");
        }
    }

    #[test]
    fn one_value_alone_has_an_axis_all_the_same() {
        let axis = log(7.0, 7.0);
        let (low, high) = (axis.low, axis.high);
        assert!(low < high, "{axis:?}");
        assert!((0.0..=1.0).contains(&axis.share(7f64.log10())));
        assert_eq!(Span::of([f64::NAN, f64::INFINITY].into_iter()), None);
    }

    #[test]
    fn an_axis_from_zero_ends_above_the_most() {
        let axis = Axis::from_zero("memory", 40_000.0, 1024.0, bytes);
        assert_eq!(names(&axis), ["0", "10 KiB", "20 KiB", "30 KiB", "40 KiB"]);
        assert!((axis.share(40_000.0) - 0.976).abs() < 0.001);
        assert!(axis.share(1e300) <= 1.0);
        assert!(axis.share(f64::NAN) >= 0.0);
    }
}
