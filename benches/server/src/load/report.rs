//! The outcome of a run in numbers. How it is printed is in `text` and `json`; what is wrong with
//! it, and what to be wary of, in `faults`.

mod delivered;
mod faults;
mod guests;
mod json;
#[cfg(test)]
mod tests;
mod text;

use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;

pub(super) use json::percentiles;
pub(crate) use text::grouped;
pub(super) use text::{micros, millions};

use super::args::{LoadArgs, Mode};
use super::fleet::{Account, Census, ChurnOutcome, Fleet, StormOutcome};
use super::guests::GuestBook;
use super::meter::{Memory, Meter, OwnCost, ServerCost};
use super::metrics::Counts;
use super::publisher::Published;
use super::schedule::Schedule;
use super::tally::Tally;
use delivered::Delivered;

/// What a report is drawn up from.
pub(crate) struct Seen<'r> {
    pub(crate) fleet: &'r Fleet,
    pub(crate) account: Account,
    pub(crate) published: &'r Published,
    pub(crate) meter: &'r Meter,
    pub(crate) schedule: Schedule,
    /// What the server counted meanwhile.
    pub(crate) counts: Counts,
    pub(crate) guests: GuestBook,
    /// Events of others while the load published none.
    pub(crate) by_themselves: u64,
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    target: SocketAddr,
    asked: LoadArgs,
    census: Census,
    publish: Publish,
    delivered: Delivered,
    latency_us: Percentiles,
    /// Whether there was anything to time.
    timed: bool,
    /// Each with its count, where they were asked for.
    latencies_us: Option<Vec<(u64, u64)>>,
    slow: Option<Slow>,
    churn: Option<Churn>,
    storm: Option<Storm>,
    counts: Counts,
    guests: GuestBook,
    window: Duration,
    server_pids: Vec<u32>,
    softirq_cores: Vec<usize>,
    server: Option<ServerCost>,
    server_share: Option<f64>,
    memories: [Memory; 3],
    own: OwnCost,
    publisher_share: Option<f64>,
    warnings: Vec<String>,
}

#[derive(Clone, Debug)]
struct Publish {
    warmup: u64,
    sent: u64,
    unsent: u64,
    accepted: u64,
    refused: u64,
    first_refusal: Option<u16>,
    rate: f64,
    slip_us: Percentiles,
    /// Times the server's socket was full.
    blocked: u64,
    error: Option<String>,
}

/// What came to those that read slowly.
#[derive(Clone, Copy, Debug)]
struct Slow {
    delivered: u64,
    skipped: u64,
    behind: u64,
    out_of_order: u64,
    duplicates: u64,
    latency_us: Percentiles,
}

#[derive(Clone, Debug)]
struct Churn {
    outcome: ChurnOutcome,
    came_us: Percentiles,
}

#[derive(Clone, Debug)]
struct Storm {
    outcome: StormOutcome,
    back_us: Percentiles,
    missed_away: u64,
    server: Option<ServerCost>,
    server_share: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Percentiles {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: histogram.max() }
    }
}

impl Report {
    /// Draws up the report of a finished run.
    pub(crate) fn new(args: &LoadArgs, seen: &Seen<'_>) -> Self {
        let Seen { fleet, account, published, meter, schedule, .. } = seen;
        let window = meter.window();
        let server = window.server_cost();
        let listened = args.listen.then(|| window.length());
        let mut report = Self {
            target: args.addr,
            asked: args.clone(),
            census: fleet.census.clone(),
            publish: Publish::of(published),
            delivered: Delivered::of(&fleet.tally, account, *schedule)
                .with_own(seen.by_themselves, listened),
            latency_us: Percentiles::of(&fleet.tally.lateness_us),
            timed: !fleet.tally.lateness_us.is_empty(),
            latencies_us: args.histogram.then(|| counts(&fleet.tally.lateness_us)),
            slow: (fleet.census.slow > 0).then(|| Slow::of(&fleet.slow_tally, account)),
            churn: fleet.churn_outcome().map(Churn::of),
            storm: fleet.storm_outcome().map(|outcome| Storm::of(outcome, account, meter)),
            counts: seen.counts,
            guests: seen.guests.clone(),
            window: window.length(),
            server_pids: meter.server.clone().unwrap_or_default(),
            softirq_cores: meter.softirq_cores(),
            server,
            server_share: server.map(|cost| window.share(cost.all())),
            memories: meter.memories(),
            own: window.own_cost(),
            publisher_share: published
                .thread
                .map(|thread| ratio(thread.ran.as_secs_f64(), published.span.as_secs_f64())),
            warnings: Vec::new(),
        };
        report.warnings = report.find_warnings();
        if let Err(reason) = &meter.server {
            let hint = if args.pid.is_empty() { "; give --pid" } else { "" };
            let warning = format!("CPU and memory of the server are not known: {reason}{hint}");
            report.warnings.push(warning);
        }
        report
    }

    /// What to be wary of, each a sentence.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Events per second asked for.
    pub(crate) fn offered(&self) -> f64 {
        self.asked.rate.per_second()
    }

    /// Measured deliveries per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.delivered.per_second
    }

    /// Deliveries due that did not come, and events that were never published.
    pub(crate) fn lost_and_unsent(&self) -> (u64, u64) {
        (self.delivered.lost, self.publish.unsent)
    }

    /// The share of deliveries due that did not come.
    fn lost_share(&self) -> f64 {
        ratio(float(self.delivered.lost), float(self.delivered.due))
    }

    /// The share of what the schedule asked for that did not come: lost, or never published because
    /// the server took too little.
    pub(crate) fn missed_share(&self) -> f64 {
        let unsent = self.publish.unsent * self.census.connected as u64;
        let missed = float(self.delivered.lost + unsent);
        ratio(missed, float(self.delivered.due + unsent))
    }

    /// Latency in microseconds: the median, and the 99th percentile.
    pub(crate) fn latency_us(&self) -> (u64, u64) {
        (self.latency_us.p50, self.latency_us.p99)
    }

    /// Whether order was kept and nothing came twice, whatever was lost.
    pub(crate) fn in_order(&self) -> bool {
        self.delivered.out_of_order == 0 && self.delivered.duplicates == 0
    }

    /// Whether this client was the limit.
    pub(crate) fn load_was_the_limit(&self) -> bool {
        self.bottleneck().is_some()
    }

    /// Server CPU with its softirq threads, as a share of one core.
    pub(crate) fn server_share(&self) -> Option<f64> {
        self.server_share
    }

    /// Server CPU per measured delivery, in microseconds: of its processes alone, and with the
    /// softirq threads.
    fn cpu_us_per_delivery(&self) -> Option<(f64, f64)> {
        let server = self.server?;
        let deliveries = match self.asked.mode() {
            Mode::Publish => self.delivered.measured,
            Mode::Listen => self.delivered.by_themselves,
            Mode::Hold => 0,
        };
        (deliveries > 0).then(|| {
            let each = |time: Duration| time.as_secs_f64() * 1e6 / float(deliveries);
            (each(server.process), each(server.all()))
        })
    }

    /// Attempts to send per event sent, as the server counts them. Where it does not count the
    /// events, those that came count.
    fn sends_per_delivery(&self) -> Option<f64> {
        let delivered = self.counts.delivered.unwrap_or(self.delivered.all);
        let sends = self.counts.sends?;
        (delivered > 0).then(|| float(sends) / float(delivered))
    }

    /// Resident bytes that the server gained per subscriber; below zero when it shrank.
    fn rss_growth_per_subscriber(&self) -> Option<f64> {
        let [before, after, _] = self.memories;
        (self.census.connected > 0).then(|| {
            Some((float(after.rss?) - float(before.rss?)) / float(self.census.connected as u64))
        })?
    }
}

impl Publish {
    fn of(published: &Published) -> Self {
        Self {
            warmup: published.warmup,
            sent: published.sent,
            unsent: published.unsent,
            accepted: published.answered.accepted(),
            refused: published.answered.refused(),
            first_refusal: published.first_refusal,
            rate: published.rate,
            slip_us: Percentiles::of(&published.slip_us),
            blocked: published.blocked,
            error: published.error.clone(),
        }
    }
}

impl Slow {
    fn of(tally: &Tally, account: &Account) -> Self {
        Self {
            delivered: tally.deliveries,
            skipped: account.slow_skipped,
            behind: account.slow_behind,
            out_of_order: tally.out_of_order,
            duplicates: tally.duplicates,
            latency_us: Percentiles::of(&tally.lateness_us),
        }
    }
}

impl Churn {
    fn of(outcome: ChurnOutcome) -> Self {
        Self { came_us: Percentiles::of(&outcome.came_us), outcome }
    }
}

impl Storm {
    fn of(outcome: StormOutcome, account: &Account, meter: &Meter) -> Self {
        let server = meter.storm().server_cost();
        Self {
            back_us: Percentiles::of(&outcome.back_us),
            outcome,
            missed_away: account.missed_away,
            server,
            server_share: server.map(|cost| meter.storm().share(cost.all())),
        }
    }
}

/// Each value of a histogram with its count.
pub(super) fn counts(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let recorded = histogram.iter_recorded();
    recorded.map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
}

/// A count as a floating-point number; counts here are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A count that came out of a calculation.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the nearest count is meant, and none is negative"
)]
pub(crate) fn whole(count: f64) -> u64 {
    count.round() as u64
}

pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
