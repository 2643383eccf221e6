//! Subscribers that read slowly or never, that leave and come, that drop and return.

use crate::fake::{self, Faults, Plan, SOUND};
use crate::{count, load};

#[test]
fn a_stuck_subscriber_is_no_loss() {
    let addr = fake::start(SOUND);
    let (code, report, _) = load(addr, "--stuck 3");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/subscribers/stuck"), 3);
    assert_eq!(count(&report, "/deliveries/all"), 1_000);
}

#[test]
fn a_stuck_subscriber_that_is_cut_off_is_reported_and_fails_nothing() {
    let plan = |subscriber, event| match (subscriber, event) {
        (20.., 5) => Plan::Close,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "--stuck 3");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/subscribers/stuck_cut"), 3);
    assert_eq!(count(&report, "/subscribers/lost"), 0);
}

#[test]
fn slow_subscribers_are_reported_apart_and_fail_nothing() {
    let plan = |subscriber, event| match (subscriber, event) {
        (20, 0) => Plan::Skip,
        (21, 5) => Plan::Close,
        _ => Plan::Send,
    };
    let (code, report, _) =
        load(fake::start(Faults { plan, ..SOUND }), "--slow 3 --slow-rate 1000");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/subscribers/connected"), 20);
    assert_eq!(count(&report, "/subscribers/slow"), 3);
    assert_eq!(count(&report, "/deliveries/all"), 1_000);
    // A thousand bytes a second are at most a few of the 150 events.
    let slow = |field: &str| count(&report, &format!("/slow/{field}"));
    assert_eq!(slow("delivered") + slow("skipped") + slow("behind"), 150, "{report}");
    assert!(slow("behind") > 0, "{report}");
    assert_eq!((slow("out_of_order"), slow("duplicates")), (0, 0));
}

#[test]
fn without_slow_ones_churn_or_storm_the_report_has_none() {
    let (_, report, _) = load(fake::start(SOUND), "");
    for part in ["slow", "churn", "storm"] {
        assert!(report[part].is_null(), "{part}: {report}");
    }
}

#[test]
fn churn_loses_nothing_on_a_sound_server() {
    let (code, report, _) = load(fake::start(SOUND), "--duration 0.5 --churn 100 --settle 30");
    assert_eq!(code, 0, "{report}");
    let left = count(&report, "/churn/left");
    assert!((49..=50).contains(&left), "{report}");
    assert_eq!(count(&report, "/churn/came"), left);
    assert_eq!(count(&report, "/churn/refused"), 0);
    assert_eq!(count(&report, "/subscribers/connected"), 20);
}

#[test]
fn what_is_withheld_from_those_that_come_is_lost() {
    let plan = |subscriber, event| match (subscriber, event % 2) {
        (20.., 0) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "--duration 1 --churn 100");
    assert_eq!(code, 1, "{report}");
    assert!(count(&report, "/deliveries/lost") > 0, "{report}");
    assert_eq!(count(&report, "/subscribers/lost"), 0);
}

#[test]
fn those_that_come_and_are_refused_fail_the_run() {
    let subscribe = |subscriber| if (30..33).contains(&subscriber) { 503 } else { 200 };
    let faults = Faults { subscribe, ..SOUND };
    let (code, report, errors) =
        load(fake::start(faults), "--duration 0.5 --churn 100 --settle 30");
    assert_eq!((code, count(&report, "/churn/refused")), (1, 3), "{report}");
    assert!(errors.contains("3 subscribers that came were refused"), "{errors}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn after_a_storm_all_are_back_and_nothing_is_lost() {
    let (code, report, _) =
        load(fake::start(SOUND), "--duration 0.6 --storm 15 --storm-within 0.1");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/storm/dropped"), 15);
    assert_eq!(count(&report, "/storm/back"), 15);
    assert_eq!(count(&report, "/storm/refusals"), 0);
    assert!(count(&report, "/storm/back_us/p50") <= count(&report, "/storm/back_us/max"));
    assert!(report["storm"]["took_s"].as_f64().is_some_and(|took| took > 0.0), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn who_is_refused_in_a_storm_returns_again() {
    let subscribe = |subscriber| if (20..25).contains(&subscriber) { 503 } else { 200 };
    let faults = Faults { subscribe, ..SOUND };
    let (code, report, _) =
        load(fake::start(faults), "--duration 0.6 --storm 15 --storm-within 0.1");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/storm/refusals"), 5);
    assert_eq!(count(&report, "/storm/back"), 15);
}

#[test]
fn who_returns_brings_its_last_id_and_a_replay_leaves_nothing_missed() {
    let faults = Faults { replay: true, ..SOUND };
    let (code, report, _) =
        load(fake::start(faults), "--duration 0.6 --storm 20 --storm-within 0.1");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/storm/missed_while_away"), 0);
    for fault in ["lost", "out_of_order", "duplicates", "ids_skipped"] {
        assert_eq!(count(&report, &format!("/deliveries/{fault}")), 0, "{fault}: {report}");
    }
    // Every event came to everyone, whoever was away.
    assert_eq!(count(&report, "/deliveries/all"), 20 * count(&report, "/published/events"));
}

#[test]
fn what_is_withheld_from_those_that_return_is_lost() {
    let plan = |subscriber, event| match (subscriber, event % 2) {
        (20.., 0) => Plan::Skip,
        _ => Plan::Send,
    };
    let faults = Faults { plan, ..SOUND };
    let (code, report, _) = load(fake::start(faults), "--duration 2 --storm 15 --storm-within 0.1");
    assert_eq!(code, 1, "{report}");
    assert!(count(&report, "/deliveries/lost") > 0, "{report}");
    assert_eq!(count(&report, "/storm/back"), 15);
}
