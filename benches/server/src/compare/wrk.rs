//! wrk as the load of one slice, in place of `bench-server ask`: from the same core, as many connections
//! and requests at once, and what the server spends is read in the same way. What its figures are worth
//! is said in `check`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::attempt::{Bench, patience};
use super::contestant::Contestant;
use super::model::{Check, Machine};
use super::plan::{Checked, Plan};
use super::scratch::Scratch;
use super::{Trouble, process};
use crate::load::meter::Meter;
use crate::load::proc;
use crate::load::report::float;

/// It sends so many requests at once as its first argument says, and prints the totals.
const SCRIPT: &str = include_str!("../../../peers/wrk.lua");

/// Others that take more of a core, in percent, may be why wrk had less than all of its own: who was the
/// limit is a matter of as much.
const OTHERS_PERCENT: f64 = 5.0;

/// What wrk found, and what others took of a core meanwhile, in percent.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) check: Check,
    pub(super) others: f64,
}

/// The name and version of wrk, where it can check anything: not where it would share a core with the
/// server.
pub(super) fn tool(machine: &Machine) -> Option<String> {
    machine.pinned?;
    machine.wrk.as_deref().map(name)
}

/// `wrk 4.1.0` of what it says of itself.
fn name(said: &str) -> String {
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    // A distribution puts its own name before it, and its own version behind.
    let version = version.rsplit('/').next().unwrap_or_default();
    let end = version.find(|letter: char| letter != '.' && !letter.is_ascii_digit());
    let version = &version[..end.unwrap_or(version.len())];
    if version.is_empty() { "wrk".to_owned() } else { format!("wrk {version}") }
}

/// Asks a fresh server.
pub(super) fn check(
    bench: &Bench<'_>,
    plan: &Plan,
    asked: &Checked,
    contestant: &Contestant,
    tool: &str,
) -> Result<Found, Trouble> {
    let server = bench.fresh_server(plan, contestant)?;
    let script = Scratch::new("lua");
    let path = script.path();
    fs::write(path, SCRIPT).map_err(|error| failed(&format!("{}: {error}", path.display())))?;
    let mut command = Command::new("wrk");
    command
        .args(["-t1", &format!("-c{}", plan.connections), &format!("-d{}s", asked.seconds), "-s"])
        .arg(path)
        .arg(format!("http://{}{}", server.addr, asked.path))
        .args(["--", &asked.depth.to_string()]);
    let pids: Vec<u32> = server.pid().into_iter().collect();
    let core = bench.pinned.map(|(_, load)| load);
    let spent_before = children_time()?;
    let mut meter = Meter::new(&pids, server.addr);
    meter.begin();
    let said = process::run(&mut command, core, patience(plan.check_seconds()), bench.stop)?;
    meter.end();
    // Nobody else is waited for meanwhile.
    let spent = children_time()?.saturating_sub(spent_before);
    let totals = Totals::of(&said)?;
    let window = meter.window();
    let cost = window.server_cost().ok_or_else(|| failed("the server's CPU is not known"))?;
    let own = window.own_cost();
    let others = own.others.map_or(0.0, |others| others - window.share(spent));
    let share = |time: Duration| (time.as_secs_f64() / totals.took.as_secs_f64()).min(1.0);
    Ok(Found {
        check: Check {
            tool: tool.to_owned(),
            throughput: float(totals.requests) / totals.took.as_secs_f64(),
            cpu_nanos_per_event: Some(cost.all().as_secs_f64() * 1e9 / float(totals.requests)),
            tool_core_share: share(spent),
            server_core_share: share(cost.all()),
            disturbed: false,
        },
        others: others.max(own.stolen.unwrap_or(0.0)) * 100.0,
    })
}

impl Found {
    /// Whether others took more than they may.
    pub(super) fn disturbed(&self) -> bool {
        self.others > OTHERS_PERCENT
    }
}

fn children_time() -> Result<Duration, Trouble> {
    proc::children_time().map_err(|error| Trouble::Failed(error.to_string()))
}

fn failed(reason: &str) -> Trouble {
    Trouble::Failed(reason.to_owned())
}

/// What a run says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Totals {
    /// Answers that came whole.
    requests: u64,
    took: Duration,
}

impl Totals {
    /// Of a run that ended well.
    fn of(said: &process::Said) -> Result<Self, Trouble> {
        if !said.status.success() {
            let reason = said.errors.lines().chain(said.out.lines()).last().unwrap_or("no reason");
            return Err(Trouble::Failed(format!("it ended with {}: {reason}", said.status)));
        }
        Self::parse(&said.out).map_err(Trouble::Failed)
    }

    /// The line that the script prints; why it is not good enough.
    fn parse(said: &str) -> Result<Self, String> {
        let line = said.lines().find_map(|line| line.strip_prefix("totals "));
        let numbers: Option<Vec<u64>> =
            line.and_then(|line| line.split_whitespace().map(|word| word.parse().ok()).collect());
        let Some([requests, _bytes, took, connect, read, write, timeout, status]) =
            numbers.as_deref()
        else {
            return Err("what it says is not understood".to_owned());
        };
        if [connect, read, write, timeout, status].into_iter().any(|count| *count > 0) {
            return Err(format!(
                "{status} answers of status 400 or more; connections: {connect} refused, {read} \
                 broken in reading, {write} in writing; {timeout} timeouts"
            ));
        }
        if *requests == 0 || *took == 0 {
            return Err("no answer at all".to_owned());
        }
        Ok(Self { requests: *requests, took: Duration::from_micros(*took) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_found_among_what_wrk_says() {
        let said = "Running 2s test\n  64 connections\ntotals 1000 120050 2000000 0 0 0 0 0\n";
        let totals = Totals { requests: 1_000, took: Duration::from_secs(2) };
        assert_eq!(Totals::parse(said), Ok(totals));
    }

    #[test]
    fn what_is_no_line_of_totals_is_not_understood() {
        for said in ["", "Running 2s test", "totals 1 2 3", "totals 1 2 3 0 0 0 0 x", "totals -1"] {
            let reason = Totals::parse(said).unwrap_err();
            assert_eq!(reason, "what it says is not understood", "{said:?}");
        }
    }

    #[test]
    fn answers_that_are_errors_or_never_came_are_no_figure() {
        let reason = Totals::parse("totals 9 9 9 0 0 0 2 7").unwrap_err();
        assert!(reason.starts_with("7 answers of status 400 or more"), "{reason}");
        assert!(reason.ends_with("2 timeouts"), "{reason}");
        for nothing in ["totals 0 0 9 0 0 0 0 0", "totals 9 9 0 0 0 0 0 0"] {
            assert_eq!(Totals::parse(nothing).unwrap_err(), "no answer at all");
        }
    }

    #[test]
    fn its_name_is_short_whoever_packed_it() {
        for (said, expected) in [
            ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", "wrk 4.1.0"),
            ("wrk 4.2.0 [kqueue] Copyright (C) 2012 Will Glozer", "wrk 4.2.0"),
            ("wrk a8f4b2e [epoll]", "wrk"),
            ("wrk", "wrk"),
        ] {
            assert_eq!(name(said), expected);
        }
    }

    #[test]
    fn without_cores_of_their_own_nothing_is_checked() {
        let mut machine = super::super::sample::full().machine;
        assert_eq!(tool(&machine).as_deref(), Some("wrk 4.1.0"));
        machine.pinned = None;
        assert_eq!(tool(&machine), None);
        let mut machine = super::super::sample::full().machine;
        machine.wrk = None;
        assert_eq!(tool(&machine), None);
    }
}
