//! Which figures stand in the table: one or two of each question, events of 128 B only.

use super::numbers::{bytes, count, nanos};
use crate::compare::model::{Group, Report, Row, Scenario};

/// Events of more bytes are left to the report.
const EVENT_BYTES: usize = 128;

/// Who lost a larger share did not do what was asked.
const LOST_SHARE: f64 = 0.01;

/// The questions that say what a core carries.
const CARRIED: [&str; 3] = ["plaintext", "pipelined", "fan-out-1000-flat-out-128b"];

/// One figure of all servers.
pub(super) struct Line {
    pub(super) title: String,
    /// Whether it says what a core carries.
    pub(super) carried: bool,
    figure: Figure,
    cells: Vec<Cell>,
    noise: Option<f64>,
}

/// The figure of one server.
pub(super) struct Cell {
    server: String,
    value: f64,
    cpu_nanos: Option<f64>,
    pub(super) load_was_the_limit: bool,
    pub(super) lost: bool,
    pub(super) disturbed: bool,
}

/// How a figure is found and shown.
#[derive(Clone, Copy)]
struct Figure {
    of: fn(&Row) -> Option<f64>,
    show: fn(f64) -> String,
    more_is_better: bool,
    /// Whether others on the machine make it worse.
    by_time: bool,
    unit: &'static str,
}

const REQUESTS: Figure = carried("requests/s");
const DELIVERIES: Figure = carried("deliveries/s");
const CONNECTIONS: Figure = carried("connections/s");
const EVENTS: Figure = carried("events/s");
const P99: Figure = Figure {
    of: |row| row.latency.as_ref().map(|latency| latency.p99.median),
    show: nanos,
    more_is_better: false,
    by_time: true,
    unit: "p99",
};
const CPU: Figure = Figure {
    of: |row| row.cpu_nanos_per_event.map(|cpu| cpu.median),
    show: nanos,
    more_is_better: false,
    by_time: false,
    unit: "CPU each",
};
const INSTRUCTIONS: Figure = Figure {
    of: |row| row.instructions_per_event,
    show: count,
    more_is_better: false,
    by_time: false,
    unit: "user instructions each",
};
const USER_BYTES: Figure = Figure {
    of: |row| row.user_bytes_per_subscriber.map(|bytes| bytes.median),
    show: bytes,
    more_is_better: false,
    by_time: false,
    unit: "server, each",
};
const KERNEL_BYTES: Figure = Figure {
    of: |row| row.kernel_bytes_per_subscriber.map(|bytes| bytes.median),
    show: bytes,
    more_is_better: false,
    by_time: false,
    unit: "kernel, each",
};

const fn carried(unit: &'static str) -> Figure {
    Figure {
        of: |row| row.throughput.map(|throughput| throughput.median),
        show: count,
        more_is_better: true,
        by_time: true,
        unit,
    }
}

/// All lines for which there are figures.
pub(super) fn of(report: &Report) -> Vec<Line> {
    let small = |scenario: &&Scenario| {
        scenario.group != Group::FanOut
            || scenario.event_bytes.is_none_or(|size| size <= EVENT_BYTES)
    };
    let scenarios = report.scenarios.iter().filter(small);
    scenarios
        .flat_map(|scenario| {
            let lines = figures(scenario).iter().map(|figure| Line::of(scenario, *figure));
            lines.collect::<Vec<_>>()
        })
        .filter(|line| !line.cells.is_empty())
        .collect()
}

fn figures(scenario: &Scenario) -> &'static [Figure] {
    match (scenario.group, scenario.rate) {
        (Group::Http, None) => &[REQUESTS, INSTRUCTIONS],
        (Group::FanOut, None) => &[DELIVERIES, CPU],
        (Group::Memory, _) => &[USER_BYTES, KERNEL_BYTES],
        (Group::Storm, _) => &[CONNECTIONS, CPU],
        (Group::SlowReaders, _) | (Group::Http, Some(_)) => &[P99],
        // What wakes up for one event costs more than the event.
        (Group::FanOut, Some(_)) if scenario.subscribers == Some(1) => &[P99],
        (Group::FanOut, Some(_)) => &[P99, CPU, INSTRUCTIONS],
        (Group::OwnStreams, _) => &[CPU],
        (Group::Replay, _) => &[EVENTS],
    }
}

impl Line {
    fn of(scenario: &Scenario, figure: Figure) -> Self {
        let cell = |row: &Row| {
            Some(Cell {
                server: row.server.clone(),
                value: (figure.of)(row)?,
                cpu_nanos: (CPU.of)(row),
                load_was_the_limit: row.load_was_the_limit && figure.more_is_better,
                lost: row.lost.is_some_and(|lost| lost > LOST_SHARE),
                disturbed: row.disturbed && figure.by_time,
            })
        };
        let rows = || scenario.rows.iter();
        let cells: Vec<Cell> = rows().filter(|row| !row.noise).filter_map(cell).collect();
        let again = rows().find(|row| row.noise).and_then(figure.of);
        let first = rows().find(|row| !row.noise).and_then(figure.of);
        Self {
            title: format!("{}: {}", scenario.title, figure.unit),
            carried: figure.more_is_better && CARRIED.contains(&scenario.id.as_str()),
            figure,
            noise: again.zip(first).map(|(again, first)| (again / first - 1.0).abs()),
            cells,
        }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    /// What the first differs from itself by.
    pub(super) fn noise(&self) -> Option<f64> {
        self.noise.filter(|noise| noise.is_finite())
    }

    fn find(&self, server: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.server == server)
    }

    /// The cell of this server, the best of a line in bold.
    pub(super) fn cell(&self, server: &str) -> String {
        let Some(cell) = self.find(server) else { return "–".to_owned() };
        let best = self.cells.iter().all(|other| self.better(cell.value, other.value) >= 1.0);
        let text = (self.figure.show)(cell.value);
        let text = if best && self.cells.len() > 1 { format!("**{text}**") } else { text };
        let marks: String =
            [(cell.load_was_the_limit, '†'), (cell.lost, '‡'), (cell.disturbed, '~')]
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, mark)| *mark)
                .collect();
        if marks.is_empty() { text } else { format!("{text} {marks}") }
    }

    /// In words, such as `31.8 k requests/s (Plaintext, flat out)`. Where the load was the limit, by the
    /// CPU time that each took, too.
    pub(super) fn said_of(&self, server: &str) -> Option<String> {
        let cell = self.find(server)?;
        let what = self.title.split(':').next().unwrap_or_default();
        let Figure { show, unit, .. } = self.figure;
        Some(match cell.cpu_nanos.filter(|_| cell.load_was_the_limit) {
            None => format!("{} {unit} ({what})", show(cell.value)),
            Some(nanos) => format!(
                "over {} {unit} ({what}; {} by the CPU time of each)",
                show(cell.value),
                show(1e9 / nanos)
            ),
        })
    }

    /// How much better one is than another; none where a figure is missing, or of no use for that.
    pub(super) fn ratio(&self, one: &str, other: &str) -> Option<f64> {
        let (one, other) = (self.find(one)?, self.find(other)?);
        // Who had the machine for itself, or was not asked for all it can, is not ahead for that.
        let unfair =
            |cell: &Cell| cell.load_was_the_limit || (cell.disturbed && self.figure.by_time);
        if unfair(one) || unfair(other) {
            return None;
        }
        let ratio = self.better(one.value, other.value);
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    fn better(&self, one: f64, other: f64) -> f64 {
        if self.figure.more_is_better { one / other } else { other / one }
    }
}
