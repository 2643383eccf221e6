//! Clients that leave, and clients that say what they should not.

use super::{all_hear, feed, publish};
use crate::support::{
    End, Ending, Gate, Peer, Running, Subscriber, eventually, get as request, pattern, serve,
};
use headwater::sse::{self, Broker};
use headwater::{Engine, Request, Router, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Half the clients leave with a FIN, half with a reset; all are noticed without a heartbeat.
#[track_caller]
fn all_leave(server: &Running, broker: &Broker, subscribers: Vec<Subscriber>) {
    assert_eq!(broker.subscriber_count(), subscribers.len());
    for (number, subscriber) in subscribers.into_iter().enumerate() {
        match number % 2 {
            0 => drop(subscriber),
            _ => subscriber.peer.reset(),
        }
    }
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    server.wait_for_connections(0);
    assert_eq!(server.stats().streams, 0);
}

fn client_that_leaves_before_the_first_event_is_noticed(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let subscribers = (0..50).map(|_| server.subscribe("/events")).collect();
    all_leave(&server, &broker, subscribers);
}

fn client_that_leaves_after_the_first_event_is_noticed(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..50).map(|_| server.subscribe("/events")).collect();
    publish(&broker, "first");
    all_hear(&mut subscribers, "first");
    all_leave(&server, &broker, subscribers);
}

fn client_that_leaves_without_reading_is_noticed(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    // Bytes that it has not read turn its FIN into a reset.
    let subscribers: Vec<_> = (0..20).map(|_| server.subscribe("/events")).collect();
    for number in 0..50 {
        publish(&broker, format!("{number} {}", "x".repeat(1000)));
    }
    all_leave(&server, &broker, subscribers);
}

fn client_that_leaves_as_events_arrive_is_noticed(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut steady = server.subscribe("/events");
    for number in 0..60 {
        let mut leaving = server.subscribe("/events");
        publish(&broker, format!("{number} first"));
        if number % 3 == 0 {
            leaving.event();
        }
        match number % 2 {
            0 => leaving.peer.finish(),
            _ => leaving.peer.reset(),
        }
        publish(&broker, format!("{number} second"));
        assert_eq!(steady.data(), format!("{number} first"));
        assert_eq!(steady.data(), format!("{number} second"));
    }
    eventually("one is left", || broker.subscriber_count() == 1 && server.stats().connections == 1);
}

fn client_that_stops_sending_has_left_its_stream(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut stream = server.subscribe("/events");
    stream.peer.finish();
    let (events, ending) = stream.rest();
    assert!(events.is_empty());
    // It wants nothing more, so the server need not end the body.
    assert_ne!(ending, Ending::Reset);
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    server.wait_for_connections(0);
}

fn stuck_client_that_stops_sending_has_left_its_stream(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut stream = Subscriber::open(server.connect_narrow(), "/events");
    for number in 0..50 {
        publish(&broker, format!("{number} {}", "x".repeat(30_000)));
    }
    eventually("it is stuck", || server.stats().owed_bytes > 0);
    stream.peer.finish();
    // At once, not only when it reads.
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    server.wait_for_connections(0);
    assert_eq!(server.stats().owed_bytes, 0);
    assert_ne!(stream.rest().1, Ending::Reset);
}

fn fin_that_comes_with_the_stream_request_ends_the_stream(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    for _ in 0..50 {
        let mut peer = server.connect();
        peer.ask("/events");
        peer.finish();
        peer.rest();
    }
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    server.wait_for_connections(0);
}

fn answers_before_a_stream_that_is_left_at_once_are_sent(engine: Engine) {
    let (broker, app) = feed();
    // More than the socket takes at once.
    let large = pattern(2_000_000);
    let body = large.clone();
    let app = app.route("/", get(|| "ok")).route("/large", get(move || body.clone()));
    let server = serve(engine, app);
    let before = [request("/"), request("/large"), request("/")].concat();
    for (requests, times) in [(&before, 5), (&request("/"), 50)] {
        for _ in 0..times {
            let mut peer = server.connect_narrow();
            peer.send_with_end(requests.clone() + &request("/events"));
            assert_eq!(peer.answer().text(), "ok");
            if requests == &before {
                assert!(peer.answer().body == large);
                assert_eq!(peer.answer().text(), "ok");
            }
            assert_eq!(peer.rest().1, End::Closed);
        }
    }
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    server.wait_for_connections(0);
}

fn fin_before_a_pending_handler_makes_a_stream_ends_it(engine: Engine) {
    let gate = Gate::default();
    let held = gate.clone();
    let ends = Arc::new(AtomicUsize::new(0));
    let ended = ends.clone();
    let handler = async move |request: Request| {
        held.pass().await;
        let ended = ended.clone();
        sse::stream(&request, async move |client| {
            client.closed().await;
            ended.fetch_add(1, Ordering::Relaxed);
        })
    };
    let server = serve(engine, Router::new().route("/", get(handler)));
    let mut peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.ask("/");
        peer.finish();
    }
    eventually("all handlers wait", || server.stats().requests == 4);
    gate.open();
    for peer in &mut peers {
        peer.rest();
    }
    eventually("all handlers heard of it", || ends.load(Ordering::Relaxed) == 4);
    server.wait_for_connections(0);
}

fn bytes_that_a_client_sends_on_a_live_stream_are_no_request(engine: Engine) {
    let (broker, app) = feed();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let app = app.route(
        "/secret",
        get(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            "secret"
        }),
    );
    let server = serve(engine, app);
    let smuggled = "GET /secret HTTP/1.1\r\nhost: test\r\n\r\n";
    // Some come with the request, some later, and in numbers that no buffer holds.
    let request = format!("GET /events HTTP/1.1\r\nhost: test\r\n\r\n{smuggled}");
    let mut stream = Subscriber::ask(server.connect(), request);
    stream.peer.send(smuggled);
    publish(&broker, "first");
    assert_eq!(stream.data(), "first");
    stream.peer.send(smuggled.repeat(50_000));
    stream.peer.send("nonsense\r\n\r\n");
    publish(&broker, "second");
    assert_eq!(stream.data(), "second");
    // The server sees the end only behind everything that was sent before.
    stream.peer.finish();
    assert_eq!(stream.rest().0, []);
    server.wait_for_connections(0);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!((server.stats().requests, server.stats().refused), (1, 0));
}

on_every_engine! {
    client_that_leaves_before_the_first_event_is_noticed,
    client_that_leaves_after_the_first_event_is_noticed,
    client_that_leaves_without_reading_is_noticed,
    client_that_leaves_as_events_arrive_is_noticed,
    client_that_stops_sending_has_left_its_stream,
    stuck_client_that_stops_sending_has_left_its_stream,
    fin_that_comes_with_the_stream_request_ends_the_stream,
    answers_before_a_stream_that_is_left_at_once_are_sent,
    fin_before_a_pending_handler_makes_a_stream_ends_it,
    bytes_that_a_client_sends_on_a_live_stream_are_no_request,
}
