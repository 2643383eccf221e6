//! The three questions that people bring, answered from the figures in plain words. Where it is said is
//! left to `html` and `markdown`.

use std::cmp::Ordering;

use super::figures::{bytes, nanos, per_second, percent, whole};
use super::model::{ContestantKind, Group, Report, Row, Scenario, Spread};
use super::verdict::{Measure, Standing, ranked, standing};

mod behind;
mod core;
mod engine;
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use behind::{Behind, behind};

/// What is said of servers between which the run saw no difference.
pub(crate) const SAME: &str = "no difference that this run could tell apart";

/// One question with its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) question: &'static str,
    /// A name or a figure.
    pub(crate) headline: String,
    /// What the headline means, in a sentence.
    pub(crate) sentence: String,
    /// What else bears on it: of what, and the figure.
    pub(crate) facts: Vec<(String, String)>,
}

/// The answers in the order in which they are read.
pub(crate) fn answers(report: &Report) -> [Answer; 3] {
    [engine::answer(report), core::answer(report), subscriber::answer(report)]
}

impl Report {
    fn is_engine(&self, name: &str) -> bool {
        self.servers
            .iter()
            .any(|server| server.name == name && server.kind == ContestantKind::Engine)
    }

    fn scenarios_of(&self, group: Group) -> impl Iterator<Item = &Scenario> {
        self.scenarios.iter().filter(move |scenario| scenario.group == group)
    }

    /// The fan-out that stands for the others: about 1,000 subscribers, small events, and flat out or
    /// about 100 events per second.
    fn usual_fan_out(&self, flat_out: bool) -> Option<&Scenario> {
        self.scenarios_of(Group::FanOut)
            .filter(|scenario| scenario.rate.is_none() == flat_out)
            .filter(|scenario| scenario.rows.iter().any(|row| row.failed.is_none()))
            .min_by(|a, b| farness(a).partial_cmp(&farness(b)).unwrap_or(Ordering::Equal))
    }

    fn engines<'s>(&self, scenario: &'s Scenario, measure: Measure) -> Vec<(&'s Row, Spread)> {
        ranked(scenario, measure, |name| self.is_engine(name))
    }
}

/// How far a fan-out is from the usual one: in subscribers, bytes and rate.
pub(crate) fn farness(scenario: &Scenario) -> (f64, usize, f64) {
    let from = |value: f64, usual: f64| (value.max(f64::MIN_POSITIVE) / usual).ln().abs();
    (
        scenario.subscribers.map_or(f64::MAX, |count| from(as_float(count), 1_000.0)),
        scenario.event_bytes.unwrap_or(usize::MAX),
        scenario.rate.map_or(0.0, |rate| from(rate, 100.0)),
    )
}

/// The names of the rows that are as good as the first, which is the best.
fn equals<'s>(scenario: &Scenario, measure: Measure, rows: &[(&'s Row, Spread)]) -> Vec<&'s str> {
    let Some((best, _)) = rows.first() else { return Vec::new() };
    rows.iter()
        .filter(|(row, _)| {
            row.server == best.server
                || standing(scenario, measure, row, best) == Some(Standing::Same)
        })
        .map(|(row, _)| row.server.as_str())
        .collect()
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str], last: &str) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., name] => format!("{} {last} {name}", first.join(", ")),
    }
}

/// `1,000 subscribers, 100/s each, 128 B`.
fn circumstances(scenario: &Scenario) -> String {
    let subscribers = scenario.subscribers.map(|count| match count {
        1 => "1 subscriber".to_owned(),
        count => format!("{} subscribers", whole(count)),
    });
    let rate = match scenario.rate {
        Some(1.0) => "1 event/s".to_owned(),
        Some(rate) => format!("{} events/s", round(rate)),
        None => "flat out".to_owned(),
    };
    let size = scenario.event_bytes.map(|size| format!("{} B", whole(size)));
    subscribers.into_iter().chain([rate]).chain(size).collect::<Vec<_>>().join(", ")
}

/// A figure that the load was told, as it was told.
fn round(value: f64) -> String {
    if value.fract() == 0.0 && (1.0..1e9).contains(&value) {
        format!("{value:.0}")
    } else {
        super::figures::count(value)
    }
}

/// A row's figure by a measure, with its sign and unit.
fn figure(row: &Row, spread: Spread, measure: Measure) -> String {
    let figure = match measure {
        Measure::Throughput => at_least(row, per_second(spread.median)),
        Measure::Cpu | Measure::P50 | Measure::P99 => nanos(spread.median),
        Measure::Memory => bytes(spread.median),
    };
    disturbed(row, figure)
}

/// With a sign where others used the machine.
fn disturbed(row: &Row, figure: String) -> String {
    if row.disturbed { format!("{figure}\u{a0}†") } else { figure }
}

/// With a sign where the server may be capable of more.
fn at_least(row: &Row, figure: String) -> String {
    if row.load_was_the_limit { format!("≥\u{a0}{figure}") } else { figure }
}

#[allow(clippy::cast_precision_loss, reason = "counts of subscribers are far below 2^53")]
fn as_float(count: usize) -> f64 {
    count as f64
}
