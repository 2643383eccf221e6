//! Verdicts by made-up reports, and the tables that they stand in.

use super::*;
use headwater_peers::slice::Slice;
use serde_json::json;

const FLAT: Question = Question::Flat { connections: 64, depth: 1 };

fn slice(per_s: f64, cpu_us: f64, limit: bool) -> Slice {
    let report = json!({
        "load_was_the_limit": limit,
        "per_s": per_s,
        "latency_us": { "p50": null },
        "server": { "cpu_us_each": cpu_us, "cpu_percent": 86.0 },
        "client": { "cpu_percent": 99.0 },
    });
    Slice::new(report, 15.0)
}

fn spread([least, median, greatest]: [f64; 3]) -> Spread {
    Spread { median, least, greatest }
}

fn pair(limit: bool) -> Pair {
    let mut pair = Pair::new("wrk".to_owned(), "ask".to_owned(), measures(FLAT));
    let theirs = || slice(200_000.0, 4.0, limit);
    pair.add(theirs(), slice(300_000.0, 3.8, false), theirs());
    pair
}

#[test]
fn ten_percent_more_or_less_agree_and_more_does_not() {
    for (ratio, verdict) in [
        ([0.8, 0.905, 1.3], Verdict::Agrees),
        ([1.0, 1.095, 1.1], Verdict::Agrees),
        ([0.8, 0.895, 0.899], Verdict::Differs),
        ([0.8, 0.895, 0.901], Verdict::Unsettled),
        ([1.101, 1.105, 1.2], Verdict::Differs),
        ([1.099, 1.105, 1.2], Verdict::Unsettled),
    ] {
        assert_eq!(Verdict::of(spread(ratio), None), verdict, "{ratio:?}");
    }
    let limit = Some(Verdict::OwnLimit("wrk"));
    assert_eq!(Verdict::of(spread([0.9, 1.5, 1.6]), limit), Verdict::OwnLimit("wrk"));
    assert_eq!(Verdict::of(spread([0.9, 1.05, 1.6]), limit), Verdict::Agrees);
}

#[test]
fn a_table_has_what_both_report_and_a_verdict_for_each_figure() {
    let (text, verdicts) = table(FLAT, &pair(false));
    let row = "| requests, k/s | 300.000 | 200.000 | 1.500 (1.50 … 1.50) | 1.000 (1.00 … 1.00) \
               | **differs** |";
    assert!(text.contains(row), "{text}");
    assert!(!text.contains("p50"), "wrk does not time it: {text}");
    assert!(text.ends_with(
        "| load, % of its core | 99.000 | 99.000 | 1.000 (1.00 … 1.00) | 1.000 (1.00 … 1.00) |  |"
    ));
    assert_eq!(verdicts, [Verdict::Differs, Verdict::Agrees]);
}

#[test]
fn a_load_that_was_its_own_limit_is_not_compared() {
    let (text, verdicts) = table(FLAT, &pair(true));
    assert_eq!(verdicts, [Verdict::OwnLimit("wrk"), Verdict::Agrees]);
    assert!(text.contains("| wrk was its own limit: not comparable |"), "{text}");
    let expected = "Of 2 figures, 1 agree within 10 %, 0 in some slices only, 1 cannot be compared, \
                    0 are not reported, 0 differ.";
    assert_eq!(summary(&verdicts), expected);
}

#[test]
fn what_others_disturbed_is_not_said_to_differ() {
    let mut pair = Pair::new("wrk".to_owned(), "ask".to_owned(), measures(FLAT));
    let quiet = || slice(200_000.0, 4.0, true);
    let report = json!({
        "per_s": 3e5,
        "server": { "cpu_us_each": 4.0 },
        "others": { "cpu_percent": 99.0 },
    });
    let disturbed = Slice::new(report, 15.0);
    pair.add(quiet(), disturbed, quiet());
    let (text, verdicts) = table(FLAT, &pair);
    assert_eq!(verdicts, [Verdict::Disturbed, Verdict::Agrees], "{text}");
    assert!(text.ends_with("- WARNING ask: 1 of 1 slices were disturbed by others"), "{text}");
}

#[test]
fn a_load_that_was_its_own_limit_excuses_only_that_ours_is_better() {
    use Verdict::{Differs, OwnLimit};
    let verdicts = |limits: [bool; 2], per_s: f64, cpu_us: f64| {
        let mut pair = Pair::new("wrk".to_owned(), "ask".to_owned(), measures(FLAT));
        let theirs = || slice(200_000.0, 4.0, limits[0]);
        pair.add(theirs(), slice(per_s, cpu_us, limits[1]), theirs());
        table(FLAT, &pair).1
    };
    let theirs = [true, false];
    assert_eq!(verdicts(theirs, 300_000.0, 3.0), [OwnLimit("wrk"), OwnLimit("wrk")]);
    assert_eq!(verdicts(theirs, 100_000.0, 5.0), [Differs, Differs]);
    assert_eq!(verdicts([false, true], 100_000.0, 5.0), [Differs, Differs], "ours is no excuse");
    assert_eq!(verdicts([false, true], 300_000.0, 3.0), [Differs, Differs]);
}

#[test]
fn a_figure_that_one_side_does_not_report_is_missed() {
    use Verdict::{Agrees, NotReported};
    let whole = json!({
        "per_s": 1_000.0,
        "latency_us": { "p50": 50.0, "p99": 90.0 },
        "server": { "cpu_us_each": 3.5 },
    });
    let verdicts = |question, theirs: &str, ours: &str| {
        let without = |pointer: &str| {
            let mut report = whole.clone();
            if let Some(figure) = report.pointer_mut(pointer) {
                *figure = json!(null);
            }
            Slice::new(report, 15.0)
        };
        let mut pair = Pair::new(String::new(), String::new(), measures(question));
        pair.add(without(theirs), without(ours), without(theirs));
        table(question, &pair)
    };
    let paced = Question::Paced { connections: 1, rate: 100 };
    let (text, all) = verdicts(paced, "none", "none");
    assert_eq!(all, [Agrees; 4], "{text}");
    let (text, all) = verdicts(paced, "none", "/latency_us/p99");
    assert_eq!(all, [Agrees, Agrees, NotReported, Agrees]);
    assert!(text.contains("| p99, µs | – | 90.000 | – | 1.000 (1.00 … 1.00) | **not reported** |"));
    assert!(summary(&all).contains(" 0 cannot be compared, 1 are not reported, 0 differ."));
    assert_eq!(verdicts(paced, "/per_s", "none").1, [NotReported, Agrees, Agrees, Agrees]);
    assert_eq!(verdicts(FLAT, "none", "/server/cpu_us_each").1[3], NotReported);
    assert_eq!(verdicts(FLAT, "/latency_us/p50", "none").1, [Agrees; 3], "wrk times nothing");
}

#[test]
fn latencies_of_a_load_that_reads_slowly_are_its_own_where_many_wait() {
    use Verdict::{Agrees, Differs, OurLatency, OwnLatency};
    let slice = |p50: f64, own_us: f64| {
        let report = json!({
            "per_s": 1_000.0,
            "latency_us": { "p50": p50, "p99": p50 },
            "server": { "cpu_us_each": 3.5 },
            "client": { "cpu_us_each": own_us },
        });
        Slice::new(report, 15.0)
    };
    let verdicts = |subscribers, theirs: (f64, f64), ours: (f64, f64)| {
        let question = Question::Events { subscribers, rate: 10 };
        let mut pair = Pair::new(String::new(), String::new(), measures(question));
        let [theirs, ours] = [theirs, ours].map(|(p50, own_us)| slice(p50, own_us));
        pair.add(theirs.clone(), ours, theirs);
        let [Agrees, p50, p99, Agrees] = table(question, &pair).1[..] else {
            panic!("others differ")
        };
        assert_eq!(p50, p99);
        p50
    };
    let (slow, quick) = (4.0, 3.0);
    assert_eq!(verdicts(100, (500.0, slow), (400.0, quick)), OwnLatency("witness"));
    assert_eq!(verdicts(100, (400.0, slow), (500.0, quick)), Differs, "theirs is slow, not ours");
    assert_eq!(verdicts(100, (400.0, quick), (500.0, slow)), OurLatency("load"));
    assert_eq!(verdicts(100, (500.0, quick), (400.0, slow)), Differs, "ours is slow, not theirs");
    assert_eq!(verdicts(100, (500.0, quick), (400.0, quick)), Differs);
    assert_eq!(verdicts(1, (500.0, slow), (400.0, quick)), Differs);
    let said = OurLatency("load").to_string();
    assert!(said.starts_with("our load reads more slowly than the server sends"), "{said}");
}
