//! What came of asking, as a JSON object. Field names are those of `load`, where they mean the same.
//!
//! | field | meaning |
//! |---|---|
//! | `failure` | what went wrong, in one line |
//! | `load_was_the_limit` | whether this client, not the server, set the pace |
//! | `requests` | `answered` in the measured time, `per_s`, `unanswered`, `late`: sent over 1 ms after they were due, connections `broken` |
//! | `latency_us` | answer − due time: `p50`, `p90`, `p99`, `p99_9`, `max`, of all `latency_histogram_us`; null without a rate |
//! | `server` | `cpu_us_per_request`, `cpu_percent`; null where not known |
//! | `client`, `others` | `cpu_percent` of a core; by others also `stolen_percent` |

use std::time::Duration;

use serde_json::{Value, json};

use super::AskArgs;
use super::crowd::Outcome;
use crate::load::meter::{Meter, OwnCost, ServerCost};
use crate::load::report::{Percentiles, counts, float, percentiles, ratio};

/// A thread that runs for a larger share of the time has no reserve.
const BUSY_SHARE: f64 = 0.9;

/// With a larger share of requests sent late, the schedule was not kept.
const LATE_SHARE: f64 = 0.01;

/// The outcome.
pub(super) struct Report {
    outcome: Outcome,
    timed: bool,
    server: Option<ServerCost>,
    server_share: Option<f64>,
    own: OwnCost,
}

impl Report {
    pub(super) fn new(args: &AskArgs, outcome: Outcome, meter: &Meter) -> Self {
        let window = meter.window();
        let server = window.server_cost();
        Self {
            outcome,
            timed: args.rate.is_some(),
            server,
            server_share: server.map(|cost| window.share(cost.all())),
            own: window.own_cost(),
        }
    }

    /// What went wrong, in one line.
    pub(super) fn failure(&self) -> Option<String> {
        let Outcome { answered, unanswered, broken, first_end, .. } = &self.outcome;
        if *answered == 0 {
            return Some("no answer at all".to_owned());
        }
        (*unanswered > 0).then(|| {
            let reason = first_end.as_deref().unwrap_or("no answer in time");
            format!("{unanswered} requests unanswered, {broken} connections broken ({reason})")
        })
    }

    fn load_was_the_limit(&self) -> bool {
        if self.timed {
            return ratio(float(self.outcome.late), float(self.outcome.answered)) > LATE_SHARE;
        }
        let busy = self.own.reader_ran.unwrap_or_default();
        let wanted = busy + self.own.reader_waited.unwrap_or_default();
        wanted > BUSY_SHARE && self.server_share.is_none_or(|share| share < BUSY_SHARE)
    }

    pub(super) fn value(&self) -> Value {
        let Outcome { answered, unanswered, broken, late, took, latency_us, .. } = &self.outcome;
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        let each = |cost: ServerCost| (*answered > 0).then(|| micros_each(cost.all(), *answered));
        json!({
            "failure": self.failure(),
            "load_was_the_limit": self.load_was_the_limit(),
            "window_s": took.as_secs_f64(),
            "requests": {
                "answered": answered,
                "per_s": ratio(float(*answered), took.as_secs_f64()),
                "unanswered": unanswered,
                "late": late,
                "broken": broken,
            },
            "latency_us": self.timed.then(|| percentiles(Percentiles::of(latency_us))),
            "latency_histogram_us": self.timed.then(|| counts(latency_us)),
            "server": {
                "cpu_us_per_request": self.server.and_then(each),
                "cpu_percent": percent(self.server_share),
            },
            "client": { "cpu_percent": percent(self.own.core_share) },
            "others": {
                "cpu_percent": percent(self.own.others),
                "stolen_percent": percent(self.own.stolen),
            },
        })
    }
}

fn micros_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / float(count)
}
