//! The figures of each broker.

use super::lag::{self, Lag};
use super::table::{self, Figure, Source};
use crate::Broker;
use crate::sse::ReplayStats;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;

/// What the brokers of one name count together.
#[derive(Default)]
struct Counts {
    subscribers: u64,
    published: u64,
    dropped: u64,
    callback_panics: u64,
    callbacks_skipped: u64,
    hub_backlog: u64,
    lag: Lag,
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
        of.published
    }),
    Figure::counter(
        "headwater_events_dropped",
        "Events that slow subscribers missed, once per subscriber.",
        |of| of.dropped,
    ),
    Figure::counter(
        "headwater_callback_panics",
        "Callbacks about slow subscribers that panicked.",
        |of| of.callback_panics,
    ),
    Figure::counter(
        "headwater_callbacks_skipped",
        "Callbacks about slow subscribers for which there was no thread.",
        |of| of.callbacks_skipped,
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
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, brokers: &[Broker]) -> fmt::Result {
    let (mut all, mut stores) = (BTreeMap::new(), BTreeMap::new());
    for broker in brokers {
        add(all.entry(broker.name()).or_insert_with(Counts::default), broker);
        if let Some(stats) = broker.replay_stats() {
            add_store(stores.entry(broker.name()).or_insert_with(ReplayStats::default), stats);
        }
    }
    let all = sources(all);
    if !all.is_empty() {
        table::encode(encoder, FIGURES, &all)?;
        let lags = all.iter().map(|of| (of.label.1.as_str(), &of.counts.lag));
        lag::encode(encoder, lags)?;
    }
    if !stores.is_empty() {
        table::encode(encoder, STORE_FIGURES, &sources(stores))?;
    }
    Ok(())
}

fn sources<T>(by_name: BTreeMap<&str, T>) -> Vec<Source<T>> {
    let source = |(name, counts): (&str, T)| Source { label: ("broker", name.to_owned()), counts };
    by_name.into_iter().map(source).collect()
}

fn add(sum: &mut Counts, broker: &Broker) {
    sum.subscribers += broker.subscriber_count() as u64;
    sum.published += broker.published();
    sum.dropped += broker.dropped_events();
    sum.callback_panics += broker.callback_panics();
    sum.callbacks_skipped += broker.callbacks_skipped();
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
