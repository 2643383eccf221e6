//! `bench-server catch-up`: publishes events that nobody hears, lets clients come back that missed them
//! all but the first, and says as JSON how fast they were given the rest and what that cost.
//!
//! | field | meaning |
//! |---|---|
//! | `failure` | what went wrong, in one line |
//! | `load_was_the_limit` | whether this client, not the server, set the pace |
//! | `window_s` | from the first connection to the last event |
//! | `subscribers` | `connected`, `refused`, `lost` |
//! | `replayed` | `events` that were missed, each once, `per_s`, `lost_share` of them, `out_of_order`, `duplicates` |
//! | `server` | `cpu_us_per_event`, `cpu_percent`; null where not known |
//! | `client`, `others` | `cpu_percent` of a core; by others also `stolen_percent` |

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::answered::Shared;
use super::args::SIZE_MIN;
use super::fleet::Fleet;
use super::meter::Meter;
use super::publisher::{self, Published, Target};
use super::report::{float, ratio};
use super::schedule::{Clock, Schedule};
use super::subscriber::Habit;
use super::{LoadError, check_files, finish};
use crate::cli::values;

/// Events published each second beforehand; a store that takes fewer is waited for.
const PUBLISH_RATE: f64 = 50_000.0;

/// How long a store may take for all of them.
const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);

/// Without an event for this long, no more are to be expected.
const SETTLE: Duration = Duration::from_secs(2);

/// A thread that runs for a larger share of the time has no reserve.
const BUSY_SHARE: f64 = 0.9;

/// What those that come back are asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct CatchUpArgs {
    /// Server to measure, whose store gives ids from 1 on and holds all events
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub(crate) addr: SocketAddr,

    /// Clients that come back
    #[arg(long, value_name = "N", default_value = "100", value_parser = values::at_least_one)]
    pub(crate) clients: NonZeroUsize,

    /// Events that are published before; each client has seen the first
    #[arg(long, value_name = "N", default_value = "1000", value_parser = values::at_least_one)]
    pub(crate) events: NonZeroUsize,

    /// Data bytes of each
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = values::size)]
    pub(crate) size: usize,

    /// The server's processes, for CPU [default: found by the listening port]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,
}

/// Lets them come back, and prints the report. Exits with 0 when everyone got everything in order, with
/// 1 when not, with 3 when there is no report.
pub(crate) fn main(args: &CatchUpArgs) -> ExitCode {
    finish(run(args))
}

fn run(args: &CatchUpArgs) -> Result<(Value, Option<String>), LoadError> {
    check_files(args.clients.get())?;
    let events = args.events.get() as u64;
    let published = publish(args, events);
    if published.answered.accepted() < events {
        let reason = published.error.unwrap_or_else(|| format!("{:?}", published.first_refusal));
        return Err(LoadError::CannotConnect(format!("not all events were taken: {reason}")));
    }
    let shared = Arc::new(Shared::default());
    let mut fleet = Fleet::new(args.addr, "/events", Clock::new(), shared)?;
    fleet.come_back_after(1);
    fleet.tally.expect_missed(2, events);
    let mut meter = Meter::new(&args.pid, args.addr);
    let due = (events - 1) * args.clients.get() as u64;
    meter.begin();
    fleet.connect(args.clients.get(), |_| Habit::Reads, |_| ())?;
    let mut last = (fleet.tally.foreign, Instant::now());
    fleet.read_until(None, |fleet| {
        if fleet.tally.foreign > last.0 {
            last = (fleet.tally.foreign, Instant::now());
        }
        fleet.tally.replayed >= due || last.1.elapsed() > SETTLE
    })?;
    meter.end();
    Ok(report(&fleet, &meter, due))
}

fn publish(args: &CatchUpArgs, events: u64) -> Published {
    let clock = Clock::new();
    let lasts = Duration::from_secs_f64(float(events) / PUBLISH_RATE);
    let schedule = Schedule::new(clock.now(), PUBLISH_RATE, Duration::ZERO, lasts);
    let target = Target {
        addr: args.addr,
        path: "/publish".to_owned(),
        size: args.size.max(SIZE_MIN),
        most_behind: PUBLISH_PATIENCE,
        window: None,
    };
    publisher::publish(&target, schedule, clock, &Shared::default())
}

fn report(fleet: &Fleet, meter: &Meter, due: u64) -> (Value, Option<String>) {
    let (window, census, tally) = (meter.window(), &fleet.census, &fleet.tally);
    let (server, own) = (window.server_cost(), window.own_cost());
    let events = tally.replayed;
    let lost = due.saturating_sub(events);
    let share = server.map(|cost| window.share(cost.all()));
    let wanted = own.reader_ran.unwrap_or_default() + own.reader_waited.unwrap_or_default();
    let (disorder, duplicates) = (tally.out_of_order, tally.duplicates);
    let failure = (lost + disorder + duplicates > 0).then(|| {
        let reason = census.first_refusal.as_ref().or(census.first_loss.as_ref());
        let reason = reason.map_or("no reason given", String::as_str);
        format!(
            "{lost} of {due} missed events did not come, {disorder} came out of order, {duplicates} twice \
             ({reason})"
        )
    });
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let cost = server.filter(|_| events > 0);
    let value = json!({
        "failure": failure,
        "load_was_the_limit": wanted > BUSY_SHARE && share.is_none_or(|share| share < BUSY_SHARE),
        "window_s": window.length().as_secs_f64(),
        "subscribers": {
            "connected": census.connected,
            "refused": census.refused,
            "lost": census.lost,
        },
        "replayed": {
            "events": events,
            "per_s": ratio(float(events), window.length().as_secs_f64()),
            "lost_share": ratio(float(lost), float(due)),
            "out_of_order": disorder,
            "duplicates": duplicates,
        },
        "server": {
            "cpu_us_per_event": cost.map(|cost| cost.all().as_secs_f64() * 1e6 / float(events)),
            "cpu_percent": percent(share),
        },
        "client": { "cpu_percent": percent(own.core_share) },
        "others": { "cpu_percent": percent(own.others), "stolen_percent": percent(own.stolen) },
    });
    (value, failure)
}
