//! `bench-server compare` as strangers run it, with slices so short that their figures mean little: that
//! they are there, fit together, and that nothing is left behind is what counts. Linux only: children
//! are looked for in `/proc`.
#![cfg(target_os = "linux")]

mod check;
mod delay;
mod faults;
mod run;

use std::net::{SocketAddr, TcpListener};

use run::{Comparison, engines};
use serde_json::Value;

/// The two scenarios that even a slow machine does not lose anything in.
const EASY: &str = "--only plaintext-at,fan-out-1-at";

fn rows<'r>(report: &'r Value, scenario: &str) -> &'r [Value] {
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let found = scenarios.iter().find(|one| one["id"] == scenario);
    let found = found.unwrap_or_else(|| panic!("no {scenario} in {report}"));
    found["rows"].as_array().expect("rows")
}

fn number(row: &Value, pointer: &str) -> f64 {
    row.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}: {row}"))
}

fn is_sane(row: &Value) {
    assert_eq!(row["failed"], Value::Null, "{row}");
    assert!(number(row, "/lost").abs() < 1e-12, "{row}");
    assert!(number(row, "/throughput/median") > 0.0, "{row}");
    assert!(number(row, "/cpu_nanos_per_event/median") > 0.0, "{row}");
    let percentiles =
        ["p50", "p99", "p999", "max"].map(|name| number(row, &format!("/latency/{name}/median")));
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{row}");
    let curve = row["latency"]["curve"].as_array().expect("a curve");
    assert!((2..=100).contains(&curve.len()), "{row}");
    let at = |point: &Value| point[1].as_f64().expect("nanoseconds");
    assert!(curve.is_sorted_by(|one, next| at(one) <= at(next)), "{row}");
}

#[test]
fn every_engine_has_a_row_in_every_scenario_and_the_first_two() {
    let comparison = Comparison::start(&format!("--quick --seconds 0.3 {EASY}"));
    let ended = comparison.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let report = ended.report.expect("a report");
    let mut expected: Vec<(String, bool)> =
        engines().into_iter().map(|name| (name, false)).collect();
    expected.push((expected[0].0.clone(), true));
    for scenario in ["plaintext-at-2000", "fan-out-1-at-100-128b"] {
        let rows = rows(&report, scenario);
        let who = |row: &Value| (row["server"].as_str().map(str::to_owned), row["noise"] == true);
        let found: Vec<_> = rows.iter().map(who).collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, noise)| (Some(name.clone()), *noise)).collect();
        assert_eq!(found, expected);
        rows.iter().for_each(is_sane);
    }
    assert_eq!(report["format"], 1);
    assert!(number(&report, "/took_seconds") > 0.0);
    let table = ended.out.lines().find(|line| line.starts_with("| Scenario")).expect("a table");
    let engines = engines().join(" | ");
    assert_eq!(table, format!("| Scenario | by | {engines} | {} again |", expected[0].0));
    let slices = ended.errors.lines().filter(|line| line.ends_with(" left")).count();
    assert!(slices >= 2 * expected.len(), "a line for each slice: {}", ended.errors);
}

#[test]
fn a_server_that_is_slow_to_send_is_seen_to_be() {
    let server = run::Server::start("std");
    let slowed = delay::start(server.addr);
    let words = format!("--quick --seconds 0.3 --only fan-out-1 --against http://{slowed}=slowed");
    let ended = Comparison::start(&words).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let report = ended.report.expect("a report");
    let rows = rows(&report, "fan-out-1-at-100-128b");
    let p50 = |name: &str| {
        let row = rows.iter().find(|row| row["server"] == name).expect("it took part");
        number(row, "/latency/p50/median")
    };
    let least = delay::DELAY.as_secs_f64() * 1e9;
    assert!(p50("slowed") >= least * 0.5, "{rows:?}");
    for engine in engines() {
        assert!(p50(&engine) < p50("slowed"), "{engine}: {rows:?}");
    }
    // Whatever it took of CPU, nobody is told that it is as good.
    let line = |begin: &str| {
        let line = ended.out.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("no {begin} in {}", ended.out))
    };
    let cells: Vec<&str> = line("| 1 subscriber, 128 B, 100 events/s").split('|').collect();
    assert!(cells[3 + engines().len()].contains("**behind**"), "{cells:?}");
    let flat_out = "fan-out-1-flat-out-128b";
    let rows = self::rows(&report, flat_out);
    let of = |name: &str| rows.iter().find(|row| row["server"] == name).expect("it took part");
    let most = number(of("slowed"), "/throughput/most");
    for engine in engines() {
        assert!(number(of(&engine), "/throughput/least") > 2.0 * most, "{engine}: {rows:?}");
    }
    assert_eq!(of("slowed")["load_was_the_limit"], false, "it was not the load that was slow");
    let of_slowed = report["servers"].as_array().expect("servers").last().expect("the last");
    assert_eq!((&of_slowed["name"], &of_slowed["kind"]), (&"slowed".into(), &"against".into()));
}

#[test]
fn an_interrupt_ends_the_children_and_writes_nothing() {
    for signal in ["INT", "TERM"] {
        let comparison = Comparison::start("--quick --seconds 60 --only fan-out-1-at");
        comparison.wait_for_children(2);
        comparison.signal(signal);
        let ended = comparison.wait();
        assert_eq!((ended.code, ended.report), (Some(130), None), "{}", ended.errors);
        assert_eq!(
            ended.errors.lines().last(),
            Some("bench-server: interrupted: nothing is written")
        );
    }
}

#[test]
fn what_makes_no_sense_is_one_line_and_code_2() {
    // Bound but not listening: nobody else gets the port, and connecting is refused.
    let bound = run::bound();
    let nobody = format!("--against http://{}=nobody", bound.1);
    for (words, says) in [
        ("--against nonsense", "expected http://HOST:PORT=NAME"),
        ("--against http://127.0.0.1:1", "expected http://HOST:PORT=NAME"),
        (nobody.as_str(), "refused"),
        ("--only fan-in", "--only fan-in is none of plaintext, "),
    ] {
        let ended = Comparison::start(words).wait();
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{words}: {}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{words}: {}", ended.errors);
        assert!(ended.errors.contains(says), "{words}: {}", ended.errors);
    }
}

#[test]
fn a_server_without_a_stream_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr: SocketAddr = listener.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let mut request = [0; 1024];
        // One small write comes as one.
        std::io::Read::read(&mut stream, &mut request).expect("a request");
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        std::io::Write::write_all(&mut stream, answer).expect("it is sent");
    });
    let ended = Comparison::start(&format!("--against http://{addr}=other")).wait();
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("/events was answered with 404"), "{}", ended.errors);
    answering.join().expect("the server has answered");
}
