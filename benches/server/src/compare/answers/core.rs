//! What a core carries: events to subscribers flat out, the share of a core at a usual rate, requests.

use super::{Answer, Measure, Report, Scenario};
use super::{circumstances, disturbed, figure, nanos, percent, whole};
use crate::compare::model::{Group, Row, Spread};

pub(super) fn answer(report: &Report) -> Answer {
    let question = "What does a core carry?";
    let (headline, sentence) = most_events(report)
        .unwrap_or_else(|| ("–".to_owned(), "This run measured no fan-out flat out.".to_owned()));
    let own_streams =
        report.scenarios_of(Group::OwnStreams).max_by_key(|scenario| scenario.subscribers);
    let facts = [
        report.usual_fan_out(false).and_then(|scenario| share(report, scenario, "")),
        own_streams.and_then(|scenario| share(report, scenario, "Streams of their own: ")),
        most_of(report, Group::Http, "Requests"),
        storm(report),
        most_of(report, Group::Replay, "Missed events that are replayed"),
        (report.machine.pinned.is_none()).then(|| {
            (
                "Note".to_owned(),
                "servers were not kept to one core, figures are of all they used".to_owned(),
            )
        }),
    ];
    Answer { question, headline, sentence, facts: facts.into_iter().flatten().collect() }
}

fn most_events(report: &Report) -> Option<(String, String)> {
    let flat_out = report.scenarios_of(Group::FanOut).filter(|scenario| scenario.rate.is_none());
    let (scenario, row, spread) = best(report, flat_out)?;
    let sends = row
        .events_per_send
        .filter(|events| events.is_finite())
        .map_or_else(String::new, |events| {
            format!(", {} events per send", super::round(events.round()))
        });
    let late = row
        .latency
        .as_ref()
        .map_or_else(String::new, |latency| format!(", p99 {}", nanos(latency.p99.median)));
    let lost = row
        .lost
        .filter(|lost| *lost > 0.0)
        .map_or_else(String::new, |lost| format!(", {} lost", percent(lost)));
    let headline = figure(row, spread, Measure::Throughput).replace("/s", " events/s");
    let sentence =
        format!("Delivered by {} to {}{sends}{late}{lost}.", row.server, circumstances(scenario));
    Some((headline, sentence))
}

/// The share of a core that a scenario takes of the engine that needs least.
fn share(report: &Report, scenario: &Scenario, before: &str) -> Option<(String, String)> {
    let (row, cpu) = *report.engines(scenario, Measure::Cpu).first()?;
    let throughput = Measure::Throughput.read(row)?;
    let share = cpu.median * throughput.median / 1e9;
    let late = row
        .latency
        .as_ref()
        .map_or_else(String::new, |latency| format!(", p99 {}", nanos(latency.p99.median)));
    let words = format!("{} of a core ({}){late}", disturbed(row, percent(share)), row.server);
    Some((capital(&format!("{before}{}", circumstances(scenario))), words))
}

fn most_of(report: &Report, group: Group, what: &str) -> Option<(String, String)> {
    // The rate of requests on a schedule is the load's.
    let scenarios = report.scenarios_of(group);
    let free = scenarios.filter(|scenario| group != Group::Http || scenario.rate.is_none());
    let (scenario, row, spread) = best(report, free)?;
    let what = match scenario.depth {
        Some(depth) if depth > 1 => format!("{what}, {depth} under way on a connection"),
        _ => what.to_owned(),
    };
    Some((what, format!("{} ({})", figure(row, spread, Measure::Throughput), row.server)))
}

/// How soon all are back who return at once. How many did so each second is the load's.
fn storm(report: &Report) -> Option<(String, String)> {
    let scenario = report.scenarios_of(Group::Storm).max_by_key(|scenario| scenario.subscribers)?;
    let (row, p99) = *report.engines(scenario, Measure::P99).first()?;
    let what = match scenario.subscribers {
        Some(count) => format!("{} subscribers return at once", whole(count)),
        None => "All subscribers return at once".to_owned(),
    };
    Some((what, format!("p99 {} ({})", figure(row, p99, Measure::P99), row.server)))
}

/// The row of an engine with the most throughput.
fn best<'r>(
    report: &Report,
    scenarios: impl Iterator<Item = &'r Scenario>,
) -> Option<(&'r Scenario, &'r Row, Spread)> {
    scenarios
        .filter_map(|scenario| {
            let (row, spread) = *report.engines(scenario, Measure::Throughput).first()?;
            Some((scenario, row, spread))
        })
        .max_by(|(_, _, a), (_, _, b)| a.median.total_cmp(&b.median))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
