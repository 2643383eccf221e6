//! What a load run is asked for. Values are checked here, once.

mod guests;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use crate::cli::values::{self, Rate};
use guests::GuestArgs;

/// The fewest data bytes that hold an event's number and its due time.
pub(crate) const SIZE_MIN: usize = 48;

/// What a load run is asked for.
#[expect(clippy::struct_excessive_bools, reason = "these are the flags of a command line")]
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadArgs {
    /// Server to measure
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub(crate) addr: SocketAddr,

    /// Subscribers that read everything
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) subscribers: usize,

    /// Check the events of every Nth of them only, and count the bytes of the others: where reading
    /// everything would be the limit
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = values::at_least_one,
        conflicts_with_all = ["churn", "storm"]
    )]
    pub(crate) decode_every: NonZeroUsize,

    /// Further subscribers that read slowly, with a small receive buffer; reported apart
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) slow: usize,

    /// How fast each of these reads
    #[arg(long, value_name = "BYTES_PER_S", default_value = "4096", value_parser = values::at_least_one)]
    pub(crate) slow_rate: NonZeroUsize,

    /// Further subscribers that never read, with a small receive buffer
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) stuck: usize,

    /// Subscribers that leave each second of the measured time, and as many that come
    #[arg(long, value_name = "PER_SECOND", value_parser = values::rate)]
    pub(crate) churn: Option<Rate>,

    /// Subscribers that drop at once in the middle of the measured time, and return
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) storm: usize,

    /// Time over which they return
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::seconds)]
    pub(crate) storm_within: Duration,

    /// Events published each second, on a schedule that waits for no answer
    #[arg(long, value_name = "EVENTS_PER_S", default_value = "100", value_parser = values::rate)]
    pub(crate) rate: Rate,

    /// Publish as fast as events arrive, at most so many under way, instead of at a rate: tells the
    /// most that is delivered without loss, and nothing of latency
    #[arg(
        long,
        value_name = "EVENTS",
        value_parser = values::at_least_one,
        conflicts_with_all = ["rate", "ladder", "hold", "listen"]
    )]
    pub(crate) window: Option<NonZeroUsize>,

    /// Several rates, one run after the other: tells the most events delivered with under 1 % lost
    #[arg(
        long,
        value_name = "EVENTS_PER_S,…",
        value_delimiter = ',',
        value_parser = values::rate,
        conflicts_with_all = ["rate", "hold", "listen"]
    )]
    pub(crate) ladder: Vec<Rate>,

    /// Data bytes of each event, at least 48
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = payload)]
    pub(crate) size: usize,

    /// Time measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    pub(crate) duration: Duration,

    /// Time published, or listened, before the measured time: checked for order and loss, not timed
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::seconds)]
    pub(crate) warmup: Duration,

    /// Time without any delivery after which missing ones count as lost, and time behind the
    /// schedule at which publishing ends
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::seconds)]
    pub(crate) settle: Duration,

    /// Publish nothing for the duration, report the server's idle cost, then check that one event
    /// reaches everyone
    #[arg(long)]
    pub(crate) hold: bool,

    /// Publish nothing at all, and report what the server's own events cost: for paths that send
    /// some by themselves
    #[arg(long, conflicts_with = "hold")]
    pub(crate) listen: bool,

    /// Clients beside the subscribers.
    #[command(flatten)]
    pub(crate) guests: GuestArgs,

    /// The server's processes, for CPU and memory [default: found by the listening port]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,

    /// Where to publish
    #[arg(long, value_name = "PATH", default_value = "/publish", value_parser = values::path)]
    pub(crate) publish_path: String,

    /// Server to publish to [default: the one to measure]
    #[arg(long, value_name = "HOST:PORT", value_parser = values::address)]
    pub(crate) publish_addr: Option<SocketAddr>,

    /// Where to subscribe
    #[arg(long, value_name = "PATH", default_value = "/events", value_parser = values::path)]
    pub(crate) events_path: String,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,

    /// Add all latencies to it, each with its count, as `latency_histogram_us`
    #[arg(long, requires = "json")]
    pub(crate) histogram: bool,
}

/// Whose events are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Those that this client publishes.
    Publish,
    /// None, and then one.
    Hold,
    /// Those that the server sends by itself.
    Listen,
}

impl LoadArgs {
    pub(crate) fn mode(&self) -> Mode {
        match (self.hold, self.listen) {
            (true, _) => Mode::Hold,
            (_, true) => Mode::Listen,
            _ => Mode::Publish,
        }
    }

    /// What contradicts itself, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.storm > self.subscribers {
            let (storm, all) = (self.storm, self.subscribers);
            return Err(format!("--storm {storm} is more than all --subscribers {all}"));
        }
        Ok(())
    }
}

fn payload(text: &str) -> Result<usize, String> {
    match values::size(text)? {
        bytes if bytes >= SIZE_MIN => Ok(bytes),
        _ => Err(format!("expected at least {SIZE_MIN} bytes")),
    }
}
