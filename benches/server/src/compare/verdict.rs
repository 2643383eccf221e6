//! Which of two servers did better in a scenario, and whether this run could tell. Prints nothing.

use super::model::{Group, Row, Scenario, Spread};

/// Differences below this ratio are never believed, however alike the first was to itself: it was
/// compared with itself only once.
const LEAST_NOISE: f64 = 1.02;

/// What is taken for noise, at least, where the first was not measured against itself, or one of two
/// servers in a single slice.
const UNKNOWN_NOISE: f64 = 1.1;

/// A server that lost a larger share of what was due did not do what was asked: it is not compared.
const MOST_LOST: f64 = 0.01;

/// By what servers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Throughput,
    Cpu,
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
    if lost_too_much(row) || lost_too_much(other) {
        return None;
    }
    let (own, others) = (measure.read(row)?, measure.read(other)?);
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
        .filter(|row| !row.noise && !lost_too_much(row) && takes_part(&row.server))
        .filter_map(|row| Some((row, measure.read(row)?)))
        .collect();
    rows.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    if measure.more_is_better() {
        rows.reverse();
    }
    rows
}

/// The figure of a row, and that of the noise row if it is of the same server.
fn measured(scenario: &Scenario, measure: Measure, row: &Row) -> Vec<Spread> {
    let again = scenario.rows.iter().filter(|again| again.noise && again.server == row.server);
    std::iter::once(row).chain(again).filter_map(|row| measure.read(row)).collect()
}

fn lost_too_much(row: &Row) -> bool {
    row.lost.is_some_and(|lost| lost > MOST_LOST)
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

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn row(server: &str, median: f64) -> Row {
        Row { throughput: Some(sample::within(median, 0.001)), ..sample::row(server) }
    }

    fn scenario(rows: Vec<Row>) -> Scenario {
        Scenario { rows, ..sample::scenario("flat", Group::FanOut) }
    }

    fn first_to_second(rows: Vec<Row>) -> Option<Standing> {
        let scenario = scenario(rows);
        standing(&scenario, Measure::Throughput, &scenario.rows[0], &scenario.rows[1])
    }

    #[test]
    fn a_difference_within_the_noise_row_is_none() {
        let again = |median| Row { noise: true, ..row("a", median) };
        let rows = |noise| vec![row("a", 100.0), row("b", 110.0), again(noise)];
        assert_eq!(first_to_second(rows(115.0)), Some(Standing::Same));
        assert_eq!(first_to_second(rows(103.0)), Some(Standing::Worse));
    }

    #[test]
    fn a_server_that_is_as_good_as_one_of_two_measurements_is_no_better() {
        let again = Row { noise: true, ..row("a", 119.0) };
        assert_eq!(
            first_to_second(vec![row("a", 100.0), row("b", 121.0), again.clone()]),
            Some(Standing::Same)
        );
        assert_eq!(
            first_to_second(vec![row("a", 100.0), row("b", 150.0), again]),
            Some(Standing::Worse)
        );
    }

    #[test]
    fn slices_that_overlap_cannot_be_told_apart() {
        let wide = |server, median| Row {
            throughput: Some(sample::within(median, 0.2)),
            ..sample::row(server)
        };
        assert_eq!(first_to_second(vec![wide("a", 100.0), wide("b", 130.0)]), Some(Standing::Same));
        assert_eq!(
            first_to_second(vec![wide("a", 100.0), wide("b", 30.0)]),
            Some(Standing::Better)
        );
    }

    #[test]
    fn without_a_noise_row_a_tenth_is_noise() {
        assert_eq!(first_to_second(vec![row("a", 100.0), row("b", 109.0)]), Some(Standing::Same));
        assert_eq!(first_to_second(vec![row("a", 100.0), row("b", 112.0)]), Some(Standing::Worse));
    }

    #[test]
    fn of_a_single_slice_a_tenth_is_noise_however_small_the_noise_row() {
        let rows = |slices| {
            let again = Row { noise: true, slices, ..row("a", 100.0) };
            vec![Row { slices, ..row("a", 100.0) }, Row { slices, ..row("b", 109.0) }, again]
        };
        assert_eq!(first_to_second(rows(2)), Some(Standing::Worse));
        assert_eq!(first_to_second(rows(1)), Some(Standing::Same));
    }

    #[test]
    fn a_server_that_the_load_held_back_is_not_called_worse() {
        let limited = Row { load_was_the_limit: true, ..row("b", 50.0) };
        assert_eq!(first_to_second(vec![row("a", 100.0), limited]), Some(Standing::Same));
        let limited = Row { load_was_the_limit: true, ..row("b", 200.0) };
        assert_eq!(first_to_second(vec![row("a", 100.0), limited]), Some(Standing::Worse));
    }

    #[test]
    fn a_server_that_lost_more_than_a_hundredth_is_not_compared() {
        let lost = |share| Row { lost: Some(share), ..row("b", 300.0) };
        assert_eq!(first_to_second(vec![row("a", 100.0), lost(0.01)]), Some(Standing::Worse));
        assert_eq!(first_to_second(vec![row("a", 100.0), lost(0.011)]), None);
        let scenario = scenario(vec![row("a", 100.0), lost(0.011)]);
        let best = ranked(&scenario, Measure::Throughput, |_| true);
        assert_eq!(best.len(), 1);
        assert_eq!(best[0].0.server, "a");
    }

    #[test]
    fn what_is_absent_or_no_number_has_no_standing() {
        assert_eq!(first_to_second(vec![row("a", 1.0), sample::row("b")]), None);
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(first_to_second(vec![row("a", 1.0), row("b", odd)]), None, "{odd}");
        }
    }

    #[test]
    fn less_is_better_in_cost_and_more_in_throughput() {
        let both = |server, throughput, cpu| Row {
            cpu_nanos_per_event: Some(sample::within(cpu, 0.001)),
            ..row(server, throughput)
        };
        let scenario = scenario(vec![both("a", 100.0, 9.0), both("b", 200.0, 18.0)]);
        let best = |measure| ranked(&scenario, measure, |_| true)[0].0.server.clone();
        assert_eq!(best(Measure::Throughput), "b");
        assert_eq!(best(Measure::Cpu), "a");
    }

    #[test]
    fn a_scenario_at_a_rate_is_judged_by_what_an_event_costs() {
        let cpu = Row { cpu_nanos_per_event: Some(sample::within(9.0, 0.0)), ..sample::row("a") };
        let flat = scenario(vec![cpu.clone()]);
        assert_eq!(Measure::of(&flat), Measure::Throughput);
        let held = scenario(vec![Row { load_was_the_limit: true, ..cpu.clone() }]);
        assert_eq!(Measure::of(&held), Measure::Cpu);
        let rated = Scenario { rate: Some(100.0), ..scenario(vec![cpu]) };
        assert_eq!(Measure::of(&rated), Measure::Cpu);
        let storm = Scenario { group: Group::Storm, ..rated.clone() };
        assert_eq!(Measure::of(&storm), Measure::Throughput);
        let unknown = Scenario { rate: Some(100.0), ..scenario(vec![row("a", 1.0)]) };
        assert_eq!(Measure::of(&unknown), Measure::Throughput);
    }
}
