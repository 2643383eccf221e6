//! The short answer, as a Markdown table: which engine, what a core carries, what a subscriber costs.

use std::path::Path;

use super::model::Report;

/// The table.
pub(super) fn markdown(report: &Report, out: &Path) -> String {
    let mut lines = Vec::new();
    for scenario in &report.scenarios {
        for row in &scenario.rows {
            lines.push(format!(
                "{} {}{}: tp {:?} p50 {:?} p99 {:?} cpu {:?} lost {:?} err {} user {:?} kern {:?} lim {} dist {} eps {:?} {:?} ins {:?}",
                scenario.id, row.server, if row.noise {"*"} else {""},
                row.throughput.map(|s| s.median), row.latency.as_ref().map(|l| l.p50.median), row.latency.as_ref().map(|l| l.p99.median),
                row.cpu_nanos_per_event.map(|s| s.median), row.lost, row.errors,
                row.user_bytes_per_subscriber.map(|s| s.median), row.kernel_bytes_per_subscriber.map(|s| s.median), row.load_was_the_limit, row.disturbed, row.events_per_send, row.failed, row.instructions_per_event
            ));
        }
    }
    lines.push(out.display().to_string());
    lines.join("\n")
}
