//! Several rates, one after the other.

use crate::fake::{self, Faults, Plan, SOUND};
use crate::{bench_server, count};
use serde_json::Value;

fn climb(faults: Faults, flags: &str) -> (i32, String, String) {
    let output = bench_server(&format!(
        "load --addr {} --subscribers 20 --ladder 100,200 --duration 0.2 --warmup 0 --settle 2 {flags}",
        fake::start(faults)
    ));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code().expect("the process ends by itself"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn report(out: &str) -> Value {
    serde_json::from_str(out).expect("valid JSON")
}

#[test]
fn each_rate_has_a_report_of_its_own() {
    let (code, out, errors) = climb(SOUND, "--json");
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let report = report(&out);
    assert_eq!(report["steps"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(count(&report, "/steps/0/deliveries/all"), 20 * 20);
    assert_eq!(count(&report, "/steps/1/deliveries/all"), 20 * 40);
    assert_eq!(report["steps"][0]["asked"]["rate"], 100.0);
    assert!(report["best"]["delivered_per_s"].as_f64().is_some_and(|rate| rate > 0.0));
}

#[test]
fn a_step_that_loses_one_in_a_hundred_is_not_reached() {
    // The subscribers of the second step are others.
    let plan = |subscriber, event| match (subscriber, event) {
        (20..28, 30) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, out, _) = climb(Faults { plan, ..SOUND }, "--json");
    let report = report(&out);
    assert_eq!((code, count(&report, "/steps/1/deliveries/lost")), (0, 8), "{report}");
    assert_eq!(report["best"]["offered_per_s"], 100.0, "{report}");

    let plan = |subscriber, event| match (subscriber, event) {
        (20..27, 30) => Plan::Skip,
        _ => Plan::Send,
    };
    let (_, out, _) = climb(Faults { plan, ..SOUND }, "--json");
    let losses = self::report(&out)["steps"][1]["deliveries"]["lost_percent"].as_f64();
    assert!(losses.is_some_and(|percent| percent < 1.0), "{out}");
}

#[test]
fn a_step_that_mixes_events_up_fails_the_ladder() {
    let plan = |subscriber, event| match (subscriber, event) {
        (30, 25) => Plan::Later,
        _ => Plan::Send,
    };
    let (code, out, errors) = climb(Faults { plan, ..SOUND }, "--json");
    assert_eq!((code, report(&out)["ok"].as_bool()), (1, Some(false)), "{out}");
    assert_eq!(errors, "bench-server: at 200 events/s: 1 out of order\n");
}

#[test]
fn the_table_has_a_line_for_each_rate_and_the_best() {
    let (code, out, _) = climb(SOUND, "");
    assert_eq!(code, 0, "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("offered/s") && lines[0].contains("p99"), "{out}");
    assert!(lines[1].trim_start().starts_with("100 "), "{out}");
    assert!(lines[2].trim_start().starts_with("200 "), "{out}");
    assert!(lines[4].starts_with("most with under 1 % lost: "), "{out}");
}
