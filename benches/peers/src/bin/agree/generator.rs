//! The generators: how each is told what to do, and what of its report is compared. What the server
//! spends meanwhile is the business of `slice`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use headwater_peers::client;
use headwater_peers::wrk::Wrk;
use serde_json::Value;

use crate::question::Question;

/// With a larger share sent late, a schedule was not kept.
const LATE_SHARE: f64 = 0.01;

/// What makes a load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Generator {
    /// `bench-server ask`.
    Ask,
    /// `bench-server load`.
    Load,
    /// wrk.
    Wrk,
    /// The program beside this one.
    Witness,
}

impl fmt::Display for Generator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Where the generators are, and where they run.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) bench_server: PathBuf,
    pub(crate) witness: PathBuf,
    pub(crate) core: usize,
}

impl Programs {
    /// Both programs, if they are there.
    pub(crate) fn find(bench_server: PathBuf, core: usize) -> Result<Self, String> {
        let here = std::env::current_exe().map_err(|error| error.to_string())?;
        let witness = here.with_file_name("witness");
        for program in [&bench_server, &witness] {
            if !program.is_file() {
                let program = program.display();
                return Err(format!("{program} is not built: benches/peers/agree builds all"));
            }
        }
        Ok(Self { bench_server, witness, core })
    }
}

/// What a generator says of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// Answers or deliveries, with those of a warm-up in the same run.
    pub(crate) all: f64,
    pub(crate) per_s: f64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// Whether it kept its schedule, if it had one.
    pub(crate) kept: Option<bool>,
    pub(crate) failure: Option<String>,
}

/// How long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) warmup_seconds: u64,
    pub(crate) seconds: u64,
}

impl Generator {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Load => "load",
            Self::Wrk => "wrk",
            Self::Witness => "witness",
        }
    }

    #[cfg(test)]
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Ask | Self::Load)
    }

    /// Puts this load on a server.
    pub(crate) fn run(
        self,
        question: Question,
        programs: &Programs,
        addr: SocketAddr,
        times: Times,
    ) -> Result<Said, String> {
        if let (Self::Wrk, Question::Flat { connections, depth }) = (self, question) {
            let wrk = Wrk { core: programs.core, connections, depth };
            return run_wrk(wrk, addr, times.seconds);
        }
        let program = match self {
            Self::Witness => &programs.witness,
            _ => &programs.bench_server,
        };
        let output = Command::new("taskset")
            .args(["-c", &programs.core.to_string()])
            .arg(program)
            .args(self.words(question))
            .args(["--addr", &addr.to_string()])
            .args(["--warmup", &times.warmup_seconds.to_string()])
            .args(["--duration", &times.seconds.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("taskset: {error}"))?;
        let report: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        report.and_then(|report| self.said(question, &report)).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("{self} gave no report: {}", errors.trim())
        })
    }

    /// The words of its command that say what to do.
    fn words(self, question: Question) -> Vec<String> {
        let words = match (self, question) {
            (Self::Witness, Question::Events { subscribers, rate }) => {
                format!("events --subscribers {subscribers} --rate {rate}")
            }
            (_, Question::Events { subscribers, rate }) => {
                format!("load --json --subscribers {subscribers} --rate {rate}")
            }
            (Self::Witness, Question::Paced { connections, rate }) => {
                format!("requests --connections {connections} --rate {rate}")
            }
            (_, Question::Paced { connections, rate }) => {
                format!("ask --connections {connections} --rate {rate}")
            }
            (_, Question::Flat { connections, depth }) => {
                format!("ask --connections {connections} --depth {depth}")
            }
        };
        words.split(' ').map(str::to_owned).collect()
    }

    /// What its report says; `None` if it is none.
    fn said(self, question: Question, report: &Value) -> Option<Said> {
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
        let (count, per_s, sent) = match question {
            Question::Events { .. } => ("/deliveries/all", "/deliveries/per_s", "/published"),
            _ => ("/requests/answered", "/requests/per_s", "/requests"),
        };
        let kept = match self {
            _ if !question.is_paced() => None,
            Self::Witness => {
                let late = number(&format!("{sent}/late"))? / number(&format!("{sent}/sent"))?;
                Some(late <= LATE_SHARE)
            }
            _ => Some(!report["load_was_the_limit"].as_bool()?),
        };
        Some(Said {
            all: number(count)?,
            per_s: number(per_s)?,
            p50_us: number("/latency_us/p50"),
            p99_us: number("/latency_us/p99"),
            kept,
            failure: report["failure"].as_str().map(str::to_owned),
        })
    }
}

fn run_wrk(wrk: Wrk, addr: SocketAddr, seconds: u64) -> Result<Said, String> {
    let answer_bytes = client::check(addr)?;
    let totals = wrk.run(addr, seconds)?;
    let under_way = wrk.connections * wrk.depth;
    // A usize fits on every machine that runs this.
    let failure = totals.failure(answer_bytes as u64, under_way as u64);
    // Nobody waits for 2^53 of anything.
    #[expect(clippy::cast_precision_loss, reason = "they stay below")]
    let (requests, took_us) = (totals.requests as f64, totals.took_us as f64);
    Ok(Said {
        all: requests,
        per_s: requests * 1e6 / took_us,
        p50_us: None,
        p99_us: None,
        kept: None,
        failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_are_told_the_same() {
        let words = |of: Generator, question| of.words(question).join(" ");
        let events = Question::Events { subscribers: 7, rate: 50 };
        assert_eq!(words(Generator::Load, events), "load --json --subscribers 7 --rate 50");
        assert_eq!(words(Generator::Witness, events), "events --subscribers 7 --rate 50");
        let paced = Question::Paced { connections: 3, rate: 500 };
        assert_eq!(words(Generator::Ask, paced), "ask --connections 3 --rate 500");
        assert_eq!(words(Generator::Witness, paced), "requests --connections 3 --rate 500");
        let flat = Question::Flat { connections: 3, depth: 16 };
        assert_eq!(words(Generator::Ask, flat), "ask --connections 3 --depth 16");
    }

    #[test]
    fn reports_of_both_are_read_alike() {
        let question = Question::Events { subscribers: 1, rate: 100 };
        let report = json!({
            "failure": "it broke",
            "load_was_the_limit": true,
            "published": { "sent": 400, "late": 5 },
            "deliveries": { "all": 400, "per_s": 100.5 },
            "latency_us": { "p50": 70, "p99": 90 },
        });
        let said = Generator::Load.said(question, &report).unwrap();
        let expected = Said {
            all: 400.0,
            per_s: 100.5,
            p50_us: Some(70.0),
            p99_us: Some(90.0),
            kept: Some(false),
            failure: Some("it broke".to_owned()),
        };
        assert_eq!(said, expected);
        assert_eq!(Generator::Witness.said(question, &report), Some(expected));
        let kept = json!({ "published": { "sent": 400, "late": 4 } });
        assert_eq!(Generator::Witness.said(question, &kept), None, "it has no deliveries");
    }

    #[test]
    fn what_is_flat_out_has_no_schedule_and_no_latency() {
        let question = Question::Flat { connections: 1, depth: 1 };
        let report = json!({
            "failure": null,
            "load_was_the_limit": true,
            "requests": { "answered": 900, "per_s": 300.0 },
            "latency_us": null,
        });
        let said = Generator::Ask.said(question, &report).unwrap();
        assert_eq!((said.kept, said.p50_us, said.failure), (None, None, None));
    }
}
