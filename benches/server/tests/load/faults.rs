//! Servers that are faulty on purpose: the load has to notice each fault, and nothing else.

use crate::fake::{self, Faults, Plan, SOUND};
use crate::{bench_server, count, load};
use serde_json::Value;
use std::time::Duration;

#[test]
fn one_lost_delivery_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, errors) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, errors.as_str()), (1, "bench-server: 1 of 1,000 deliveries lost\n"));
    assert_eq!(count(&report, "/deliveries/lost"), 1);
    assert_eq!(count(&report, "/deliveries/ids_skipped"), 1);
}

#[test]
fn the_last_event_lost_is_noticed_too() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 49) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/lost")), (1, 1));
}

#[test]
fn one_event_out_of_order_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Later,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/out_of_order")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
    assert_eq!(count(&report, "/deliveries/duplicates"), 0);
}

#[test]
fn one_duplicate_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Twice,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/duplicates")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_subscriber_that_is_cut_off_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 40..) => Plan::Close,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/subscribers/lost")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 10);
}

#[test]
fn a_refused_subscriber_fails_the_run_and_the_others_are_measured() {
    let subscribe = |subscriber| if subscriber == 3 { 503 } else { 200 };
    let (code, report, errors) = load(fake::start(Faults { subscribe, ..SOUND }), "");
    assert_eq!(code, 1, "{report}");
    assert_eq!(errors, "bench-server: 1 subscribers refused (answered with status 503)\n");
    assert_eq!(count(&report, "/subscribers/connected"), 19);
    assert_eq!(count(&report, "/deliveries/all"), 950);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_refused_publish_is_not_counted_as_lost() {
    let status = |publish| if publish == 20 { 503 } else { 200 };
    let (code, report, errors) = load(fake::start(Faults { status, ..SOUND }), "");
    assert_eq!((code, errors.as_str()), (1, "bench-server: 1 publishes refused (503)\n"));
    assert_eq!(count(&report, "/published/events"), 49);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_subscriber_that_is_forgotten_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 40..) => Plan::Forget,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/subscribers/lost")), (1, 0), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 10);
}

/// The trap of measuring from when an event was sent: a server that stands still would hold up the
/// events after it, too, and each of them would seem fast.
#[test]
fn a_server_that_stands_still_delays_every_event_due_meanwhile() {
    const STILL: Duration = Duration::from_millis(400);
    let pause = |event| if event == 20 { STILL } else { Duration::ZERO };
    let (code, report, _) = load(fake::start(Faults { pause, ..SOUND }), "");
    assert_eq!(code, 0, "{report}");
    // The last of the 30 events from there on is due 116 ms after the first; they are three
    // quarters of those measured.
    let least = STILL.as_micros() - 120_000;
    assert!(u128::from(count(&report, "/latency_us/p50")) >= least, "{report}");
}

#[test]
fn events_lost_are_noticed_by_bytes_where_they_are_not_decoded() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) | (8, 10..13) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, errors) = load(fake::start(Faults { plan, ..SOUND }), "--decode-every 20");
    assert_eq!((code, errors.as_str()), (1, "bench-server: 4 of 1,000 deliveries lost\n"));
    assert_eq!(count(&report, "/deliveries/all"), 996);
    assert!(count(&report, "/deliveries/known_by_bytes") >= 19 * 50 - 4, "{report}");
}

/// It would draw the run out otherwise, for as long as it takes.
#[test]
fn a_server_that_takes_too_little_ends_the_publishing() {
    let addr = fake::start(Faults { pause: |_| Duration::from_millis(20), ..SOUND });
    let output = bench_server(&format!(
        "load --addr {addr} --subscribers 1 --rate 2000 --size 16384 --duration 5 --warmup 0 \
         --settle 1 --json"
    ));
    let report: Value = serde_json::from_slice(&output.stdout).expect("valid JSON");
    assert_eq!(output.status.code(), Some(1), "{report}");
    let (sent, unsent) = (count(&report, "/published/sent"), count(&report, "/published/unsent"));
    assert_eq!(sent + unsent, 10_000, "{report}");
    assert!(unsent > 0, "{report}");
    assert_eq!(count(&report, "/published/events"), sent);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
    let failure = report["failure"].as_str().expect("a failure");
    assert!(failure.ends_with("events never published, too far behind the schedule"), "{failure}");
}

#[test]
fn a_server_that_refuses_publishes_and_streams_at_once_is_accused_of_both() {
    let (status, subscribe) = (
        |publish| if publish == 20 { 503 } else { 200 },
        |subscriber| if subscriber == 3 { 503 } else { 200 },
    );
    let (code, report, errors) = load(fake::start(Faults { status, subscribe, ..SOUND }), "");
    assert_eq!(code, 1, "{report}");
    assert_eq!(
        errors,
        "bench-server: 1 subscribers refused (answered with status 503), 1 publishes refused (503)\n"
    );
}
