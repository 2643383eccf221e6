//! One slice: a fresh server, one run of the load against it, what its report says.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::contestant::Contestant;
use super::cores::Pinned;
use super::plan::Plan;
use super::server::Server;
use super::slice::Slice;
use super::stop::Stop;
use super::{Trouble, machine, process};

/// What a slice may take besides many times what it is to take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Files that a server has open besides its connections.
const SPARE_FILES: usize = 64;

/// Where slices are run.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    /// This program, which is the load.
    pub(super) program: PathBuf,
    pub(super) pinned: Pinned,
    pub(super) stop: &'a Stop,
}

impl Bench<'_> {
    /// Runs one. What fails is in the slice; only a wish to stop is an error.
    pub(super) fn slice(&self, plan: &Plan, contestant: &Contestant) -> Result<Slice, Trouble> {
        match self.or_interrupted(self.try_slice(plan, contestant)) {
            Ok(report) => Ok(Slice::of(plan, &report)),
            Err(Trouble::Failed(reason)) => Ok(Slice::failed(reason)),
            Err(trouble) => Err(trouble),
        }
    }

    /// What failed after somebody asked to stop did so for that: a signal that is for all of them may
    /// have ended the children first.
    pub(super) fn or_interrupted<T>(&self, outcome: Result<T, Trouble>) -> Result<T, Trouble> {
        match outcome {
            Err(Trouble::Failed(_)) if self.stop.is_asked_for() => Err(Trouble::Interrupted),
            outcome => outcome,
        }
    }

    fn try_slice(&self, plan: &Plan, contestant: &Contestant) -> Result<Value, Trouble> {
        let server = self.fresh_server(plan, contestant)?;
        self.load(&plan.load, &server, patience(plan.seconds))
    }

    /// A server for one slice.
    pub(super) fn fresh_server(
        &self,
        plan: &Plan,
        contestant: &Contestant,
    ) -> Result<Server, Trouble> {
        if let Some(reason) = contestant.refuses(plan) {
            return Err(Trouble::Failed(reason));
        }
        let needed = plan.connections + SPARE_FILES;
        if let Some(limit) = machine::file_limit().filter(|limit| *limit < needed as u64) {
            return Err(Trouble::Failed(format!(
                "{needed} open files are needed but {limit} allowed: `ulimit -n {needed}`"
            )));
        }
        let core = self.pinned.map(|(server, _)| server);
        contestant.start(&plan.server_flags, core, self.stop)
    }

    /// Runs a load against a server; gives its report.
    pub(super) fn load(
        &self,
        words: &[String],
        server: &Server,
        patience: Duration,
    ) -> Result<Value, Trouble> {
        let mut command = Command::new(&self.program);
        command.args(words).args(["--addr", &server.addr.to_string()]);
        if let Some(pid) = server.pid() {
            command.args(["--pid", &pid.to_string()]);
        }
        let core = self.pinned.map(|(_, load)| load);
        let said = process::run(&mut command, core, patience, self.stop)?;
        serde_json::from_str(&said.out).map_err(|_| {
            let reason = said.errors.lines().last().unwrap_or("no reason");
            let reason = reason.strip_prefix("bench-server: ").unwrap_or(reason);
            Trouble::Failed(format!("no report from the load ({}): {reason}", said.status))
        })
    }
}

/// How long something may take that is to take so many seconds.
pub(super) fn patience(seconds: f64) -> Duration {
    PATIENCE + Duration::from_secs_f64(seconds * 10.0)
}
