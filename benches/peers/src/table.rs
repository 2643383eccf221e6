//! Medians and ratios of a pair. A ratio is taken of two slices next to each other, and then the
//! median of the ratios: what drifts slowly does not matter.

use std::fmt::{self, Display, Write};

use crate::slice::Slice;

/// Something that is compared.
pub struct Measure {
    /// What it is called, with its unit.
    pub name: &'static str,
    /// Where it is in a report.
    pub pointer: &'static str,
    /// What it is multiplied by to be shown.
    pub scale: f64,
}

/// A measure by its name, its place in a report, and its scale.
pub const fn measure(name: &'static str, pointer: &'static str, scale: f64) -> Measure {
    Measure { name, pointer, scale }
}

/// The slices of two servers, or two loads, in turn.
pub struct Pair {
    names: [String; 2],
    measures: &'static [Measure],
    /// Before, between, after.
    slices: Vec<[Slice; 3]>,
}

impl Pair {
    /// A pair without slices, by the names of its servers.
    pub fn new(first: String, other: String, measures: &'static [Measure]) -> Self {
        Self { names: [first, other], measures, slices: Vec::new() }
    }

    /// A slice of the other server between two of the first.
    pub fn add(&mut self, before: Slice, between: Slice, after: Slice) {
        self.slices.push([before, between, after]);
    }

    /// The comparison as a table, and what to be wary of.
    pub fn text(&self) -> String {
        let [first, other] = &self.names;
        let (width, ratio) = (self.width(), self.ratio());
        let span = self.ratio_width();
        let mut text = format!(
            "{:<28} {first:>width$} {other:>width$}   {ratio:<span$} {first} against itself",
            ""
        );
        for measure in self.measures {
            if let Some(line) = self.line(measure) {
                // A string takes everything.
                let _ = write!(text, "\n{line}");
            }
        }
        for warning in self.warnings() {
            let _ = write!(text, "\nWARNING {warning}");
        }
        text
    }

    /// Whether the load called any of the slices a failure.
    pub fn failed(&self) -> bool {
        self.slices.iter().flatten().any(|slice| slice.failure().is_some())
    }

    fn width(&self) -> usize {
        self.names.iter().map(String::len).fold(18, usize::max)
    }

    fn ratio(&self) -> String {
        let [first, other] = &self.names;
        format!("{other} / {first}")
    }

    fn ratio_width(&self) -> usize {
        self.ratio().len().max(28)
    }

    /// What two servers gave, or loads: the median of each, where the reports have it.
    pub fn medians(&self, measure: &Measure) -> [Option<f64>; 2] {
        let all = |at: usize| -> Vec<f64> {
            self.slices.iter().filter_map(|slices| slices[at].value(measure)).collect()
        };
        [median(all(0)), median(all(1))]
    }

    /// The other over the first, and the first over itself.
    pub fn ratios(&self, measure: &Measure) -> [Option<Spread>; 2] {
        let ratios = |at: usize| -> Vec<f64> {
            let ratio =
                |slices: &[Slice; 3]| Some(slices[at].value(measure)? / slices[0].value(measure)?);
            self.slices.iter().filter_map(ratio).filter(|ratio| ratio.is_finite()).collect()
        };
        [Spread::of(ratios(1)), Spread::of(ratios(2))]
    }

    fn line(&self, measure: &Measure) -> Option<String> {
        let medians = self.medians(measure);
        if medians == [None, None] {
            return None;
        }
        let [ratio, noise] = self.ratios(measure).map(or_dash);
        let [first, other] = medians.map(|value| or_dash(value.map(Number)));
        Some(format!(
            "{:<28} {first:>width$} {other:>width$}   {ratio:<span$} {noise}",
            measure.name,
            width = self.width(),
            span = self.ratio_width(),
        ))
    }

    /// Whether the load set the pace of most slices of the first, and of the other.
    pub fn limited_by_load(&self) -> [bool; 2] {
        self.most(Slice::load_was_the_limit)
    }

    /// Whether others disturbed most slices of the first, and of the other.
    pub fn disturbed(&self) -> [bool; 2] {
        self.most(Slice::disturbed)
    }

    fn most(&self, are: impl Fn(&Slice) -> bool) -> [bool; 2] {
        [0, 1].map(|at| {
            let such = self.slices.iter().filter(|slices| are(&slices[at]));
            such.count() * 2 > self.slices.len()
        })
    }

    /// What to be wary of, each in a line.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, at) in [(&self.names[0], 0), (&self.names[1], 1)] {
            let slices = || self.slices.iter().map(move |slices| &slices[at]);
            let of = self.slices.len();
            let mut warn = |count: usize, what: &str| {
                if count > 0 {
                    warnings.push(format!("{name}: {count} of {of} slices {what}"));
                }
            };
            warn(slices().filter(|slice| slice.disturbed()).count(), "were disturbed by others");
            let bound = slices().filter(|slice| slice.load_was_the_limit()).count();
            warn(bound, "show the load's limit, not the server's");
            let failures: Vec<&str> = slices().filter_map(Slice::failure).collect();
            if let Some(first) = failures.first() {
                warn(failures.len(), &format!("failed: {first}"));
            }
        }
        warnings
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// A number as tables show it.
pub struct Number(pub f64);

impl Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.3}", self.0)
    }
}

/// What is there, or that it is not.
pub fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// Ratios: the median, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub greatest: f64,
}

impl Spread {
    fn of(ratios: Vec<f64>) -> Option<Self> {
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        median(ratios).map(|median| Self { median, least, greatest })
    }
}

impl Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.3} ({:.2} … {:.2})", self.median, self.least, self.greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MEASURES: &[Measure] =
        &[measure("p99, ms", "/latency_us/p99", 1e-3), measure("RSS, MiB", "/rss", 1.0)];

    fn slice(p99_us: u64, disturbed: bool) -> Slice {
        let others = if disturbed { 40.0 } else { 0.0 };
        let others = json!({ "cpu_percent": others });
        let report = json!({ "latency_us": { "p99": p99_us }, "others": others, "failure": null });
        Slice::new(report, 15.0)
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_of_neighbours_and_the_noise_is_of_the_first_with_itself() {
        let mut pair = Pair::new("bare".to_owned(), "nchan".to_owned(), MEASURES);
        // The machine becomes slower all the time; the other takes twice as long all the time.
        pair.add(slice(1_000, false), slice(2_000, false), slice(1_100, false));
        pair.add(slice(2_000, false), slice(4_000, false), slice(2_200, false));
        pair.add(slice(8_000, false), slice(16_000, true), slice(8_000, false));
        let text = pair.text();
        let line = text.lines().find(|line| line.starts_with("p99")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[2..5], ["2.000", "4.000", "2.000"], "{text}");
        assert!(line.contains("2.000 (2.00 … 2.00)"), "{text}");
        assert!(line.ends_with("1.100 (1.00 … 1.10)"), "{text}");
        assert!(text.contains("WARNING nchan: 1 of 3 slices were disturbed by others"), "{text}");
        assert!(!text.contains("RSS"), "what no report has is not shown: {text}");
    }

    #[test]
    fn a_side_is_disturbed_if_most_of_its_slices_are() {
        let mut pair = Pair::new("bare".to_owned(), "nchan".to_owned(), MEASURES);
        pair.add(slice(1, true), slice(1, true), slice(1, true));
        pair.add(slice(1, false), slice(1, true), slice(1, true));
        assert_eq!((pair.disturbed(), pair.limited_by_load()), ([false, true], [false, false]));
    }
}
