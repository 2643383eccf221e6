//! What `ask`, `catch-up` and a load without a schedule say of a server that is sound, and of one that is
//! not there.

use serde_json::Value;

use crate::process::{Server, run};

fn report(words: &str) -> Value {
    let (code, out, errors) = run(words);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{words}: {out}");
    serde_json::from_str(&out).expect("valid JSON")
}

pub(crate) fn as_many_requests_are_made_as_asked_for(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    let mut asked = 0;
    for (flags, requests) in [("--depth 7", 100), ("--path /json", 5), ("--connections 1", 1)] {
        let report = report(&format!("ask --addr {} --requests {requests} {flags}", server.addr));
        assert_eq!(report["requests"]["answered"], requests, "{report}");
        assert_eq!(report["requests"]["unanswered"], 0, "{report}");
        // The first answer is what the others are compared with.
        asked += requests + 1;
    }
    let counted = crate::client::Connection::open(server.addr).metric("requests_total");
    // The page itself is not complete before it is answered.
    assert!((asked..=asked + 1).contains(&counted), "{counted}, not {asked}");
    server.stop();
}

pub(crate) fn requests_on_a_schedule_are_timed_from_when_they_were_due(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    let report = report(&format!(
        "ask --addr {} --rate 200 --connections 4 --duration 0.5 --warmup 0.1",
        server.addr
    ));
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).expect("a number");
    assert!((90..=101).contains(&number("/requests/answered")), "{report}");
    let histogram = report["latency_histogram_us"].as_array().expect("all of them");
    let counted: u64 = histogram.iter().filter_map(|pair| pair[1].as_u64()).sum();
    assert_eq!(counted, number("/requests/answered"), "{report}");
    let percentiles = ["p50", "p99", "p99_9", "max"];
    assert!(percentiles.map(|name| number(&format!("/latency_us/{name}"))).is_sorted(), "{report}");
    server.stop();
}

pub(crate) fn no_more_requests_are_answered_each_second_than_were_due(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    // More than is taken in time, here or there: what comes late does not come sooner for that.
    let (_, out, errors) = run(&format!(
        "ask --addr {} --rate 200000 --connections 4 --duration 0.1 --warmup 0.02",
        server.addr
    ));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{errors}"));
    let per_second = report["requests"]["per_s"].as_f64().expect("a number");
    assert!(per_second > 0.0 && per_second <= 200_000.0 * 1.01, "{report}");
    server.stop();
}

pub(crate) fn who_comes_back_is_given_all_that_was_missed(engine: &str) {
    let server = Server::start(engine, "--rate 0 --replay ring:300");
    let report = report(&format!("catch-up --addr {} --clients 20 --events 300", server.addr));
    assert_eq!(report["replayed"]["events"], 20 * 299, "{report}");
    assert_eq!(report["replayed"]["out_of_order"], 0, "{report}");
    assert_eq!(report["replayed"]["duplicates"], 0, "{report}");
    server.stop();
}

pub(crate) fn what_is_gone_from_the_store_is_missing(engine: &str) {
    let server = Server::start(engine, "--rate 0 --replay ring:100");
    let (code, out, errors) =
        run(&format!("catch-up --addr {} --clients 2 --events 300", server.addr));
    assert_eq!(code, Some(1), "{out}");
    assert!(errors.contains("of 598 missed events did not come"), "{errors}");
    server.stop();
}

pub(crate) fn without_a_schedule_nothing_is_lost_and_nothing_timed(engine: &str) {
    let server = Server::start(engine, "--rate 0 --subscriber-buffer 1000");
    let report = report(&format!(
        "load --addr {} --subscribers 20 --window 8 --duration 0.3 --warmup 0.1 --json --histogram",
        server.addr
    ));
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).expect("a number");
    let events = number("/published/events");
    assert!(events > 8, "{report}");
    assert_eq!(number("/deliveries/all"), 20 * events, "{report}");
    // What came in the warm-up is checked and not measured.
    let (warmup, measured) = (number("/published/warmup"), number("/deliveries/measured"));
    assert!(0 < warmup && warmup < events, "{report}");
    assert!(0 < measured && measured < 20 * events, "{report}");
    assert_eq!((number("/deliveries/lost"), number("/published/unsent")), (0, 0), "{report}");
    assert_eq!(report["latency_histogram_us"], serde_json::json!([]), "{report}");
    server.stop();
}

pub(crate) fn another_answer_than_a_good_one_is_no_sample(engine: &str) {
    let server = Server::start(engine, "--rate 0");
    let (code, out, errors) = run(&format!("ask --addr {} --path /nowhere", server.addr));
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(errors.contains("/nowhere was answered with \"HTTP/1.1 404 Not Found\""), "{errors}");
    server.stop();
}
