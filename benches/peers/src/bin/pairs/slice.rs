//! One slice: a fresh server, one run of the load, its report. Repeated when others disturbed it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

use serde_json::{Value, json};

use headwater_peers::server::{Kind, Server};

/// A disturbed slice is tried this often.
const ATTEMPTS: usize = 3;

/// Where and how slices are run.
pub(crate) struct Bench {
    /// The bench server, which is the load and headwater.
    pub(crate) program: PathBuf,
    pub(crate) server_core: usize,
    pub(crate) load_core: usize,
    /// Most that others may take, in percent of a core.
    pub(crate) others: f64,
    pub(crate) save: Option<PathBuf>,
    /// Flags of the load.
    pub(crate) load: Vec<String>,
}

/// What is measured: a server, and flags of the load for it alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Subject {
    kind: Kind,
    load: Vec<String>,
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, load) = text.split_once(" -- ").unwrap_or((text, ""));
        let load = load.split_whitespace().map(str::to_owned).collect();
        Ok(Self { kind: kind.parse()?, load })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind)?;
        self.load.iter().try_for_each(|word| write!(out, " {word}"))
    }
}

/// What a slice gave.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// The report of the load.
    pub(crate) report: Value,
    /// What others took at the most, in percent of a core.
    others: f64,
    /// Whether that is more than they may take.
    pub(crate) disturbed: bool,
}

impl Bench {
    /// Runs a slice; again, if others took too much meanwhile. The least disturbed one counts.
    pub(crate) fn slice(&self, subject: &Subject) -> Result<Slice, String> {
        let mut best: Option<Slice> = None;
        for _ in 0..ATTEMPTS {
            let slice = self.attempt(subject)?;
            if best.as_ref().is_none_or(|best| slice.others < best.others) {
                best = Some(slice);
            }
            if best.as_ref().is_some_and(|best| !best.disturbed) {
                break;
            }
        }
        best.ok_or_else(|| "no slice was run".to_owned())
    }

    fn attempt(&self, subject: &Subject) -> Result<Slice, String> {
        let server = Server::start(&subject.kind, &self.program, self.server_core, &[])?;
        let output = Command::new("taskset")
            .args(["-c", &self.load_core.to_string()])
            .arg(&self.program)
            .args(["load", "--json", "--addr", &server.addr.to_string()])
            .args(&self.load)
            .args(&subject.load)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| format!("taskset: {error}"))?;
        let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{subject}: no report from the load: {}", errors.trim()));
        };
        self.keep(subject, &report)?;
        let others = others(&report);
        Ok(Slice { report, others, disturbed: others > self.others })
    }

    fn keep(&self, subject: &Subject, report: &Value) -> Result<(), String> {
        let Some(path) = &self.save else { return Ok(()) };
        let line = json!({ "server": subject.to_string(), "load": self.load, "report": report });
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| writeln!(file, "{line}"))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

impl Slice {
    #[cfg(test)]
    pub(crate) fn made_up(report: Value, disturbed: bool) -> Self {
        Self { report, others: 0.0, disturbed }
    }

    /// What went wrong with the run, if anything.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.report["failure"].as_str()
    }

    /// Whether the load, not the server, set the pace of the run that counts.
    pub(crate) fn load_was_the_limit(&self) -> bool {
        let of = if self.report["steps"].is_array() { &self.report["best"] } else { &self.report };
        of["load_was_the_limit"].as_bool().unwrap_or(false)
    }

    /// In short, while others are still to come.
    pub(crate) fn line(&self) -> String {
        let number = |pointer: &str, scale: f64| {
            self.report.pointer(pointer).and_then(Value::as_f64).map(|value| value * scale)
        };
        let show = |name: &str, value: Option<f64>| {
            value.map_or(String::new(), |value| format!("{name} {value:.3}, "))
        };
        let parts = [
            show("best M/s", number("/best/delivered_per_s", 1e-6)),
            show("delivered k/s", number("/deliveries/per_s", 1e-3)),
            show("CPU µs", number("/server/cpu_us_per_delivery", 1.0)),
            show("p99 ms", number("/latency_us/p99", 1e-3)),
        ];
        let failure = self.failure().map_or(String::new(), |text| format!("; {text}"));
        format!("{}others {:.0} %{failure}", parts.concat(), self.others)
    }
}

/// What others took, in percent of a core: the most over the steps of a ladder.
fn others(report: &Value) -> f64 {
    let share = |report: &Value| report["others"]["cpu_percent"].as_f64();
    match report["steps"].as_array() {
        Some(steps) => steps.iter().filter_map(share).fold(0.0, f64::max),
        None => share(report).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_load_may_follow_a_server() {
        let subject: Subject = "headwater:epoll -- --stuck 50".parse().unwrap();
        assert_eq!(subject.kind, Kind::Headwater("epoll".to_owned()));
        assert_eq!(subject.load, ["--stuck", "50"]);
        assert_eq!(subject.to_string(), "headwater:epoll --stuck 50");
        let other: Subject = "mine=/bin/x --listen {addr} -- --slow 3".parse().unwrap();
        assert_eq!(other.to_string(), "mine --slow 3");
        assert_eq!("bare".parse::<Subject>().unwrap().load, [""; 0]);
    }

    #[test]
    fn the_most_disturbed_step_of_a_ladder_counts() {
        let step = |percent: f64| json!({ "others": { "cpu_percent": percent } });
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(near(others(&json!({ "steps": [step(3.0), step(20.0), step(1.0)] })), 20.0));
        assert!(near(others(&step(4.0)), 4.0));
        assert!(near(others(&json!({})), 0.0));
    }
}
