//! The table of the figures that another load generator checked: a heading for each scenario, a row for
//! each server. Whether they agree is decided in `check`.

use maud::{Markup, html};

use super::mark::{self, Mark};
use crate::compare::check::{Agreement, summary};
use crate::compare::figures::{ABSENT, nanos, or_absent, per_second, percent, times, trimmed};
use crate::compare::model::{Check, Report, Row, Scenario};

/// Heads the column of verdicts.
const VERDICT: &str = "verdict";

/// The table of all scenarios of which any server was checked; nothing where none was.
pub(super) fn table(report: &Report, scenarios: &[&Scenario]) -> Markup {
    let checked: Vec<&Scenario> =
        scenarios.iter().copied().filter(|scenario| !rows(scenario).is_empty()).collect();
    let Some(summary) = summary(report).filter(|_| !checked.is_empty()) else {
        return html! {};
    };
    let heads = heads(&summary.tool);
    let disturbed =
        checked.iter().flat_map(|one| rows(one)).any(|(row, _)| row.check_was_disturbed());
    html! {
        h3 { "Checked with " (summary.tool) }
        p.note {
            "One more slice, with " (short(&summary.tool)) " as the load: on the same core, as long, and \
             over as many connections. " (summary.counts()) "."
        }
        div.scroll role="region" tabindex="0" aria-label=(format!("Table: checked with {}", summary.tool)) {
            table {
                thead {
                    tr {
                        th scope="col" { "Server" }
                        @for head in &heads { th scope="col" { (head) } }
                        th.verdict scope="col" { (VERDICT) }
                    }
                }
                @for (index, scenario) in checked.iter().enumerate() {
                    tbody {
                        tr.scenario {
                            th scope="rowgroup" colspan=(heads.len() + 2) { div { b { (scenario.title) } } }
                        }
                        @if index > 0 {
                            tr.heads aria-hidden="true" {
                                td {}
                                @for head in &heads { td { (head) } }
                                td.verdict { (VERDICT) }
                            }
                        }
                        @for (row, check) in rows(scenario) { (server(row, check)) }
                    }
                }
            }
        }
        @if disturbed { (mark::legend(&[Mark::Disturbed])) }
    }
}

/// Those that were checked.
fn rows(scenario: &Scenario) -> Vec<(&Row, &Check)> {
    scenario.rows.iter().filter_map(|row| Some((row, row.checked.as_ref()?))).collect()
}

fn heads(tool: &str) -> [String; 7] {
    let tool = short(tool);
    [
        "requests/s".to_owned(),
        format!("by {tool}"),
        format!("to {tool}"),
        "CPU per request".to_owned(),
        format!("by {tool}"),
        format!("{tool}’s core"),
        "server’s core".to_owned(),
    ]
}

fn server(row: &Row, check: &Check) -> Markup {
    let ours = row.throughput.map(|spread| spread.median);
    let cpu = row.cpu_nanos_per_event.map(|spread| spread.median);
    html! {
        tr {
            th scope="row" {
                (row.server)
                @if row.check_was_disturbed() { " " abbr title=(Mark::Disturbed.meaning()) { (Mark::Disturbed.sign()) } }
            }
            td { (or_absent(ours, per_second)) }
            td { (per_second(check.throughput)) }
            td { (or_absent(ours.map(|ours| ours / check.throughput), times)) }
            td { (or_absent(cpu, nanos)) }
            td { (or_absent(check.cpu_nanos_per_event, nanos)) }
            td { (percent(check.tool_core_share)) }
            td { (percent(check.server_core_share)) }
            td.verdict { (verdict(row, check)) }
        }
    }
}

/// In words.
fn verdict(row: &Row, check: &Check) -> String {
    // The table has them with more digits.
    let share = |share: f64| trimmed(&percent((share * 100.0).round() / 100.0));
    match row.agreement() {
        None => ABSENT.to_owned(),
        Some(Agreement::Agrees) => "agrees".to_owned(),
        Some(Agreement::Differs) => "differs".to_owned(),
        Some(Agreement::ToolWasTheLimit) => format!(
            "{} was the limit: it used {} of its core, the server {} of its own",
            short(&check.tool),
            share(check.tool_core_share),
            share(check.server_core_share)
        ),
    }
}

/// Without its version.
fn short(tool: &str) -> &str {
    tool.split(' ').next().unwrap_or(tool)
}
