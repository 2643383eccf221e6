//! `bench-server load`: subscribes, publishes on an open-loop schedule, and says what arrived, how
//! late, and what it cost the server.
//! A plain client of any server with the same two paths: it uses nothing of the library it measures.
//!
//! - `args`: what is asked for
//! - `run`: one run from begin to end; `ladder`: several, at one rate after the other
//! - `schedule`: when each event is due
//! - `publisher`: sends them, or without a schedule as many as a `window` lets; `answers` reads the replies, `answered` tells the reading side
//! - `ask`: requests instead of streams; `catch_up`: clients that come back for what they missed
//! - `fleet`: connects and reads all subscribers, each a `subscriber` with a `decode`r; lets them
//!   leave, come and return
//! - `guests`: clients beside them, that make requests or mean no good; `sockets` is for both
//! - `ledger`: what one subscriber received and was owed; `tally`: order and lateness of all
//! - `meter`: what the server and this client cost, read by `proc`; `metrics`: the server's counts
//! - `report`: the outcome, as text and as JSON; `progress`: how far it is

mod answered;
mod answers;
mod args;
pub(crate) mod ask;
pub(crate) mod catch_up;
mod decode;
mod fleet;
pub(crate) mod guests;
mod ladder;
mod ledger;
pub(crate) mod meter;
mod metrics;
pub(crate) mod proc;
mod progress;
mod publisher;
pub(crate) mod report;
mod run;
mod schedule;
mod sockets;
mod subscriber;
pub(crate) mod tally;
mod window;

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::cli::USAGE;
pub(crate) use args::LoadArgs;
use ladder::Ladder;
use progress::Progress;
pub(crate) use report::grouped;

/// Exit code of a run without a report.
pub(crate) const NO_REPORT: u8 = 3;

/// Files that a load has open besides its clients.
const SPARE_FILES: usize = 16;

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// No subscriber got a stream.
    CannotConnect(String),
    /// This process may not open that many files.
    FileLimit { needed: usize, limit: usize },
    /// The operating system refused something that a load cannot do without.
    Io(io::Error),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CannotConnect(reason) => write!(out, "cannot connect: {reason}"),
            Self::FileLimit { needed, limit } => write!(
                out,
                "{needed} open files are needed but {limit} allowed: raise the limit with \
                 `ulimit -n {needed}`"
            ),
            Self::Io(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether this process may open this many connections.
fn check_files(connections: usize) -> Result<(), LoadError> {
    let needed = connections.saturating_add(SPARE_FILES);
    match proc::open_file_limit() {
        Some(limit) if limit < needed => Err(LoadError::FileLimit { needed, limit }),
        _ => Ok(()),
    }
}

/// Prints a report. Exits with 0, with 1 when something went wrong, which is said in one line, with 3 when
/// there is no report.
fn finish(outcome: Result<(impl Display, Option<String>), LoadError>) -> ExitCode {
    let (report, failure) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("bench-server: {error}");
            return ExitCode::from(NO_REPORT);
        }
    };
    println!("{report}");
    let Some(failure) = failure else { return ExitCode::SUCCESS };
    eprintln!("bench-server: {failure}");
    ExitCode::FAILURE
}

/// Runs a load and prints its report. Exits with 0 when every event reached everyone in order, or a
/// ladder kept the order; 1 when not, 2 when flags contradict one another, 3 when there was nothing
/// to connect to.
pub(crate) fn main(args: &LoadArgs) -> ExitCode {
    if let Err(line) = args.check() {
        eprintln!("bench-server: {line} (see --help)");
        return ExitCode::from(USAGE);
    }
    let progress = Progress::new(args.json);
    let outcome = if args.ladder.is_empty() {
        run::run(args, &progress)
            .map(|report| (if args.json { report.json() } else { report.text() }, report.failure()))
    } else {
        Ladder::run(args, &progress)
            .map(|ladder| (if args.json { ladder.json() } else { ladder.text() }, ladder.failure()))
    };
    finish(outcome)
}
