//! Slices of several servers in turn: the first before and after each other one, since machines
//! drift. A slice that others disturbed is repeated. How one is run is the caller's business.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::server;
use crate::slice::Slice;
use crate::table::{Measure, Pair};

/// A disturbed slice is tried this often.
const ATTEMPTS: usize = 3;

/// How slices are run, whatever they measure.
#[derive(Clone, Debug, Args)]
pub struct Turns {
    /// Slices of each server in a pair
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub slices: usize,

    /// Core of the servers
    #[arg(long, default_value_t = 0, value_name = "CORE")]
    pub server_core: usize,

    /// Core of the load
    #[arg(long, default_value_t = 1, value_name = "CORE")]
    pub load_core: usize,

    /// Most that other processes may take during a slice, in percent of a core; it is repeated else
    #[arg(long, default_value_t = 15.0, value_name = "PERCENT")]
    pub others: f64,

    /// The bench server, which is headwater [default: the one built beside this]
    #[arg(long, value_name = "FILE")]
    bench_server: Option<PathBuf>,

    /// Add the report of each slice to this file, a JSON object a line
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl Turns {
    /// The bench server.
    pub fn bench_server(&self) -> PathBuf {
        self.bench_server.clone().unwrap_or_else(server::bench_server)
    }

    /// Takes the slices of the first server against each of the others. `attempt` runs one, under
    /// the load of this name, and gives its report; `brief` is shown of each while others are to come.
    ///
    /// # Errors
    ///
    /// There are no slices to take, one cannot be run, or a report cannot be kept.
    pub fn take<S: Display>(
        &self,
        servers: &[S],
        load: &str,
        measures: &'static [Measure],
        brief: &[Measure],
        attempt: impl Fn(&S) -> Result<Value, String>,
    ) -> Result<Vec<Pair>, String> {
        if self.slices == 0 {
            return Err("--slices has to be at least 1".to_owned());
        }
        let (first, others) = servers.split_first().ok_or("no servers")?;
        let pair = |other: &S| Pair::new(first.to_string(), other.to_string(), measures);
        let mut pairs: Vec<Pair> = others.iter().map(pair).collect();
        let slice = |server: &S| -> Result<Slice, String> {
            let slice = self.least_disturbed(|| {
                let report = attempt(server)?;
                self.keep(server, load, &report)?;
                Ok(report)
            })?;
            eprintln!("{server}: {}", slice.line(brief));
            Ok(slice)
        };
        // Each slice of another server lies between two of the first: the one before is what it is
        // set against, and the one after is set against that one, too.
        let mut before = slice(first)?;
        for _ in 0..self.slices {
            for (pair, other) in pairs.iter_mut().zip(others) {
                let between = slice(other)?;
                let after = slice(first)?;
                pair.add(before, between, after.clone());
                before = after;
            }
        }
        Ok(pairs)
    }

    /// Runs a slice; again, if others took too much meanwhile. The least disturbed one counts; but one that
    /// failed is what counts at once: however disturbed it was, no other must hide it.
    fn least_disturbed(
        &self,
        attempt: impl Fn() -> Result<Value, String>,
    ) -> Result<Slice, String> {
        let mut best: Option<Slice> = None;
        for _ in 0..ATTEMPTS {
            let slice = Slice::new(attempt()?, self.others);
            if slice.failure().is_some() {
                return Ok(slice);
            }
            if best.as_ref().is_none_or(|best| slice.others() < best.others()) {
                best = Some(slice);
            }
            if best.as_ref().is_some_and(|best| !best.disturbed()) {
                break;
            }
        }
        best.ok_or_else(|| "no slice was run".to_owned())
    }

    fn keep(&self, server: &impl Display, load: &str, report: &Value) -> Result<(), String> {
        let Some(path) = &self.save else { return Ok(()) };
        let line = json!({ "server": server.to_string(), "load": load, "report": report });
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| writeln!(file, "{line}"))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::cell::Cell;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        turns: Turns,
    }

    /// The slice that counts of these: what others took during each, and whether it failed. Also how many
    /// were run.
    fn counts(runs: &[(f64, bool)]) -> (Slice, usize) {
        let turns = Flags::parse_from(["turns"]).turns;
        let run = Cell::new(0);
        let slice = turns.least_disturbed(|| {
            let (percent, failed) = runs[run.replace(run.get() + 1)];
            let failure = failed.then_some("it broke");
            Ok(json!({ "failure": failure, "others": { "cpu_percent": percent } }))
        });
        (slice.unwrap(), run.get())
    }

    #[test]
    fn the_least_disturbed_slice_counts_and_the_first_quiet_one_is_the_last() {
        let (slice, run) = counts(&[(60.0, false), (20.0, false), (40.0, false)]);
        assert_eq!((slice.line(&[]).as_str(), run), ("others 20 %", 3));
        let (slice, run) = counts(&[(60.0, false), (3.0, false)]);
        assert_eq!((slice.line(&[]).as_str(), run), ("others 3 %", 2));
    }

    #[test]
    fn a_failed_run_is_not_hidden_by_a_quieter_one() {
        for runs in [[(60.0, true), (0.0, false)], [(60.0, false), (70.0, true)]] {
            let (slice, _) = counts(&runs);
            assert_eq!(slice.failure(), Some("it broke"), "{runs:?}");
        }
    }
}
