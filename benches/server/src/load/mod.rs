//! `bench-server load`: subscribes, publishes on an open-loop schedule, and says what arrived, how
//! late, and what it cost the server.
//! A plain client of any server with the same two paths: it uses nothing of the library it measures.
//!
//! - `args`: what is asked for
//! - `schedule`: when each event is due
//! - `publisher`: sends them, `answers` reads the replies
//! - `fleet`: connects and reads all subscribers, each a `subscriber` with a `decode`r
//! - `tally`: judges order, loss and lateness
//! - `meter`: what the server and this client cost, read by `proc`
//! - `report`: the outcome, as text and as JSON

mod answers;
mod args;
mod decode;
mod fleet;
mod meter;
mod proc;
mod publisher;
mod report;
mod schedule;
mod subscriber;
mod tally;

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use args::LoadArgs;
use args::Mode;
use fleet::Fleet;
use meter::Meter;
use publisher::{Published, Shared, Target};
pub(crate) use report::Report;
use schedule::{Clock, Schedule};
use subscriber::Habit;
use tally::Tally;

/// Time from the last connection to the first event.
const LEAD: Duration = Duration::from_millis(100);

/// Without a delivery for this long, the last one may have come: waiting on for missing ones is not
/// part of the measured time.
const QUIET: Duration = Duration::from_millis(100);

/// Files the load has open besides its subscribers.
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

/// Exit code of a run without a report.
const NO_REPORT: u8 = 3;

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

/// Runs a load and prints its report. Exits with 0 when every event reached everyone in order, 1
/// when not, 3 when there was nothing to connect to.
pub(crate) fn main(args: &LoadArgs) -> ExitCode {
    match run(args) {
        Ok(report) => {
            println!("{}", if args.json { report.json() } else { report.text() });
            if let Some(failure) = report.failure() {
                eprintln!("bench-server: {failure}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-server: {error}");
            ExitCode::from(NO_REPORT)
        }
    }
}

/// Runs a load.
pub(crate) fn run(args: &LoadArgs) -> Result<Report, LoadError> {
    check_file_limit(args)?;
    let clock = Clock::new();
    let mut fleet = Fleet::new(args.addr, &args.events_path, Tally::new(clock))?;
    let mut meter = Meter::new(args.pid, args.addr);
    connect(&mut fleet, &mut meter, args)?;

    let mode = args.mode();
    let before = fleet.tally.foreign;
    if mode != Mode::Publish {
        meter.begin();
        fleet.read_until(Some(Instant::now() + args.duration), |_| false)?;
        meter.end();
    }
    let foreign = fleet.tally.foreign - before;
    let schedule = schedule_of(args, clock);
    if mode == Mode::Listen {
        return Ok(Report::new(args, &fleet, &Published::nothing(), &meter, schedule, foreign));
    }
    let target = Target { addr: args.addr, path: args.publish_path.clone(), size: args.size };
    let shared = Shared::default();
    fleet.tally.expect(schedule);
    let published = thread::scope(|scope| {
        let publisher = scope.spawn(|| publisher::publish(&target, schedule, clock, &shared));
        if mode == Mode::Hold {
            settle(&mut fleet, &shared, args.settle, None)?;
        } else {
            let warmup = schedule.measure_start().saturating_sub(clock.now());
            let measured_from = Instant::now() + Duration::from_nanos(warmup);
            fleet.read_until(Some(measured_from), |_| false)?;
            meter.begin();
            settle(&mut fleet, &shared, args.settle, Some(&mut meter))?;
        }
        publisher.join().map_err(|_| io::Error::other("the publishing thread panicked"))
    })?;
    Ok(Report::new(args, &fleet, &published, &meter, schedule, foreign))
}

/// Connects everyone, and takes down the server's memory before and after.
fn connect(fleet: &mut Fleet, meter: &mut Meter, args: &LoadArgs) -> Result<(), LoadError> {
    meter.before_first();
    fleet.connect(args.subscribers, Habit::Reads)?;
    meter.after_last();
    fleet.connect(args.stuck, Habit::Stuck)?;
    if fleet.census.connected + fleet.census.stuck > 0 {
        return Ok(());
    }
    Err(LoadError::CannotConnect(match fleet.census.first_refusal.take() {
        Some(reason) => format!("{}: {reason}", args.addr),
        None => "no subscribers were asked for".to_owned(),
    }))
}

/// Reads until publishing is over and every subscriber has every event, or none came for
/// `patience`. The measured time, if `meter` takes one, ends with the last delivery.
fn settle(
    fleet: &mut Fleet,
    shared: &Shared,
    patience: Duration,
    mut meter: Option<&mut Meter>,
) -> io::Result<()> {
    let mut last_change = None;
    let mut metered = false;
    fleet.read_until(None, |fleet| {
        let Some(count) = shared.final_count() else { return false };
        let (deliveries, at) = last_change.get_or_insert((0, Instant::now()));
        if *deliveries != fleet.tally.deliveries {
            (*deliveries, *at) = (fleet.tally.deliveries, Instant::now());
            metered = false;
        }
        let complete = fleet.all_have(count);
        if !metered && (complete || at.elapsed() > QUIET) {
            if let Some(meter) = &mut meter {
                meter.end();
            }
            metered = true;
        }
        complete || at.elapsed() > patience
    })
}

fn schedule_of(args: &LoadArgs, clock: Clock) -> Schedule {
    let start = clock.now() + schedule::nanos(LEAD);
    if args.hold {
        return Schedule::once(start);
    }
    Schedule::new(start, args.rate.per_second(), args.warmup, args.duration)
}

fn check_file_limit(args: &LoadArgs) -> Result<(), LoadError> {
    let needed = args.subscribers.saturating_add(args.stuck).saturating_add(SPARE_FILES);
    match proc::open_file_limit() {
        Some(limit) if limit < needed => Err(LoadError::FileLimit { needed, limit }),
        _ => Ok(()),
    }
}
