//! The figures of each broker, and what the closed ones of its name have counted.

use super::lag::{self, Lag};
use super::table::{self, Figure, Source};
use crate::Broker;
use crate::sse::ReplayStats;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;

/// Brokers that are told of.
#[derive(Clone, Default)]
pub(super) struct Brokers {
    open: Vec<Broker>,
    /// What those that are over have counted, by their name: without it a sum would fall, which a counter
    /// must not. Kept while another of the name is open, so that names which never come again take no room.
    over: BTreeMap<String, Counted>,
}

impl Brokers {
    /// Tells of this one, too, unless it is told of already or over.
    pub(super) fn add(&mut self, broker: &Broker) {
        if !is_over(broker) && !self.open.iter().any(|other| other.same_broker(broker)) {
            self.open.push(broker.clone());
        }
        // Afterwards: it may carry on the name of one that is over.
        self.prune();
    }

    /// Keeps the counts of those that are over, and not them.
    pub(super) fn prune(&mut self) {
        let Self { open, over } = self;
        let before = open.len();
        open.retain(|broker| {
            let is_over = is_over(broker);
            if is_over {
                over.entry(broker.name().to_owned()).or_default().add(Counted::of(broker));
            }
            !is_over
        });
        if open.len() < before {
            over.retain(|name, _| open.iter().any(|broker| broker.name() == name));
        }
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }
}

/// Closed, left by its last subscriber, and with nothing that waits for its store.
fn is_over(broker: &Broker) -> bool {
    let waits = || broker.replay_stats().is_some_and(|stats| stats.waiting > 0);
    broker.is_closed() && broker.subscriber_count() == 0 && !waits()
}

/// What the brokers of one name count together.
#[derive(Default)]
struct Counts {
    counted: Counted,
    subscribers: u64,
    hub_backlog: u64,
    lag: Lag,
}

/// Of these, what only grows, and what their stores tell.
#[derive(Clone, Copy, Default)]
struct Counted {
    published: u64,
    dropped: u64,
    callback_panics: u64,
    callbacks_skipped: u64,
    store: Option<ReplayStats>,
}

impl Counted {
    fn of(broker: &Broker) -> Self {
        Self {
            published: broker.published(),
            dropped: broker.dropped_events(),
            callback_panics: broker.callback_panics(),
            callbacks_skipped: broker.callbacks_skipped(),
            store: broker.replay_stats(),
        }
    }

    fn add(&mut self, other: Self) {
        self.published += other.published;
        self.dropped += other.dropped;
        self.callback_panics += other.callback_panics;
        self.callbacks_skipped += other.callbacks_skipped;
        if let Some(stats) = other.store {
            add_store(self.store.get_or_insert_default(), stats);
        }
    }
}

const FIGURES: &[Figure<Counts>] = &[
    Figure::gauge("headwater_subscribers", "Streams subscribed now.", |of| of.subscribers),
    Figure::gauge(
        "headwater_subscribers_lagging",
        "Streams whose sockets have refused bytes and that have not caught up since.",
        |of| of.lag.lagging,
    ),
    Figure::gauge(
        "headwater_hub_backlog_events",
        "Events of its hub that some core has still to read.",
        |of| of.hub_backlog,
    ),
    Figure::counter("headwater_events_published", "Events taken from publishers.", |of| {
        of.counted.published
    }),
    Figure::counter(
        "headwater_events_dropped",
        "Events that slow subscribers missed, once per subscriber.",
        |of| of.counted.dropped,
    ),
    Figure::counter(
        "headwater_callback_panics",
        "Callbacks about slow subscribers that panicked.",
        |of| of.counted.callback_panics,
    ),
    Figure::counter(
        "headwater_callbacks_skipped",
        "Callbacks about slow subscribers for which there was no thread.",
        |of| of.counted.callbacks_skipped,
    ),
];

const STORE_FIGURES: &[Figure<ReplayStats>] = &[
    Figure::gauge("headwater_replay_waiting", "Events that wait for the store.", |of| {
        of.waiting as u64
    }),
    Figure::counter("headwater_replay_stored", "Events that the store took.", |of| of.stored),
    Figure::counter(
        "headwater_replay_refused",
        "Events that the store did not take, and that were refused.",
        |of| of.refused,
    ),
    Figure::counter(
        "headwater_replay_without_id",
        "Events that the store did not take, and that were sent without an id.",
        |of| of.without_id,
    ),
    Figure::counter(
        "headwater_replay_lost",
        "Events that the store gave ids and could not keep afterwards.",
        |of| of.lost,
    ),
    Figure::counter(
        "headwater_replay_passed_over",
        "Places of events that were gone or not stored in time when they were to be sent.",
        |of| of.passed_over,
    ),
    Figure::counter(
        "headwater_replay_events",
        "Events that streams were given because they had missed them, once per stream.",
        |of| of.replayed,
    ),
    Figure::counter(
        "headwater_replay_read_failures",
        "Times that the store could not be asked for what streams had missed.",
        |of| of.read_failures,
    ),
];

/// Names need not be unique, but samples must be.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, brokers: &Brokers) -> fmt::Result {
    let mut all: BTreeMap<&str, Counts> = BTreeMap::new();
    for broker in &brokers.open {
        add(all.entry(broker.name()).or_default(), broker);
    }
    for (name, &counted) in &brokers.over {
        all.entry(name).or_default().counted.add(counted);
    }
    let stores: Vec<_> =
        all.iter().filter_map(|(name, counts)| Some(source(name, counts.counted.store?))).collect();
    let all: Vec<_> = all.into_iter().map(|(name, counts)| source(name, counts)).collect();
    if !all.is_empty() {
        table::encode(encoder, FIGURES, &all)?;
        let lags = all.iter().map(|of| (of.label.1.as_str(), &of.counts.lag));
        lag::encode(encoder, lags)?;
    }
    if !stores.is_empty() {
        table::encode(encoder, STORE_FIGURES, &stores)?;
    }
    Ok(())
}

fn source<T>(name: &str, counts: T) -> Source<T> {
    Source { label: ("broker", name.to_owned()), counts }
}

fn add(sum: &mut Counts, broker: &Broker) {
    sum.counted.add(Counted::of(broker));
    sum.subscribers += broker.subscriber_count() as u64;
    sum.hub_backlog = sum.hub_backlog.max(broker.hub_backlog() as u64);
    sum.lag.add(broker);
}

fn add_store(sum: &mut ReplayStats, stats: ReplayStats) {
    sum.stored += stats.stored;
    sum.refused += stats.refused;
    sum.without_id += stats.without_id;
    sum.lost += stats.lost;
    sum.passed_over += stats.passed_over;
    sum.waiting += stats.waiting;
    sum.replayed += stats.replayed;
    sum.read_failures += stats.read_failures;
}
