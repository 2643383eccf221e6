//! What a run cost: the server's CPU and memory, and this client's own CPU.
//! Reads only; what the numbers mean is said in `report`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::proc::{self, ThreadTime, Usage};

/// Readings of the server's process and of this one.
#[derive(Debug)]
pub(crate) struct Meter {
    /// The server's process, or why it is not known.
    pub(crate) server: Result<u32, String>,
    rss_before_first: Option<u64>,
    rss_after_last: Option<u64>,
    begin: Option<Reading>,
    end: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    server: Option<Usage>,
    own: Option<Usage>,
    thread: Option<ThreadTime>,
}

/// What the server cost over the measured time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerCost {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// CPU time as a share of one core.
    pub(crate) core_share: f64,
    pub(crate) rss_at_end: u64,
}

/// What this client spent over the measured time, as shares of one core.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnCost {
    /// The whole process.
    pub(crate) core_share: Option<f64>,
    /// The thread that reads: running.
    pub(crate) reader_ran: Option<f64>,
    /// The thread that reads: waiting for a core.
    pub(crate) reader_waited: Option<f64>,
}

impl Meter {
    /// Reads process `pid`, or the one that listens on `addr`.
    pub(crate) fn new(pid: Option<u32>, addr: SocketAddr) -> Self {
        let server = pid
            .map_or_else(|| proc::listener(addr), Ok)
            .and_then(|pid| proc::usage(pid).map(|_| pid).map_err(|error| error.to_string()));
        Self { server, rss_before_first: None, rss_after_last: None, begin: None, end: None }
    }

    /// No subscriber has connected yet.
    pub(crate) fn before_first(&mut self) {
        self.rss_before_first = self.server_usage().map(|usage| usage.rss_bytes);
    }

    /// All subscribers are connected.
    pub(crate) fn after_last(&mut self) {
        self.rss_after_last = self.server_usage().map(|usage| usage.rss_bytes);
    }

    /// The measured time begins. To be called on the thread that reads.
    pub(crate) fn begin(&mut self) {
        self.begin = Some(self.reading());
    }

    /// The measured time is over.
    pub(crate) fn end(&mut self) {
        self.end = Some(self.reading());
    }

    /// Resident bytes of the server before the first and after the last subscriber connected.
    pub(crate) fn rss(&self) -> Option<(u64, u64)> {
        self.rss_before_first.zip(self.rss_after_last)
    }

    /// Length of the measured time.
    pub(crate) fn window(&self) -> Duration {
        self.span().map_or(Duration::ZERO, |(begin, end)| end.at - begin.at)
    }

    /// What the server cost over the measured time.
    pub(crate) fn server_cost(&self) -> Option<ServerCost> {
        let (begin, end) = self.span()?;
        let (before, after) = begin.server.zip(end.server)?;
        Some(ServerCost {
            user: after.user.saturating_sub(before.user),
            system: after.system.saturating_sub(before.system),
            core_share: self.share(cpu(after).saturating_sub(cpu(before))),
            rss_at_end: after.rss_bytes,
        })
    }

    /// What this client spent over the measured time.
    pub(crate) fn own_cost(&self) -> OwnCost {
        let Some((begin, end)) = self.span() else { return OwnCost::default() };
        let thread = begin.thread.zip(end.thread);
        OwnCost {
            core_share: begin
                .own
                .zip(end.own)
                .map(|(before, after)| self.share(cpu(after).saturating_sub(cpu(before)))),
            reader_ran: thread
                .map(|(before, after)| self.share(after.ran.saturating_sub(before.ran))),
            reader_waited: thread
                .map(|(before, after)| self.share(after.waited.saturating_sub(before.waited))),
        }
    }

    fn span(&self) -> Option<(Reading, Reading)> {
        self.begin.zip(self.end)
    }

    fn share(&self, time: Duration) -> f64 {
        let window = self.window().as_secs_f64();
        if window > 0.0 { time.as_secs_f64() / window } else { 0.0 }
    }

    fn reading(&self) -> Reading {
        Reading {
            at: Instant::now(),
            server: self.server_usage(),
            own: proc::usage(std::process::id()).ok(),
            thread: proc::thread_time(),
        }
    }

    /// `None` when the process is not known, or has ended: the report shows the gap.
    fn server_usage(&self) -> Option<Usage> {
        self.server.as_ref().ok().and_then(|pid| proc::usage(*pid).ok())
    }
}

fn cpu(usage: Usage) -> Duration {
    usage.user + usage.system
}
