//! Which of two servers did better in a scenario, and whether this run could tell. Prints nothing.

#[cfg(test)]
mod tests;

use super::model::{Group, Row, Scenario, Spread};

/// Differences below this ratio are never believed, however alike the first was to itself: it was
/// compared with itself only once.
const LEAST_NOISE: f64 = 1.02;

/// What is taken for noise, at least, where the first was not measured against itself, or one of two
/// servers in a single slice.
const UNKNOWN_NOISE: f64 = 1.1;

/// A server that lost a larger share of what was due did not do what was asked: it is not compared.
const MOST_LOST: f64 = 0.01;

/// A server that does the same work this many times later, or less often, than the best is behind, however
/// little CPU it took.
const BEHIND: f64 = 2.0;

/// By what servers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Throughput,
    Cpu,
    P50,
    P99,
    /// In user space and kernel together.
    Memory,
}

/// How one server stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Better,
    Worse,
    /// No difference that the run could tell apart.
    Same,
}

impl Measure {
    /// The one that a scenario is about: what each event costs where the rate is given, or where the
    /// load set the throughput; the delay of the others where some read slowly, and of those that
    /// return at once.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let limited = scenario.rows.iter().any(|row| row.load_was_the_limit);
        let cpu_known = scenario.rows.iter().any(|row| Self::Cpu.read(row).is_some());
        let delay_known = scenario.rows.iter().any(|row| Self::P99.read(row).is_some());
        match scenario.group {
            Group::Memory => Self::Memory,
            Group::SlowReaders | Group::Storm if delay_known => Self::P99,
            Group::Storm => Self::Throughput,
            _ if cpu_known && (scenario.rate.is_some() || limited) => Self::Cpu,
            _ => Self::Throughput,
        }
    }

    /// What a row has of it. None for what is no positive number.
    pub(crate) fn read(self, row: &Row) -> Option<Spread> {
        let spread = match self {
            Self::Throughput => row.throughput,
            Self::Cpu => row.cpu_nanos_per_event,
            Self::P50 => row.latency.as_ref().map(|latency| latency.p50),
            Self::P99 => row.latency.as_ref().map(|latency| latency.p99),
            Self::Memory => row
                .user_bytes_per_subscriber
                .zip(row.kernel_bytes_per_subscriber)
                .map(|(user, kernel)| sum(user, kernel)),
        };
        let sound = |value: f64| value.is_finite() && value > 0.0;
        spread.filter(|spread| sound(spread.least) && sound(spread.median) && sound(spread.most))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Cpu => "CPU",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Memory => "memory",
        }
    }

    fn more_is_better(self) -> bool {
        self == Self::Throughput
    }
}

/// How `row` stands to `other` in a scenario. None where one of them has no figure, or lost too much.
pub(crate) fn standing(
    scenario: &Scenario,
    measure: Measure,
    row: &Row,
    other: &Row,
) -> Option<Standing> {
    if is_unsound(row) || is_unsound(other) {
        return None;
    }
    let (own, others) = (measure.read(row)?, measure.read(other)?);
    if measure == Measure::Cpu {
        match (is_behind(scenario, row), is_behind(scenario, other)) {
            (true, false) => return Some(Standing::Worse),
            (false, true) => return Some(Standing::Better),
            _ => {}
        }
    }
    let more = own.median > others.median;
    let noise = noise(scenario, measure);
    let once = row.slices < 2 || other.slices < 2;
    let noise = if once { noise.max(UNKNOWN_NOISE) } else { noise };
    // All that is known of one against all that is known of the other.
    let apart = |a: &Spread, b: &Spread| {
        let overlap = a.least <= b.most && b.least <= a.most;
        (a.median > b.median) == more && !overlap && ratio(a.median, b.median) > noise
    };
    let theirs = measured(scenario, measure, other);
    let all_apart =
        measured(scenario, measure, row).iter().all(|a| theirs.iter().all(|b| apart(a, b)));
    if !all_apart {
        return Some(Standing::Same);
    }
    let lesser = if more { other } else { row };
    if measure == Measure::Throughput && lesser.load_was_the_limit {
        // It may be capable of as much.
        return Some(Standing::Same);
    }
    Some(if more == measure.more_is_better() { Standing::Better } else { Standing::Worse })
}

/// By what the two are told apart: where one of them is behind, by that.
pub(crate) fn telling(scenario: &Scenario, measure: Measure, row: &Row, other: &Row) -> Measure {
    if measure != Measure::Cpu || is_behind(scenario, row) == is_behind(scenario, other) {
        return measure;
    }
    if scenario.rate.is_some() { Measure::P50 } else { Measure::Throughput }
}

/// The rows of servers named, the best first; rows without the figure, or that lost too much, are
/// left out.
pub(crate) fn ranked(
    scenario: &Scenario,
    measure: Measure,
    takes_part: impl Fn(&str) -> bool,
) -> Vec<(&Row, Spread)> {
    let mut rows: Vec<_> = scenario
        .rows
        .iter()
        .filter(|row| !row.noise && !is_unsound(row) && takes_part(&row.server))
        .filter_map(|row| Some((row, measure.read(row)?)))
        .collect();
    rows.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    if measure.more_is_better() {
        rows.reverse();
    }
    if measure == Measure::Cpu {
        // Which leaves the order of the others.
        rows.sort_by_key(|(row, _)| is_behind(scenario, row));
    }
    rows
}

/// Whether a server fell far behind the best in what was asked: events and answers came late, or few came
/// where as many as possible were to. What it took of CPU is no merit then.
pub(crate) fn is_behind(scenario: &Scenario, row: &Row) -> bool {
    let measure = if scenario.rate.is_some() { Measure::P50 } else { Measure::Throughput };
    let Some(own) = measure.read(row) else { return false };
    let others = scenario.rows.iter().filter(|other| !other.noise && !is_unsound(other));
    let medians = others.filter_map(|other| Some(measure.read(other)?.median));
    if measure.more_is_better() {
        !row.load_was_the_limit && own.most * BEHIND < medians.fold(0.0, f64::max)
    } else {
        own.least > BEHIND * medians.fold(f64::INFINITY, f64::min)
    }
}

/// The figure of a row, and that of the noise row if it is of the same server.
fn measured(scenario: &Scenario, measure: Measure, row: &Row) -> Vec<Spread> {
    let again = scenario.rows.iter().filter(|again| again.noise && again.server == row.server);
    std::iter::once(row).chain(again).filter_map(|row| measure.read(row)).collect()
}

/// A server that did not do what was asked, or not each time, is not compared.
pub(crate) fn is_unsound(row: &Row) -> bool {
    row.failed_slices > 0 || row.lost.is_some_and(|lost| lost > MOST_LOST)
}

/// The ratio up to which a difference is noise here.
fn noise(scenario: &Scenario, measure: Measure) -> f64 {
    let again = scenario.rows.iter().find(|row| row.noise);
    let apart = again.and_then(|again| {
        let first = scenario.rows.iter().find(|row| !row.noise && row.server == again.server)?;
        Some(ratio(measure.read(first)?.median, measure.read(again)?.median))
    });
    apart.map_or(UNKNOWN_NOISE, |apart| apart.max(LEAST_NOISE))
}

fn ratio(a: f64, b: f64) -> f64 {
    a.max(b) / a.min(b)
}

fn sum(a: Spread, b: Spread) -> Spread {
    Spread { least: a.least + b.least, median: a.median + b.median, most: a.most + b.most }
}
