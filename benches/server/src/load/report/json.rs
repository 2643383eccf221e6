//! A report as one JSON object. Field names are an interface: scripts read them.
//!
//! | field | meaning |
//! |---|---|
//! | `ok`, `failure` | whether all went well; if not, why, in one line |
//! | `warnings` | what to be wary of, each a sentence |
//! | `load_was_the_limit` | whether this client, not the server, set the pace |
//! | `target`, `mode` | `HOST:PORT`; `publish`, `hold` or `listen` |
//! | `asked` | `subscribers`, `decode_every`, `slow`, `slow_rate_bytes_per_s`, `stuck`, `churn_per_s`, `storm`, `rate`, `size_bytes`, `duration_s`, `warmup_s` |
//! | `window_s` | measured time: of the hold, of listening, or from the first measured event to the last delivery |
//! | `subscribers` | `connected`, `refused`, `lost`, `slow`, `slow_cut`, `stuck`, `stuck_cut`; cut: ended by the server |
//! | `published` | `events` accepted, `warmup` among them, `sent`, `unsent` because too late, `refused`, `error` that ended it, `rate_per_s` achieved, `slip_us`: send − due time |
//! | `deliveries` | `all`, `measured` (without warm-up), `per_s`, `due`, `lost` of these, `lost_percent`, `out_of_order`, `duplicates`, `foreign` (events of others), `by_themselves` (of these, while nothing was published), `ids_skipped`, `known_by_bytes` (see `--decode-every`) |
//! | `latency_us` | receive − due time of the measured events, in `listen` of the server's own that say when they were due: `p50`, `p90`, `p99`, `p99_9`, `max`; null where nothing was timed |
//! | `latency_histogram_us` | all of them, each with its count; null unless asked for |
//! | `slow` | of slow subscribers: `delivered`, `skipped` before later ones, `behind` at the end, `out_of_order`, `duplicates`, `latency_us`; null without any |
//! | `churn` | `left`, `came`, `refused`, `came_us`: to a stream; null without any |
//! | `storm` | `dropped`, `back`, `refusals`, `took_s`: first drop to last stream, `back_us`: to a stream each, `missed_while_away`, `server_cpu_s`, `server_cpu_percent` meanwhile; null without any |
//! | `requests` | of askers: `sent`, `answered` by 2xx, `refused`, `unanswered`, connections `broken`, `latency_us`: answer − due time; null without any |
//! | `abuse` | by kind: connections `opened`, `unconnected`, `answered` by status, `closed`, `reset`, `given_up` by the client, `open` at the end; null without any |
//! | `memory` | of the server: `peak_rss_bytes`, `grown_bytes` since before the first client, `bound_bytes`: `fixed_bytes` + `connections` × `connection_bytes` by its own limits; null where not told |
//! | `server` | `pid`, `pids`, `cpu_user_s`, `cpu_system_s`, `cpu_ksoftirqd_s` on `ksoftirqd_cores`, `cpu_percent` of a core and `cpu_us_per_delivery` of all three, `cpu_us_per_delivery_process` without ksoftirqd, `rss_before_bytes`, `rss_connected_bytes`, `rss_end_bytes`, `rss_growth_per_subscriber_bytes`, `sends_per_delivery` and `events_per_send` by its metrics; null where not known |
//! | `kernel` | memory of all TCP sockets of the machine: `tcp_before_bytes`, `tcp_connected_bytes`, `tcp_end_bytes`; of all its objects: `objects_before_bytes`, `objects_connected_bytes` |
//! | `client` | `cpu_percent` of a core, `reader_busy_percent`, `reader_waiting_percent`, `publisher_busy_percent`; null where not known |
//! | `others` | `cpu_percent` of a core by other processes, `stolen_percent` by a hypervisor |

use serde_json::{Value, json};

use crate::cli::values::Rate;

use super::{Churn, Mode, Percentiles, Report, Slow, Storm};

impl Report {
    /// The report as one line of JSON.
    pub(crate) fn json(&self) -> String {
        self.value().to_string()
    }

    /// The report as a JSON object.
    pub(crate) fn value(&self) -> Value {
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        let [before, connected, end] = self.memories;
        json!({
            "ok": self.failure().is_none(),
            "failure": self.failure(),
            "warnings": self.warnings,
            "load_was_the_limit": self.load_was_the_limit(),
            "target": self.target.to_string(),
            "mode": match self.asked.mode() {
                Mode::Publish => "publish",
                Mode::Hold => "hold",
                Mode::Listen => "listen",
            },
            "asked": self.asked_value(),
            "window_s": self.window.as_secs_f64(),
            "subscribers": {
                "connected": self.census.connected,
                "refused": self.census.refused,
                "lost": self.census.lost,
                "slow": self.census.slow,
                "slow_cut": self.census.slow_cut,
                "stuck": self.census.stuck,
                "stuck_cut": self.census.stuck_cut,
            },
            "published": {
                "events": self.publish.accepted,
                "warmup": self.publish.warmup,
                "sent": self.publish.sent,
                "unsent": self.publish.unsent,
                "refused": self.publish.refused,
                "error": self.publish.error,
                "rate_per_s": self.publish.rate,
                "slip_us": percentiles(self.publish.slip_us),
            },
            "deliveries": self.deliveries_value(),
            "latency_us": self.timed.then(|| percentiles(self.latency_us)),
            "latency_histogram_us": self.latencies_us,
            "slow": self.slow.as_ref().map(slow),
            "churn": self.churn.as_ref().map(churn),
            "storm": self.storm.as_ref().map(storm),
            "requests": self.requests_value(),
            "abuse": self.abuse_value(),
            "memory": self.memory_value(),
            "server": self.server_value(),
            "kernel": {
                "tcp_before_bytes": before.tcp,
                "tcp_connected_bytes": connected.tcp,
                "tcp_end_bytes": end.tcp,
                "objects_before_bytes": before.objects,
                "objects_connected_bytes": connected.objects,
            },
            "client": {
                "cpu_percent": percent(self.own.core_share),
                "reader_busy_percent": percent(self.own.reader_ran),
                "reader_waiting_percent": percent(self.own.reader_waited),
                "publisher_busy_percent": percent(self.publisher_share),
            },
            "others": {
                "cpu_percent": percent(self.own.others),
                "stolen_percent": percent(self.own.stolen),
            },
        })
    }

    fn asked_value(&self) -> Value {
        json!({
            "subscribers": self.asked.subscribers,
            "decode_every": self.asked.decode_every,
            "slow": self.asked.slow,
            "slow_rate_bytes_per_s": self.asked.slow_rate,
            "stuck": self.asked.stuck,
            "churn_per_s": self.asked.churn.map_or(0.0, Rate::per_second),
            "storm": self.asked.storm,
            "rate": self.asked.rate.per_second(),
            "size_bytes": self.asked.size,
            "duration_s": self.asked.duration.as_secs_f64(),
            "warmup_s": self.asked.warmup.as_secs_f64(),
        })
    }

    fn deliveries_value(&self) -> Value {
        json!({
            "all": self.delivered.all,
            "measured": self.delivered.measured,
            "per_s": self.delivered.per_second,
            "due": self.delivered.due,
            "lost": self.delivered.lost,
            "lost_percent": self.lost_share() * 100.0,
            "out_of_order": self.delivered.out_of_order,
            "duplicates": self.delivered.duplicates,
            "foreign": self.delivered.foreign,
            "by_themselves": self.delivered.by_themselves,
            "ids_skipped": self.delivered.ids_skipped,
            "known_by_bytes": self.delivered.counted,
        })
    }

    fn server_value(&self) -> Value {
        let [before, connected, end] = self.memories;
        let server = self.server;
        let cpu = self.cpu_us_per_delivery();
        let sends = self.sends_per_delivery();
        json!({
            "pid": self.server_pids.first(),
            "pids": self.server_pids,
            "cpu_user_s": server.map(|cost| cost.user.as_secs_f64()),
            "cpu_system_s": server.map(|cost| cost.system.as_secs_f64()),
            "cpu_ksoftirqd_s": server
                .and_then(|cost| cost.softirq)
                .map(|time| time.as_secs_f64()),
            "ksoftirqd_cores": self.softirq_cores,
            "cpu_percent": self.server_share.map(|share| share * 100.0),
            "cpu_us_per_delivery": cpu.map(|(_, all)| all),
            "cpu_us_per_delivery_process": cpu.map(|(process, _)| process),
            "rss_before_bytes": before.rss,
            "rss_connected_bytes": connected.rss,
            "rss_end_bytes": end.rss,
            "rss_growth_per_subscriber_bytes": self.rss_growth_per_subscriber(),
            "sends_per_delivery": sends,
            "events_per_send": sends.filter(|sends| *sends > 0.0).map(|sends| 1.0 / sends),
        })
    }
}

fn slow(of: &Slow) -> Value {
    json!({
        "delivered": of.delivered,
        "skipped": of.skipped,
        "behind": of.behind,
        "out_of_order": of.out_of_order,
        "duplicates": of.duplicates,
        "latency_us": percentiles(of.latency_us),
    })
}

fn churn(of: &Churn) -> Value {
    json!({
        "left": of.outcome.left,
        "came": of.outcome.came,
        "refused": of.outcome.refused,
        "came_us": percentiles(of.came_us),
    })
}

fn storm(of: &Storm) -> Value {
    json!({
        "dropped": of.outcome.dropped,
        "back": of.outcome.back,
        "refusals": of.outcome.refusals,
        "took_s": of.outcome.took.as_secs_f64(),
        "back_us": percentiles(of.back_us),
        "missed_while_away": of.missed_away,
        "server_cpu_s": of.server.map(|cost| cost.all().as_secs_f64()),
        "server_cpu_percent": of.server_share.map(|share| share * 100.0),
    })
}

pub(in crate::load) fn percentiles(of: Percentiles) -> Value {
    json!({ "p50": of.p50, "p90": of.p90, "p99": of.p99, "p99_9": of.p999, "max": of.max })
}
