//! Which engine for me: the best of each need, and the one that is best or equal in most.

use super::{Answer, Measure, Report, SAME, Scenario};
use super::{equals, figure, listed};
use crate::compare::model::{Group, Row, Spread};

/// Something that people choose an engine by.
struct Need<'r> {
    what: &'static str,
    scenario: &'r Scenario,
    measure: Measure,
}

pub(super) fn answer(report: &Report) -> Answer {
    let question = "Which engine for me?";
    let engines: Vec<&str> = report
        .servers
        .iter()
        .map(|server| server.name.as_str())
        .filter(|name| report.is_engine(name))
        .collect();
    let needs = needs(report);
    let told: Vec<(Vec<&str>, (String, String))> =
        needs.iter().filter_map(|need| tell(report, need)).collect();
    let facts = told.iter().map(|(_, fact)| fact.clone()).collect();
    let (headline, sentence) = match engines.as_slice() {
        [] => ("–".to_owned(), "No engine of headwater took part in this run.".to_owned()),
        [only] if told.is_empty() => (
            (*only).to_owned(),
            "The only engine in this run, which measured nothing of it.".to_owned(),
        ),
        [only] => (
            (*only).to_owned(),
            "The only engine in this run: there is no choice to make.".to_owned(),
        ),
        _ if told.is_empty() => {
            ("–".to_owned(), "This run measured none of the engines.".to_owned())
        }
        _ => choose(&engines, &told),
    };
    Answer { question, headline, sentence, facts }
}

fn choose(engines: &[&str], told: &[(Vec<&str>, (String, String))]) -> (String, String) {
    let wins = |name: &str| told.iter().filter(|(best, _)| best.contains(&name)).count();
    let most = engines.iter().map(|name| wins(name)).max().unwrap_or(0);
    let chosen: Vec<&str> = engines.iter().copied().filter(|name| wins(name) == most).collect();
    let headline = listed(&chosen, "or");
    let everywhere = most == told.len();
    let sentence = match (chosen.len(), everywhere) {
        (1, true) => format!("Best, or equal to the best, in each of these\u{a0}{}.", told.len()),
        (1, false) => {
            format!("Best, or equal to the best, in {most} of these\u{a0}{}.", told.len())
        }
        (_, true) => format!("Between them: {SAME}."),
        (_, false) => {
            format!("Each is best, or equal to the best, in {most} of these\u{a0}{}.", told.len())
        }
    };
    (headline, sentence)
}

fn needs(report: &Report) -> Vec<Need<'_>> {
    let flat = report.usual_fan_out(true);
    let rated = report.usual_fan_out(false);
    let http = report.scenarios_of(Group::Http).max_by_key(|scenario| scenario.depth);
    let memory = report.scenarios_of(Group::Memory).max_by_key(|scenario| scenario.subscribers);
    let need = |what, scenario: Option<_>, measure| {
        scenario.map(|scenario| Need { what, scenario, measure })
    };
    [
        flat.map(|scenario| {
            let measure = Measure::of(scenario);
            let what = match measure {
                Measure::Cpu => "Least CPU per event, flat out",
                _ => "Most events",
            };
            Need { what, scenario, measure }
        }),
        need("Least CPU per event, at a rate", rated, Measure::Cpu),
        need("Shortest p99", rated, Measure::P99),
        http.map(|scenario| {
            let measure = Measure::of(scenario);
            let what = match (measure, scenario.depth.is_some_and(|depth| depth > 1)) {
                (Measure::Cpu, _) => "Least CPU per request",
                (_, true) => "Most requests, several under way on a connection",
                (_, false) => "Most requests",
            };
            Need { what, scenario, measure }
        }),
        need("Least memory", memory, Measure::Memory),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The best in a need, and the same in words. None where no engine has a figure.
fn tell<'r>(report: &Report, need: &Need<'r>) -> Option<(Vec<&'r str>, (String, String))> {
    let rows = report.engines(need.scenario, need.measure);
    rows.first()?;
    let equals = equals(need.scenario, need.measure, &rows);
    let each = |rows: &[&(&Row, Spread)], last| {
        let figures: Vec<String> = rows
            .iter()
            .map(|(row, spread)| format!("{} {}", row.server, figure(row, *spread, need.measure)))
            .collect();
        listed(&figures.iter().map(String::as_str).collect::<Vec<_>>(), last)
    };
    let (equal, others): (Vec<_>, Vec<_>) =
        rows.iter().partition(|(row, _)| equals.contains(&row.server.as_str()));
    let words = match (equal.len(), others.len()) {
        (1, 0) => each(&equal, "and"),
        (_, 0) => format!("{SAME}: {}", each(&equal, "and")),
        (1, _) => format!("{}; {}", each(&equal, "and"), each(&others, "and")),
        _ => format!("{}: no difference; {}", each(&equal, "and"), each(&others, "and")),
    };
    Some((equals, (need.what.to_owned(), words)))
}
