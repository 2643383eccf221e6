//! Measures servers in pairs: the first against each other one, slice by slice in turn, each server
//! on one core and the load on another. What the first gives against itself is the noise.
//!
//! - `slice`: one run of the load against a fresh server
//! - `table`: medians and ratios

mod slice;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use headwater_peers::server;
use slice::{Bench, Slice, Subject};
use table::Pair;

/// Measures servers in pairs, in alternating slices
#[derive(Debug, Parser)]
#[command(name = "pairs")]
struct Flags {
    /// Servers to measure, the first against each of the others: actix, axum, bare, nchan,
    /// headwater:ENGINE, or NAME=COMMAND with {addr} where the address goes. Any of them may be
    /// followed, in the same word, by ` -- ` and flags of the load for it alone
    #[arg(required = true, num_args = 2.., value_name = "SERVER")]
    servers: Vec<Subject>,

    /// Slices of each server in a pair
    #[arg(long, default_value_t = 5, value_name = "N")]
    slices: usize,

    /// Core of the servers
    #[arg(long, default_value_t = 0, value_name = "CORE")]
    server_core: usize,

    /// Core of the load
    #[arg(long, default_value_t = 1, value_name = "CORE")]
    load_core: usize,

    /// Most that other processes may take during a slice, in percent of a core; it is repeated else
    #[arg(long, default_value_t = 15.0, value_name = "PERCENT")]
    others: f64,

    /// The bench server, which is the load and headwater [default: the one built beside this]
    #[arg(long, value_name = "FILE")]
    bench_server: Option<PathBuf>,

    /// Add the report of each slice to this file, a JSON object a line
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

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
    if flags.slices == 0 {
        return Err("--slices has to be at least 1".to_owned());
    }
    let bench = Bench {
        program: flags.bench_server.clone().unwrap_or_else(server::bench_server),
        server_core: flags.server_core,
        load_core: flags.load_core,
        others: flags.others,
        save: flags.save.clone(),
        load: flags.load.clone(),
    };
    println!(
        "{} slices each, server on core {}, load on core {}: load {}",
        flags.slices,
        flags.server_core,
        flags.load_core,
        flags.load.join(" ")
    );
    let (first, others) = flags.servers.split_first().ok_or("no servers")?;
    let mut pairs: Vec<Pair> = others.iter().map(|other| Pair::new(first, other)).collect();
    let slice = |server: &Subject| -> Result<Slice, String> {
        let slice = bench.slice(server)?;
        eprintln!("{server}: {}", slice.line());
        Ok(slice)
    };
    // Each slice of another server lies between two of the first: the one before is what it is set
    // against, and the one after is set against that one, too.
    let mut before = slice(first)?;
    for _ in 0..flags.slices {
        for (pair, other) in pairs.iter_mut().zip(others) {
            let between = slice(other)?;
            let after = slice(first)?;
            pair.add(before, between, after.clone());
            before = after;
        }
    }
    for pair in &pairs {
        println!("\n{}", pair.text());
    }
    Ok(())
}
