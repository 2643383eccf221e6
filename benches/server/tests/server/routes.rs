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
    let server = Server::start(engine, QUIET);
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
        assert_eq!(values.get(&format!("headwater_{name}")), Some(&expected), "{name}: {values:?}");
    }
    server.stop_after((client, subscribers));
}

/// The values of a page in the Prometheus text format: each metric has its help, its type and its
/// sample, in this order.
fn well_formed(page: &str) -> HashMap<String, u64> {
    assert!(page.ends_with('\n'), "the last line ends, too");
    let lines: Vec<&str> = page.lines().collect();
    let triples = lines.chunks_exact(3);
    assert!(triples.remainder().is_empty(), "{page}");
    let mut values = HashMap::new();
    for triple in triples {
        let rest = triple[0].strip_prefix("# HELP ").expect("help comes first");
        let (name, help) = rest.split_once(' ').expect("help is not empty");
        assert!(!help.trim().is_empty(), "{rest}");
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
        assert!(name.bytes().all(legal) && !name.as_bytes()[0].is_ascii_digit(), "{name}");
        let rest = triple[1].strip_prefix("# TYPE ").expect("the type comes second");
        let (typed, kind) = rest.split_once(' ').expect("a type");
        assert_eq!(typed, name);
        // By convention totals are counters, and nothing else is.
        assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" });
        let (sampled, value) = triple[2].split_once(' ').expect("a sample");
        assert_eq!(sampled, name);
        // The format has floating-point numbers; these count things.
        let value: u64 = value.parse().expect("a whole number");
        assert!(values.insert(name.to_owned(), value).is_none(), "{name} is there twice");
    }
    values
}
