//! Whether figures agree, and the tables that say so, in Markdown.

use std::fmt::{self, Write};

use headwater_peers::table::{Measure, Number, Pair, measure, or_dash};

use crate::generator::Generator;
use crate::question::Question;

/// What figures may differ by.
const WITHIN: f64 = 0.1;

/// What is compared of requests, where both time it.
const REQUESTS: &[Measure] = &[
    measure("requests, k/s", "/per_s", 1e-3),
    measure("p50, µs", "/latency_us/p50", 1.0),
    measure("p99, µs", "/latency_us/p99", 1.0),
    measure("server's CPU per request, µs", "/server/cpu_us_each", 1.0),
    SERVER_SHARE,
    OWN_SHARE,
];

/// What is compared of events.
const EVENTS: &[Measure] = &[
    measure("deliveries, k/s", "/per_s", 1e-3),
    measure("p50, µs", "/latency_us/p50", 1.0),
    measure("p99, µs", "/latency_us/p99", 1.0),
    measure("server's CPU per delivery, µs", "/server/cpu_us_each", 1.0),
    SERVER_SHARE,
    OWN_SHARE,
];

/// The last two say what the others are worth; by themselves they are no figures of the server.
const SERVER_SHARE: Measure = measure("server, % of its core", "/server/cpu_percent", 1.0);
const OWN_SHARE: Measure = measure("load, % of its core", "/client/cpu_percent", 1.0);
const SHARES: usize = 2;

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
    /// One of the loads filled its core, or fell behind its schedule, while the server was not full.
    NotComparable(&'static str),
    Differs,
}

impl Verdict {
    fn of(ratio: f64, limited: Option<&'static str>) -> Self {
        match limited {
            _ if (ratio - 1.0).abs() <= WITHIN => Self::Agrees,
            Some(name) => Self::NotComparable(name),
            None => Self::Differs,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees => out.write_str("agrees within 10 %"),
            Self::NotComparable(name) => write!(out, "{name} was its own limit: not comparable"),
            Self::Differs => out.write_str("**differs**"),
        }
    }
}

/// The table of a question, and the verdicts in it.
pub(crate) fn table(question: Question, pair: &Pair) -> (String, Vec<Verdict>) {
    let [theirs, ours] = question.generators().map(Generator::name);
    let limited = match pair.limited_by_load() {
        [true, _] => Some(theirs),
        [_, true] => Some(ours),
        _ => None,
    };
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
        let judged = ratio.filter(|_| at < measures.len() - SHARES);
        let verdict = judged.map(|ratio| Verdict::of(ratio.median, limited));
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
    format!(
        "Of {} figures, {} agree within 10 %, {} cannot be compared, {} differ.",
        verdicts.len(),
        count(|verdict| *verdict == Verdict::Agrees),
        count(|verdict| matches!(verdict, Verdict::NotComparable(_))),
        count(|verdict| *verdict == Verdict::Differs),
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

    fn pair(limit: bool) -> Pair {
        let mut pair = Pair::new("wrk".to_owned(), "ask".to_owned(), measures(FLAT));
        let theirs = || slice(200_000.0, 4.0, limit);
        pair.add(theirs(), slice(300_000.0, 3.8, false), theirs());
        pair
    }

    #[test]
    fn ten_percent_more_or_less_agree_and_more_does_not() {
        for (ratio, verdict) in [
            (0.905, Verdict::Agrees),
            (1.095, Verdict::Agrees),
            (0.895, Verdict::Differs),
            (1.105, Verdict::Differs),
        ] {
            assert_eq!(Verdict::of(ratio, None), verdict, "{ratio}");
        }
        assert_eq!(Verdict::of(1.5, Some("wrk")), Verdict::NotComparable("wrk"));
        assert_eq!(Verdict::of(1.05, Some("wrk")), Verdict::Agrees);
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
        assert_eq!(verdicts, [Verdict::NotComparable("wrk"), Verdict::Agrees]);
        assert!(text.contains("| wrk was its own limit: not comparable |"), "{text}");
        let expected = "Of 2 figures, 1 agree within 10 %, 1 cannot be compared, 0 differ.";
        assert_eq!(summary(&verdicts), expected);
    }
}
