//! Counts the user-space instructions of a server per delivered event, with callgrind: two runs of
//! different length, and the difference of the one over the difference of the other, so that
//! starting and connecting do not count. Needs valgrind. What the kernel does is not in it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use headwater_peers::server::{self, Kind, Server};
use serde_json::Value;

/// Counts user-space instructions per delivered event
#[derive(Debug, Parser)]
#[command(name = "instructions")]
struct Flags {
    /// Server to measure, as for `pairs`; not nchan, which is several processes
    server: Kind,

    /// Subscribers
    #[arg(long, default_value_t = 1000, value_name = "N")]
    subscribers: usize,

    /// Events each second: slowly enough for a server under callgrind
    #[arg(long, default_value_t = 10.0, value_name = "EVENTS_PER_S")]
    rate: f64,

    /// Seconds of the shorter run; the longer one takes five times as long
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    duration: f64,

    /// The bench server, which is the load and headwater [default: the one built beside this]
    #[arg(long, value_name = "FILE")]
    bench_server: Option<PathBuf>,
}

/// What a run gave.
struct Run {
    instructions: f64,
    deliveries: f64,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match measure(&flags) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            eprintln!("instructions: {line}");
            ExitCode::FAILURE
        }
    }
}

fn measure(flags: &Flags) -> Result<String, String> {
    if flags.server == Kind::Nchan {
        return Err("nchan is several processes".to_owned());
    }
    let program = flags.bench_server.clone().unwrap_or_else(server::bench_server);
    let short = run(flags, &program, flags.duration)?;
    let long = run(flags, &program, flags.duration * 5.0)?;
    let deliveries = long.deliveries - short.deliveries;
    if deliveries <= 0.0 {
        return Err("the longer run delivered no more than the shorter one".to_owned());
    }
    Ok(format!(
        "{}: {:.0} user-space instructions per delivered event ({} subscribers, {} events/s)",
        flags.server,
        (long.instructions - short.instructions) / deliveries,
        flags.subscribers,
        flags.rate
    ))
}

fn run(flags: &Flags, program: &Path, seconds: f64) -> Result<Run, String> {
    let out = std::env::temp_dir().join(format!("headwater-callgrind-{}", std::process::id()));
    let out_flag = format!("--callgrind-out-file={}", out.display());
    let callgrind = ["valgrind", "--tool=callgrind", &out_flag];
    let server = Server::start(&flags.server, program, 0, &callgrind)?;
    let output = Command::new("taskset")
        .args(["-c", "1"])
        .arg(program)
        .args(["load", "--json", "--warmup", "0", "--addr", &server.addr.to_string()])
        .args(["--subscribers", &flags.subscribers.to_string()])
        .args(["--rate", &flags.rate.to_string(), "--duration", &seconds.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset: {error}"))?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    let said = server.stop()?;
    // Only the count is of interest, not where it comes from.
    std::fs::remove_file(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    if let Some(failure) = report["failure"].as_str() {
        return Err(format!("the run failed: {failure}"));
    }
    let deliveries = report["deliveries"]["all"].as_f64().ok_or("the report has no deliveries")?;
    Ok(Run { instructions: collected(&said)?, deliveries })
}

/// The count in what callgrind says at the end.
fn collected(said: &str) -> Result<f64, String> {
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("callgrind gave no count: {}", said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Callgrind, a call-graph profiler\n==7== Events    : Ir\n\
                    ==7== Collected : 123456\n";
        assert_eq!(collected(said), Ok(123_456.0));
        assert!(collected("==7== killed\n").is_err());
    }
}
