//! How the server ends, and begins again; and a measured run from beginning to end.

use crate::client::{Connection, Subscriber, stuck};
use crate::process::{Server, eventually, run};
use std::fs;

const QUIET: &str = "--rate 0 --heartbeat 0";

pub(crate) fn sigterm_ends_every_stream_with_its_terminal_chunk(engine: &str) {
    ends_in_order(engine, "TERM");
}

pub(crate) fn sigint_ends_every_stream_with_its_terminal_chunk(engine: &str) {
    ends_in_order(engine, "INT");
}

fn ends_in_order(engine: &str, signal: &str) {
    let server = Server::start(engine, QUIET);
    let mut subscribers = Subscriber::open_many(server.addr, 20);
    let mut client = Connection::open(server.addr);
    client.publish("the last event");
    server.signal(signal);
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.next_event().1, "the last event");
        subscriber.read_to_end();
        assert!(matches!(subscriber.retry(), Some(1000..=5000)), "{:?}", subscriber.retry());
    }
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(ended.errors.lines().count(), 1, "only the reason: {}", ended.errors);
}

pub(crate) fn a_signal_right_after_the_ready_line_is_obeyed(engine: &str) {
    for _ in 0..10 {
        Server::start(engine, "--rate 100").stop();
    }
}

pub(crate) fn a_client_that_never_reads_cannot_hold_up_the_end(engine: &str) {
    let server = Server::start(engine, QUIET);
    let _stuck = stuck(server.addr);
    let mut client = Connection::open(server.addr);
    eventually("the stuck subscriber", || client.count() == 1);
    let event = "x".repeat(16 * 1024);
    eventually("a full buffer", || {
        client.publish(&event);
        client.metric("events_dropped_total") > 0
    });
    let mut subscribers = Subscriber::open_many(server.addr, 20);
    server.signal("TERM");
    subscribers.iter_mut().for_each(Subscriber::read_to_end);
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

pub(crate) fn a_restart_gets_the_same_port_at_once(engine: &str) {
    // An address of its own, so that no other test gets the port in between.
    let server = Server::start_at("127.0.0.2:0", engine, "--workers 2");
    let addr = server.addr;
    let mut reader = Subscriber::open(addr);
    // This one does not close when the server does.
    let _lasting = Subscriber::open(addr);
    server.signal("TERM");
    reader.read_to_end();
    drop(reader);
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert!(in_time_wait(addr.port()), "the server closed first, so its port is in TIME_WAIT");
    let server = Server::start_at(&addr.to_string(), engine, "--workers 2");
    assert_eq!(server.addr, addr);
    assert_eq!(Connection::open(addr).count(), 0);
    server.stop();
}

/// Whether a connection of this local port is in `TIME_WAIT`.
fn in_time_wait(port: u16) -> bool {
    const TIME_WAIT: &str = "06";
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has this table");
    let local = format!(":{port:04X}");
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|words| words.len() > 3 && words[1].ends_with(&local) && words[3] == TIME_WAIT)
}

pub(crate) fn a_load_run_loses_nothing(engine: &str) {
    // What a subscriber may be owed covers the whole run, so that a slow machine loses nothing either.
    let server = Server::start(engine, "--rate 5 --subscriber-buffer 1000");
    let (code, out, errors) = run(&format!(
        "load --addr {} --subscribers 50 --rate 200 --duration 1 --warmup 0.2 --stuck 2 --json",
        server.addr
    ));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["subscribers"]["connected"], 50, "{report}");
    for fault in ["lost", "out_of_order", "duplicates"] {
        assert_eq!(report["deliveries"][fault], 0, "{fault}: {report}");
    }
    let published = report["published"]["events"].as_u64().expect("a number");
    assert!(published > 0, "{report}");
    assert_eq!(report["deliveries"]["all"], 50 * published, "{report}");
    server.stop();
}

/// Subscribers that come, leave, return, read slowly or never: what the others are owed they get.
pub(crate) fn a_load_run_with_churn_and_a_storm_loses_nothing(engine: &str) {
    let server = Server::start(engine, "--rate 0 --subscriber-buffer 1000");
    let (code, out, errors) = run(&format!(
        "load --addr {} --subscribers 100 --slow 2 --stuck 2 --rate 200 --duration 2 --warmup 0.2 \
         --churn 20 --storm 40 --storm-within 0.2 --settle 1 --json",
        server.addr
    ));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(report["deliveries"]["lost"], 0, "{report}");
    assert_eq!(report["storm"]["dropped"], 40, "{report}");
    assert_eq!(report["storm"]["back"], 40, "{report}");
    assert_eq!(report["churn"]["refused"], 0, "{report}");
    assert_eq!(report["churn"]["left"], report["churn"]["came"], "{report}");
    assert_eq!(report["subscribers"]["stuck_cut"], 0, "{report}");
    server.stop();
}

pub(crate) fn a_load_run_listens_to_a_handler_for_each_client(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    // One event a second each: time for several, of which one is enough.
    let (code, out, errors) = run(&format!(
        "load --addr {} --subscribers 20 --events-path /ticks --listen --duration 3 --json",
        server.addr
    ));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(report["published"]["sent"], 0, "{report}");
    assert!(report["deliveries"]["by_themselves"].as_u64() >= Some(20), "{report}");
    server.stop();
}
