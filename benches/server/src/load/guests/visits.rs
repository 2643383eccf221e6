//! `bench-server visits`: connections that come at a steady rate, do one thing each, and leave in many
//! manners; then looks for what they left behind in the server: descriptors, memory, connections.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use mio::Events;
use serde_json::json;

use super::abuse::Paths;
use super::agenda::Agenda;
use super::visit::{Manner, Stage, Visit};
use super::wire::Wire;
use crate::cli::values::{self, Rate};
use crate::load::meter::Meter;
use crate::load::metrics;
use crate::load::proc;
use crate::load::report::{grouped, micros};
use crate::load::schedule::{Clock, Pace, nanos};
use crate::load::sockets::Buffers;
use crate::load::tally::lateness;
use crate::load::{LoadError, finish};

/// What is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct VisitsArgs {
    /// Server to visit
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    addr: SocketAddr,

    /// Connections that come each second
    #[arg(long, value_name = "PER_SECOND", default_value = "1000", value_parser = values::rate)]
    rate: Rate,

    /// How long they come
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = values::seconds)]
    duration: Duration,

    /// How long they come before that, until the server has what it keeps
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::seconds)]
    warmup: Duration,

    /// Resident memory that may be left behind
    #[arg(long, value_name = "BYTES", default_value_t = 4 * 1024 * 1024)]
    most_left: u64,

    /// The server's processes [default: found by the listening port]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pid: Vec<u32>,

    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// How long a visit may take, and a server to see that all have left.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the server.
const LOOK: Duration = Duration::from_millis(50);
const SCRATCH_BYTES: usize = 64 * 1024;
/// The connection that asks for the counts.
const OWN: u64 = 1;

/// What came of visits.
struct Visited {
    came: u64,
    /// Those that did not have what they came for, and why the first did not.
    failed: u64,
    first_failure: Option<String>,
    /// Due time to leaving, in microseconds.
    took_us: Histogram<u64>,
}

/// What the server holds.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    rss_bytes: Option<u64>,
    files: Option<usize>,
    connections: Option<u64>,
    streams: Option<u64>,
}

struct Visits<'a> {
    args: &'a VisitsArgs,
    clock: Clock,
    agenda: Agenda,
    events: Events,
    paths: Paths,
    /// By number; free ones are used again.
    here: Vec<Option<Visit>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    visited: Visited,
}

/// Runs, and prints the report. Exits with 0 when nothing was left behind, 1 when something was or a
/// visit failed, 3 without a report.
pub(crate) fn main(args: &VisitsArgs) -> ExitCode {
    finish(run(args))
}

fn run(args: &VisitsArgs) -> Result<(String, Option<String>), LoadError> {
    let meter = Meter::new(&args.pid, args.addr);
    round(args, args.warmup)?;
    let before = at_rest(args, &meter, None);
    let visited = round(args, args.duration)?;
    let after = at_rest(args, &meter, Some(before));
    let failure = failure(args, &visited, before, after);
    if let Err(reason) = &meter.server {
        eprintln!("bench-server: the server's memory and files are not known: {reason}");
    }
    Ok((report(args, &visited, [before, after], failure.as_deref()), failure))
}

/// Lets visitors come for this long; returns when the last has left.
fn round(args: &VisitsArgs, time: Duration) -> io::Result<Visited> {
    let clock = Clock::new();
    let mut visits = Visits {
        args,
        clock,
        agenda: Agenda::new()?,
        events: Events::with_capacity(1024),
        paths: Paths {
            ask: "/plaintext".to_owned(),
            events: "/events".to_owned(),
            publish: "/publish".to_owned(),
        },
        here: Vec::new(),
        free: Vec::new(),
        scratch: vec![0; SCRATCH_BYTES],
        visited: Visited { came: 0, failed: 0, first_failure: None, took_us: lateness() },
    };
    let mut pace = Pace::new(clock.now(), args.rate.per_second());
    let end = clock.now() + nanos(time);
    let mut turn = 0;
    while pace.due() <= end {
        while pace.due() <= clock.now().min(end) {
            visits.come(turn, pace.due());
            pace.advance();
            turn += 1;
        }
        let wait = Duration::from_nanos(pace.due().saturating_sub(clock.now()));
        visits.turn(Instant::now() + wait)?;
    }
    let patience = Instant::now() + PATIENCE;
    while visits.free.len() < visits.here.len() && Instant::now() < patience {
        visits.turn(patience)?;
    }
    let hung = visits.here.len() - visits.free.len();
    for _ in 0..hung {
        visits.visited.fail(format!("not done in {} s", PATIENCE.as_secs()));
    }
    Ok(visits.visited)
}

impl Visits<'_> {
    /// The `turn`th visitor comes.
    fn come(&mut self, turn: usize, due: u64) {
        let manner = Manner::ALL[turn % Manner::ALL.len()];
        let number = self.free.pop().unwrap_or_else(|| {
            self.here.push(None);
            self.here.len() - 1
        });
        let addr = self.args.addr;
        self.visited.came += 1;
        match Wire::open(addr, self.agenda.registry(), number, turn, Buffers::Usual) {
            Ok(mut wire) => {
                wire.push(&manner.bytes(addr, &self.paths));
                self.here[number] = Some(Visit::new(wire, manner, due));
            }
            Err(error) => {
                self.free.push(number);
                self.visited.fail(error.to_string());
            }
        }
    }

    fn turn(&mut self, until: Instant) -> io::Result<()> {
        let mut ready = Vec::new();
        self.agenda.wait(&mut self.events, Some(until), |_, number, _| ready.push(number))?;
        for number in ready {
            // It may have left in this very turn.
            let Some(visit) = &mut self.here[number] else { continue };
            match visit.go_on(&mut self.scratch) {
                Ok(Stage::Under) => continue,
                Ok(Stage::Done) => {
                    let took = self.clock.now().saturating_sub(visit.since) / 1_000;
                    self.visited.took_us.saturating_record(took);
                }
                Err(reason) => self.visited.fail(reason),
            }
            self.here[number] = None;
            self.free.push(number);
        }
        Ok(())
    }
}

impl Visited {
    fn fail(&mut self, reason: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(reason);
    }
}

/// What the server holds once it has seen that all have left, or after a while. With `before`, memory and
/// files are waited for, too: some things are tidied up a little later.
fn at_rest(args: &VisitsArgs, meter: &Meter, before: Option<Footprint>) -> Footprint {
    let patience = Instant::now() + PATIENCE;
    loop {
        let seen = footprint(args, meter);
        let rests =
            before.map_or_else(|| seen.is_empty(), |before| seen.leftover(before, args).is_none());
        if rests || Instant::now() > patience {
            return seen;
        }
        thread::sleep(LOOK);
    }
}

fn footprint(args: &VisitsArgs, meter: &Meter) -> Footprint {
    let counts = metrics::read(args.addr);
    let files =
        meter.server.as_ref().ok().map(|pids| pids.iter().map(|pid| proc::files(*pid)).sum());
    Footprint {
        rss_bytes: meter.memory().rss,
        files: files.flatten(),
        connections: counts.connections,
        streams: counts.streams,
    }
}

impl Footprint {
    fn is_empty(&self) -> bool {
        self.connections.is_none_or(|open| open <= OWN) && self.streams.is_none_or(|open| open == 0)
    }

    /// What is there that was not before, in one line.
    fn leftover(&self, before: Self, args: &VisitsArgs) -> Option<String> {
        if !self.is_empty() {
            let open = |count: Option<u64>| count.unwrap_or_default();
            let (connections, streams) = (open(self.connections), open(self.streams));
            return Some(format!("{connections} connections and {streams} streams are left open"));
        }
        if let Some((after, before)) = self.files.zip(before.files)
            && after > before
        {
            return Some(format!("{} descriptors are left open", after - before));
        }
        let (after, before) = self.rss_bytes.zip(before.rss_bytes)?;
        let left = after.saturating_sub(before);
        (left > args.most_left).then(|| format!("{} bytes are left behind", grouped(left)))
    }
}

fn failure(
    args: &VisitsArgs,
    visited: &Visited,
    before: Footprint,
    after: Footprint,
) -> Option<String> {
    let failed = (visited.failed > 0).then(|| {
        let reason = visited.first_failure.as_deref().unwrap_or_default();
        format!("{} visits failed ({reason})", grouped(visited.failed))
    });
    let faults: Vec<String> = failed.into_iter().chain(after.leftover(before, args)).collect();
    (!faults.is_empty()).then(|| faults.join(", "))
}

fn report(
    args: &VisitsArgs,
    visited: &Visited,
    footprints: [Footprint; 2],
    failure: Option<&str>,
) -> String {
    let at = |quantile| visited.took_us.value_at_quantile(quantile);
    let [before, after] = footprints;
    let left = after.rss_bytes.zip(before.rss_bytes);
    let left = left.map(|(after, before)| after.cast_signed() - before.cast_signed());
    if args.json {
        return json!({
            "ok": failure.is_none(),
            "failure": failure,
            "came": visited.came,
            "failed": visited.failed,
            "took_us": { "p50": at(0.5), "p99": at(0.99), "max": visited.took_us.max() },
            "rss_before_bytes": before.rss_bytes,
            "rss_after_bytes": after.rss_bytes,
            "files_before": before.files,
            "files_after": after.files,
            "connections_after": after.connections.map(|open| open.saturating_sub(OWN)),
            "streams_after": after.streams,
        })
        .to_string();
    }
    let known = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), grouped);
    let files = |footprint: Footprint| known(footprint.files.map(|files| files as u64));
    format!(
        "visits         {} at {}/s in {} manners, {} failed\n\
         took           p50 {}  p99 {}  max {}\n\
         server memory  {} B before, {} B after: {} B left\n\
         descriptors    {} before, {} after\n\
         still open     {} connections, {} streams\n\
         verdict        {}",
        grouped(visited.came),
        args.rate.per_second(),
        Manner::ALL.len(),
        grouped(visited.failed),
        micros(at(0.5)),
        micros(at(0.99)),
        micros(visited.took_us.max()),
        known(before.rss_bytes),
        known(after.rss_bytes),
        left.map_or_else(|| "?".to_owned(), |left| left.to_string()),
        files(before),
        files(after),
        known(after.connections.map(|open| open.saturating_sub(OWN))),
        known(after.streams),
        failure.map_or_else(
            || "nothing is left behind".to_owned(),
            |fault| format!("FAILED: {fault}")
        ),
    )
}
