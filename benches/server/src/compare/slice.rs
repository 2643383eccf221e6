//! What one slice gave, out of the report of its load. How slices become a row is in `rows`.

use serde_json::Value;

use super::model::Group;
use super::plan::Plan;

/// Others that take a larger share of a core, in percent, disturb what is measured.
const OTHERS_PERCENT: f64 = 15.0;

/// With fewer of its subscribers than that, it is another question that was answered.
const CONNECTED_SHARE: f64 = 0.99;

/// What one slice gave; what was not measured is absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    pub(super) throughput: Option<f64>,
    /// In nanoseconds: p50, p99, p99.9, the most.
    pub(super) latency: Option<[f64; 4]>,
    /// In microseconds, each with its count.
    pub(super) latencies: Vec<(u64, u64)>,
    pub(super) cpu_nanos: Option<f64>,
    pub(super) events_per_send: Option<f64>,
    pub(super) lost: Option<f64>,
    pub(super) errors: u64,
    pub(super) user_bytes: Option<f64>,
    pub(super) kernel_bytes: Option<f64>,
    pub(super) load_was_the_limit: bool,
    /// What others took of a core, in percent.
    pub(super) others: f64,
    /// Why there is nothing.
    pub(super) failed: Option<String>,
}

impl Slice {
    /// One that gave nothing.
    pub(super) fn failed(reason: String) -> Self {
        Self { failed: Some(reason), ..Self::default() }
    }

    /// Reads the report of the load of this question.
    pub(super) fn of(plan: &Plan, report: &Value) -> Self {
        let of = Numbers(report);
        if let Some(reason) = incomplete(plan, of) {
            return Self::failed(reason);
        }
        let common = Self {
            load_was_the_limit: report["load_was_the_limit"].as_bool().unwrap_or(false),
            others: ["/others/cpu_percent", "/others/stolen_percent"]
                .iter()
                .filter_map(|pointer| of.get(pointer))
                .fold(0.0, f64::max),
            errors: errors(of),
            ..Self::default()
        };
        match plan.scenario.group {
            Group::Http => common.http(of),
            Group::FanOut | Group::SlowReaders => common.fan_out(of, plan.scenario.rate.is_some()),
            Group::Memory => common.memory(of),
            Group::Storm => common.storm(of),
            Group::OwnStreams => common.own_streams(of),
            Group::Replay => common.replay(of),
        }
    }

    /// Whether others took more than they may.
    pub(super) fn disturbed(&self) -> bool {
        self.others > OTHERS_PERCENT
    }

    fn http(self, of: Numbers<'_>) -> Self {
        let (answered, unanswered) = (of.get("/requests/answered"), of.get("/requests/unanswered"));
        Self {
            throughput: of.get("/requests/per_s"),
            latency: of.latency("/latency_us"),
            latencies: of.latencies(),
            cpu_nanos: of.get("/server/cpu_us_per_request").map(nanos),
            lost: answered.zip(unanswered).map(|(came, not)| share(not, came + not)),
            ..self
        }
    }

    fn fan_out(self, of: Numbers<'_>, timed: bool) -> Self {
        // An event that was never published, because the server took too little or refused it, came to
        // nobody.
        let connected = of.get("/subscribers/connected").unwrap_or(0.0);
        let count = |pointer| of.get(pointer).unwrap_or(0.0) * connected;
        let unsent = count("/published/unsent") + count("/published/refused");
        let lost = of.get("/deliveries/lost").zip(of.get("/deliveries/due"));
        Self {
            throughput: of.get("/deliveries/per_s"),
            latency: of.latency("/latency_us").filter(|_| timed),
            latencies: of.latencies(),
            cpu_nanos: of.get("/server/cpu_us_per_delivery").map(nanos),
            events_per_send: of.get("/server/events_per_send"),
            lost: lost.map(|(lost, due)| share(lost + unsent, due + unsent)),
            ..self
        }
    }

    fn memory(self, of: Numbers<'_>) -> Self {
        let grown = |what: &str| {
            let at = |when: &str| of.get(&format!("/kernel/{what}_{when}_bytes"));
            Some(at("connected")? - at("before")?)
        };
        let connected = of.get("/subscribers/connected").filter(|count| *count > 0.0);
        let kernel = grown("objects").zip(grown("tcp")).map(|(objects, tcp)| objects + tcp);
        Self {
            user_bytes: of.get("/server/rss_growth_per_subscriber_bytes"),
            // Where others freed more meanwhile, it is not known.
            kernel_bytes: kernel
                .filter(|bytes| *bytes > 0.0)
                .zip(connected)
                .map(|(bytes, count)| bytes / count),
            lost: of.get("/deliveries/lost_percent").map(|percent| percent / 100.0),
            ..self
        }
    }

    fn storm(self, of: Numbers<'_>) -> Self {
        let (back, dropped) = (of.get("/storm/back"), of.get("/storm/dropped"));
        let per = |of_all: Option<f64>| back.filter(|back| *back > 0.0).zip(of_all);
        Self {
            throughput: per(of.get("/storm/took_s")).map(|(back, took)| back / took),
            latency: of.latency("/storm/back_us"),
            cpu_nanos: per(of.get("/storm/server_cpu_s")).map(|(back, cpu)| cpu * 1e9 / back),
            lost: back.zip(dropped).map(|(back, dropped)| share(dropped - back, dropped)),
            ..self
        }
    }

    fn own_streams(self, of: Numbers<'_>) -> Self {
        // When each has its first is not known: one event more or less is no loss.
        let expected = own_events(of);
        let came = of.get("/deliveries/by_themselves");
        Self {
            lost: came.zip(expected).map(|(came, all)| share((all - came).max(0.0), all)),
            throughput: of.get("/deliveries/per_s"),
            cpu_nanos: of.get("/server/cpu_us_per_delivery").map(nanos),
            events_per_send: of.get("/server/events_per_send"),
            latency: of.latency("/latency_us"),
            latencies: of.latencies(),
            ..self
        }
    }

    fn replay(self, of: Numbers<'_>) -> Self {
        Self {
            throughput: of.get("/replayed/per_s"),
            latency: of.latency("/latency_us"),
            latencies: of.latencies(),
            cpu_nanos: of.get("/server/cpu_us_per_event").map(nanos),
            lost: of.get("/replayed/lost_share"),
            ..self
        }
    }
}

/// Events that are due to subscribers with streams of their own, at the least: one for each second of the
/// window that is over.
fn own_events(of: Numbers<'_>) -> Option<f64> {
    Some(of.get("/subscribers/connected")? * of.get("/window_s")?.floor().max(1.0))
}

/// Why a slice does not answer the question.
fn incomplete(plan: &Plan, of: Numbers<'_>) -> Option<String> {
    let asked = plan.scenario.subscribers.filter(|_| plan.scenario.group != Group::Replay)?;
    let connected = of.get("/subscribers/connected").unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 subscribers")]
    let enough = asked as f64 * CONNECTED_SHARE;
    let reason = of.0["failure"].as_str().unwrap_or("no reason given");
    if connected < enough {
        return Some(format!("only {connected} of {asked} got a stream: {reason}"));
    }
    let lost = of.get("/subscribers/lost").unwrap_or(0.0);
    let own =
        of.get("/deliveries/by_themselves").filter(|_| plan.scenario.group == Group::OwnStreams);
    // Of a server that ended, the figures are of a shorter time than they seem.
    let ended = connected - lost < enough || !of.0["published"]["error"].is_null();
    let silent = own.is_some_and(|events| events < connected);
    (ended || silent).then(|| reason.to_owned())
}

/// What ought not to have happened, however little it was.
fn errors(of: Numbers<'_>) -> u64 {
    [
        "/subscribers/refused",
        "/subscribers/lost",
        "/published/refused",
        "/deliveries/out_of_order",
        "/deliveries/duplicates",
        "/replayed/out_of_order",
        "/replayed/duplicates",
        "/storm/refusals",
        "/requests/broken",
    ]
    .iter()
    .filter_map(|pointer| of.0.pointer(pointer)?.as_u64())
    .sum()
}

#[derive(Clone, Copy)]
struct Numbers<'a>(&'a Value);

impl Numbers<'_> {
    fn get(self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer)?.as_f64()
    }

    fn latency(self, pointer: &str) -> Option<[f64; 4]> {
        let of = Numbers(self.0.pointer(pointer)?);
        Some([of.get("/p50")?, of.get("/p99")?, of.get("/p99_9")?, of.get("/max")?].map(nanos))
    }

    fn latencies(self) -> Vec<(u64, u64)> {
        let all = self.0["latency_histogram_us"].as_array().map_or(&[][..], Vec::as_slice);
        all.iter().filter_map(|pair| Some((pair[0].as_u64()?, pair[1].as_u64()?))).collect()
    }
}

fn nanos(micros: f64) -> f64 {
    micros * 1e3
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compare::scenarios;

    fn plan(id: &str) -> Plan {
        let all = scenarios::all(true, None);
        all.into_iter().find(|plan| plan.scenario.id == id).expect("there is such a question")
    }

    fn near(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-9)
    }

    #[test]
    fn events_that_were_never_published_are_lost_to_everyone() {
        let report = json!({
            "subscribers": { "connected": 1_000 },
            "published": { "unsent": 5 },
            "deliveries": { "lost": 1_000, "due": 15_000, "per_s": 7.0, "duplicates": 2 },
            "latency_us": { "p50": 1, "p99": 2, "p99_9": 3, "max": 4 },
            "latency_histogram_us": [[1, 9], [4, 1]],
            "others": { "cpu_percent": 16.0 },
        });
        let slice = Slice::of(&plan("fan-out-1000-at-100-128b"), &report);
        assert!(near(slice.lost, 0.3), "{slice:?}");
        assert_eq!((slice.latency, slice.errors), (Some([1e3, 2e3, 3e3, 4e3]), 2));
        assert_eq!(slice.latencies, [(1, 9), (4, 1)]);
        assert!(slice.disturbed() && slice.cpu_nanos.is_none());
        let flat_out = Slice::of(&plan("fan-out-1000-flat-out-128b"), &report);
        assert_eq!(flat_out.latency, None, "no event was due at any time");
    }

    #[test]
    fn events_that_were_refused_are_lost_to_everyone() {
        let report = json!({
            "subscribers": { "connected": 1_000 },
            "published": { "refused": 10, "unsent": 0 },
            "deliveries": { "lost": 0, "due": 10_000, "per_s": 7.0 },
        });
        let slice = Slice::of(&plan("fan-out-1000-at-100-128b"), &report);
        assert!(near(slice.lost, 0.5), "{slice:?}");
    }

    #[test]
    fn a_server_that_ended_in_a_slice_gave_no_figures() {
        let report = |lost, error: Value| {
            json!({
                "subscribers": { "connected": 1_000, "lost": lost },
                "published": { "error": error },
                "deliveries": { "lost": 0, "due": 10_000, "per_s": 7.0 },
                "failure": "1,000 subscribers lost",
            })
        };
        let plan = plan("fan-out-1000-at-100-128b");
        assert_eq!(Slice::of(&plan, &report(10, Value::Null)).failed, None);
        for report in [report(11, Value::Null), report(0, json!("connection reset"))] {
            let failed = Slice::of(&plan, &report).failed;
            assert_eq!(failed.as_deref(), Some("1,000 subscribers lost"));
        }
    }

    #[test]
    fn fewer_subscribers_than_were_asked_for_are_no_answer() {
        let report = |connected| json!({ "subscribers": { "connected": connected }, "failure": "10 subscribers refused" });
        let plan = plan("memory-1000");
        assert_eq!(Slice::of(&plan, &report(990)).failed, None);
        let failed = Slice::of(&plan, &report(989)).failed.unwrap();
        assert_eq!(failed, "only 989 of 1000 got a stream: 10 subscribers refused");
    }

    #[test]
    fn events_of_its_own_that_did_not_come_are_lost_and_too_few_are_no_answer() {
        let plan = plan("own-streams");
        let asked = plan.scenario.subscribers.expect("it has subscribers") as u64;
        let report = |events: u64| {
            json!({
                "subscribers": { "connected": asked },
                "window_s": 2.2,
                "deliveries": { "by_themselves": events },
                "failure": "only some events",
            })
        };
        for (events, lost) in [(2 * asked, 0.0), (3 * asked, 0.0), (asked * 3 / 2, 0.25)] {
            let slice = Slice::of(&plan, &report(events));
            assert!(near(slice.lost, lost), "{slice:?}");
        }
        let failed = Slice::of(&plan, &report(asked - 1)).failed;
        assert_eq!(failed.as_deref(), Some("only some events"));
    }

    #[test]
    fn a_replay_out_of_order_or_twice_is_an_error() {
        let replayed = json!({ "lost_share": 0.0, "out_of_order": 3, "duplicates": 2 });
        let slice = Slice::of(&plan("replay"), &json!({ "replayed": replayed }));
        assert_eq!((slice.errors, slice.lost), (5, Some(0.0)));
    }

    #[test]
    fn memory_that_did_not_grow_is_not_known() {
        let report = |connected| {
            json!({
                "subscribers": { "connected": 1_000 },
                "server": { "rss_growth_per_subscriber_bytes": 200.0 },
                "kernel": {
                    "objects_before_bytes": 1_000_000, "objects_connected_bytes": connected,
                    "tcp_before_bytes": 0, "tcp_connected_bytes": 500_000,
                },
            })
        };
        let plan = plan("memory-1000");
        let slice = Slice::of(&plan, &report(6_000_000));
        assert!(near(slice.kernel_bytes, 5_500.0) && near(slice.user_bytes, 200.0), "{slice:?}");
        assert_eq!(Slice::of(&plan, &report(400_000)).kernel_bytes, None);
    }
}
