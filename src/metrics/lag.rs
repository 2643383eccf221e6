//! How far the subscribers of a broker are behind, as a histogram made at each scrape: for each broker that is
//! watched one look at each of those that lag on its hub, whosever they are, and none at the others.

use crate::Broker;
use crate::sse::Laggard;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;

/// Upper bounds of the buckets, in events; the last has none.
const EVENTS: [u64; 7] = [0, 1, 10, 100, 1_000, 10_000, 100_000];
/// In seconds.
const SECONDS: [u64; 7] = [0, 1, 5, 15, 60, 300, 3_600];

/// Subscribers by how far they are behind.
#[derive(Default)]
pub(super) struct Lag {
    pub(super) lagging: u64,
    events: [u64; EVENTS.len() + 1],
    seconds: [u64; SECONDS.len() + 1],
}

impl Lag {
    /// Adds the subscribers of a broker.
    pub(super) fn add(&mut self, broker: &Broker) {
        let before = self.lagging;
        broker.for_each_laggard(|who| self.count(who));
        // Of a moment ago: some may have left since.
        let others = (broker.subscriber_count() as u64).saturating_sub(self.lagging - before);
        self.events[0] += others;
        self.seconds[0] += others;
    }

    fn count(&mut self, who: &Laggard) {
        self.lagging += 1;
        let events = who.missed.saturating_add(who.owed_events as u64);
        self.events[EVENTS.partition_point(|&bound| bound < events)] += 1;
        // Those in the first bucket do not lag.
        let seconds = who.since.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_precision_loss, reason = "an hour is exact")]
        let bucket = SECONDS.partition_point(|&bound| (bound as f64) < seconds);
        self.seconds[bucket] += 1;
    }
}

/// The buckets of all brokers, by name.
pub(super) fn encode<'l>(
    encoder: &mut DescriptorEncoder<'_>,
    brokers: impl Iterator<Item = (&'l str, &'l Lag)> + Clone,
) -> fmt::Result {
    let help = "Subscribers that are this many events behind at most, those missed included.";
    let events = brokers.clone().map(|(name, lag)| (name, &lag.events));
    buckets(encoder, "headwater_lag_events_bucket", help, &EVENTS, events)?;
    let help = "Subscribers that have been behind for this long at most.";
    let seconds = brokers.map(|(name, lag)| (name, &lag.seconds));
    buckets(encoder, "headwater_lag_seconds_bucket", help, &SECONDS, seconds)
}

/// As gauges: a state is no histogram by its type, whose buckets only grow.
fn buckets<'l, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    bounds: &[u64],
    brokers: impl Iterator<Item = (&'l str, &'l [u64; N])>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (broker, counts) in brokers {
        let bounds = bounds.iter().map(u64::to_string).chain(["+Inf".to_owned()]);
        let mut sum = 0;
        for (bound, count) in bounds.zip(counts) {
            sum += count;
            let labels = [("broker", broker), ("le", &bound)];
            metric.encode_family(&labels)?.encode_gauge(&sum)?;
        }
    }
    Ok(())
}
