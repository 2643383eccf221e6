//! A load that shares nothing with that of the bench server, to check its figures by: tokio, hyper's
//! client and the decoder `sse-stream`, on one thread; events have a second one, which waits for when
//! they are due. It puts the same load on a server, events to subscribers or requests at a rate, and
//! prints what came of it as one JSON object.
//!
//! - `events`: subscribers, and events that are published to them; `tally`: what has arrived
//! - `requests`: requests for one path
//! - `schedule`: when what is due; `lane`: one connection that requests are made on
//! - `figures`: what both count, and how it is printed
//!
//! | field | meaning |
//! |---|---|
//! | `failure` | what went wrong, in one line; null if nothing did |
//! | `window_s` | from when the first that is measured was due until the last arrived |
//! | `subscribers` | `connected`, and `lost` before the end |
//! | `published` | `sent`, `answered`, `late`: sent over 1 ms after they were due, `connections` that it took |
//! | `deliveries` | `all`, `measured` (without warm-up), `per_s` of these, `due`, `received` and `lost` of all, `duplicates`, `foreign` (blocks of others) |
//! | `requests` | `answered` in the measured time, `per_s`, `unanswered`, `late`, all that were `sent` |
//! | `latency_us` | arrival − due time of what is measured: `p50`, `p90`, `p99`, `p99_9`, `max` |
//! | `client` | `cpu_percent` of a core, `cpu_us_each`: per delivery or answer |

mod events;
mod figures;
mod lane;
mod requests;
mod schedule;
mod tally;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use schedule::Plan;
use serde_json::Value;
use tokio::task::LocalSet;
use tokio::time::sleep;

/// Measures a server with nothing of the bench server's own load
#[derive(Debug, Parser)]
#[command(name = "witness")]
struct Flags {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// Subscribe to /events, and publish to /publish at a rate
    Events(events::Flags),
    /// Make requests at a rate
    Requests(requests::Flags),
}

/// When, and how long.
#[derive(Clone, Copy, Debug, Args)]
struct Pace {
    /// Server to measure
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,

    /// Events, or requests, each second, on a schedule that waits for no answer
    #[arg(long, value_name = "PER_SECOND", default_value = "100", value_parser = rate)]
    rate: f64,

    /// Time measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,

    /// Time before it, which is not
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    warmup: Duration,

    /// Time without any arrival after which what is missing counts as lost
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    settle: Duration,
}

impl Pace {
    fn plan(&self) -> Plan {
        Plan::new(self.rate, self.warmup, self.duration)
    }

    /// Returns when so many have `arrived`, or none did for the time to settle.
    async fn settle(&self, due: u64, arrived: impl Fn() -> u64) {
        let (mut seen, mut since) = (arrived(), Instant::now());
        while seen < due && since.elapsed() <= self.settle {
            sleep(Duration::from_millis(1)).await;
            let now = arrived();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let most = 1e6;
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= most);
    rate.ok_or_else(|| format!("expected a number above 0, and of {most} at the most"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|time| *time <= Duration::from_hours(1))
        .ok_or_else(|| "expected seconds, of one hour at the most".to_owned())
}

/// Exits with 0 if all went well, with 1 if not, or if there is no report.
fn main() -> ExitCode {
    match run(&Flags::parse().load) {
        Ok(report) => {
            println!("{report}");
            match report["failure"].as_str() {
                None => return ExitCode::SUCCESS,
                Some(failure) => eprintln!("witness: {failure}"),
            }
        }
        Err(error) => eprintln!("witness: {error}"),
    }
    ExitCode::FAILURE
}

fn run(load: &Load) -> io::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match load {
            Load::Events(flags) => events::run(*flags).await,
            Load::Requests(flags) => requests::run(flags).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_schedule_can_be_made_of_is_refused() {
        assert!(rate("0.5").is_ok());
        for text in ["0", "-1", "NaN", "inf", "1000001", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["-1", "NaN", "3601", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
