//! Who gets which events, in which order.

use super::{all_hear, feed, feed_of, publish};
use crate::support::{Running, Subscriber, builder, serve};
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::collections::HashSet;

fn every_subscriber_gets_every_event_in_order(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..20).map(|_| server.subscribe("/events")).collect();
    assert_eq!((broker.subscriber_count(), server.stats().streams), (20, 20));
    for round in 0..20u64 {
        for number in 0..10 {
            publish(&broker, format!("{}", round * 10 + number));
        }
        for subscriber in &mut subscribers {
            for number in 0..10 {
                let heard = subscriber.event();
                let expected = round * 10 + number;
                assert_eq!(heard.data, Some(expected.to_string()));
                assert_eq!(heard.number(), expected + 1);
            }
        }
    }
    assert_eq!((broker.published(), broker.dropped_events()), (200, 0));
}

fn a_publish_wakes_each_worker_at_most_once(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..8).map(|_| server.subscribe("/events")).collect();
    let before = server.stats().wakes;
    // The first of a burst finds workers that sleep, or are about to; the others find them woken.
    for burst in 1..=20u64 {
        (0..burst).for_each(|number| publish(&broker, format!("{burst}.{number}")));
        (0..burst).for_each(|number| all_hear(&mut subscribers, &format!("{burst}.{number}")));
    }
    let (woken, published) = (server.stats().wakes - before, broker.published());
    assert!((1..=2 * published).contains(&woken), "{woken} wakes for {published} publishes");
}

fn subscriber_gets_nothing_from_before_it_came(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<Subscriber> = Vec::new();
    for number in 0..20 {
        publish(&broker, format!("before {number}"));
        all_hear(&mut subscribers, &format!("before {number}"));
        subscribers.push(server.subscribe("/events"));
        publish(&broker, format!("after {number}"));
        all_hear(&mut subscribers, &format!("after {number}"));
    }
}

fn publishers_on_many_threads_are_heard_in_one_order(engine: Engine) {
    const THREADS: usize = 4;
    const EVENTS: usize = 500;
    let broker = Hub::new().broker("busy").subscriber_buffer(THREADS * EVENTS).build();
    let server = serve(engine, feed_of(&broker));
    let mut subscribers: Vec<_> = (0..16).map(|_| server.subscribe("/events")).collect();
    let heard: Vec<Vec<(u64, String)>> = std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let broker = &broker;
            scope.spawn(move || {
                for number in 0..EVENTS {
                    publish(broker, format!("{thread} {number}"));
                }
            });
        }
        let read = |subscriber: &mut Subscriber| {
            let events = (0..THREADS * EVENTS).map(|_| subscriber.event());
            events.map(|heard| (heard.number(), heard.data.unwrap_or_default())).collect()
        };
        subscribers.iter_mut().map(read).collect()
    });
    for (place, (id, _)) in (1..).zip(&heard[0]) {
        assert_eq!(*id, place, "ids are the order, without gaps");
    }
    for other in &heard[1..] {
        assert!(*other == heard[0], "all hear one order, on all workers");
    }
    for thread in 0..THREADS {
        let own = format!("{thread} ");
        let of_thread = heard[0].iter().filter_map(|(_, data)| data.strip_prefix(&own));
        let expected = (0..EVENTS).map(|number| number.to_string());
        assert!(of_thread.eq(expected), "each publisher's events keep their order");
    }
    assert_eq!(broker.dropped_events(), 0);
}

fn brokers_of_one_hub_do_not_mix(engine: Engine) {
    const BROKERS: usize = 50;
    let hub = Hub::new();
    let brokers: Vec<_> = (0..BROKERS).map(|n| hub.broker(format!("broker {n}")).build()).collect();
    let app = (0..BROKERS).zip(&brokers).fold(Router::new(), |app, (number, broker)| {
        app.route(&format!("/{number}"), get(sse::feed(broker)))
    });
    let server = builder(engine).hub(&hub).serve(app).map(Running::from);
    let server = server.expect("a free port of the loopback");
    let mut pairs: Vec<[Subscriber; 2]> =
        (0..BROKERS).map(|n| [(); 2].map(|()| server.subscribe(&format!("/{n}")))).collect();
    for round in 0..5 {
        for (number, broker) in brokers.iter().enumerate() {
            publish(broker, format!("{number} {round}"));
        }
    }
    for (number, pair) in pairs.iter_mut().enumerate() {
        for subscriber in pair {
            let mut last = 0;
            for round in 0..5 {
                let heard = subscriber.event();
                assert_eq!(heard.data, Some(format!("{number} {round}")));
                assert!(heard.number() > last, "the hub's order");
                last = heard.number();
            }
        }
    }
}

fn broker_of_a_hub_that_the_server_was_not_told_of_works(engine: Engine) {
    let (first, second) = (Hub::new().broker("first").build(), Hub::new().broker("second").build());
    let app = feed_of(&first).route("/second", get(sse::feed(&second)));
    let server = serve(engine, app);
    let mut streams = [server.subscribe("/events"), server.subscribe("/second")];
    publish(&first, "one");
    publish(&second, "two");
    assert_eq!(streams.each_mut().map(Subscriber::data), ["one", "two"]);
}

fn handler_may_publish(engine: Engine) {
    let broker = Hub::new().broker("posted").build();
    let publisher = broker.clone();
    let post = move |body: String| {
        publisher.publish(Event::data(body)).map(|published| published.id.to_string())
    };
    let app = feed_of(&broker).route("/publish", headwater::routing::post(post));
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..6).map(|_| server.subscribe("/events")).collect();
    let mut peer = server.connect();
    for number in 1..=20 {
        let body = format!("news {number}");
        let head = "POST /publish HTTP/1.1\r\nhost: test\r\ncontent-length";
        peer.send(format!("{head}: {}\r\n\r\n{body}", body.len()));
        assert_eq!(peer.answer().text(), number.to_string());
        all_hear(&mut subscribers, &body);
    }
    broker.close();
    peer.send("POST /publish HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\nx");
    assert_eq!(peer.answer().status, 410);
}

fn ids_stay_distinct_while_subscribers_come_and_go(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut steady = server.subscribe("/events");
    let mut ids = HashSet::new();
    for round in 0..30 {
        let mut passing = server.subscribe("/events");
        publish(&broker, format!("round {round}"));
        let heard = passing.event();
        assert_eq!(heard, steady.event());
        assert!(ids.insert(heard.number()));
        if round % 2 == 0 {
            passing.peer.reset();
        }
    }
    crate::support::eventually("one is left", || broker.subscriber_count() == 1);
}

on_every_engine! {
    every_subscriber_gets_every_event_in_order,
    a_publish_wakes_each_worker_at_most_once,
    subscriber_gets_nothing_from_before_it_came,
    publishers_on_many_threads_are_heard_in_one_order,
    brokers_of_one_hub_do_not_mix,
    broker_of_a_hub_that_the_server_was_not_told_of_works,
    handler_may_publish,
    ids_stay_distinct_while_subscribers_come_and_go,
}
