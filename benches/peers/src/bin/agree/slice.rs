//! One slice: a fresh server, one run of a generator, and what the server spent meanwhile by the same
//! clock for all generators.

use std::time::{Duration, Instant};

use headwater_peers::cpu::{Cpu, Meter};
use headwater_peers::kind::Kind;
use headwater_peers::server::Server;
use serde_json::{Value, json};

use crate::generator::{Generator, Programs, Said, Times};
use crate::question::Question;

/// From this share on, a core is taken to be full.
const SATURATED: f64 = 0.95;

/// Where and how slices are run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) server: Kind,
    pub(crate) server_core: usize,
    pub(crate) programs: Programs,
    pub(crate) times: Times,
}

impl Bench {
    /// Runs a slice; gives its report.
    pub(crate) fn slice(&self, question: Question, generator: Generator) -> Result<Value, String> {
        let program = &self.programs.bench_server;
        let server = Server::start(&self.server, program, self.server_core, &[])?;
        let run = |times| generator.run(question, &self.programs, server.addr, times);
        let cold = Times { warmup_seconds: 0, ..self.times };
        let times = match question {
            // Streams are warmed up where they are measured: they would end in between.
            Question::Events { .. } => self.times,
            _ if self.times.warmup_seconds > 0 => {
                run(Times { seconds: self.times.warmup_seconds, ..cold })?;
                cold
            }
            _ => cold,
        };
        let meter = Meter::new(server.pid(), self.server_core)?;
        let (before, start) = (meter.read()?, Instant::now());
        let said = run(times)?;
        let (spent, took) = (meter.read()?.since(before), start.elapsed());
        Ok(report(&said, &spent, took))
    }
}

/// What generators are compared by.
fn report(said: &Said, spent: &Cpu, took: Duration) -> Value {
    let share = |time: Duration| time.as_secs_f64() / took.as_secs_f64();
    let server = spent.server + spent.softirq;
    let at_limit = said.kept.map_or(share(spent.own) >= SATURATED, |kept| !kept);
    json!({
        "failure": said.failure,
        "load_was_the_limit": at_limit && share(server) < SATURATED,
        "per_s": said.per_s,
        "latency_us": { "p50": said.p50_us, "p99": said.p99_us },
        "server": {
            "cpu_us_each": server.as_secs_f64() * 1e6 / said.all,
            "cpu_percent": share(server) * 100.0,
        },
        "client": {
            "cpu_us_each": spent.own.as_secs_f64() * 1e6 / said.all,
            "cpu_percent": share(spent.own) * 100.0,
        },
        "others": { "cpu_percent": share(spent.others()) * 100.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kept: Option<bool>) -> Said {
        Said { all: 2e6, per_s: 5e5, p50_us: None, p99_us: Some(9.0), kept, failure: None }
    }

    fn spent(server_ms: u64, own_ms: u64) -> Cpu {
        let time = Duration::from_millis;
        Cpu {
            server: time(server_ms - 100),
            softirq: time(100),
            own: time(own_ms),
            ..Cpu::default()
        }
    }

    #[test]
    fn the_server_is_charged_for_all_that_came() {
        let report = report(&said(None), &spent(3_000, 1_000), Duration::from_secs(4));
        let expected = json!({ "cpu_us_each": 1.5, "cpu_percent": 75.0 });
        assert_eq!(report["server"], expected);
        let expected = json!({ "cpu_us_each": 0.5, "cpu_percent": 25.0 });
        assert_eq!(report["client"], expected);
        assert_eq!(report["latency_us"], json!({ "p50": null, "p99": 9.0 }));
    }

    #[test]
    fn a_load_with_a_full_core_was_the_limit_unless_the_servers_was_full_too() {
        let limit = |kept, server_ms, own_ms| {
            let report = report(&said(kept), &spent(server_ms, own_ms), Duration::from_secs(4));
            report["load_was_the_limit"].as_bool().unwrap()
        };
        assert!(limit(None, 3_440, 3_810));
        assert!(!limit(None, 3_440, 3_790));
        assert!(!limit(None, 3_810, 3_990));
        assert!(!limit(Some(true), 200, 3_990), "it keeps its schedule by looking all the time");
        assert!(limit(Some(false), 200, 1_000));
    }
}
