//! Whether figures agree, and the tables that say so, in Markdown.

use std::fmt::{self, Write};

use headwater_peers::table::{Measure, Number, Pair, Spread, measure, or_dash};

use crate::generator::Generator;
use crate::question::Question;

/// What figures may differ by.
const WITHIN: f64 = 0.1;

/// What is compared of requests.
const REQUESTS: &[Measure] = &[
    measure("requests, k/s", "/per_s", 1e-3),
    P50,
    P99,
    measure("server's CPU per request, µs", SERVER_EACH, 1.0),
    SERVER_SHARE,
    measure("load's CPU per request, µs", OWN_EACH, 1.0),
    OWN_SHARE,
];

/// What is compared of events.
const EVENTS: &[Measure] = &[
    measure("deliveries, k/s", "/per_s", 1e-3),
    P50,
    P99,
    measure("server's CPU per delivery, µs", SERVER_EACH, 1.0),
    SERVER_SHARE,
    measure("load's CPU per delivery, µs", OWN_EACH, 1.0),
    OWN_SHARE,
];

const P50: Measure = measure("p50, µs", "/latency_us/p50", 1.0);
const P99: Measure = measure("p99, µs", "/latency_us/p99", 1.0);
const SERVER_EACH: &str = "/server/cpu_us_each";
const OWN_EACH: &str = "/client/cpu_us_each";

/// The last three say what the others are worth; by themselves they are no figures of the server.
const SERVER_SHARE: Measure = measure("server, % of its core", "/server/cpu_percent", 1.0);
const OWN_SHARE: Measure = measure("load, % of its core", "/client/cpu_percent", 1.0);
const OF_LOADS: usize = 3;

/// What is compared.
pub(crate) fn measures(question: Question) -> &'static [Measure] {
    match question {
        Question::Events { .. } => EVENTS,
        _ => REQUESTS,
    }
}

/// Of one figure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Agrees,
    /// This load filled its core, or fell behind its schedule, while the server was not full.
    OwnLimit(&'static str),
    /// Most slices of one of the loads were disturbed.
    Disturbed,
    /// The latency is how fast this load reads.
    OwnLatency(&'static str),
    /// Beyond what it may differ by, but not in all slices.
    Unsettled,
    Differs,
}

impl Verdict {
    fn of(ratio: Spread, why_not: Option<Self>) -> Self {
        if (ratio.median - 1.0).abs() <= WITHIN {
            return Self::Agrees;
        }
        let in_some = ratio.least <= 1.0 + WITHIN && ratio.greatest >= 1.0 - WITHIN;
        why_not.unwrap_or(if in_some { Self::Unsettled } else { Self::Differs })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees => out.write_str("agrees within 10 %"),
            Self::OwnLimit(name) => write!(out, "{name} was its own limit: not comparable"),
            Self::Disturbed => out.write_str("others disturbed it: not comparable"),
            Self::OwnLatency(name) => {
                write!(out, "{name} reads more slowly than the server sends: not comparable")
            }
            Self::Unsettled => out.write_str("in some slices within 10 %, in others not"),
            Self::Differs => out.write_str("**differs**"),
        }
    }
}

/// The first of the two that is so.
fn first_of(names: [&'static str; 2], is: [bool; 2]) -> Option<&'static str> {
    names.into_iter().zip(is).find_map(|(name, is)| is.then_some(name))
}

/// Which of the loads takes longer to read an event than the server to send it, where many have it
/// sent at once: what waits then, waits to be read.
fn reads_slowly(question: Question, pair: &Pair) -> [bool; 2] {
    let medians = |pointer| pair.medians(&measure("", pointer, 1.0));
    let (own, server) = (medians(OWN_EACH), medians(SERVER_EACH));
    [0, 1].map(|at| question.is_fan_out() && own[at] > server[at])
}

/// The table of a question, and the verdicts in it.
pub(crate) fn table(question: Question, pair: &Pair) -> (String, Vec<Verdict>) {
    let names = question.generators().map(Generator::name);
    let [theirs, ours] = names;
    let limited = first_of(names, pair.limited_by_load()).map(Verdict::OwnLimit);
    let disturbed = pair.disturbed().contains(&true).then_some(Verdict::Disturbed);
    let slow = first_of(names, reads_slowly(question, pair)).map(Verdict::OwnLatency);
    let mut text = format!(
        "## {question}\n\n| | {ours} | {theirs} | {ours} / {theirs} | {theirs} against itself | |\n\
         |---|---|---|---|---|---|\n"
    );
    let mut verdicts = Vec::new();
    let measures = measures(question);
    for (at, measure) in measures.iter().enumerate() {
        let medians = pair.medians(measure);
        if medians.contains(&None) {
            continue;
        }
        let [their_median, our_median] = medians.map(|value| or_dash(value.map(Number)));
        let [ratio, noise] = pair.ratios(measure);
        let is_latency = [P50.pointer, P99.pointer].contains(&measure.pointer);
        let why_not = disturbed.or(limited).or(slow.filter(|_| is_latency));
        let judged = ratio.filter(|_| at < measures.len() - OF_LOADS);
        let verdict = judged.map(|ratio| Verdict::of(ratio, why_not));
        verdicts.extend(verdict);
        let verdict = verdict.map_or_else(String::new, |verdict| verdict.to_string());
        // A string takes everything.
        let _ = writeln!(
            text,
            "| {} | {our_median} | {their_median} | {} | {} | {verdict} |",
            measure.name,
            or_dash(ratio),
            or_dash(noise),
        );
    }
    for warning in pair.warnings() {
        let _ = write!(text, "\n- WARNING {warning}");
    }
    (text.trim_end().to_owned(), verdicts)
}

/// How many of each, in a line.
pub(crate) fn summary(verdicts: &[Verdict]) -> String {
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    let agree = count(|verdict| *verdict == Verdict::Agrees);
    let differ = count(|verdict| *verdict == Verdict::Differs);
    let unsettled = count(|verdict| *verdict == Verdict::Unsettled);
    let all = verdicts.len();
    format!(
        "Of {all} figures, {agree} agree within 10 %, {unsettled} in some slices only, {} cannot be \
         compared, {differ} differ.",
        all - agree - unsettled - differ
    )
}

#[cfg(test)]
mod tests {
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
        assert!(text.ends_with("| load, % of its core | 99.000 | 99.000 | 1.000 (1.00 … 1.00) | 1.000 (1.00 … 1.00) |  |"));
        assert_eq!(verdicts, [Verdict::Differs, Verdict::Agrees]);
    }

    #[test]
    fn a_load_that_was_its_own_limit_is_not_compared() {
        let (text, verdicts) = table(FLAT, &pair(true));
        assert_eq!(verdicts, [Verdict::OwnLimit("wrk"), Verdict::Agrees]);
        assert!(text.contains("| wrk was its own limit: not comparable |"), "{text}");
        let expected = "Of 2 figures, 1 agree within 10 %, 0 in some slices only, 1 cannot be compared, 0 differ.";
        assert_eq!(summary(&verdicts), expected);
    }

    #[test]
    fn what_others_disturbed_is_not_said_to_differ() {
        let mut pair = Pair::new("wrk".to_owned(), "ask".to_owned(), measures(FLAT));
        let quiet = || slice(200_000.0, 4.0, true);
        let disturbed =
            Slice::new(json!({ "per_s": 3e5, "others": { "cpu_percent": 99.0 } }), 15.0);
        pair.add(quiet(), disturbed, quiet());
        let (text, verdicts) = table(FLAT, &pair);
        assert_eq!(verdicts, [Verdict::Disturbed], "{text}");
        assert!(text.ends_with("- WARNING ask: 1 of 1 slices were disturbed by others"), "{text}");
    }

    #[test]
    fn latencies_of_a_load_that_reads_slowly_are_its_own_where_many_wait() {
        use Verdict::{Agrees, Differs, OwnLatency};
        let slice = |p50: f64, own_us: f64| {
            let report = json!({
                "per_s": 1_000.0,
                "latency_us": { "p50": p50 },
                "server": { "cpu_us_each": 3.5 },
                "client": { "cpu_us_each": own_us },
            });
            Slice::new(report, 15.0)
        };
        let verdicts = |subscribers, own_us| {
            let question = Question::Events { subscribers, rate: 10 };
            let mut pair = Pair::new(String::new(), String::new(), measures(question));
            pair.add(slice(500.0, own_us), slice(400.0, 3.0), slice(500.0, own_us));
            table(question, &pair).1
        };
        assert_eq!(verdicts(100, 4.0), [Agrees, OwnLatency("witness"), Agrees]);
        assert_eq!(verdicts(100, 3.0), [Agrees, Differs, Agrees]);
        assert_eq!(verdicts(1, 4.0), [Agrees, Differs, Agrees]);
    }
}
