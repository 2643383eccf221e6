//! The page for Prometheus of a server at work.

use crate::support::{Running, Subscriber, eventually, serve_on_one};
use headwater::metrics::Metrics;
use headwater::sse::{self, Broker, Event};
use headwater::{Engine, Hub, Router, routing::get};

/// A server with a feed at `/`, and the page of both.
fn watched(engine: Engine) -> (Running, Broker) {
    let broker = Hub::new().broker("news").build();
    let metrics = Metrics::new();
    metrics.watch_broker(&broker);
    let app =
        Router::new().route("/", get(sse::feed(&broker))).route("/metrics", get(metrics.page()));
    let server = serve_on_one(engine, app);
    metrics.watch(&server);
    (server, broker)
}

/// The value of a sample.
fn sample(server: &Running, name: &str) -> u64 {
    let page = server.get("/metrics");
    let mut values =
        page.text().lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next().unwrap_or_else(|| panic!("no {name} in {}", page.text()));
    value.parse().expect("a whole number")
}

fn page_tells_what_the_worker_did(engine: Engine) {
    let (server, broker) = watched(engine);
    let mut subscriber = server.subscribe("/");
    for number in 0..3 {
        broker.publish(Event::data(number.to_string())).expect("there is room");
        subscriber.data();
    }
    eventually("its events are counted", || {
        sample(&server, "headwater_events_delivered_total{worker=\"0\"}") == 3
    });
    assert_eq!(sample(&server, "headwater_events_published_total{broker=\"news\"}"), 3);
    assert_eq!(sample(&server, "headwater_streams{worker=\"0\"}"), 1);
    assert_eq!(sample(&server, "headwater_lag_events_bucket{broker=\"news\",le=\"0\"}"), 1);
    assert!(sample(&server, "headwater_received_bytes_total{worker=\"0\"}") > 0);
}

fn stuck_subscriber_is_in_another_bucket_than_the_others(engine: Engine) {
    let (server, broker) = watched(engine);
    let mut reader = server.subscribe("/");
    let stuck = Subscriber::open(server.connect_narrow(), "/");
    let behind = |most: &str| {
        let up_to = |le| {
            sample(&server, &format!("headwater_lag_events_bucket{{broker=\"news\",le=\"{le}\"}}"))
        };
        (up_to(most), up_to("+Inf"))
    };
    eventually("it lags", || {
        broker.publish(Event::data("x".repeat(16 * 1024))).expect("there is room");
        reader.data();
        behind("0") == (1, 2)
    });
    assert_eq!(sample(&server, "headwater_subscribers_lagging{broker=\"news\"}"), 1);
    assert_eq!(sample(&server, "headwater_lag_seconds_bucket{broker=\"news\",le=\"0\"}"), 1);
    assert_eq!(sample(&server, "headwater_lag_seconds_bucket{broker=\"news\",le=\"+Inf\"}"), 2);
    drop(stuck);
    eventually("nobody lags", || behind("0") == (1, 1));
}

on_every_engine! {
    page_tells_what_the_worker_did,
    stuck_subscriber_is_in_another_bucket_than_the_others,
}
