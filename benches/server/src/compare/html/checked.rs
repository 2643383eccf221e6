//! The table of the figures that another load generator checked: a heading for each scenario, a row for
//! each server. Whether they agree is decided in `check`.

use maud::{Markup, html};

use super::mark::Mark;
use crate::compare::check::{Agreement, summary};
use crate::compare::figures::{ABSENT, nanos, or_absent, per_second, percent, times, trimmed};
use crate::compare::model::{Check, Report, Row, Scenario};

/// The table of all scenarios of which any server was checked; nothing where none was.
pub(super) fn table(report: &Report, scenarios: &[&Scenario]) -> Markup {
    let checked: Vec<&Scenario> =
        scenarios.iter().copied().filter(|scenario| !rows(scenario).is_empty()).collect();
    let Some(summary) = summary(report).filter(|_| !checked.is_empty()) else {
        return html! {};
    };
    let heads = heads(&summary.tool);
    html! {
        h3 { "Checked with " (summary.tool) }
        p.note {
            "In one more slice of each server " (short(&summary.tool)) " asked, as long and over as many \
             connections, from the core of the load. " (summary.counts()) "."
        }
        div.scroll role="region" tabindex="0" aria-label=(format!("Table: checked with {}", summary.tool)) {
            table {
                thead { tr { th scope="col" { "Server" } @for head in &heads { th scope="col" { (head) } } } }
                @for (index, scenario) in checked.iter().enumerate() {
                    tbody {
                        tr.scenario { th scope="rowgroup" colspan=(heads.len() + 1) { div { b { (scenario.title) } } } }
                        @if index > 0 {
                            tr.heads aria-hidden="true" { td {} @for head in &heads { td { (head) } } }
                        }
                        @for (row, check) in rows(scenario) { (server(row, check)) }
                    }
                }
            }
        }
    }
}

/// Those that were checked.
fn rows(scenario: &Scenario) -> Vec<(&Row, &Check)> {
    scenario.rows.iter().filter_map(|row| Some((row, row.checked.as_ref()?))).collect()
}

fn heads(tool: &str) -> [String; 8] {
    let tool = short(tool);
    [
        "requests/s".to_owned(),
        format!("by {tool}"),
        format!("to {tool}"),
        "CPU per request".to_owned(),
        format!("by {tool}"),
        format!("{tool}’s core"),
        "server’s core".to_owned(),
        "verdict".to_owned(),
    ]
}

fn server(row: &Row, check: &Check) -> Markup {
    let ours = row.throughput.map(|spread| spread.median);
    let cpu = row.cpu_nanos_per_event.map(|spread| spread.median);
    html! {
        tr {
            th scope="row" {
                (row.server)
                @if check.disturbed { " " abbr title=(Mark::Disturbed.meaning()) { (Mark::Disturbed.sign()) } }
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
    let share = |share| trimmed(&percent(share));
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
