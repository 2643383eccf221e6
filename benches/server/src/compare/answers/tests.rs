use super::*;
use crate::compare::sample;

fn full() -> Report {
    sample::full()
}

fn fact(answer: &Answer, what: &str) -> String {
    let fact = answer.facts.iter().find(|(name, _)| name.starts_with(what));
    fact.unwrap_or_else(|| panic!("{what} in {answer:?}")).1.replace('\u{a0}', " ")
}

/// The full sample with the figures of one server in a scenario changed.
fn changed(id: &str, server: &str, change: impl Fn(&mut Row)) -> Report {
    let mut report = full();
    let scenario = report.scenarios.iter_mut().find(|scenario| scenario.id == id);
    let rows = &mut scenario.expect("a scenario").rows;
    change(rows.iter_mut().find(|row| row.server == server && !row.noise).expect("a row"));
    report
}

const RATED: &str = "fan-out-1000-rated-128";
const FLAT: &str = "fan-out-1000-flat-128";

#[test]
fn engines_that_differ_within_the_noise_are_said_to_be_equal() {
    let [engine, ..] = answers(&full());
    assert_eq!(
        fact(&engine, "Least CPU per event, at a rate"),
        "io_uring 3.53 µs and epoll 3.60 µs: no difference; std 6.32 µs"
    );
    let report =
        changed(RATED, "std", |row| row.cpu_nanos_per_event = Some(sample::within(3_540.0, 0.01)));
    assert_eq!(
        fact(&answers(&report)[0], "Least CPU per event, at a rate"),
        format!("{SAME}: io_uring 3.53 µs, std 3.54 µs and epoll 3.60 µs")
    );
}

#[test]
fn the_engine_that_is_best_or_equal_in_most_is_named() {
    let [engine, ..] = answers(&full());
    assert_eq!(engine.headline, "epoll");
    let report =
        changed(RATED, "epoll", |row| row.cpu_nanos_per_event = Some(sample::within(9e3, 0.01)));
    let [engine, ..] = answers(&report);
    assert_eq!(engine.headline, "io_uring or epoll");
    assert!(engine.sentence.replace('\u{a0}', " ").contains("4 of these 5"), "{engine:?}");
}

#[test]
fn a_core_carries_at_least_what_the_load_could_ask_for() {
    let [_, core, _] = answers(&full());
    assert_eq!(core.headline.replace('\u{a0}', " "), "≥ 20.1 M events/s");
    let report = changed(FLAT, "io_uring", |row| row.load_was_the_limit = false);
    let [_, core, _] = answers(&report);
    assert_eq!(core.headline.replace('\u{a0}', " "), "20.1 M events/s");
}

#[test]
fn what_was_lost_stands_beside_what_was_carried() {
    let report = changed(FLAT, "io_uring", |row| row.lost = Some(0.005));
    let [_, core, _] = answers(&report);
    assert!(core.sentence.replace('\u{a0}', " ").contains("0.500 % lost"), "{core:?}");
}

#[test]
fn an_engine_that_lost_much_carries_nothing() {
    let report = changed(FLAT, "io_uring", |row| row.lost = Some(0.25));
    let [_, core, _] = answers(&report);
    assert!(core.sentence.starts_with("Delivered by epoll"), "{core:?}");
}

#[test]
fn a_disturbed_row_bears_its_sign() {
    let report = changed(RATED, "std", |row| row.disturbed = true);
    assert!(
        fact(&answers(&report)[0], "Least CPU per event, at a rate").ends_with("std 6.32 µs †")
    );
}

#[test]
fn the_share_of_a_core_is_cost_times_events() {
    let report = changed(RATED, "io_uring", |row| {
        row.cpu_nanos_per_event = Some(sample::within(2_000.0, 0.01));
        row.throughput = Some(sample::within(100_000.0, 0.01));
    });
    let [_, core, _] = answers(&report);
    assert!(
        fact(&core, "1,000 subscribers, 100 events/s").starts_with("20.0 % of a core (io_uring)")
    );
}

#[test]
fn servers_that_shared_the_cores_are_not_said_to_have_had_one() {
    let mut report = full();
    assert!(answers(&report)[1].facts.iter().all(|(what, _)| what != "Note"));
    report.machine.pinned = None;
    assert!(fact(&answers(&report)[1], "Note").contains("not kept to one core"));
}

#[test]
fn a_subscriber_costs_both_sides_of_its_memory_and_cpu() {
    let [.., subscriber] = answers(&full());
    assert_eq!(subscriber.headline.replace('\u{a0}', " "), "8.36 KiB");
    assert_eq!(fact(&subscriber, "All 10,000"), "81.6 MiB");
    assert_eq!(fact(&subscriber, "The other"), "epoll 8.41 KiB (no difference), std 14.3 KiB");
    assert_eq!(fact(&subscriber, "Each event"), "3.53 µs of CPU (io_uring and epoll)");
}

#[test]
fn memory_of_the_kernel_that_is_not_known_is_not_taken_for_none() {
    let mut report = full();
    for scenario in &mut report.scenarios {
        for row in &mut scenario.rows {
            row.kernel_bytes_per_subscriber = None;
        }
    }
    let [.., subscriber] = answers(&report);
    assert_eq!(subscriber.headline.replace('\u{a0}', " "), "598 B");
    assert!(subscriber.sentence.contains("what the kernel holds is not known"), "{subscriber:?}");
    assert!(subscriber.facts.iter().all(|(what, _)| !what.starts_with("All")), "{subscriber:?}");
}

#[test]
fn one_engine_alone_is_no_choice() {
    let mut report = full();
    report.servers.retain(|server| server.name == "std");
    let [engine, core, _] = answers(&report);
    assert_eq!(engine.headline, "std");
    assert!(engine.sentence.contains("no choice"), "{engine:?}");
    assert_eq!(core.headline.replace('\u{a0}', " "), "8.74 M events/s");
    report.servers.clear();
    let [engine, core, _] = answers(&report);
    assert_eq!((engine.headline.as_str(), core.headline.as_str()), ("–", "–"));
}

#[test]
fn a_peer_that_is_ahead_is_named_with_both_figures() {
    let ahead = behind(&full()).expect("peers took part");
    let scenarios: Vec<&str> = ahead.iter().map(|one| one.scenario.as_str()).collect();
    assert_eq!(scenarios, ["Plaintext", "Plaintext, pipelined", "JSON"]);
    assert_eq!(ahead[0].ahead.0, "actix-web");
    assert_eq!(ahead[0].engine.0, "epoll");
    let mut report = full();
    report.servers.retain(|server| server.kind == ContestantKind::Engine);
    assert_eq!(behind(&report), None);
}
