//! Brokers with stores.

use super::store::{Remote, State};
use super::{ask, come_back, feed_with, ring};
use crate::support::{Ending, eventually, serve, serve_on_one};
use headwater::sse::replay::{ReplayStore, RingBuffer};
use headwater::sse::{self, Broker, Client, Event, Refusal};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::sync::Arc;

fn stores() -> [Arc<dyn ReplayStore>; 2] {
    [ring(), Remote::new()]
}

fn publish(broker: &Broker, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let published = broker.publish(Event::data(number.to_string())).expect("there is room");
        assert_eq!(published.id, number.into());
    }
}

/// Pitfall: broker events never reach the replay store although the docs say so.
fn client_that_comes_back_gets_what_it_missed_and_what_comes(engine: Engine) {
    for store in stores() {
        let (broker, app) = feed_with(store);
        let server = serve(engine, app);
        publish(&broker, 1..=700);
        for last in [0, 1, 300, 699, 700] {
            let mut stream = come_back(&server, &last.to_string());
            eventually("it is subscribed", || broker.subscriber_count() == 1 || last < 600);
            for number in last + 1..=700 {
                assert_eq!(stream.event().number(), number);
            }
            eventually("it is subscribed", || broker.subscriber_count() == 1);
            drop(stream);
            eventually("it is gone", || broker.subscriber_count() == 0);
        }
        let mut stream = come_back(&server, "700");
        eventually("it is subscribed", || broker.subscriber_count() == 1);
        publish(&broker, 701..=703);
        assert_eq!([(); 3].map(|()| stream.event().number()), [701, 702, 703]);
    }
}

fn new_client_is_told_where_it_begins(engine: Engine) {
    for store in stores() {
        let (broker, app) = feed_with(store);
        let server = serve(engine, app);
        publish(&broker, 1..=3);
        let mut stream = server.subscribe("/events");
        let begin = stream.next().expect("a stream goes on");
        assert_eq!((begin.id.as_deref(), &begin.data), (Some("3"), &None));
        // It is cut off before its first event.
        drop(stream);
        publish(&broker, 4..=5);
        let mut stream = come_back(&server, "3");
        assert_eq!([(); 2].map(|()| stream.event().number()), [4, 5]);
    }
}

/// Pitfall: a cursor from the future counts as up to date; an unknown cursor sticks forever, or replays all.
fn unknown_id_is_told_and_begins_anew(engine: Engine) {
    let stores: [Arc<dyn ReplayStore>; 2] = [Arc::new(RingBuffer::new(10)), Remote::new()];
    for store in stores {
        let (broker, app) = feed_with(store.clone());
        let server = serve(engine, app);
        publish(&broker, 1..=20);
        let aged = if store.blocks() { None } else { Some(("5", "aged-out")) };
        for (last, why) in [("99", "future"), ("x", "malformed")].into_iter().chain(aged) {
            let mut stream = come_back(&server, last);
            let notice = stream.event();
            assert_eq!(notice.name.as_deref(), Some("unknown"));
            assert_eq!(notice.data, Some(format!("{why}\n{last}")));
            let begin = stream.next().expect("a stream goes on");
            let number = broker.published();
            assert_eq!((begin.id, begin.data), (Some(number.to_string()), None));
            publish(&broker, number + 1..=number + 1);
            assert_eq!(stream.event().number(), number + 1);
        }
    }
}

/// A store that does not answer holds up no core: neither other clients nor heartbeats nor requests.
fn stalled_store_stalls_nobody_else(engine: Engine) {
    let (stalled, healthy) = (Remote::new(), ring());
    let hub = Hub::new();
    let slow = hub.broker("slow").replay(stalled.clone()).store_queue(3).build();
    let quick = hub.broker("quick").replay(healthy).build();
    let feed = |broker: &Broker| get(sse::feed(broker).heartbeat(None));
    let busy = slow.clone();
    let here = move || match busy.publish(Event::data("from a core")) {
        Err(error) if error.refusal() == Refusal::Busy => "busy",
        _ => "published",
    };
    let later = slow.clone();
    let later =
        async move || later.publish_async(Event::data("4")).await.map_or(0, |_| 1).to_string();
    let app = Router::new()
        .route("/slow", feed(&slow))
        .route("/quick", feed(&quick))
        .route("/here", get(here))
        .route("/later", get(later));
    let server = serve_on_one(engine, app);
    let mut there = server.subscribe("/slow");
    there.next().expect("it is told where it begins");
    stalled.set(State::Stalls);
    slow.publish_later(Event::data("1")).expect("there is room");
    let more: Vec<_> = (2..10).map(|n| slow.publish_later(Event::data(n.to_string()))).collect();
    let taken = more.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(taken, 2, "three may wait");
    let refused = more.into_iter().find_map(Result::err).expect("not all have room");
    assert_eq!(refused.refusal(), Refusal::Busy);
    let mut waiting = server.connect();
    waiting.ask("/later");
    let mut missing = server.connect();
    missing.send("GET /slow HTTP/1.1\r\nhost: test\r\nlast-event-id: 0\r\n\r\n");

    assert_eq!(server.get("/here").text(), "busy");
    let mut other = server.subscribe("/quick");
    other.next().expect("it is told where it begins");
    for number in 1..=5 {
        quick.publish(Event::data("x")).expect("there is room");
        assert_eq!(other.event().number(), number);
    }
    stalled.set(State::Works);
    assert_eq!(waiting.answer().text(), "1");
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(there.data(), expected);
    }
}

fn client_that_comes_back_while_the_store_fails_gets_all_when_it_works(engine: Engine) {
    let store = Remote::new();
    let (broker, app) = feed_with(store.clone());
    let server = serve(engine, app);
    publish(&broker, 1..=10);
    let mut there = come_back(&server, "10");
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    store.set(State::Fails);
    let refused = broker.publish(Event::data("x")).expect_err("it fails");
    assert_eq!(refused.refusal(), Refusal::Store);
    let mut stream = come_back(&server, "3");
    assert_eq!(stream.next(), Err(Ending::Whole));
    store.set(State::Works);
    publish(&broker, 11..=11);
    assert_eq!(there.event().number(), 11);
    let mut stream = come_back(&server, "3");
    assert_eq!([(); 8].map(|()| stream.event().number()), [4, 5, 6, 7, 8, 9, 10, 11]);
    assert!(
        broker.replay_stats().is_some_and(|stats| stats.refused == 1 && stats.read_failures >= 1)
    );
}

fn what_on_connect_sends_comes_before_what_was_missed(engine: Engine) {
    for store in stores() {
        let broker = Hub::new().broker("test").replay(store).build();
        let greet = async |_: &Request, client: &Client| {
            for number in 0..300 {
                client
                    .send(Event::data(format!("{number} {}", "g".repeat(500))))
                    .await
                    .expect("room");
            }
        };
        let feed = sse::feed(&broker).heartbeat(None).on_connect(greet);
        let server = serve(engine, Router::new().route("/events", get(feed)));
        publish(&broker, 1..=600);
        let mut stream = ask(server.connect(), "0");
        for number in 0..300 {
            assert!(stream.data().starts_with(&format!("{number} g")));
        }
        for number in 1..=600 {
            assert_eq!(stream.event().number(), number);
        }
    }
}

fn handler_may_give_its_client_what_it_missed(engine: Engine) {
    for store in stores() {
        let (broker, _) = feed_with(store);
        let source = broker.clone();
        let endpoint = sse::endpoint(async move |client: Client| {
            client.send(Event::data("hello")).await.expect("it is there");
            let subscribed = source.subscribe_from(&client, client.last_event_id()).await;
            let Ok(subscribed) = subscribed else { return };
            client.send(Event::data("that was all")).await.expect("it is there");
            client.closed().await;
            drop(subscribed);
        });
        let server = serve(engine, Router::new().route("/events", get(endpoint)));
        publish(&broker, 1..=600);
        let mut stream = ask(server.connect(), "100");
        assert_eq!(stream.data(), "hello");
        for number in 101..=600 {
            assert_eq!(stream.event().number(), number);
        }
        assert_eq!(stream.data(), "that was all");
        publish(&broker, 601..=601);
        assert_eq!(stream.event().number(), 601);
        drop(stream);
        eventually("its subscription ends", || broker.subscriber_count() == 0);
    }
}

/// With a store, a subscriber that is too slow is cut off, so that it comes back and loses nothing.
fn slow_client_is_cut_off_and_comes_back_to_all(engine: Engine) {
    let broker = Hub::new().broker("test").subscriber_buffer(8).replay(ring()).build();
    let feed = sse::feed(&broker).heartbeat(None);
    let server = serve(engine, Router::new().route("/events", get(feed)));
    let mut slow = ask(server.connect_narrow(), "0");
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    let mut number = 0;
    eventually("it is cut off", || {
        number += 1;
        broker.publish(Event::data("x".repeat(10_000))).expect("there is room");
        broker.subscriber_count() == 0
    });
    let mut last = 0;
    while let Ok(heard) = slow.next() {
        assert_eq!(heard.number(), last + 1);
        last += 1;
    }
    let mut back = ask(server.connect(), &last.to_string());
    for number in last + 1..=number {
        assert_eq!(back.event().number(), number);
    }
}

on_every_engine! {
    client_that_comes_back_gets_what_it_missed_and_what_comes,
    new_client_is_told_where_it_begins,
    unknown_id_is_told_and_begins_anew,
    stalled_store_stalls_nobody_else,
    client_that_comes_back_while_the_store_fails_gets_all_when_it_works,
    what_on_connect_sends_comes_before_what_was_missed,
    handler_may_give_its_client_what_it_missed,
    slow_client_is_cut_off_and_comes_back_to_all,
}
