//! What a load run is asked for. Values are checked here, once.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::cli::values::{self, Rate};

/// The fewest data bytes that hold an event's number and its due time.
pub(crate) const SIZE_MIN: usize = 48;

/// What a load run is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadArgs {
    /// Server to measure
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub(crate) addr: SocketAddr,

    /// Subscribers that read everything
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) subscribers: usize,

    /// Further subscribers that never read, with a small receive buffer
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) stuck: usize,

    /// Events published each second, on a schedule that waits for no answer
    #[arg(long, value_name = "EVENTS_PER_S", default_value = "100", value_parser = values::rate)]
    pub(crate) rate: Rate,

    /// Data bytes of each event, at least 48
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = payload)]
    pub(crate) size: usize,

    /// Time measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    pub(crate) duration: Duration,

    /// Time published before the measured time: checked for order and loss, not timed
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::seconds)]
    pub(crate) warmup: Duration,

    /// Time without any delivery after which missing ones count as lost
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

    /// The server's process, for CPU and memory [default: found by its listening port]
    #[arg(long)]
    pub(crate) pid: Option<u32>,

    /// Where to publish
    #[arg(long, value_name = "PATH", default_value = "/publish", value_parser = values::path)]
    pub(crate) publish_path: String,

    /// Where to subscribe
    #[arg(long, value_name = "PATH", default_value = "/events", value_parser = values::path)]
    pub(crate) events_path: String,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
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
}

fn payload(text: &str) -> Result<usize, String> {
    match values::size(text)? {
        bytes if bytes >= SIZE_MIN => Ok(bytes),
        _ => Err(format!("expected at least {SIZE_MIN} bytes")),
    }
}
