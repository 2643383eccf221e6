//! `bench-server load` as a process, against a small server that is sound or faulty on purpose.

mod fake;

use std::net::SocketAddr;
use std::process::{Command, Output};

use fake::{Faults, Plan, SOUND};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

fn bench_server(words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-server"))
        .args(words.split_whitespace())
        .output()
        .expect("the bench server can be started")
}

/// Runs a short load of 20 subscribers and 50 events, with further flags.
fn load(addr: SocketAddr, flags: &str) -> (i32, Value, String) {
    let output = bench_server(&format!(
        "load --addr {addr} --subscribers 20 --rate 250 --duration 0.16 --warmup 0.04 --settle 2 \
         --json {flags}"
    ));
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let errors = String::from_utf8(output.stderr).expect("errors are text");
    (output.status.code().expect("the process ends by itself"), report, errors)
}

fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {report}"))
}

#[test]
fn a_sound_server_passes() {
    let (code, report, errors) = load(fake::start(SOUND), "");
    assert_eq!((code, errors.as_str()), (0, ""), "{report}");
    assert_eq!(report["ok"], true);
    assert_eq!(count(&report, "/subscribers/connected"), 20);
    assert_eq!(count(&report, "/published/events"), 50);
    assert_eq!(count(&report, "/published/warmup"), 10);
    assert_eq!(count(&report, "/deliveries/all"), 1_000);
    assert_eq!(count(&report, "/deliveries/measured"), 800);
    for fault in ["lost", "out_of_order", "duplicates", "foreign", "ids_skipped"] {
        assert_eq!(count(&report, &format!("/deliveries/{fault}")), 0, "{fault}: {report}");
    }
    assert!(count(&report, "/latency_us/p50") <= count(&report, "/latency_us/max"));
}

#[test]
fn events_of_the_server_itself_may_come_between() {
    let (code, report, _) = load(fake::start(Faults { ticks: true, ..SOUND }), "");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/deliveries/foreign"), 1_000);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn one_lost_delivery_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, errors) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, errors.as_str()), (1, "bench-server: 1 of 1,000 deliveries lost\n"));
    assert_eq!(count(&report, "/deliveries/lost"), 1);
    assert_eq!(count(&report, "/deliveries/ids_skipped"), 1);
}

#[test]
fn the_last_event_lost_is_noticed_too() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 49) => Plan::Skip,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/lost")), (1, 1));
}

#[test]
fn one_event_out_of_order_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Later,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/out_of_order")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
    assert_eq!(count(&report, "/deliveries/duplicates"), 0);
}

#[test]
fn one_duplicate_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 20) => Plan::Twice,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/deliveries/duplicates")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_subscriber_that_is_cut_off_fails_the_run() {
    let plan = |subscriber, event| match (subscriber, event) {
        (7, 40..) => Plan::Close,
        _ => Plan::Send,
    };
    let (code, report, _) = load(fake::start(Faults { plan, ..SOUND }), "");
    assert_eq!((code, count(&report, "/subscribers/lost")), (1, 1), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 10);
}

#[test]
fn a_refused_subscriber_fails_the_run_and_the_others_are_measured() {
    let subscribe = |subscriber| if subscriber == 3 { 503 } else { 200 };
    let (code, report, errors) = load(fake::start(Faults { subscribe, ..SOUND }), "");
    assert_eq!(code, 1, "{report}");
    assert_eq!(errors, "bench-server: 1 subscribers refused (answered with status 503)\n");
    assert_eq!(count(&report, "/subscribers/connected"), 19);
    assert_eq!(count(&report, "/deliveries/all"), 950);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_refused_publish_is_not_counted_as_lost() {
    let status = |publish| if publish == 20 { 503 } else { 200 };
    let (code, report, errors) = load(fake::start(Faults { status, ..SOUND }), "");
    assert_eq!((code, errors.as_str()), (1, "bench-server: 1 publishes refused (503)\n"));
    assert_eq!(count(&report, "/published/events"), 49);
    assert_eq!(count(&report, "/deliveries/lost"), 0);
}

#[test]
fn a_stuck_subscriber_is_no_loss() {
    let addr = fake::start(SOUND);
    let (code, report, _) = load(addr, "--stuck 3");
    assert_eq!(code, 0, "{report}");
    assert_eq!(count(&report, "/subscribers/stuck"), 3);
    assert_eq!(count(&report, "/deliveries/all"), 1_000);
}

#[test]
fn holding_publishes_one_event_that_reaches_everyone() {
    let (code, report, _) = load(fake::start(SOUND), "--hold");
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["mode"], "hold");
    assert_eq!(count(&report, "/published/events"), 1);
    assert_eq!(count(&report, "/deliveries/all"), 20);
    assert!(report["window_s"].as_f64().is_some_and(|seconds| seconds >= 0.16), "{report}");
}

#[test]
fn listening_publishes_nothing_and_fails_where_nothing_comes() {
    let (code, report, errors) = load(fake::start(SOUND), "--listen");
    assert_eq!((code, report["mode"].as_str()), (1, Some("listen")), "{report}");
    assert_eq!(errors, "bench-server: only 0 events for 20 subscribers\n");
    assert_eq!(count(&report, "/published/sent"), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_is_found_by_its_port() {
    let (_, report, _) = load(fake::start(SOUND), "");
    assert_eq!(count(&report, "/server/pid"), u64::from(std::process::id()));
    assert!(count(&report, "/server/rss_connected_bytes") > 0);
    let (_, report, _) = load(fake::start(SOUND), "--pid 4294967295");
    assert!(report["server"]["pid"].is_null());
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("CPU and memory of the server are not known"), "{report}");
}

#[test]
fn the_text_report_says_what_the_json_says() {
    let addr = fake::start(SOUND);
    let output = bench_server(&format!("load --addr {addr} --subscribers 5 --duration 0.1"));
    let text = String::from_utf8(output.stdout).expect("a report is text");
    assert!(output.status.success(), "{text}");
    assert!(text.contains("subscribers    5 connected, 0 refused, 0 lost\n"), "{text}");
    assert!(
        text.contains("verdict        every event reached every subscriber, in order"),
        "{text}"
    );
}

#[test]
fn a_server_that_is_not_there_is_one_line_and_code_3() {
    // Bound but not listening: nobody else gets the port, and connecting is refused.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let addr = socket.local_addr().ok().and_then(|addr| addr.as_socket()).expect("an address");
    let (code, report, errors) = load(addr, "");
    assert_eq!((code, report), (3, Value::Null));
    assert!(errors.starts_with("bench-server: cannot connect: "), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn wrong_usage_is_one_line_and_code_2() {
    for words in ["load --rate 0", "load --size 1", "load --frobnicate", "--workers 0", "serve"] {
        let output = bench_server(words);
        let errors = String::from_utf8(output.stderr).expect("errors are text");
        assert_eq!(output.status.code(), Some(2), "{words}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{words}: {errors}");
        assert!(output.stdout.is_empty());
    }
}
