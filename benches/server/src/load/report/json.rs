//! A report as one JSON object. Field names are an interface: scripts read them.
//!
//! | field | meaning |
//! |---|---|
//! | `ok`, `failure` | whether all went well; if not, why, in one line |
//! | `warnings` | what to be wary of, each a sentence |
//! | `target`, `mode` | `HOST:PORT`; `publish`, `hold` or `listen` |
//! | `asked` | `subscribers`, `stuck`, `rate`, `size_bytes`, `duration_s`, `warmup_s` |
//! | `window_s` | measured time: of the hold, of listening, or from the first measured event to the last delivery |
//! | `subscribers` | `connected`, `refused`, `lost`, `stuck` |
//! | `published` | `events` accepted, `warmup` among them, `sent`, `refused`, `rate_per_s` achieved, `slip_us`: send − due time |
//! | `deliveries` | `all`, `measured` (without warm-up), `per_s`, `due` (accepted events × subscribers), `lost` of these, `out_of_order`, `duplicates`, `foreign` (events of others), `by_themselves` (of these, while nothing was published), `ids_skipped` |
//! | `latency_us` | receive − due time of the measured events: `p50`, `p90`, `p99`, `p99_9`, `max` |
//! | `server` | `pid`, `cpu_user_s`, `cpu_system_s`, `cpu_percent` of a core, `cpu_us_per_delivery`, `rss_before_bytes`, `rss_connected_bytes`, `rss_end_bytes`, `rss_growth_per_subscriber_bytes`; null where not known |
//! | `client` | `cpu_percent` of a core, `reader_busy_percent`, `reader_waiting_percent`, `publisher_busy_percent`; null where not known |

use serde_json::{Value, json};

use super::{Mode, Percentiles, Report};

impl Report {
    /// The report as one line of JSON.
    pub(crate) fn json(&self) -> String {
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        let server = self.server;
        json!({
            "ok": self.failure().is_none(),
            "failure": self.failure(),
            "warnings": self.warnings,
            "target": self.target.to_string(),
            "mode": match self.asked.mode() {
                Mode::Publish => "publish",
                Mode::Hold => "hold",
                Mode::Listen => "listen",
            },
            "asked": {
                "subscribers": self.asked.subscribers,
                "stuck": self.asked.stuck,
                "rate": self.asked.rate.per_second(),
                "size_bytes": self.asked.size,
                "duration_s": self.asked.duration.as_secs_f64(),
                "warmup_s": self.asked.warmup.as_secs_f64(),
            },
            "window_s": self.window_s,
            "subscribers": {
                "connected": self.census.connected,
                "refused": self.census.refused,
                "lost": self.census.lost,
                "stuck": self.census.stuck,
            },
            "published": {
                "events": self.publish.accepted,
                "warmup": self.publish.warmup,
                "sent": self.publish.sent,
                "refused": self.publish.refused,
                "rate_per_s": self.publish.rate,
                "slip_us": percentiles(self.publish.slip_us),
            },
            "deliveries": {
                "all": self.delivered.all,
                "measured": self.delivered.measured,
                "per_s": self.delivered.per_second,
                "due": self.delivered.due,
                "lost": self.delivered.lost,
                "out_of_order": self.delivered.out_of_order,
                "duplicates": self.delivered.duplicates,
                "foreign": self.delivered.foreign,
                "by_themselves": self.delivered.by_themselves,
                "ids_skipped": self.delivered.ids_skipped,
            },
            "latency_us": percentiles(self.latency_us),
            "server": {
                "pid": self.server_pid,
                "cpu_user_s": server.map(|cost| cost.user.as_secs_f64()),
                "cpu_system_s": server.map(|cost| cost.system.as_secs_f64()),
                "cpu_percent": percent(server.map(|cost| cost.core_share)),
                "cpu_us_per_delivery": self.cpu_us_per_delivery(),
                "rss_before_bytes": self.rss.map(|(before, _)| before),
                "rss_connected_bytes": self.rss.map(|(_, after)| after),
                "rss_end_bytes": server.map(|cost| cost.rss_at_end),
                "rss_growth_per_subscriber_bytes": self.rss_growth_per_subscriber(),
            },
            "client": {
                "cpu_percent": percent(self.own.core_share),
                "reader_busy_percent": percent(self.own.reader_ran),
                "reader_waiting_percent": percent(self.own.reader_waited),
                "publisher_busy_percent": percent(self.publisher_share),
            },
        })
        .to_string()
    }
}

fn percentiles(of: Percentiles) -> Value {
    json!({ "p50": of.p50, "p90": of.p90, "p99": of.p99, "p99_9": of.p999, "max": of.max })
}
