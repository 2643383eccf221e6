//! Sets what the bench server's own load says against what generators say that share no code with it:
//! the same load on the same server, slice by slice in turn, the server on one core and the load on
//! another. Prints a table for each load, with what agrees and what does not; a benchmark, not a test.
//!
//! - `question`: the loads; `generator`: who makes them
//! - `slice`: one run against a fresh server
//! - `verdict`: whether figures agree, and the tables

mod generator;
mod question;
mod slice;
mod verdict;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use generator::{Generator, Programs, Times};
use headwater_peers::cpu::Meter;
use headwater_peers::kind::Kind;
use headwater_peers::table::{Measure, measure};
use headwater_peers::turns::Turns;
use headwater_peers::wrk;
use question::QUESTIONS;
use slice::Bench;

/// Slices of each generator, unless asked for others.
const SLICES: &str = "4";

/// What is shown of a slice while others are still to come.
const BRIEF: &[Measure] = &[
    measure("k/s", "/per_s", 1e-3),
    measure("p50 µs", "/latency_us/p50", 1.0),
    measure("CPU µs", "/server/cpu_us_each", 1.0),
    measure("server %", "/server/cpu_percent", 1.0),
    measure("load %", "/client/cpu_percent", 1.0),
];

/// Sets the figures of the bench server's load against those of others, in alternating slices
#[derive(Debug, Parser)]
#[command(name = "agree")]
struct Flags {
    /// Engine of the server, by its name
    #[arg(long, default_value = "epoll", value_name = "ENGINE", value_parser = engine)]
    engine: String,

    #[command(flatten)]
    turns: Turns,

    /// Only loads whose titles contain this
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    only: String,

    /// Seconds of a slice
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    duration: u64,

    /// Seconds of load before it
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    warmup: u64,
}

/// The tables say which one ran: it has to be known.
fn engine(name: &str) -> Result<String, &'static str> {
    if name == "auto" {
        return Err("which one runs would depend on the machine: name it");
    }
    Ok(name.to_owned())
}

fn main() -> ExitCode {
    let command = Flags::command().mut_arg("slices", |slices| slices.default_value(SLICES));
    let flags =
        Flags::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("agree: {line}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    let Turns { slices, server_core, load_core, .. } = flags.turns;
    let asked: Vec<_> = QUESTIONS
        .iter()
        .copied()
        .filter(|question| question.to_string().contains(&flags.only))
        .collect();
    if asked.is_empty() {
        return Err(format!("no load has {:?} in its title", flags.only));
    }
    if asked.iter().any(|question| question.generators().contains(&Generator::Wrk)) {
        wrk::is_installed()?;
    }
    if !Meter::new(std::process::id(), server_core)?.sees_softirqs() {
        eprintln!("ksoftirqd/{server_core} is not seen, nor counted");
    }
    let bench = Bench {
        server: Kind::Headwater(flags.engine.clone()),
        server_core,
        programs: Programs::find(flags.turns.bench_server(), load_core)?,
        times: Times { warmup_seconds: flags.warmup, seconds: flags.duration },
    };
    println!(
        "# The bench server's load against others\n\nEngine {}, {slices} slices of {} s of each load \
         in turn, server on core {server_core}, load on core {load_core}.",
        flags.engine, flags.duration
    );
    let (mut verdicts, mut failed) = (Vec::new(), false);
    for question in asked {
        let load = question.to_string();
        eprintln!("{load}");
        let measures = verdict::measures(question);
        let attempt = |generator: &Generator| bench.slice(question, *generator);
        for pair in flags.turns.take(&question.generators(), &load, measures, BRIEF, attempt)? {
            let (text, of_pair) = verdict::table(question, &pair);
            println!("\n{text}");
            verdicts.extend(of_pair);
            failed |= pair.failed();
        }
    }
    println!("\n{}", verdict::summary(&verdicts));
    if failed {
        return Err("SOME RUNS FAILED, see the warnings: these figures are worthless".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fewer_slices_than_elsewhere() {
        let command = Flags::command().mut_arg("slices", |slices| slices.default_value(SLICES));
        let matches = command.get_matches_from(["agree"]);
        let flags = Flags::from_arg_matches(&matches).unwrap();
        assert_eq!((flags.turns.slices, flags.duration), (4, 3));
    }

    #[test]
    fn the_engine_that_ran_is_known_by_its_name() {
        let engine = |words: &[&str]| {
            let flags = Flags::try_parse_from([&["agree"], words].concat());
            flags.map(|flags| flags.engine).map_err(|error| error.to_string())
        };
        assert_eq!(engine(&[]).unwrap(), "epoll");
        assert_eq!(engine(&["--engine", "io_uring"]).unwrap(), "io_uring");
        let refused = engine(&["--engine", "auto"]).unwrap_err();
        assert!(refused.contains("name it"), "{refused}");
    }
}
