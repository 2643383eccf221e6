//! Who is ahead, who is not, and where that cannot be told.

use super::*;
use crate::compare::sample;

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
    assert_eq!(first_to_second(vec![wide("a", 100.0), wide("b", 30.0)]), Some(Standing::Better));
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

/// A row that took this much CPU, with this median latency.
fn cheap(server: &str, cpu: f64, p50: f64) -> Row {
    let mut latency = sample::latency(p50);
    latency.p50 = sample::within(p50, 0.01);
    Row {
        cpu_nanos_per_event: Some(sample::within(cpu, 0.001)),
        latency: Some(latency),
        ..row(server, 1_000.0)
    }
}

#[test]
fn who_comes_late_is_behind_however_little_cpu_it_took() {
    let rows = vec![cheap("a", 2_900.0, 3e6), cheap("b", 1_800.0, 42e6), cheap("c", 3_000.0, 5e6)];
    let scenario = Scenario { rate: Some(100.0), ..scenario(rows) };
    let [a, b, c] = &scenario.rows[..] else { panic!("three") };
    assert_eq!([a, b, c].map(|row| is_behind(&scenario, row)), [false, true, false]);
    assert_eq!(standing(&scenario, Measure::Cpu, b, a), Some(Standing::Worse));
    assert_eq!(standing(&scenario, Measure::Cpu, c, b), Some(Standing::Better));
    assert_eq!(telling(&scenario, Measure::Cpu, b, a), Measure::P50);
    assert_eq!(telling(&scenario, Measure::Cpu, c, a), Measure::Cpu);
    let order = ranked(&scenario, Measure::Cpu, |_| true);
    let order: Vec<&str> = order.iter().map(|(row, _)| row.server.as_str()).collect();
    assert_eq!(order, ["a", "c", "b"]);
}

#[test]
fn who_does_little_flat_out_is_behind_where_another_is_held_back_by_the_load() {
    let held = Row { load_was_the_limit: true, ..cheap("a", 900.0, 1e6) };
    let slow = Row { throughput: Some(sample::within(20.0, 0.01)), ..cheap("b", 400.0, 1e6) };
    let scenario = scenario(vec![held, slow]);
    assert_eq!(Measure::of(&scenario), Measure::Cpu);
    let [held, slow] = &scenario.rows[..] else { panic!("two") };
    assert_eq!(standing(&scenario, Measure::Cpu, slow, held), Some(Standing::Worse));
    assert_eq!(telling(&scenario, Measure::Cpu, slow, held), Measure::Throughput);
}

#[test]
fn who_failed_in_a_slice_is_not_compared() {
    let failed = Row { failed_slices: 1, ..row("b", 1_000.0) };
    assert_eq!(first_to_second(vec![row("a", 100.0), failed]), None);
}

#[test]
fn twice_as_late_and_half_as_much_are_not_behind_yet() {
    let exactly = |value: f64| Some(sample::within(value, 0.0));
    let at = |server: &str, p50: f64| {
        let mut row = cheap(server, 900.0, p50);
        row.latency.as_mut().expect("it has one").p50 = sample::within(p50, 0.0);
        row
    };
    let rated = Scenario { rate: Some(9.0), ..scenario(vec![at("a", 1e6), at("b", 2e6)]) };
    assert!(!is_behind(&rated, &rated.rows[1]));
    assert!(is_behind(&rated, &at("b", 2.001e6)));
    let doing = |throughput| Row { throughput: exactly(throughput), ..row("b", 1.0) };
    let flat = scenario(vec![Row { throughput: exactly(100.0), ..row("a", 1.0) }, doing(50.0)]);
    assert!(!is_behind(&flat, &flat.rows[1]));
    assert!(is_behind(&flat, &doing(49.9)));
}
