//! Measures servers in pairs: the first against each other one, slice by slice in turn, each server
//! on one core and the load on another. What the first gives against itself is the noise.
//!
//! - `slice`: one run of the load against a fresh server

mod slice;

use std::process::ExitCode;

use clap::Parser;
use headwater_peers::table::{Measure, measure};
use headwater_peers::turns::Turns;
use slice::{Bench, Subject};

const MEBIBYTES: f64 = 1.0 / (1024.0 * 1024.0);

/// All that is compared, where the reports have it.
const MEASURES: &[Measure] = &[
    measure("best with < 1 % lost, M/s", "/best/delivered_per_s", 1e-6),
    measure("  at offered events/s", "/best/offered_per_s", 1.0),
    measure("delivered, k/s", "/deliveries/per_s", 1e-3),
    measure("lost, %", "/deliveries/lost_percent", 1.0),
    measure("p50, ms", "/latency_us/p50", 1e-3),
    measure("p99, ms", "/latency_us/p99", 1e-3),
    measure("CPU per delivery, µs", "/server/cpu_us_per_delivery", 1.0),
    measure("  without ksoftirqd, µs", "/server/cpu_us_per_delivery_process", 1.0),
    measure("CPU, % of a core", "/server/cpu_percent", 1.0),
    measure("sends per delivery", "/server/sends_per_delivery", 1.0),
    measure("events per send", "/server/events_per_send", 1.0),
    measure("RSS per subscriber, B", "/server/rss_growth_per_subscriber_bytes", 1.0),
    measure("RSS connected, MiB", "/server/rss_connected_bytes", MEBIBYTES),
    measure("RSS at the end, MiB", "/server/rss_end_bytes", MEBIBYTES),
    measure("kernel TCP at the end, MiB", "/kernel/tcp_end_bytes", MEBIBYTES),
    measure("slow ones: delivered", "/slow/delivered", 1.0),
    measure("churn: to a stream p99, ms", "/churn/came_us/p99", 1e-3),
    measure("storm: all back, s", "/storm/took_s", 1.0),
    measure("storm: to a stream p99, ms", "/storm/back_us/p99", 1e-3),
    measure("storm: refusals", "/storm/refusals", 1.0),
    measure("storm: CPU, s", "/storm/server_cpu_s", 1.0),
];

/// What is shown of a slice while others are still to come.
const BRIEF: &[Measure] = &[
    measure("best M/s", "/best/delivered_per_s", 1e-6),
    measure("delivered k/s", "/deliveries/per_s", 1e-3),
    measure("CPU µs", "/server/cpu_us_per_delivery", 1.0),
    measure("p99 ms", "/latency_us/p99", 1e-3),
];

/// Measures servers in pairs, in alternating slices
#[derive(Debug, Parser)]
#[command(name = "pairs")]
struct Flags {
    /// Servers to measure, the first against each of the others: actix, axum, bare, nchan,
    /// headwater:ENGINE, or NAME=COMMAND with {addr} where the address goes. Any of them may be
    /// followed, in the same word, by ` -- ` and flags of the load for it alone
    #[arg(required = true, num_args = 2.., value_name = "SERVER")]
    servers: Vec<Subject>,

    #[command(flatten)]
    turns: Turns,

    /// What follows -- goes to `bench-server load`
    #[arg(last = true, value_name = "LOAD FLAGS")]
    load: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("pairs: {line}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    let Turns { slices, server_core, load_core, .. } = flags.turns;
    let bench = Bench {
        program: flags.turns.bench_server(),
        server_core,
        load_core,
        load: flags.load.clone(),
    };
    let load = flags.load.join(" ");
    println!(
        "{slices} slices each, server on core {server_core}, load on core {load_core}: load {load}"
    );
    let attempt = |server: &Subject| bench.slice(server);
    for pair in flags.turns.take(&flags.servers, &load, MEASURES, BRIEF, attempt)? {
        println!("\n{}", pair.text());
    }
    Ok(())
}
