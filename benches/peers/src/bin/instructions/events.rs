//! Instructions per delivered event: the load of the bench server, slowly enough for callgrind.

use std::path::Path;
use std::process::{Command, Stdio};

use clap::Args;
use headwater_peers::kind::Kind;
use headwater_peers::server::Server;
use serde_json::Value;

use crate::callgrind;

/// What the load is.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Subscribers
    #[arg(long, default_value_t = 1000, value_name = "N")]
    subscribers: usize,

    /// Events each second: slowly enough for a server under callgrind
    #[arg(long, default_value_t = 10.0, value_name = "EVENTS_PER_S")]
    rate: f64,

    /// Seconds of the shorter run; the longer one takes five times as long
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    duration: f64,
}

impl Flags {
    /// Gives the line that says it.
    pub(crate) fn measure(&self, server: &Kind, program: &Path) -> Result<String, String> {
        if !server.streams() {
            return Err(format!("{server}: it serves /plaintext only"));
        }
        let run = |seconds| {
            callgrind::run(server, program, |server| self.deliveries(server, program, seconds))
        };
        let short = run(self.duration)?;
        let long = run(self.duration * 5.0)?;
        let deliveries = long.1 - short.1;
        if deliveries <= 0.0 {
            return Err("the longer run delivered no more than the shorter one".to_owned());
        }
        Ok(format!(
            "{server}: {:.0} user-space instructions per delivered event ({} subscribers, {} events/s)",
            (long.0 - short.0) / deliveries,
            self.subscribers,
            self.rate
        ))
    }

    fn deliveries(&self, server: &Server, program: &Path, seconds: f64) -> Result<f64, String> {
        let output = Command::new("taskset")
            .args(["-c", "1"])
            .arg(program)
            .args(["load", "--json", "--warmup", "0", "--addr", &server.addr.to_string()])
            .args(["--subscribers", &self.subscribers.to_string()])
            .args(["--rate", &self.rate.to_string(), "--duration", &seconds.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("taskset: {error}"))?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
        if let Some(failure) = report["failure"].as_str() {
            return Err(format!("the run failed: {failure}"));
        }
        let deliveries = report["deliveries"]["all"].as_f64();
        deliveries.ok_or_else(|| "the report has no deliveries".to_owned())
    }
}
