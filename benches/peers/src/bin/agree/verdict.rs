//! Whether figures agree, and the tables that say so, in Markdown.

use std::fmt::{self, Write};

use headwater_peers::table::{Measure, Number, Pair, Spread, measure, or_dash};

use crate::generator::Generator;
use crate::question::Question;

/// What figures may differ by.
const WITHIN: f64 = 0.1;

/// What is compared of requests.
const REQUESTS: &[Measure] = &[
    measure("requests, k/s", PER_S, 1e-3),
    P50,
    P99,
    measure("server's CPU per request, µs", SERVER_EACH, 1.0),
    SERVER_SHARE,
    measure("load's CPU per request, µs", OWN_EACH, 1.0),
    OWN_SHARE,
];

/// What is compared of events.
const EVENTS: &[Measure] = &[
    measure("deliveries, k/s", PER_S, 1e-3),
    P50,
    P99,
    measure("server's CPU per delivery, µs", SERVER_EACH, 1.0),
    SERVER_SHARE,
    measure("load's CPU per delivery, µs", OWN_EACH, 1.0),
    OWN_SHARE,
];

const P50: Measure = measure("p50, µs", "/latency_us/p50", 1.0);
const P99: Measure = measure("p99, µs", "/latency_us/p99", 1.0);
const PER_S: &str = "/per_s";
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

/// Whether both have to report this.
fn is_due(question: Question, measure: &Measure) -> bool {
    [PER_S, SERVER_EACH].contains(&measure.pointer) || is_latency(measure) && question.is_paced()
}

fn is_latency(measure: &Measure) -> bool {
    [P50.pointer, P99.pointer].contains(&measure.pointer)
}

/// Of one figure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Agrees,
    /// The other load filled its core, or fell behind its schedule, while the server was not full: that ours
    /// looks better says nothing.
    OwnLimit(&'static str),
    /// Most slices of one of the loads were disturbed.
    Disturbed,
    /// The other load's latency, which is the higher, is how fast it reads.
    OwnLatency(&'static str),
    /// Ours is.
    OurLatency(&'static str),
    /// One of the two does not say it, or nothing that can be compared.
    NotReported,
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
            Self::OurLatency(name) => write!(
                out,
                "our {name} reads more slowly than the server sends: its latencies are the reader's"
            ),
            Self::NotReported => out.write_str("**not reported**"),
            Self::Unsettled => out.write_str("in some slices within 10 %, in others not"),
            Self::Differs => out.write_str("**differs**"),
        }
    }
}

/// What may be the reason that figures of a question differ. None but disturbance is one in both directions:
/// a load that cannot do more makes its own figures worse, never those of the other.
struct Excuses {
    names: [&'static str; 2],
    disturbed: bool,
    /// The other load was its own limit. That ours was excuses nothing.
    limited: bool,
    /// Theirs, ours: takes longer to read an event than the server to send it, where many have it sent at
    /// once: what waits then, waits to be read.
    slow: [bool; 2],
}

impl Excuses {
    fn of(question: Question, pair: &Pair) -> Self {
        let medians = |pointer| pair.medians(&measure("", pointer, 1.0));
        let (own, server) = (medians(OWN_EACH), medians(SERVER_EACH));
        Self {
            names: question.generators().map(Generator::name),
            disturbed: pair.disturbed().contains(&true),
            limited: pair.limited_by_load()[0],
            slow: [0, 1].map(|at| question.is_fan_out() && own[at] > server[at]),
        }
    }

    /// The one for a figure whose ratio, ours over theirs, is this.
    fn why(&self, measure: &Measure, ratio: Spread) -> Option<Verdict> {
        let ([theirs, ours], [they_are_slow, we_are_slow]) = (self.names, self.slow);
        let ours_is_higher = ratio.median > 1.0;
        let ours_is_better = ours_is_higher == (measure.pointer == PER_S);
        let latency = is_latency(measure);
        if self.disturbed {
            return Some(Verdict::Disturbed);
        }
        if self.limited && ours_is_better {
            return Some(Verdict::OwnLimit(theirs));
        }
        if latency && they_are_slow && !ours_is_higher {
            return Some(Verdict::OwnLatency(theirs));
        }
        (latency && we_are_slow && ours_is_higher).then_some(Verdict::OurLatency(ours))
    }
}

/// The table of a question, and the verdicts in it.
pub(crate) fn table(question: Question, pair: &Pair) -> (String, Vec<Verdict>) {
    let [theirs, ours] = question.generators().map(Generator::name);
    let excuses = Excuses::of(question, pair);
    let mut text = format!(
        "## {question}\n\n| | {ours} | {theirs} | {ours} / {theirs} | {theirs} against itself | |\n\
         |---|---|---|---|---|---|\n"
    );
    let mut verdicts = Vec::new();
    let measures = measures(question);
    for (at, measure) in measures.iter().enumerate() {
        let (medians, is_due) = (pair.medians(measure), is_due(question, measure));
        if medians.contains(&None) && !is_due {
            continue;
        }
        let [their_median, our_median] = medians.map(|value| or_dash(value.map(Number)));
        let [ratio, noise] = pair.ratios(measure);
        let judged = ratio.filter(|_| at < measures.len() - OF_LOADS);
        let verdict = judged
            .map(|ratio| Verdict::of(ratio, excuses.why(measure, ratio)))
            .or(is_due.then_some(Verdict::NotReported));
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
    let count = |is: Verdict| verdicts.iter().filter(|verdict| **verdict == is).count();
    let agree = count(Verdict::Agrees);
    let differ = count(Verdict::Differs);
    let unsettled = count(Verdict::Unsettled);
    let missing = count(Verdict::NotReported);
    let all = verdicts.len();
    format!(
        "Of {all} figures, {agree} agree within 10 %, {unsettled} in some slices only, {} cannot be \
         compared, {missing} are not reported, {differ} differ.",
        all - agree - unsettled - missing - differ
    )
}

#[cfg(test)]
mod tests;
