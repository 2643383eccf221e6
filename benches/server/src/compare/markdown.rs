//! The short table: the three answers, then a row for each scenario with the figure it is about. For a
//! terminal and for a README.

#[cfg(test)]
mod tests;

use super::answers::{Answer, Behind, answers, behind};
use super::check::summary;
use super::figures::{ABSENT, bytes, date, deviation, nanos, per_second, percent};
use super::model::{Report, Row, Scenario};
use super::verdict::{Measure, is_behind, is_unsound};

/// All of it, with a line feed at its end.
pub(crate) fn markdown(report: &Report) -> String {
    let mut blocks: Vec<String> = answers(report).iter().map(said).collect();
    blocks.extend(behind(report).map(|behind| where_behind(&behind)));
    blocks.push(table(report));
    blocks.extend(checked(report));
    blocks.push(taken(report));
    blocks.extend(report.warnings.iter().map(|warning| format!("> {}", escaped(warning))));
    blocks.join("\n\n") + "\n"
}

fn said(answer: &Answer) -> String {
    let first = format!(
        "**{}** {}. {}",
        answer.question,
        escaped(&answer.headline),
        escaped(&answer.sentence)
    );
    let facts = answer
        .facts
        .iter()
        .map(|(what, figure)| format!("- {}: {}", escaped(what), escaped(figure)));
    let facts: Vec<String> = facts.collect();
    if facts.is_empty() { first } else { format!("{first}\n\n{}", facts.join("\n")) }
}

fn where_behind(behind: &[Behind]) -> String {
    let question = "**Where another server is ahead**";
    if behind.is_empty() {
        return format!("{question} Nowhere that this run could tell apart.");
    }
    let lines = behind.iter().map(|one| {
        let words = format!(
            "{}, by {}: {} {}, {} {}",
            one.scenario, one.what, one.ahead.0, one.ahead.1, one.engine.0, one.engine.1
        );
        format!("- {}", escaped(&words))
    });
    format!("{question}\n\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn table(report: &Report) -> String {
    let mut heads = vec!["Scenario".to_owned(), "by".to_owned()];
    heads.extend(report.servers.iter().map(|server| escaped(&server.name)));
    let noise = report.scenarios.iter().flat_map(|scenario| &scenario.rows).any(|row| row.noise);
    let again = report.first().filter(|_| noise);
    heads.extend(again.map(|first| format!("{} again", escaped(&first.name))));
    let rule = format!("|---|---|{}", "--:|".repeat(heads.len() - 2));
    let scenarios =
        report.scenarios.iter().map(|scenario| {
            let measure = Measure::of(scenario);
            let by = match measure {
                Measure::Throughput => "throughput",
                Measure::Cpu if scenario.rate.is_some() => "CPU each, p50",
                Measure::Cpu => "CPU each",
                Measure::P50 => "p50",
                Measure::P99 => "p99",
                Measure::Memory => "memory each",
            };
            let mut cells = vec![escaped(&scenario.title), by.to_owned()];
            cells.extend(report.servers.iter().map(|server| {
                cell(scenario, measure, |row| !row.noise && row.server == server.name)
            }));
            cells.extend(again.map(|_| cell(scenario, measure, |row| row.noise)));
            line(&cells)
        });
    [line(&heads), rule].into_iter().chain(scenarios).collect::<Vec<_>>().join("\n")
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Whether another load generator agrees, where one was asked.
fn checked(report: &Report) -> Option<String> {
    let summary = summary(report)?;
    Some(escaped(&format!("Checked with {}: {}.", summary.tool, summary.counts())))
}

/// When, on what, and what the signs mean.
fn taken(report: &Report) -> String {
    let machine = &report.machine;
    let kind = if report.quick { "quick" } else { "full" };
    escaped(&format!(
        "headwater {}, {kind} run of {}, {}, {} cores, {}. ± is half of the range of the slices, ≥ means \
         that the load was the limit, † that others used the machine; {ABSENT} was not measured.",
        machine.version,
        date(report.begun_unix_seconds),
        machine.processor,
        machine.cores,
        machine.kernel
    ))
}

fn cell(scenario: &Scenario, measure: Measure, wanted: impl Fn(&Row) -> bool) -> String {
    let Some(row) = scenario.rows.iter().find(|row| wanted(row)) else { return ABSENT.to_owned() };
    if row.failed.is_some() {
        return if row.lacks.is_some() { ABSENT } else { "failed" }.to_owned();
    }
    let Some(spread) = measure.read(row) else { return ABSENT.to_owned() };
    let (sign, figure) = match measure {
        Measure::Throughput if row.load_was_the_limit => ("≥ ", per_second(spread.median)),
        Measure::Throughput => ("", per_second(spread.median)),
        Measure::Cpu | Measure::P50 | Measure::P99 => ("", nanos(spread.median)),
        Measure::Memory => ("", bytes(spread.median)),
    };
    let deviation =
        deviation(row.slices, spread).map_or_else(String::new, |deviation| format!(" {deviation}"));
    let p50 = Measure::P50.read(row).filter(|_| measure == Measure::Cpu && scenario.rate.is_some());
    let p50 = p50.map_or_else(String::new, |p50| format!(", {}", nanos(p50.median)));
    let disturbed = if row.disturbed { " †" } else { "" };
    let behind = measure == Measure::Cpu && is_behind(scenario, row);
    let behind = if behind { " **behind**" } else { "" };
    format!("{sign}{figure}{deviation}{p50}{disturbed}{behind}{}", unsound(row))
}

/// What makes it no figure to compare.
fn unsound(row: &Row) -> String {
    let lost = row.lost.filter(|_| is_unsound(row)).filter(|lost| *lost > 0.0);
    let lost = lost.map_or_else(String::new, |lost| format!(" **lost {}**", percent(lost)));
    let failed = match row.failed_slices {
        0 => String::new(),
        slices => format!(" **{slices} slices failed**"),
    };
    lost + &failed
}

/// As text that is no markup, on one line.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '`' | '*' | '[' | ']' | '<' | '>' | '#' | '~' | '&' => {
                plain.extend(['\\', letter]);
            }
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}
