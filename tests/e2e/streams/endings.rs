//! How streams end in order: with their broker, and what comes after.

use super::{all_hear, feed, feed_of, publish};
use crate::support::{End, Ending, Subscriber, block_on, eventually, serve};
use headwater::sse::{self, Client, Disconnect, Event, Refusal};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::{Arc, Mutex};

fn closed_broker_ends_its_feeds_after_the_last_event(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..10).map(|_| server.subscribe("/events")).collect();
    for number in 0..100 {
        publish(&broker, number.to_string());
    }
    broker.close();
    for subscriber in &mut subscribers {
        let (events, ending) = subscriber.rest();
        let data = events.into_iter().filter_map(|heard| heard.data);
        assert!(data.eq((0..100).map(|number| number.to_string())));
        assert_eq!(ending, Ending::Whole);
    }
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    assert_eq!(broker.dropped_events(), 0);
    let refused = broker.publish(Event::data("late")).expect_err("it is closed");
    assert_eq!(refused.refusal(), Refusal::Closed);
    drop(subscribers);
    server.wait_for_connections(0);
}

fn feed_of_a_closed_broker_is_answered_with_204(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut stream = server.subscribe("/events");
    let mut peer = server.connect();
    broker.close();
    stream.expect_end();
    for _ in 0..3 {
        peer.ask("/events");
        let answer = peer.answer();
        assert_eq!((answer.status, answer.header("content-type")), (204, None));
    }
}

fn subscribers_that_come_while_a_broker_closes_are_not_left_hanging(engine: Engine) {
    for _ in 0..20 {
        let (broker, app) = feed();
        let server = serve(engine, app);
        let mut peers: Vec<_> = (0..8).map(|_| server.connect()).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| broker.close());
            for peer in &mut peers {
                peer.ask("/events");
            }
        });
        for mut peer in peers {
            // 204, or a stream that ends: the last chunk, and an end in order.
            let answer = peer.answer();
            match answer.status {
                204 => {}
                200 => assert_eq!(End::Closed, peer.rest().1),
                other => panic!("{other}"),
            }
        }
        assert_eq!(broker.subscriber_count(), 0);
    }
}

fn closed_broker_leaves_other_brokers_alone(engine: Engine) {
    let hub = Hub::new();
    let (first, second) = (hub.broker("first").build(), hub.broker("second").build());
    let app = feed_of(&first).route("/second", get(sse::feed(&second)));
    let server = serve(engine, app);
    let mut ending = server.subscribe("/events");
    let mut going_on = [server.subscribe("/second"), server.subscribe("/second")];
    publish(&first, "last");
    first.close();
    assert_eq!(ending.data(), "last");
    ending.expect_end();
    publish(&second, "more");
    all_hear(&mut going_on, "more");
}

fn broker_that_closes_does_not_end_the_stream_of_a_handler(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let feed = broker.clone();
    let handler = async move |client: Client| {
        let _subscribed = feed.subscribe(&client);
        client.send(Event::data("begin")).await.expect("the client is there");
        client.closed().await;
    };
    let server =
        serve(engine, Router::new().route("/", get(sse::endpoint(handler).heartbeat(None))));
    let mut stream = server.subscribe("/");
    assert_eq!(stream.data(), "begin");
    publish(&broker, "news");
    broker.close();
    assert_eq!(stream.data(), "news");
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    assert_eq!(server.stats().streams, 1);
}

fn stream_ends_whole_when_its_handler_returns(engine: Engine) {
    let ends = Arc::new(Mutex::new(None));
    let kept = ends.clone();
    let handler = async move |client: Client| {
        for number in 0..200 {
            client.try_send(Event::data(number.to_string())).expect("the queue holds 256");
        }
        *kept.lock().expect("no panic") = Some(client);
    };
    let server =
        serve(engine, Router::new().route("/", get(sse::endpoint(handler).heartbeat(None))));
    for request in ["GET / HTTP/1.1\r\nhost: test\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
        let mut stream = Subscriber::ask(server.connect(), request);
        let (events, ending) = stream.rest();
        let data = events.into_iter().filter_map(|heard| heard.data);
        assert!(data.eq((0..200).map(|number| number.to_string())));
        let whole = if request.contains("1.1") { Ending::Whole } else { Ending::Closed };
        assert_eq!(ending, whole);
        let client = ends.lock().expect("no panic").take().expect("the handler left it");
        assert_eq!(block_on(client.closed()), Disconnect::Done);
    }
    server.wait_for_connections(0);
}

fn last_chunk_reaches_a_slow_reader_too(engine: Engine) {
    const EVENTS: usize = 800;
    let handler = async |client: Client| {
        for number in 0..EVENTS {
            let data = format!("{number:09} {}", "x".repeat(10_000));
            client.send(Event::data(data)).await.expect("the client is there");
        }
    };
    let server =
        serve(engine, Router::new().route("/", get(sse::endpoint(handler).heartbeat(None))));
    let mut slow = Subscriber::open(server.connect_narrow(), "/");
    eventually("bytes are owed", || server.stats().owed_bytes > 0);
    for number in 0..EVENTS {
        assert!(slow.data().starts_with(&format!("{number:09} ")));
    }
    slow.expect_end();
}

on_every_engine! {
    closed_broker_ends_its_feeds_after_the_last_event,
    feed_of_a_closed_broker_is_answered_with_204,
    subscribers_that_come_while_a_broker_closes_are_not_left_hanging,
    closed_broker_leaves_other_brokers_alone,
    broker_that_closes_does_not_end_the_stream_of_a_handler,
    stream_ends_whole_when_its_handler_returns,
    last_chunk_reaches_a_slow_reader_too,
}
