//! The table of a group: a heading for each scenario, a row for each server, and only the columns that
//! any of them has a figure for.

use maud::{Markup, html};

use super::mark::{self, Mark};
use crate::compare::figures::{
    ABSENT, bytes, count, deviation, nanos, per_second, percent, times, whole,
};
use crate::compare::model::{Group, Report, Row, Scenario, Spread};
use crate::compare::rows::FEWEST;
use crate::compare::verdict::{Measure, Standing, standing, telling};

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Throughput,
    P50,
    P99,
    P999,
    Max,
    Cpu,
    Instructions,
    EventsPerSend,
    UserBytes,
    KernelBytes,
    Lost,
    Errors,
    Slices,
    Standing,
}

const COLUMNS: [Column; 14] = [
    Column::Throughput,
    Column::Standing,
    Column::P50,
    Column::P99,
    Column::P999,
    Column::Max,
    Column::Cpu,
    Column::Instructions,
    Column::EventsPerSend,
    Column::UserBytes,
    Column::KernelBytes,
    Column::Lost,
    Column::Errors,
    Column::Slices,
];

/// The table of all scenarios of a group.
pub(super) fn of_group(report: &Report, group: Group, scenarios: &[&Scenario]) -> Markup {
    let shown: Vec<Column> = COLUMNS
        .into_iter()
        .filter(|column| {
            scenarios.iter().any(|scenario| {
                scenario.rows.iter().any(|row| column.matters(report, scenario, row))
            })
        })
        .collect();
    let marks = mark::used(scenarios);
    html! {
        div.scroll role="region" tabindex="0" aria-label=(format!("Table: {}", super::name(group))) {
            table {
                thead {
                    tr {
                        th scope="col" { "Server" }
                        @for column in &shown { th scope="col" { (column.name(report, group)) } }
                    }
                }
                @for (index, scenario) in scenarios.iter().enumerate() {
                    @let told = scenarios[..index].iter().any(|other| other.how == scenario.how);
                    tbody {
                        tr.scenario id=(format!("s-{}", scenario.id)) {
                            th scope="rowgroup" colspan=(shown.len() + 1) {
                                div { b { (scenario.title) } @if !told { " " span { (scenario.how) } } }
                            }
                        }
                        @if index > 0 { (heads_again(report, group, &shown)) }
                        @for row in scenario.rows.iter().filter(|row| row.lacks.is_none()) {
                            (server(report, scenario, row, &shown))
                        }
                        @for (lacks, servers) in not_asked(scenario) {
                            tr.lacking {
                                th scope="row" { (servers.join(", ")) }
                                td colspan=(shown.len()) { div { "Not asked: " (lacks) } }
                            }
                        }
                    }
                }
            }
        }
        (mark::legend(&marks))
    }
}

/// The names of the columns once more, for screens that the top of the table has left. Those who hear the
/// table have them from its top.
fn heads_again(report: &Report, group: Group, shown: &[Column]) -> Markup {
    html! {
        tr.heads aria-hidden="true" {
            td {}
            @for column in shown { td { (column.name(report, group)) } }
        }
    }
}

/// Who was not asked, by what they lack.
fn not_asked(scenario: &Scenario) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    // What the first lacks is said once.
    for row in scenario.rows.iter().filter(|row| !row.noise) {
        let Some(lacks) = row.lacks.as_deref() else { continue };
        match found.iter_mut().find(|(other, _)| *other == lacks) {
            Some((_, servers)) => servers.push(&row.server),
            None => found.push((lacks, vec![&row.server])),
        }
    }
    found
}

fn server(report: &Report, scenario: &Scenario, row: &Row, shown: &[Column]) -> Markup {
    let class = if row.noise { "noise" } else { "" };
    html! {
        tr class=(class) {
            th scope="row" {
                (row.server)
                @if row.noise { " again" }
                @if row.disturbed { " " abbr title=(Mark::Disturbed.meaning()) { (Mark::Disturbed.sign()) } }
            }
            @if let Some(reason) = &row.failed {
                td.failed colspan=(shown.len()) { div { "No result: " (reason) } }
            } @else {
                @for column in shown {
                    td {
                        @match column.cell(report, scenario, row) {
                            Some(cell) => (cell),
                            None => (ABSENT),
                        }
                    }
                }
            }
        }
    }
}

impl Column {
    fn name(self, report: &Report, group: Group) -> Markup {
        let one = match group {
            Group::Http => "request",
            Group::Storm => "connection",
            _ => "event",
        };
        html! {
            @match self {
                Self::Throughput => { (format!("{one}s/s")) },
                Self::P50 => "p50",
                Self::P99 => "p99",
                Self::P999 => "p99.9",
                Self::Max => "max",
                Self::Cpu => { "CPU per " (one) },
                Self::Instructions => { "instructions per " (one) },
                Self::EventsPerSend => "events per send",
                Self::UserBytes => "user memory each",
                Self::KernelBytes => "kernel memory each",
                Self::Lost => "lost",
                Self::Errors => "errors",
                Self::Slices => "slices",
                Self::Standing => { "to " @if let Some(first) = report.first() { (first.name) } },
            }
        }
    }

    /// Whether a row alone is a reason to show it.
    fn matters(self, report: &Report, scenario: &Scenario, row: &Row) -> bool {
        match self {
            Self::Errors => row.errors > 0,
            Self::Slices => row.failed.is_none(),
            Self::Standing => scenario.rows.iter().filter(|row| row.failed.is_none()).count() > 1,
            _ => self.cell(report, scenario, row).is_some(),
        }
    }

    /// None where the row has no figure.
    fn cell(self, report: &Report, scenario: &Scenario, row: &Row) -> Option<Markup> {
        let at = |of: fn(&crate::compare::model::Latency) -> Spread| row.latency.as_ref().map(of);
        let spread = |spread, figure, sign| spread_over(row.slices, spread, figure, sign);
        match self {
            Self::Throughput => {
                let sign = if row.load_was_the_limit { Mark::Limited.sign() } else { "" };
                spread(row.throughput, per_second, sign)
            }
            Self::P50 => spread(at(|latency| latency.p50), nanos, ""),
            Self::P99 if told(row, 0.99) => spread(at(|latency| latency.p99), nanos, ""),
            Self::P999 if told(row, 0.999) => spread(at(|latency| latency.p999), nanos, ""),
            Self::P99 | Self::P999 => None,
            // Of all slices, the greatest is meant.
            Self::Max => plain(at(|latency| latency.max).map(|max| max.most), nanos),
            Self::Cpu => spread(row.cpu_nanos_per_event, nanos, ""),
            Self::Instructions => plain(row.instructions_per_event, count),
            Self::EventsPerSend => plain(row.events_per_send, count),
            Self::UserBytes => spread(row.user_bytes_per_subscriber, bytes, ""),
            Self::KernelBytes => spread(row.kernel_bytes_per_subscriber, bytes, ""),
            Self::Lost => plain(row.lost, percent),
            Self::Errors => {
                Some(html! { (whole(usize::try_from(row.errors).unwrap_or(usize::MAX))) })
            }
            Self::Slices => Some(html! { (whole(row.slices)) }),
            Self::Standing => to_the_first(report, scenario, row),
        }
    }
}

/// Whether enough was timed in each slice to tell this percentile.
fn told(row: &Row, quantile: f64) -> bool {
    let samples = row.latency.as_ref().and_then(|latency| latency.samples);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 were timed")]
    let enough =
        |samples: u64| samples as f64 / row.slices.max(1) as f64 * (1.0 - quantile) >= FEWEST;
    samples.is_none_or(enough)
}

fn plain(value: Option<f64>, figure: fn(f64) -> String) -> Option<Markup> {
    let value = value.filter(|value| value.is_finite())?;
    Some(html! { (figure(value)) })
}

/// The median, and how far the slices lie apart where there are several.
fn spread_over(
    slices: usize,
    spread: Option<Spread>,
    figure: fn(f64) -> String,
    sign: &str,
) -> Option<Markup> {
    let spread = spread.filter(|spread| spread.median.is_finite())?;
    Some(html! {
        @if !sign.is_empty() { (sign) "\u{a0}" }
        (figure(spread.median))
        @if let Some(deviation) = deviation(slices, spread) { small { (deviation) } }
    })
}

/// How a server stands to the first one, by what the scenario is about.
fn to_the_first(report: &Report, scenario: &Scenario, row: &Row) -> Option<Markup> {
    let first = report.first()?;
    let first = scenario.rows.iter().find(|other| !other.noise && other.server == first.name)?;
    let measure = Measure::of(scenario);
    if std::ptr::eq(row, first) {
        measure.read(row)?;
        return Some(html! { "1×" });
    }
    if standing(scenario, measure, row, first)? == Standing::Same {
        return Some(html! { "no difference" });
    }
    let measure = telling(scenario, measure, row, first);
    let ratio = measure.read(row)?.median / measure.read(first)?.median;
    Some(html! { (times(ratio)) small { (measure.name()) } })
}
