//! The report as one HTML file: the three answers first, then a table and plots for each group, then what
//! it was measured on. Loads nothing, runs no script, and reads in a browser of any width and on paper.
//!
//! Whatever comes from the report is text: the templates escape it.

mod about;
mod chart;
mod checked;
mod mark;
mod plots;
mod tables;
#[cfg(test)]
mod tests;

use mark::Mark;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::answers::{Answer, answers, behind};
use super::figures::{date, duration};
use super::model::{Group, Report, Scenario};

/// In the order in which they are read.
const GROUPS: [Group; 7] = [
    Group::FanOut,
    Group::Memory,
    Group::Http,
    Group::SlowReaders,
    Group::OwnStreams,
    Group::Replay,
    Group::Storm,
];

/// The whole file.
pub(crate) fn render(report: &Report) -> String {
    let title = format!("headwater {} compared", report.machine.version);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style {
                    (PreEscaped(chart::STYLE))
                    (PreEscaped(include_str!("html/page.css")))
                }
            }
            body {
                (header(report))
                main {
                    (first_screen(report))
                    @for group in GROUPS { (of_group(report, group)) }
                    (about::section(report))
                }
            }
        }
    }
    .into_string()
}

/// The plot of throughput over subscribers as an SVG file, for a README. None where no fan-out flat out
/// was measured.
pub(crate) fn picture(report: &Report) -> Option<String> {
    plots::picture(report).map(Markup::into_string)
}

fn header(report: &Report) -> Markup {
    let machine = &report.machine;
    let length = if report.quick { "quick run" } else { "full run" };
    let cores = if machine.cores == 1 { "core" } else { "cores" };
    html! {
        header {
            h1 { "headwater " span { (machine.version) " compared" } }
            p {
                (machine.processor) ", " (machine.cores) " " (cores) " · " (machine.kernel) " · "
                (length) " of " (duration(report.took_seconds)) " · " (date(report.begun_unix_seconds))
            }
        }
    }
}

fn first_screen(report: &Report) -> Markup {
    let answers = answers(report);
    html! {
        section.answers aria-label="Answers" {
            @for answer in &answers { (card(answer)) }
        }
        (signs(&answers))
        @if !report.warnings.is_empty() {
            section.warnings {
                h2 { "Before you believe a figure" }
                ul { @for warning in &report.warnings { li { (warning) } } }
            }
        }
        (where_behind(report))
        (contents(report))
    }
}

/// What the signs in the answers mean.
fn signs(answers: &[Answer]) -> Markup {
    let shown = |sign: &str| {
        answers.iter().any(|answer| {
            answer.headline.contains(sign) || answer.facts.iter().any(|fact| fact.1.contains(sign))
        })
    };
    let marks: Vec<Mark> =
        [Mark::Limited, Mark::Disturbed].into_iter().filter(|mark| shown(mark.sign())).collect();
    mark::legend(&marks)
}

fn card(answer: &Answer) -> Markup {
    html! {
        article {
            h2 { (answer.question) }
            p.headline { (answer.headline) }
            p { (answer.sentence) }
            @if !answer.facts.is_empty() {
                dl {
                    @for (what, figure) in &answer.facts { div { dt { (what) } dd { (figure) } } }
                }
            }
        }
    }
}

/// Said plainly, before the tables.
fn where_behind(report: &Report) -> Markup {
    let Some(behind) = behind(report) else { return html! {} };
    html! {
        section.behind {
            h2 { "Where another server is ahead" }
            @if behind.is_empty() {
                p { "Nowhere that this run could tell apart." }
            } @else {
                ul {
                    @for one in &behind {
                        li {
                            (one.scenario) ", by " (one.what) ": "
                            b { (one.ahead.0) " " (one.ahead.1) } ", "
                            (one.engine.0) " " (one.engine.1)
                        }
                    }
                }
            }
        }
    }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Contents" {
            @for group in GROUPS {
                @if !scenarios(report, group).is_empty() {
                    a href=(format!("#{}", id(group))) { (name(group)) }
                }
            }
            a href="#about" { "How it was measured" }
        }
    }
}

fn of_group(report: &Report, group: Group) -> Markup {
    let scenarios = scenarios(report, group);
    if scenarios.is_empty() {
        return html! {};
    }
    let plots = plots::of_group(report, group);
    html! {
        section id=(id(group)) {
            h2 { (name(group)) }
            @if !plots.is_empty() {
                div.plots { @for plot in &plots { figure { (plot) } } }
            }
            (tables::of_group(report, group, &scenarios))
            (checked::table(report, &scenarios))
        }
    }
}

fn scenarios(report: &Report, group: Group) -> Vec<&Scenario> {
    report.scenarios.iter().filter(|scenario| scenario.group == group).collect()
}

fn name(group: Group) -> &'static str {
    match group {
        Group::Http => "Requests",
        Group::FanOut => "Fan-out",
        Group::Memory => "Memory of idle subscribers",
        Group::Storm => "Connect storm",
        Group::SlowReaders => "Slow readers among fast ones",
        Group::OwnStreams => "A stream of its own for each client",
        Group::Replay => "Replay",
    }
}

fn id(group: Group) -> &'static str {
    match group {
        Group::Http => "http",
        Group::FanOut => "fan-out",
        Group::Memory => "memory",
        Group::Storm => "storm",
        Group::SlowReaders => "slow-readers",
        Group::OwnStreams => "own-streams",
        Group::Replay => "replay",
    }
}
