//! What a page says, without sockets; what is counted is tested from outside.

use super::*;
use crate::sse::{Event, replay::RingBuffer};
use crate::{Hub, Request, Router, Server, routing::get};
use std::collections::BTreeSet;

const OPEN: Option<&str> = Some("application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1");

/// The answer of a page: its type and its text.
fn asked(page: Endpoint, accept: Option<&str>) -> (String, String) {
    let app = Router::new().route("/metrics", get(page));
    let mut request = Request::get("/metrics");
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let answer = app.call_blocking(request.body("").expect("a request"));
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers().get(&header::CONTENT_TYPE).expect("a type");
    let kind = String::from_utf8_lossy(kind.as_bytes()).into_owned();
    (kind, answer.text().expect("it is text").to_owned())
}

fn names(page: &str) -> BTreeSet<&str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

fn server() -> ServerHandle {
    let server = Server::builder().workers(2).bind("127.0.0.1:0").serve(Router::new());
    server.expect("the loopback has ports")
}

#[test]
fn what_is_documented_is_told_and_nothing_else_is() {
    let (metrics, hub, server) = (Metrics::new(), Hub::new(), server());
    metrics.watch(&server);
    metrics.watch_broker(&hub.broker("kept").replay(Arc::new(RingBuffer::new(8))).build());
    let source = include_str!("../metrics.rs");
    let rows =
        source.lines().filter_map(|line| line.strip_prefix("//! | `headwater_")?.split('`').next());
    let documented: BTreeSet<String> = rows.map(|name| format!("headwater_{name}")).collect();
    assert!(documented.len() > 30, "{documented:?}");
    let (kind, page) = asked(metrics.page(), None);
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(names(&page), documented.iter().map(String::as_str).collect());
    let (kind, page) = asked(metrics.page(), OPEN);
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    assert_eq!(names(&page), documented.iter().map(String::as_str).collect());
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert!(page.contains("# UNIT headwater_sent_bytes bytes\n"), "{page}");
}

#[test]
fn each_worker_has_samples_of_its_own() {
    let (metrics, server) = (Metrics::new(), server());
    metrics.watch(&server);
    let (_, page) = asked(metrics.page(), None);
    for worker in 0..2 {
        let sample = format!("\nheadwater_requests_total{{worker=\"{worker}\"}} 0\n");
        assert!(page.contains(&sample), "{page}");
    }
    assert!(!page.contains("worker=\"2\""), "{page}");
    assert!(page.contains(&format!("engine=\"{}\"", server.engine())), "{page}");
}

/// A broker of which so many events were taken.
fn broker(hub: &Hub, name: &str, events: u64) -> Broker {
    let broker = hub.broker(name).replay(Arc::new(RingBuffer::new(8))).build();
    for _ in 0..events {
        broker.publish(Event::data("x")).expect("nobody reads the hub");
    }
    broker
}

/// The samples of a figure, by the name of the broker.
fn samples(metrics: &Metrics, figure: &str) -> Vec<(String, u64)> {
    let (_, page) = asked(metrics.page(), None);
    let start = format!("{figure}{{broker=\"");
    let of_it = page.lines().filter_map(|line| line.strip_prefix(&start)?.split_once("\"} "));
    of_it.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

fn published(metrics: &Metrics) -> Vec<(String, u64)> {
    samples(metrics, "headwater_events_published_total")
}

#[test]
fn brokers_of_one_name_are_added_up() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    for (name, events) in [("news", 2), ("chat", 1), ("news", 3)] {
        metrics.watch_broker(&broker(&hub, name, events));
    }
    assert_eq!(published(&metrics), [("chat".to_owned(), 1), ("news".to_owned(), 5)]);
}

#[test]
fn a_closed_brokers_counts_stay_in_the_sum_of_its_name() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    let (first, second) = (broker(&hub, "news", 2), broker(&hub, "news", 3));
    metrics.watch_broker(&first);
    metrics.watch_broker(&second);
    let news = |count| [("news".to_owned(), count)];
    first.close();
    for _ in 0..2 {
        assert_eq!(published(&metrics), news(5));
        assert_eq!(samples(&metrics, "headwater_replay_stored_total"), news(5));
    }
    metrics.watch_broker(&first);
    assert_eq!(published(&metrics), news(5), "it is not counted again");
    // Nobody asks in between: the next of the name carries on.
    second.close();
    metrics.watch_broker(&broker(&hub, "news", 1));
    assert_eq!(published(&metrics), news(6));
    assert_eq!(metrics.lock().brokers.open_count(), 1, "closed ones are let go");
}

#[test]
fn a_broker_that_is_watched_twice_counts_once() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    let news = broker(&hub, "news", 2);
    metrics.watch_broker(&news);
    metrics.watch_broker(&news.clone());
    assert_eq!(published(&metrics), [("news".to_owned(), 2)]);
}

#[test]
fn watching_a_broker_lets_closed_ones_go() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    for room in 0..100 {
        let broker = broker(&hub, &format!("room {room}"), 1);
        metrics.watch_broker(&broker);
        broker.close();
    }
    assert_eq!(metrics.lock().brokers.open_count(), 1);
    assert_eq!(published(&metrics), []);
}

#[test]
fn closed_brokers_are_forgotten() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    let broker = hub.broker("news").build();
    metrics.watch_broker(&broker);
    assert!(!asked(metrics.page(), None).1.is_empty());
    broker.close();
    assert_eq!(asked(metrics.page(), None).1, "");
}

#[test]
fn metrics_keep_no_server_running() {
    let (metrics, server) = (Metrics::new(), server());
    metrics.watch(&server);
    assert!(names(&asked(metrics.page(), None).1).contains("headwater_server_info"));
    drop(server);
    assert_eq!(asked(metrics.page(), None).1, "", "no handle is left");
}

#[test]
fn labels_are_escaped() {
    let (metrics, hub) = (Metrics::new(), Hub::new());
    metrics.watch_broker(&hub.broker("a \"b\"\nc").build());
    let (_, page) = asked(metrics.page(), None);
    assert!(page.contains("headwater_subscribers{broker=\"a \\\"b\\\"\\nc\"} 0\n"), "{page}");
}
