//! The short answer, in Markdown: which engine, what a core carries, what a subscriber costs. What is in
//! the table's lines is chosen in `lines`; all else is in the report.

mod lines;
mod numbers;

use super::model::{ContestantKind, Machine, Report, Spread};
use lines::Line;
use numbers::{bytes, geometric_mean, percent};

/// The answer; `written`: what else there is to read.
pub(super) fn markdown(report: &Report, written: &str) -> String {
    let lines = lines::of(report);
    let mut text = vec![format!("# {}", title(report)), String::new()];
    text.extend(answers(report, &lines));
    text.push(String::new());
    text.extend(table(report, &lines));
    text.extend(notes(report, &lines));
    text.push(format!("\nAll figures, and how each was taken: {written}"));
    text.join("\n")
}

fn title(report: &Report) -> String {
    let names: Vec<&str> = report.servers.iter().map(|server| server.name.as_str()).collect();
    let Machine { processor, cores, kernel, .. } = &report.machine;
    format!("{} on {processor}, {cores} cores, {kernel}", names.join(", "))
}

/// The three answers, as far as there are figures.
fn answers(report: &Report, lines: &[Line]) -> Vec<String> {
    let engines: Vec<&str> = report
        .servers
        .iter()
        .filter(|server| server.kind == ContestantKind::Engine)
        .map(|server| server.name.as_str())
        .collect();
    let best = engines.iter().copied().find(|one| {
        engines.iter().all(|other| ahead(lines, one, other).is_none_or(|(ratio, _)| ratio >= 1.0))
    });
    let Some(best) = best else { return Vec::new() };
    let noise = typical_noise(lines);
    let against: Vec<String> = engines
        .iter()
        .filter(|other| **other != best)
        .filter_map(|other| {
            let (ratio, count) = ahead(lines, best, other)?;
            let as_good = if ratio < 1.0 + noise { "as good as" } else { "ahead of" };
            Some(format!("{as_good} {other} ({ratio:.2} times, {count} lines)"))
        })
        .collect();
    let mut answers = Vec::new();
    if !against.is_empty() {
        answers.push(format!(
            "- **Which engine:** {best}: {}; the noise of a line is {}.",
            against.join(", "),
            percent(noise)
        ));
    }
    let carries: Vec<String> =
        lines.iter().filter(|line| line.carried).filter_map(|line| line.said_of(best)).collect();
    if !carries.is_empty() {
        answers.push(format!("- **A core carries** ({best}): {}.", carries.join(", ")));
    }
    answers.extend(subscriber(report, best));
    answers
}

/// What the first differs from itself by, in the middle of all lines.
fn typical_noise(lines: &[Line]) -> f64 {
    Spread::of(lines.iter().filter_map(Line::noise)).map_or(0.0, |noise| noise.median)
}

/// By how much one is ahead of another, and over how many lines.
fn ahead(lines: &[Line], one: &str, other: &str) -> Option<(f64, usize)> {
    let ratios: Vec<f64> = lines.iter().filter_map(|line| line.ratio(one, other)).collect();
    Some((geometric_mean(&ratios)?, ratios.len()))
}

/// What a subscriber costs with the most of them that were measured.
fn subscriber(report: &Report, server: &str) -> Option<String> {
    let rows = report.scenarios.iter().filter_map(|scenario| {
        let row = scenario.rows.iter().find(|row| row.server == server && !row.noise)?;
        Some((
            scenario.subscribers?,
            row.user_bytes_per_subscriber?,
            row.kernel_bytes_per_subscriber,
        ))
    });
    let (subscribers, user, kernel) = rows.max_by_key(|(subscribers, ..)| *subscribers)?;
    let kernel = kernel.map_or(String::new(), |kernel| {
        format!(" and {} of the kernel's, both ends", bytes(kernel.median))
    });
    Some(format!(
        "- **A subscriber costs** ({server}): {} of the server's memory{kernel}, with {} idle ones.",
        bytes(user.median),
        numbers::grouped(subscribers)
    ))
}

fn table(report: &Report, lines: &[Line]) -> Vec<String> {
    let names: Vec<&str> = report.servers.iter().map(|server| server.name.as_str()).collect();
    let mut table = vec![
        format!("| | {} | noise |", names.join(" | ")),
        format!("|---|{}--:|", "--:|".repeat(names.len())),
    ];
    table.extend(lines.iter().map(|line| {
        let cells: Vec<String> = names.iter().map(|name| line.cell(name)).collect();
        let noise = line.noise().map_or_else(|| "–".to_owned(), percent);
        format!("| {} | {} | {noise} |", line.title, cells.join(" | "))
    }));
    table
}

/// What the marks mean, and why cells are empty.
fn notes(report: &Report, lines: &[Line]) -> Vec<String> {
    let mut notes = vec![String::new()];
    let mut mark = |used: fn(&lines::Cell) -> bool, text: &str| {
        if lines.iter().flat_map(Line::cells).any(used) {
            notes.push(text.to_owned());
        }
    };
    mark(|cell| cell.load_was_the_limit, "† the load was the limit: the server may carry more");
    mark(|cell| cell.lost, "‡ over 1 % of what was due did not come");
    mark(|cell| cell.disturbed, "~ others used the machine meanwhile");
    // A server without a store says so of every question that needs one.
    let mut reasons: Vec<(&str, &str, usize)> = Vec::new();
    let rows = report.scenarios.iter().flat_map(|scenario| &scenario.rows);
    for row in rows.filter(|row| !row.noise) {
        let Some(reason) = &row.failed else { continue };
        match reasons.iter_mut().find(|(server, known, _)| *server == row.server && known == reason)
        {
            Some((.., count)) => *count += 1,
            None => reasons.push((&row.server, reason, 1)),
        }
    }
    notes.extend(reasons.iter().map(|(server, reason, count)| {
        let of = if *count == 1 { "1 scenario".to_owned() } else { format!("{count} scenarios") };
        format!("- {server} is missing in {of}: {reason}")
    }));
    notes.extend(report.warnings.iter().map(|warning| format!("WARNING {warning}")));
    notes
}
