//! Who lags, of streams that have no handler who would know.

use crate::support::{Subscriber, eventually, serve, serve_on_one};
use headwater::sse::{self, Broker, Client, Event, EventId, PreparedEvent, SlowPolicy};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::mpsc;

fn publish_large(broker: &Broker) {
    broker.publish(Event::data("x".repeat(16 * 1024))).expect("there is room");
}

fn callback_sees_whose_stream_of_a_feed_is_slow(engine: Engine) {
    let (sender, asked) = mpsc::channel();
    let decide = move |client: &Client, _: &PreparedEvent| {
        let last = client.last_event_id().map(EventId::to_string);
        // The test may be over.
        sender.send((client.peer_addr(), last)).ok();
        SlowPolicy::Drop
    };
    let broker = Hub::new().broker("news").on_slow_subscriber(decide).build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker))));
    let request = "GET / HTTP/1.1\r\nhost: test\r\nlast-event-id: 7\r\n\r\n";
    let stuck = Subscriber::ask(server.connect_narrow(), request);
    let mut told = None;
    eventually("the callback is asked", || {
        publish_large(&broker);
        told = asked.try_recv().ok();
        told.is_some()
    });
    assert_eq!(told, Some((Some(stuck.peer.addr()), Some("7".to_owned()))));
}

fn slowest_of_a_feed_is_known_by_its_address(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve_on_one(engine, Router::new().route("/", get(sse::feed(&broker))));
    let mut reader = server.subscribe("/");
    let stuck = Subscriber::open(server.connect_narrow(), "/");
    eventually("it is noted", || {
        publish_large(&broker);
        reader.data();
        !broker.slowest(2).is_empty()
    });
    let slowest = broker.slowest(2);
    assert_eq!(slowest.len(), 1);
    assert_eq!(slowest[0].client.peer_addr(), Some(stuck.peer.addr()));
    assert_eq!(slowest[0].client.last_event_id(), None);
}

on_every_engine! {
    callback_sees_whose_stream_of_a_feed_is_slow,
    slowest_of_a_feed_is_known_by_its_address,
}
