//! Measures what `GET /plaintext` costs servers, in pairs: the first against each other one, slice by
//! slice in turn, each server on one core and wrk on another. wrk fills its core before a fast
//! server does, so requests per second say little: CPU time of the server per request says it.
//!
//! - `slice`: one run of wrk against a fresh server

mod slice;

use std::process::ExitCode;

use clap::Parser;
use headwater_peers::kind::Kind;
use headwater_peers::table::{Measure, Pair, measure};
use headwater_peers::turns::Turns;
use headwater_peers::wrk::{self, Wrk};
use slice::Bench;

/// All that is compared, where the reports have it.
const MEASURES: &[Measure] = &[
    measure("CPU per request, µs", "/server/cpu_us_per_request", 1.0),
    measure("  in user space, µs", "/server/cpu_us_per_request_user", 1.0),
    measure("  without ksoftirqd, µs", "/server/cpu_us_per_request_process", 1.0),
    measure("CPU, % of a core", "/server/cpu_percent", 1.0),
    measure("requests, k/s", "/requests/per_s", 1e-3),
    measure("wrk, % of its core", "/client/cpu_percent", 1.0),
    measure("bytes of an answer", "/requests/answer_bytes", 1.0),
];

/// What is shown of a slice while others are still to come.
const BRIEF: &[Measure] = &[
    measure("CPU µs", "/server/cpu_us_per_request", 1.0),
    measure("user µs", "/server/cpu_us_per_request_user", 1.0),
    measure("k/s", "/requests/per_s", 1e-3),
    measure("wrk %", "/client/cpu_percent", 1.0),
];

/// Measures what GET /plaintext costs servers, in pairs, in alternating slices
#[derive(Debug, Parser)]
#[command(name = "plaintext")]
struct Flags {
    /// Servers to measure, the first against each of the others: actix, axum, bare, hyper,
    /// `may_minihttp`, ntex, ntex:epoll, nchan, headwater:ENGINE, or NAME=COMMAND with {addr} where
    /// the address goes
    #[arg(required = true, num_args = 2.., value_name = "SERVER")]
    servers: Vec<Kind>,

    #[command(flatten)]
    turns: Turns,

    /// Requests sent at once on a connection; a table for each number
    #[arg(long, value_delimiter = ',', default_value = "1,16", value_name = "N,N…")]
    depth: Vec<usize>,

    /// Connections of wrk
    #[arg(long, default_value_t = 64, value_name = "N")]
    connections: usize,

    /// Seconds of a slice
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    duration: u64,

    /// Seconds of load before it
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    warmup: u64,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("plaintext: {line}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    if flags.depth.contains(&0) || flags.connections == 0 || flags.duration == 0 {
        return Err("--depth, --connections and --duration have to be at least 1".to_owned());
    }
    wrk::is_installed()?;
    let mut failed = false;
    for &depth in &flags.depth {
        failed |= measure_depth(flags, depth)?;
    }
    if failed {
        return Err(
            "SOME REQUESTS FAILED, see the warnings: these figures are worthless".to_owned()
        );
    }
    Ok(())
}

/// Measures, and prints the tables of, all servers under one load; gives whether requests failed.
fn measure_depth(flags: &Flags, depth: usize) -> Result<bool, String> {
    let Turns { slices, server_core, load_core, .. } = flags.turns;
    let bench = Bench {
        program: flags.turns.bench_server(),
        server_core,
        wrk: Wrk { core: load_core, connections: flags.connections, depth },
        warmup_seconds: flags.warmup,
        seconds: flags.duration,
    };
    let load = match depth {
        1 => format!("plain, {} connections", flags.connections),
        _ => format!("{depth} requests pipelined, {} connections", flags.connections),
    };
    println!(
        "\n== GET /plaintext, {load}: {slices} slices of {} s each, server on core {server_core}, \
         wrk on core {load_core}",
        flags.duration
    );
    let attempt = |server: &Kind| bench.slice(server);
    let pairs = flags.turns.take(&flags.servers, &load, MEASURES, BRIEF, attempt)?;
    for pair in &pairs {
        println!("\n{}", pair.text());
    }
    Ok(pairs.iter().any(Pair::failed))
}
