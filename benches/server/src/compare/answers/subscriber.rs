//! What a subscriber costs: memory while it waits, CPU for each event that it is sent.

use super::{Answer, Measure, Report, SAME, Scenario};
use super::{as_float, bytes, circumstances, disturbed, equals, figure, listed, whole};
use crate::compare::model::{Group, Row};

pub(super) fn answer(report: &Report) -> Answer {
    let question = "What does a subscriber cost?";
    let scenario = report
        .scenarios_of(Group::Memory)
        .filter(|scenario| lightest(report, scenario).is_some())
        .max_by_key(|scenario| scenario.subscribers);
    let row = scenario.and_then(|scenario| lightest(report, scenario));
    let (headline, sentence) =
        scenario.zip(row).and_then(|(scenario, row)| memory(scenario, row)).unwrap_or_else(|| {
            ("–".to_owned(), "This run measured no memory of subscribers.".to_owned())
        });
    let facts = [
        cpu(report),
        scenario.zip(row).and_then(|(scenario, row)| all_of_them(scenario, row)),
        scenario.and_then(|scenario| of_the_others(report, scenario)),
    ];
    Answer { question, headline, sentence, facts: facts.into_iter().flatten().collect() }
}

/// The engine that needs least, by both sides or, where the kernel's is not known, by its own.
fn lightest<'s>(report: &Report, scenario: &'s Scenario) -> Option<&'s Row> {
    if let Some((row, _)) = report.engines(scenario, Measure::Memory).first() {
        return Some(row);
    }
    scenario
        .rows
        .iter()
        .filter(|row| !row.noise && report.is_engine(&row.server))
        .find(|row| sides(row).0.is_some())
}

/// Bytes in user space and in the kernel.
fn sides(row: &Row) -> (Option<f64>, Option<f64>) {
    let sound = |spread: Option<crate::compare::model::Spread>| {
        spread.map(|spread| spread.median).filter(|median| median.is_finite() && *median >= 0.0)
    };
    (sound(row.user_bytes_per_subscriber), sound(row.kernel_bytes_per_subscriber))
}

fn memory(scenario: &Scenario, row: &Row) -> Option<(String, String)> {
    let among = scenario
        .subscribers
        .map_or_else(String::new, |count| format!(", {} idle subscribers", whole(count)));
    match sides(row) {
        (Some(user), Some(kernel)) => Some((
            disturbed(row, bytes(user + kernel)),
            format!(
                "While it waits: {} in the server, {} in the kernel for both ends of its socket ({}{among}).",
                bytes(user),
                bytes(kernel),
                row.server
            ),
        )),
        (Some(user), None) => Some((
            disturbed(row, bytes(user)),
            format!(
                "In the server while it waits; what the kernel holds is not known ({}{among}).",
                row.server
            ),
        )),
        _ => None,
    }
}

fn all_of_them(scenario: &Scenario, row: &Row) -> Option<(String, String)> {
    let count = scenario.subscribers?;
    let (user, kernel) = sides(row);
    let all = (user? + kernel?) * as_float(count);
    Some((format!("All {} of them", whole(count)), bytes(all)))
}

fn of_the_others(report: &Report, scenario: &Scenario) -> Option<(String, String)> {
    let rows = report.engines(scenario, Measure::Memory);
    if rows.len() < 2 {
        return None;
    }
    let equals = equals(scenario, Measure::Memory, &rows);
    if equals.len() == rows.len() {
        return Some(("Between the engines".to_owned(), SAME.to_owned()));
    }
    let others: Vec<String> = rows[1..]
        .iter()
        .map(|(row, spread)| {
            let same = equals.contains(&row.server.as_str());
            let same = if same { " (no difference)" } else { "" };
            format!("{} {}{same}", row.server, figure(row, *spread, Measure::Memory))
        })
        .collect();
    Some(("The other engines".to_owned(), others.join(", ")))
}

/// What sending one event to one subscriber takes at the usual rate.
fn cpu(report: &Report) -> Option<(String, String)> {
    let scenario = report.usual_fan_out(false)?;
    let rows = report.engines(scenario, Measure::Cpu);
    let (row, spread) = *rows.first()?;
    let equals = equals(scenario, Measure::Cpu, &rows);
    let of = if equals.len() > 1 { listed(&equals, "and") } else { row.server.clone() };
    let what = format!("Each event it is sent ({})", circumstances(scenario));
    Some((what, format!("{} of CPU ({of})", figure(row, spread, Measure::Cpu))))
}
