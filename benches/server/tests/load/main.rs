//! `bench-server load` as a process, against a small server that is sound or faulty on purpose.
//! What a sound server and the command line give is here.

mod disturbed;
mod fake;
mod faults;
mod ladder;

use std::net::SocketAddr;
use std::process::{Command, Output};

use fake::{Faults, SOUND};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

fn bench_server(words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-server"))
        .args(words.split_whitespace())
        .output()
        .expect("the bench server can be started")
}

/// Runs a short load of 20 subscribers and 50 events, or as many as another duration gives, with
/// further flags.
fn load(addr: SocketAddr, flags: &str) -> (i32, Value, String) {
    let or = |flag: &str, value| if flags.contains(flag) { "" } else { value };
    let duration = or("--duration", "--duration 0.16");
    // What is lost is waited for as long as this.
    let settle = or("--settle", "--settle 3");
    let output = bench_server(&format!(
        "load --addr {addr} --subscribers 20 --rate 250 {duration} --warmup 0.04 {settle} --json \
         {flags}"
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
    let (code, report, errors) = load(fake::start(SOUND), "--settle 30");
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
    assert_eq!(report["server"]["pids"], serde_json::json!([std::process::id()]));
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
    for words in [
        "load --rate 0",
        "load --size 1",
        "load --frobnicate",
        "load --subscribers 5 --storm 6",
        "load --ladder 100,200 --rate 5",
        "load --ladder 100,0",
        "load --decode-every 2 --churn 5",
        "--workers 0",
        "serve",
    ] {
        let output = bench_server(words);
        let errors = String::from_utf8(output.stderr).expect("errors are text");
        assert_eq!(output.status.code(), Some(2), "{words}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{words}: {errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn publishing_goes_where_it_is_told_to() {
    let (here, there) = (fake::start(SOUND), fake::start(SOUND));
    let (code, report, _) = load(here, &format!("--publish-addr {there}"));
    // The other server took every event, and nobody was subscribed there.
    assert_eq!((code, count(&report, "/published/events")), (1, 50), "{report}");
    assert_eq!(count(&report, "/deliveries/lost"), 1_000);
}

#[test]
fn the_servers_own_counts_are_set_against_each_other() {
    let (_, report, _) = load(fake::start(SOUND), "");
    assert_eq!(report["server"]["sends_per_delivery"], 0.5, "{report}");
    assert_eq!(report["server"]["events_per_send"], 2.0, "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_the_kernel_is_told() {
    let (_, report, _) = load(fake::start(SOUND), "");
    for when in ["before", "connected", "end"] {
        let bytes = report.pointer(&format!("/kernel/tcp_{when}_bytes")).and_then(Value::as_u64);
        assert!(bytes.is_some(), "{when}: {report}");
    }
}

#[test]
fn in_a_pipe_progress_is_plain_lines_and_beside_json_nothing() {
    let addr = fake::start(SOUND);
    let output = bench_server(&format!("load --addr {addr} --subscribers 5 --duration 0.1"));
    let errors = String::from_utf8(output.stderr).expect("errors are text");
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines[0], "connecting 5 subscribers …");
    assert!(lines.contains(&"publishing …"), "{errors}");
    assert!(!errors.contains('\u{1b}'), "{errors}");
}
