//! What each path answers.

use crate::client::{Connection, Subscriber};
use crate::process::{Server, eventually};
use std::collections::HashMap;

const QUIET: &str = "--rate 0 --heartbeat 0";

pub(crate) fn every_path_answers_as_documented(engine: &str) {
    let server = Server::start(engine, QUIET);
    let mut client = Connection::open(server.addr);
    let mut get = |path: &str| {
        let answer = client.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let kind = answer.field("content-type").expect("a type").to_owned();
        (kind, answer.body)
    };
    let (kind, body) = get("/plaintext");
    assert!(kind.starts_with("text/plain"), "{kind}");
    assert_eq!(body, "Hello, World!");
    let (kind, body) = get("/json");
    assert_eq!(kind, "application/json");
    let json: serde_json::Value = serde_json::from_str(&body).expect("valid JSON");
    assert_eq!(json, serde_json::json!({ "message": "Hello, World!" }));
    let (kind, body) = get("/");
    assert!(kind.starts_with("text/html"), "{kind}");
    assert!(body.contains("new EventSource("), "the page itself is a subscriber");
    assert_eq!(get("/count").1, "0 subscribers\n");
    assert_eq!(client.get("/nowhere").status, 404);
    assert_eq!(client.get("/publish").status, 405);

    let stream = Subscriber::open(server.addr);
    let head = stream.head().to_ascii_lowercase();
    assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"), "{head}");
    assert!(head.contains("\r\ncache-control: no-cache\r\n"), "{head}");
    assert_eq!(client.count(), 1);
    server.stop_after((client, stream));
}

pub(crate) fn info_says_what_the_ready_line_says(engine: &str) {
    let server = Server::start(engine, &format!("{QUIET} --workers 3"));
    let port = server.addr.port();
    let expected = format!("listening on http://127.0.0.1:{port} engine={engine} workers=3");
    assert_eq!(server.ready, expected);
    let answer = Connection::open(server.addr).get("/info");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let info: serde_json::Value = serde_json::from_str(&answer.body).expect("valid JSON");
    assert_eq!(info["engine"], server.announced("engine"));
    assert_eq!(info["workers"].to_string(), server.announced("workers"));
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert!(info["why"].as_str().is_some_and(|why| !why.is_empty()), "{info}");
    server.stop();
}

pub(crate) fn publish_answers_with_the_count_first(engine: &str) {
    let server = Server::start(engine, QUIET);
    let mut client = Connection::open(server.addr);
    assert_eq!(client.publish("nobody hears this").first_number(), 0);
    let mut subscribers = Subscriber::open_many(server.addr, 3);
    let mut ids = Vec::new();
    for data in ["first", "zweites ✓", "third: with a colon"] {
        assert_eq!(client.publish(data).first_number(), 3);
        let seen: Vec<_> = subscribers.iter_mut().map(Subscriber::next_event).collect();
        assert!(seen.iter().all(|(id, text)| *id == seen[0].0 && text == data), "{seen:?}");
        ids.push(seen[0].0);
    }
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    server.stop_after((client, subscribers));
}

pub(crate) fn metrics_are_well_formed_and_count(engine: &str) {
    let server = Server::start(engine, &format!("{QUIET} --workers 2"));
    let mut client = Connection::open(server.addr);
    let mut subscribers = Subscriber::open_many(server.addr, 2);
    for _ in 0..5 {
        client.publish("counted");
        for subscriber in &mut subscribers {
            subscriber.next_event();
        }
    }
    let kind = client.get("/metrics").field("content-type").expect("a type").to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    // Counted after the bytes have left, so perhaps after they have arrived.
    eventually("ten deliveries", || client.metric("events_delivered_total") == 10);
    let before = client.metric("requests_total");
    let values = well_formed(&client.get("/metrics").body);
    for (name, expected) in [
        ("subscribers", 2),
        ("streams", 2),
        ("connections", 3),
        ("owed_bytes", 0),
        ("events_published_total", 5),
        ("events_dropped_total", 0),
        ("events_delivered_total", 10),
        // Their heads, too.
        ("sends_total", 12),
        ("connections_accepted_total", 3),
        ("accept_failures_total", 0),
        ("requests_total", before + 1),
        ("requests_refused_total", 0),
        ("handler_panics_total", 0),
    ] {
        let value: u64 = values[&format!("headwater_{name}")].iter().sum();
        assert_eq!(value, expected, "{name}: {values:?}");
    }
    assert_eq!(values["headwater_streams"].len(), 2, "one of each worker");
    assert!(values["headwater_sent_bytes_total"].iter().sum::<u64>() > 10 * "counted".len() as u64);
    server.stop_after((client, subscribers));
}

/// The samples of a page in the Prometheus text format: each metric has its help and its type before them.
fn well_formed(page: &str) -> HashMap<String, Vec<u64>> {
    assert!(page.ends_with('\n'), "the last line ends, too");
    let mut values: HashMap<String, Vec<u64>> = HashMap::new();
    let (mut described, mut name) = ("", "");
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let help;
            (described, help) = rest.split_once(' ').expect("help is not empty");
            assert!(!help.trim().is_empty(), "{rest}");
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            assert!(described.starts_with("headwater_") && described.bytes().all(legal), "{line}");
            assert!(!values.contains_key(described), "{described} is there twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let kind;
            (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, described, "help comes first");
            // By convention totals are counters, and nothing else is.
            assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" });
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert_eq!(sample.split('{').next(), Some(name), "under its description");
            // The format has floating-point numbers; but for a time, these count things.
            let value: f64 = value.parse().expect("a number");
            assert!(value.fract() == 0.0 || name.ends_with("_seconds"), "{line}");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
            values.entry(name.to_owned()).or_default().push(value as u64);
        }
    }
    values
}

pub(crate) fn live_page_is_shown_snapshots_without_being_counted_as_a_subscriber(engine: &str) {
    let server = Server::start(engine, &format!("{QUIET} --workers 2 --replay ring:8"));
    let mut client = Connection::open(server.addr);
    let mut page = Subscriber::open_at(server.addr, "/live");
    let mut next = || -> serde_json::Value {
        serde_json::from_str(&page.next_event().1).expect("a snapshot is JSON")
    };
    let first = next();
    assert_eq!(first["server"]["engine"], engine);
    assert_eq!(first["workers"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.count(), 0, "the page listens to another broker");
    assert_eq!(client.publish("counted").first_number(), 0);
    let later = std::iter::repeat_with(next).take(20).find(|now| now["broker"]["published"] == 1);
    let later = later.expect("a snapshot a second");
    assert_eq!(later["store"]["stored"], 1);
    assert_eq!(later["pages"], 1);
    assert!(later["at_ms"].as_u64() > first["at_ms"].as_u64());
    server.stop_after((client, page));
}
