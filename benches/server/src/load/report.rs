//! The outcome of a run in numbers, what is wrong with it, and what to be wary of.
//! How it is printed is in `text` and `json`.

mod json;
mod text;

use std::net::SocketAddr;

use hdrhistogram::Histogram;

use super::args::{LoadArgs, Mode};
use super::fleet::{Census, Fleet};
use super::meter::{Meter, OwnCost, ServerCost};
use super::publisher::Published;
use super::schedule::Schedule;

/// A thread that runs, or waits for a core, for a larger share of the time has no reserve.
const BUSY_SHARE: f64 = 0.9;

/// A thread that waits for a core for a larger share of the time measures the machine's load.
const STARVED_SHARE: f64 = 0.5;

/// A slip of the schedule above this, in microseconds, is worth a warning.
const SLIP_LIMIT_US: u64 = 10_000;

/// Publishing at less than this share of the rate asked for is worth a warning.
const RATE_SHARE: f64 = 0.99;

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Report {
    target: SocketAddr,
    asked: LoadArgs,
    census: Census,
    publish: Publish,
    delivered: Delivered,
    latency_us: Percentiles,
    window_s: f64,
    server_pid: Option<u32>,
    server: Option<ServerCost>,
    rss: Option<(u64, u64)>,
    own: OwnCost,
    publisher_share: Option<f64>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Publish {
    warmup: u64,
    sent: u64,
    accepted: u64,
    refused: u64,
    first_refusal: Option<u16>,
    rate: f64,
    slip_us: Percentiles,
    error: Option<String>,
}

#[derive(Debug)]
struct Delivered {
    all: u64,
    measured: u64,
    per_second: f64,
    due: u64,
    lost: u64,
    out_of_order: u64,
    duplicates: u64,
    foreign: u64,
    /// Of these, while nothing was published.
    by_themselves: u64,
    ids_skipped: u64,
}

impl Delivered {
    /// The lost deliveries among those that were due, warm-up included.
    fn lost_of_due(&self) -> String {
        format!("{} of {}", text::grouped(self.lost), text::grouped(self.due))
    }
}

#[derive(Clone, Copy, Debug)]
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: histogram.max() }
    }
}

impl Report {
    /// Draws up the report of a finished run.
    pub(crate) fn new(
        args: &LoadArgs,
        fleet: &Fleet,
        published: &Published,
        meter: &Meter,
        schedule: Schedule,
        by_themselves: u64,
    ) -> Self {
        let tally = &fleet.tally;
        let measured_s = float(tally.last_arrival.saturating_sub(schedule.measure_start())) / 1e9;
        let per_second = match args.mode() {
            Mode::Listen => ratio(float(by_themselves), meter.window().as_secs_f64()),
            _ => ratio(float(tally.measured), measured_s),
        };
        let mut report = Self {
            target: args.addr,
            asked: args.clone(),
            census: fleet.census.clone(),
            publish: Publish {
                warmup: schedule.warmup,
                sent: published.sent,
                accepted: published.accepted,
                refused: published.refused,
                first_refusal: published.first_refusal,
                rate: published.rate,
                slip_us: Percentiles::of(&published.slip_us),
                error: published.error.clone(),
            },
            delivered: Delivered {
                all: tally.deliveries,
                measured: tally.measured,
                per_second,
                due: published.accepted * fleet.census.connected as u64,
                lost: fleet.missing(published.accepted),
                out_of_order: tally.out_of_order,
                duplicates: tally.duplicates,
                foreign: tally.foreign,
                by_themselves,
                ids_skipped: tally.ids_skipped,
            },
            latency_us: Percentiles::of(&tally.lateness_us),
            window_s: meter.window().as_secs_f64(),
            server_pid: meter.server.as_ref().ok().copied(),
            server: meter.server_cost(),
            rss: meter.rss(),
            own: meter.own_cost(),
            publisher_share: published
                .thread
                .map(|thread| ratio(thread.ran.as_secs_f64(), published.span.as_secs_f64())),
            warnings: Vec::new(),
        };
        report.warnings = report.find_warnings(published.blocked);
        if let Err(reason) = &meter.server {
            let hint = if args.pid.is_none() { "; give --pid" } else { "" };
            let warning = format!("CPU and memory of the server are not known: {reason}{hint}");
            report.warnings.push(warning);
        }
        report
    }

    /// What went wrong, in one line; `None` when every event reached everyone in order.
    pub(crate) fn failure(&self) -> Option<String> {
        let because = |count: usize, what: &str, reason: &Option<String>| {
            let reason = reason.as_deref().unwrap_or("no reason given");
            (count > 0).then(|| format!("{} {what} ({reason})", text::grouped(count as u64)))
        };
        let counted = |count: u64, what: &str| {
            (count > 0).then(|| format!("{} {what}", text::grouped(count)))
        };
        let answered =
            self.publish.first_refusal.map_or(String::new(), |status| format!(" ({status})"));
        let delivered = &self.delivered;
        let faults: Vec<String> = [
            because(self.census.refused, "subscribers refused", &self.census.first_refusal),
            because(self.census.lost, "subscribers lost", &self.census.first_loss),
            self.publish.error.as_ref().map(|error| format!("publishing ended: {error}")),
            counted(self.publish.refused, "publishes refused").map(|text| text + &answered),
            (delivered.lost > 0).then(|| format!("{} deliveries lost", delivered.lost_of_due())),
            counted(delivered.out_of_order, "out of order"),
            counted(delivered.duplicates, "duplicates"),
            self.silence(),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!faults.is_empty()).then(|| faults.join(", "))
    }

    /// Where the server's own events are measured, there must be some.
    fn silence(&self) -> Option<String> {
        let (events, subscribers) = (self.delivered.by_themselves, self.census.connected as u64);
        (self.asked.listen && events < subscribers).then(|| {
            let (events, subscribers) = (text::grouped(events), text::grouped(subscribers));
            format!("only {events} events for {subscribers} subscribers")
        })
    }

    /// What makes the numbers less than they seem.
    fn find_warnings(&self, blocked: u64) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.asked.hold {
            if self.delivered.by_themselves > 0 {
                warnings.push(
                    "the server sent events of its own meanwhile, so it was not idle: serve with \
                     --rate 0"
                        .to_owned(),
                );
            }
        } else {
            warnings.extend(self.bottleneck());
        }
        if self.asked.mode() == Mode::Publish {
            let slip = self.publish.slip_us.p99;
            let asked = self.asked.rate.per_second();
            if slip > SLIP_LIMIT_US || self.publish.rate < asked * RATE_SHARE && slip > 0 {
                let whose = if blocked > 0 {
                    "the server took publishes too slowly"
                } else {
                    "the load generator could not keep it"
                };
                let slip = text::micros(slip);
                warnings.push(format!("the schedule slipped (p99 {slip}): {whose}"));
            }
        }
        if self.delivered.ids_skipped > 0 && self.delivered.lost == 0 {
            warnings.push(format!(
                "{} ids were skipped: events of others were lost, or ids are not consecutive",
                text::grouped(self.delivered.ids_skipped)
            ));
        }
        warnings
    }

    fn bottleneck(&self) -> Option<String> {
        let ran = self.own.reader_ran?;
        let waited = self.own.reader_waited?;
        let busy = format!("the reading thread ran {:.0} % of the time", ran * 100.0);
        if ran > BUSY_SHARE {
            return Some(format!("{busy}: the load generator was the bottleneck"));
        }
        (ran + waited > BUSY_SHARE || waited > STARVED_SHARE).then(|| {
            let waited = waited * 100.0;
            format!("{busy} and waited {waited:.0} % for a core: the load generator was starved")
        })
    }

    /// Server CPU per measured delivery, in microseconds.
    fn cpu_us_per_delivery(&self) -> Option<f64> {
        let server = self.server?;
        let deliveries = match self.asked.mode() {
            Mode::Publish => self.delivered.measured,
            Mode::Listen => self.delivered.by_themselves,
            Mode::Hold => 0,
        };
        (deliveries > 0)
            .then(|| (server.user + server.system).as_secs_f64() * 1e6 / float(deliveries))
    }

    /// Resident bytes that the server gained per subscriber; below zero when it shrank.
    fn rss_growth_per_subscriber(&self) -> Option<f64> {
        let (before, after) = self.rss?;
        (self.census.connected > 0)
            .then(|| (float(after) - float(before)) / float(self.census.connected as u64))
    }
}

/// A count as a floating-point number; counts here are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
