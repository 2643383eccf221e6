//! `idle`, `visits` and a load with guests, against a server of each engine.

use crate::process::{Server, run};
use serde_json::Value;

/// The report of a command that must go well.
#[track_caller]
fn report(flags: &str) -> Value {
    let (code, out, errors) = run(&format!("{flags} --json"));
    let report = serde_json::from_str(&out).unwrap_or(Value::Null);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{flags}: {report}");
    report
}

#[track_caller]
fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {report}"))
}

pub(crate) fn idle_connections_are_counted_and_cost_something(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    let report = report(&format!("idle --addr {} --connections 200 --duration 0", server.addr));
    assert_eq!((count(&report, "/connections"), count(&report, "/ended")), (200, 0));
    assert!(report["user_bytes_each"].is_number(), "{report}");
    server.stop();
}

pub(crate) fn visitors_leave_nothing_behind(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    let flags = "--rate 300 --duration 1 --warmup 0.5";
    let report = report(&format!("visits --addr {} {flags}", server.addr));
    assert_eq!((count(&report, "/came"), count(&report, "/failed")), (300, 0), "{report}");
    assert_eq!(count(&report, "/connections_after"), 0, "{report}");
    // One of the visits before may have been on its way when they were counted.
    assert!(count(&report, "/files_after") <= count(&report, "/files_before"), "{report}");
    server.stop();
}

pub(crate) fn abuse_costs_the_others_nothing(engine: &str) {
    let server = Server::start(engine, "--rate 0 --patience 1 --body-limit 65536");
    let crowd = "--subscribers 10 --askers 10 --ask-rate 200 --abusers 60";
    let time = "--rate 50 --duration 2 --warmup 0.1 --settle 30";
    let report = report(&format!("load --addr {} {crowd} {time}", server.addr));
    assert_eq!(count(&report, "/deliveries/lost"), 0, "{report}");
    assert_eq!(count(&report, "/requests/sent"), count(&report, "/requests/answered"), "{report}");
    for kind in ["slow-heads", "slow-bodies", "unread-streams", "unread-answers", "connects"] {
        assert!(count(&report, &format!("/abuse/{kind}/opened")) > 0, "{kind}: {report}");
    }
    for (kind, status) in [("slow-heads", "408"), ("slow-bodies", "408"), ("garbage", "400")] {
        assert!(count(&report, &format!("/abuse/{kind}/answered/{status}")) > 0, "{report}");
    }
    assert!(count(&report, "/memory/grown_bytes") <= count(&report, "/memory/bound_bytes"));
    server.stop();
}
