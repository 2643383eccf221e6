//! One slice: a fresh server, whose answer is looked at, a warm-up, then a run of wrk between two
//! readings of what the server has cost; and the report of that.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use headwater_peers::client;
use headwater_peers::cpu::{Cpu, Meter};
use headwater_peers::kind::Kind;
use headwater_peers::server::Server;
use headwater_peers::wrk::{Totals, Wrk};
use serde_json::{Value, json};

/// From this share of its core on, wrk is taken to have been the limit.
const SATURATED: f64 = 0.95;

/// Where and how slices are run.
pub(crate) struct Bench {
    /// The bench server.
    pub(crate) program: PathBuf,
    pub(crate) server_core: usize,
    pub(crate) wrk: Wrk,
    pub(crate) warmup_seconds: u64,
    pub(crate) seconds: u64,
}

impl Bench {
    /// Runs a slice; gives its report.
    pub(crate) fn slice(&self, kind: &Kind) -> Result<Value, String> {
        let named = |error: String| format!("{kind}: {error}");
        let server = Server::start(kind, &self.program, self.server_core, &[])?;
        let answer_bytes = client::check(server.addr).map_err(named)?;
        if self.warmup_seconds > 0 {
            self.wrk.run(server.addr, self.warmup_seconds).map_err(named)?;
        }
        let meter = Meter::new(server.pid(), self.server_core).map_err(named)?;
        if !meter.sees_softirqs() {
            eprintln!("{kind}: ksoftirqd/{} is not seen, nor counted", self.server_core);
        }
        let (before, start) = (meter.read().map_err(named)?, Instant::now());
        let totals = self.wrk.run(server.addr, self.seconds).map_err(named)?;
        let (spent, took) = (meter.read().map_err(named)?.since(before), start.elapsed());
        let under_way = self.wrk.connections * self.wrk.depth;
        // A usize fits on every machine that runs this.
        let failure = totals.failure(answer_bytes as u64, under_way as u64);
        Ok(report(&totals, &spent, took, failure.as_deref()))
    }
}

/// What pairs are compared by.
fn report(totals: &Totals, spent: &Cpu, took: Duration, failure: Option<&str>) -> Value {
    // Nobody waits for 2^53 of anything.
    #[expect(clippy::cast_precision_loss, reason = "they stay below")]
    let (requests, bytes, took_us) =
        (totals.requests as f64, totals.bytes as f64, totals.took_us as f64);
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / requests;
    let share = |time: Duration| time.as_secs_f64() / took.as_secs_f64();
    let load = share(spent.own);
    json!({
        "failure": failure,
        "load_was_the_limit": load >= SATURATED,
        "requests": {
            "all": totals.requests,
            "per_s": requests * 1e6 / took_us,
            "answer_bytes": bytes / requests,
            "errors": {
                "connect": totals.errors.connect,
                "read": totals.errors.read,
                "write": totals.errors.write,
                "timeout": totals.errors.timeout,
                "status": totals.errors.status,
            },
        },
        "server": {
            "cpu_us_per_request": per_request(spent.server + spent.softirq),
            "cpu_us_per_request_process": per_request(spent.server),
            "cpu_us_per_request_user": per_request(spent.server_user),
            "cpu_percent": share(spent.server + spent.softirq) * 100.0,
        },
        "client": { "cpu_percent": load * 100.0 },
        "others": {
            "cpu_percent": share(spent.others()) * 100.0,
            "stolen_percent": share(spent.stolen) * 100.0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_peers::wrk::Errors;

    #[test]
    fn cpu_per_request_counts_ksoftirqd_and_shows_it_apart() {
        let seconds = Duration::from_secs;
        let totals = Totals {
            requests: 1_000_000,
            bytes: 120_000_000,
            took_us: 4_000_000,
            errors: Errors::default(),
        };
        let spent = Cpu {
            server: seconds(3),
            server_user: seconds(1),
            softirq: seconds(1),
            own: seconds(4),
            machine: seconds(10),
            stolen: seconds(0),
        };
        let report = report(&totals, &spent, seconds(5), None);
        let is = |pointer: &str, expected: f64| {
            let value = report.pointer(pointer).and_then(Value::as_f64).unwrap();
            assert!((value - expected).abs() < 1e-6, "{pointer}: {value}, not {expected}");
        };
        is("/requests/per_s", 250_000.0);
        is("/requests/answer_bytes", 120.0);
        is("/server/cpu_us_per_request", 4.0);
        is("/server/cpu_us_per_request_process", 3.0);
        is("/server/cpu_us_per_request_user", 1.0);
        is("/server/cpu_percent", 80.0);
        is("/client/cpu_percent", 80.0);
        is("/others/cpu_percent", 40.0);
        assert_eq!(report["load_was_the_limit"], false);
    }

    #[test]
    fn a_load_that_fills_its_core_was_the_limit() {
        let totals = Totals { requests: 1, bytes: 1, took_us: 1, errors: Errors::default() };
        let spent = Cpu { own: Duration::from_millis(4_800), ..Cpu::default() };
        let report = report(&totals, &spent, Duration::from_secs(5), Some("it broke"));
        assert_eq!(report["load_was_the_limit"], true);
        assert_eq!(report["failure"], "it broke");
    }
}
