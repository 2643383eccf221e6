//! Writes figures that several sources have, each with a label that names the source. What the figures
//! are stands in the tables of `workers` and `brokers`.

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;

/// A figure that is read of each source.
pub(super) struct Figure<T> {
    /// Without the suffixes that its kind and unit give it.
    name: &'static str,
    in_bytes: bool,
    kind: Kind,
    help: &'static str,
    read: fn(&T) -> u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

impl<T> Figure<T> {
    pub(super) const fn counter(
        name: &'static str,
        help: &'static str,
        read: fn(&T) -> u64,
    ) -> Self {
        Self { name, in_bytes: false, kind: Kind::Counter, help, read }
    }

    pub(super) const fn gauge(name: &'static str, help: &'static str, read: fn(&T) -> u64) -> Self {
        Self { name, in_bytes: false, kind: Kind::Gauge, help, read }
    }

    pub(super) const fn bytes(mut self) -> Self {
        self.in_bytes = true;
        self
    }
}

/// One of those who count, by the label that names it.
pub(super) struct Source<T> {
    pub(super) label: (&'static str, String),
    pub(super) counts: T,
}

/// All figures, and of each the values of all sources.
pub(super) fn encode<T>(
    encoder: &mut DescriptorEncoder<'_>,
    figures: &[Figure<T>],
    sources: &[Source<T>],
) -> fmt::Result {
    for Figure { name, in_bytes, kind, help, read } in figures {
        let unit = in_bytes.then_some(Unit::Bytes);
        let metric_type = match kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), metric_type)?;
        for Source { label: (key, value), counts } in sources {
            let labels = [(*key, value.as_str())];
            let mut sample = metric.encode_family(&labels)?;
            match kind {
                Kind::Counter => sample.encode_counter::<NoLabelSet, _, u64>(&read(counts), None),
                Kind::Gauge => sample.encode_gauge(&read(counts)),
            }?;
        }
    }
    Ok(())
}
