//! The short table: the three answers, then a row for each scenario with the figure it is about. For a
//! terminal and for a README.

use std::fmt::Write as _;

use super::answers::{Answer, answers, behind};
use super::figures::{ABSENT, bytes, date, deviation, nanos, per_second};
use super::model::{Report, Row, Scenario};
use super::verdict::Measure;

/// All of it, with a line feed at its end.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    for answer in &answers(report) {
        text += &said(answer);
    }
    if let Some(behind) = behind(report) {
        text += "**Where another server is ahead:** ";
        let ahead: Vec<String> = behind
            .iter()
            .map(|one| {
                let words = format!(
                    "{}, by {} ({} {}, {} {})",
                    one.scenario, one.what, one.ahead.0, one.ahead.1, one.engine.0, one.engine.1
                );
                escaped(&words)
            })
            .collect();
        text += &if ahead.is_empty() {
            "nowhere that this run could tell apart.\n\n".to_owned()
        } else {
            format!("{}.\n\n", ahead.join("; "))
        };
    }
    text += &table(report);
    for warning in &report.warnings {
        text += &format!("\n> {}\n", escaped(warning));
    }
    text
}

fn said(answer: &Answer) -> String {
    let mut text = format!(
        "**{}** {}. {}\n\n",
        answer.question,
        escaped(&answer.headline),
        escaped(&answer.sentence)
    );
    for (what, figure) in &answer.facts {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "- {}: {}", escaped(what), escaped(figure));
    }
    if !answer.facts.is_empty() {
        text.push('\n');
    }
    text
}

fn table(report: &Report) -> String {
    let names: Vec<String> = report.servers.iter().map(|server| escaped(&server.name)).collect();
    let noise = report.scenarios.iter().flat_map(|scenario| &scenario.rows).any(|row| row.noise);
    let again = report.servers.first().filter(|_| noise).map(|first| format!("{} again", escaped(&first.name)));
    let heads: Vec<&str> = names.iter().chain(&again).map(String::as_str).collect();
    let mut text = format!("| Scenario | by | {} |\n|---|---|{}\n", heads.join(" | "), "--:|".repeat(heads.len()));
    for scenario in &report.scenarios {
        let measure = Measure::of(scenario);
        let mut cells: Vec<String> = report
            .servers
            .iter()
            .map(|server| cell(scenario, measure, |row| !row.noise && row.server == server.name))
            .collect();
        if noise {
            cells.push(cell(scenario, measure, |row| row.noise));
        }
        let by = match measure {
            Measure::Throughput => "throughput",
            Measure::Cpu => "CPU each",
            Measure::P99 => "p99",
            Measure::Memory => "memory each",
        };
        text += &format!("| {} | {by} | {} |\n", escaped(&scenario.title), cells.join(" | "));
    }
    let machine = &report.machine;
    let kind = if report.quick { "quick" } else { "full" };
    let words = format!(
        "headwater {}, {kind} run of {}, {}, {} cores, {}. ± is half of the range of the slices, ≥ means \
         that the load was the limit, † that others used the machine; {ABSENT} was not measured.",
        machine.version,
        date(report.begun_unix_seconds),
        machine.processor,
        machine.cores,
        machine.kernel
    );
    format!("{text}\n{}\n", escaped(&words))
}

fn cell(scenario: &Scenario, measure: Measure, wanted: impl Fn(&Row) -> bool) -> String {
    let Some(row) = scenario.rows.iter().find(|row| wanted(row)) else { return ABSENT.to_owned() };
    if row.failed.is_some() {
        return "failed".to_owned();
    }
    let Some(spread) = measure.read(row) else { return ABSENT.to_owned() };
    let (sign, figure) = match measure {
        Measure::Throughput if row.load_was_the_limit => ("≥ ", per_second(spread.median)),
        Measure::Throughput => ("", per_second(spread.median)),
        Measure::Cpu | Measure::P99 => ("", nanos(spread.median)),
        Measure::Memory => ("", bytes(spread.median)),
    };
    let deviation = deviation(spread).map_or_else(String::new, |deviation| format!(" {deviation}"));
    let disturbed = if row.disturbed { " †" } else { "" };
    format!("{sign}{figure}{deviation}{disturbed}")
}

/// As text that is no markup, on one line.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '`' | '*' | '[' | ']' | '<' | '>' | '#' | '~' => plain.extend(['\\', letter]),
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}
