//! `bench-server ask`: makes requests over keep-alive connections, as many at once as asked for or at a
//! rate, and says as JSON how many were answered, how soon, and what that cost the server. Every
//! answer is to be like the first one.
//!
//! - `sample`: the first answer, which the others are compared with
//! - `client`: one connection; `crowd`: all of them, and when they ask
//! - `report`: the outcome

mod client;
mod crowd;
mod report;
mod sample;

use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::meter::Meter;
use super::{LoadError, check_files, finish};
use crate::cli::values::{self, Rate};
use crowd::Crowd;
use sample::Sample;

/// What a run of requests is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct AskArgs {
    /// Server to measure
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub(crate) addr: SocketAddr,

    /// What to ask for
    #[arg(long, value_name = "PATH", default_value = "/plaintext", value_parser = values::path)]
    pub(crate) path: String,

    /// Connections
    #[arg(long, value_name = "N", default_value = "64", value_parser = values::at_least_one)]
    pub(crate) connections: NonZeroUsize,

    /// Requests sent at once on each; the next ones follow when all of them are answered
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::at_least_one)]
    pub(crate) depth: NonZeroUsize,

    /// Requests each second on all connections together, on a schedule that waits for no answer
    /// [default: as many as are answered]
    #[arg(long, value_name = "PER_SECOND", value_parser = values::rate, conflicts_with = "depth")]
    pub(crate) rate: Option<Rate>,

    /// Make so many requests, however long they take
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "duration", "warmup"])]
    pub(crate) requests: Option<NonZeroU64>,

    /// Time measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    pub(crate) duration: Duration,

    /// Time before that, which is not measured
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::seconds)]
    pub(crate) warmup: Duration,

    /// The server's processes, for CPU and memory [default: found by the listening port]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,
}

/// Asks, and prints the report. Exits with 0 when every request was answered as the first, with 1 when
/// not, with 3 when there is no report.
pub(crate) fn main(args: &AskArgs) -> ExitCode {
    finish(run(args).map(|report| (report.value(), report.failure())))
}

fn run(args: &AskArgs) -> Result<report::Report, LoadError> {
    check_files(args.connections.get())?;
    let sample = Sample::take(args.addr, &args.path)
        .map_err(|reason| LoadError::CannotConnect(format!("{}: {reason}", args.addr)))?;
    let meter = Meter::new(&args.pid, args.addr);
    let mut crowd = Crowd::new(args, sample, meter)?;
    let outcome = match (args.rate, args.requests) {
        (Some(rate), _) => crowd.ask_at(rate.per_second())?,
        (None, Some(requests)) => crowd.ask_times(requests.get())?,
        (None, None) => crowd.ask_flat_out()?,
    };
    Ok(report::Report::new(args, outcome, crowd.meter()))
}
