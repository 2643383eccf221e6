//! What guests saw and did, and what the server's memory was beside its bound.

use std::fmt::Write;

use serde_json::{Value, json};

use super::json::percentiles;
use super::text::{grouped, latency, mebibytes};
use super::{Percentiles, Report};
use crate::load::guests::{Asked, Ends};
use crate::load::metrics::Bound;

/// Connections that are neither subscribers' nor guests': the publisher's, and one that asks for counts.
const OTHERS: u64 = 2;

/// The most memory that the server had, and may have had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// Resident at the most, and before the first client.
    most: u64,
    before: u64,
    /// What clients can make it hold, by its limits.
    bound: u64,
    of: Bound,
    connections: u64,
}

impl Report {
    /// Where the server tells its limits, and its memory is known.
    pub(super) fn peak(&self) -> Option<Peak> {
        let [before, _, end] = self.memories;
        let (of, connections) = (self.counts.bound?, self.asked.connections() as u64 + OTHERS);
        let bound = of.connection_bytes.saturating_mul(connections).saturating_add(of.fixed_bytes);
        Some(Peak { most: end.peak?, before: before.rss?, bound, of, connections })
    }

    pub(super) fn guests_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(asked) = &self.guests.asked {
            let end = asked.first_end.as_ref().map_or(String::new(), |end| format!(" ({end})"));
            if asked.unanswered > 0 {
                faults.push(format!("{} requests unanswered{end}", grouped(asked.unanswered)));
            }
            if asked.refused > 0 {
                faults.push(format!("{} requests refused", grouped(asked.refused)));
            }
        }
        if let Some(peak) = self.peak().filter(Peak::is_past) {
            faults.push(format!("memory is past its bound: {}", peak.text()));
        }
        faults
    }

    /// Lines of the text report, each with its name.
    pub(super) fn guests_lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(asked) = &self.guests.asked {
            lines.push(("requests", requests(asked)));
            lines.push((
                "",
                latency(Percentiles::of(&asked.latency_us)) + "  (answer − scheduled time)",
            ));
        }
        for (kind, ends) in self.guests.abused.iter().flatten() {
            lines.push(("abuse", format!("{:<15} {}", kind.name(), ends_text(ends))));
        }
        if let Some(peak) = self.peak() {
            lines.push(("memory bound", peak.text()));
        }
        lines
    }

    pub(super) fn requests_value(&self) -> Option<Value> {
        self.guests.asked.as_ref().map(|asked| {
            json!({
                "sent": asked.sent,
                "answered": asked.answered,
                "refused": asked.refused,
                "unanswered": asked.unanswered,
                "broken": asked.broken,
                "latency_us": percentiles(Percentiles::of(&asked.latency_us)),
            })
        })
    }

    pub(super) fn abuse_value(&self) -> Option<Value> {
        self.guests.abused.as_ref().map(|kinds| {
            let kinds = kinds.iter().map(|(kind, ends)| (kind.name().to_owned(), ends_value(ends)));
            Value::Object(kinds.collect())
        })
    }

    pub(super) fn memory_value(&self) -> Option<Value> {
        self.peak().map(|peak| {
            json!({
                "peak_rss_bytes": peak.most,
                "grown_bytes": peak.grown(),
                "bound_bytes": peak.bound,
                "fixed_bytes": peak.of.fixed_bytes,
                "connection_bytes": peak.of.connection_bytes,
                "connections": peak.connections,
            })
        })
    }
}

impl Peak {
    fn grown(&self) -> u64 {
        self.most.saturating_sub(self.before)
    }

    fn is_past(&self) -> bool {
        self.grown() > self.bound
    }

    fn text(&self) -> String {
        format!(
            "at most {} more than before the first; {} allowed: {} and {} × {:.1} KiB",
            mebibytes(self.grown()),
            mebibytes(self.bound),
            mebibytes(self.of.fixed_bytes),
            grouped(self.connections),
            super::float(self.of.connection_bytes) / 1024.0,
        )
    }
}

fn requests(asked: &Asked) -> String {
    format!(
        "{} sent, {} answered, {} refused, {} unanswered, {} connections broken",
        grouped(asked.sent),
        grouped(asked.answered),
        grouped(asked.refused),
        grouped(asked.unanswered),
        grouped(asked.broken),
    )
}

fn ends_text(ends: &Ends) -> String {
    let mut text = format!("{} connections", grouped(ends.opened));
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {} {what}", grouped(count));
        }
    };
    for (status, count) in &ends.answered {
        add(*count, &format!("answered {status}"));
    }
    add(ends.closed, "closed");
    add(ends.reset, "reset");
    add(ends.unconnected, "never connected");
    add(ends.given_up, "given up by the client");
    add(ends.open, "still open");
    text
}

fn ends_value(ends: &Ends) -> Value {
    let answered = ends.answered.iter().map(|(status, count)| (status.to_string(), json!(count)));
    json!({
        "opened": ends.opened,
        "unconnected": ends.unconnected,
        "answered": Value::Object(answered.collect()),
        "closed": ends.closed,
        "reset": ends.reset,
        "given_up": ends.given_up,
        "open": ends.open,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::sound;
    use super::*;
    use crate::load::tally::lateness;

    /// A report in which the server's memory has grown by that much.
    fn grown_by(bytes: u64) -> Report {
        let mut report = sound();
        report.counts.bound = Some(Bound { fixed_bytes: 998_000, connection_bytes: 1_000 });
        report.memories[2].peak = report.memories[0].rss.map(|before| before + bytes);
        report
    }

    #[test]
    fn memory_past_its_bound_is_a_fault() {
        // A thousand subscribers, the publisher, and who asks for the counts.
        assert_eq!(grown_by(2_000_000).failure(), None);
        let failure = grown_by(2_000_001).failure().expect("a byte too much");
        assert!(failure.starts_with("memory is past its bound: "), "{failure}");
        assert_eq!(grown_by(2_000_000).value()["memory"]["bound_bytes"], 2_000_000);
    }

    #[test]
    fn requests_without_an_answer_are_a_fault_and_what_abusers_get_is_none() {
        let asked = Asked {
            sent: 10,
            answered: 10,
            refused: 0,
            unanswered: 0,
            broken: 1,
            first_end: Some("the server reset the connection".to_owned()),
            latency_us: lateness(),
        };
        let mut report = sound();
        report.guests.asked = Some(asked);
        let ends =
            Ends { opened: 3, reset: 1, open: 1, answered: [(408, 1)].into(), ..Ends::default() };
        report.guests.abused = Some(vec![(crate::load::guests::Abuse::SlowHeads, ends)]);
        assert_eq!(report.failure(), None);
        let text = report.text();
        let line = "slow-heads      3 connections, 1 answered 408, 1 reset, 1 still open";
        assert!(text.contains(line), "{text}");
        let asked = report.guests.asked.as_mut().expect("set above");
        (asked.unanswered, asked.refused) = (2, 1);
        let fault = "2 requests unanswered (the server reset the connection), 1 requests refused";
        assert_eq!(report.failure().as_deref(), Some(fault));
    }
}
