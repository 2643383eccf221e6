//! `BrokerPolicy` and `BrokerConfig`: subscribers that are too slow.

use super::{connect, large, publish, serve_clients, serve_feed};
use crate::support::{Heard, PATIENCE, Running, Subscriber, block_on, eventually};
use headwater::sse::{Broker, ClientConfig, Disconnect, Event, SlowPolicy};
use headwater::{Engine, Hub};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

fn stuck(server: &Running) -> Subscriber {
    Subscriber::open(server.connect_narrow(), "/")
}

/// Publishes until something happens.
#[track_caller]
fn publish_until(broker: &Broker, what: &str, mut happened: impl FnMut() -> bool) -> usize {
    let mut published = 0;
    eventually(what, || {
        publish(broker, large(published));
        published += 1;
        happened()
    });
    published
}

/// `DefaultBrokerSubscriberBuffer`, `BrokerConfig.SubscriberBuffer`
fn subscriber_is_owed_64_events_by_default_or_as_many_as_set(engine: Engine) {
    let hub = Hub::new();
    for (broker, buffer) in
        [(hub.broker("default").build(), 64), (hub.broker("set").subscriber_buffer(10).build(), 10)]
    {
        let server = serve_feed(engine, &broker);
        let _stuck = stuck(&server);
        let mut owed = 0;
        publish_until(&broker, "some are dropped, and it is known", || {
            eventually("the core has read them", || hub.backlog() == 0);
            let slowest = broker.slowest(2);
            assert!(slowest.len() <= 1);
            owed =
                slowest.first().filter(|slow| slow.missed > 0).map_or(0, |slow| slow.owed_events);
            owed > 0
        });
        // One attempt's worth more at most, of what was published before its socket was full; and some
        // less, as its socket takes more now and then.
        assert!(owed >= buffer / 2 && owed <= buffer + 24, "{owed} owed, {buffer} set");
    }
}

/// `BrokerPolicyDrop`
fn drop_discards_for_the_slow_one_and_nobody_else(engine: Engine) {
    let broker = Hub::new().broker("news").subscriber_buffer(8).build();
    let server = serve_feed(engine, &broker);
    let mut slow = stuck(&server);
    let mut reader = server.subscribe("/");
    let mut heard = 0;
    let published = publish_until(&broker, "some are dropped", || {
        assert!(reader.data().starts_with(&heard.to_string()));
        heard += 1;
        broker.dropped_events() > 20
    });
    assert_eq!((heard, broker.subscriber_count()), (published, 2));
    broker.close();
    let dropped = usize::try_from(broker.dropped_events()).expect("few");
    assert_eq!(slow.rest().0.len() + dropped, published);
}

/// `BrokerPolicyRemove`
fn remove_unsubscribes_without_closing_the_client(engine: Engine) {
    let broker =
        Hub::new().broker("news").subscriber_buffer(8).slow_policy(SlowPolicy::Remove).build();
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (mut stream, client) = connect(&server, &clients, false);
    let _subscribed = broker.subscribe(&client);
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    publish_until(&broker, "it is removed", || broker.subscriber_count() == 0);
    assert!(!client.is_closed());
    client.try_send(Event::data("goes on")).expect("there is room");
    while stream.data() != "goes on" {}
}

/// `BrokerPolicyClose`
fn close_unsubscribes_and_closes_the_client(engine: Engine) {
    let broker =
        Hub::new().broker("news").subscriber_buffer(8).slow_policy(SlowPolicy::Close).build();
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (_stream, client) = connect(&server, &clients, false);
    let _subscribed = broker.subscribe(&client);
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    publish_until(&broker, "it is removed", || broker.subscriber_count() == 0);
    assert_eq!(block_on(client.closed()), Disconnect::Slow);
    server.wait_for_connections(0);
}

/// `BrokerConfig.OnSlowSubscriber`
fn callback_sees_the_subscriber_and_the_event_and_its_answer_is_done(engine: Engine) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let decide = move |client: &headwater::sse::Client, event: &headwater::sse::PreparedEvent| {
        assert!(event.len() > super::LARGE && !client.is_closed());
        count.fetch_add(1, Ordering::Relaxed);
        SlowPolicy::Close
    };
    let broker = Hub::new().broker("news").subscriber_buffer(8).on_slow_subscriber(decide).build();
    let server = serve_feed(engine, &broker);
    let _stuck: Vec<_> = (0..5).map(|_| stuck(&server)).collect();
    publish_until(&broker, "all are closed", || broker.subscriber_count() == 0);
    // Once for each, however many events found it slow.
    assert_eq!((asked.load(Ordering::Relaxed), broker.callback_panics()), (5, 0));
    server.wait_for_connections(0);
}

/// `Broker.CallbackPanics`
fn callback_that_panics_is_counted_and_the_subscriber_stays(engine: Engine) {
    let decide = |_: &headwater::sse::Client, _: &headwater::sse::PreparedEvent| {
        panic!("on purpose: in a callback")
    };
    let broker = Hub::new().broker("news").subscriber_buffer(8).on_slow_subscriber(decide).build();
    let server = serve_feed(engine, &broker);
    let mut slow = stuck(&server);
    publish_until(&broker, "it panics", || broker.callback_panics() == 1);
    assert_eq!(broker.subscriber_count(), 1);
    publish(&broker, Event::data("goes on"));
    broker.close();
    assert!(!slow.rest().0.is_empty());
}

/// `BrokerConfig.SlowSubscriberConcurrency`, `DefaultBrokerSlowConcurrency`
fn callbacks_run_beside_each_other_up_to_the_cap(engine: Engine) {
    const SLOW: usize = 6;
    for (cap, expected) in [(Some(2), 2), (None, SLOW)] {
        let at_work = Arc::new((Mutex::new((0, 0)), Condvar::new()));
        let inside = at_work.clone();
        let decide = move |_: &headwater::sse::Client, _: &headwater::sse::PreparedEvent| {
            let (counts, changed) = &*inside;
            let mut now = counts.lock().expect("no panic");
            now.0 += 1;
            now.1 = now.1.max(now.0);
            changed.notify_all();
            // Until as many are there as may be.
            let full = changed.wait_timeout_while(now, PATIENCE, |now| now.1 < expected);
            full.expect("no panic").0.0 -= 1;
            SlowPolicy::Remove
        };
        let news = Hub::new().broker("news").subscriber_buffer(8).on_slow_subscriber(decide);
        let broker = news.slow_concurrency(cap).build();
        let server = serve_feed(engine, &broker);
        let _stuck: Vec<_> = (0..SLOW).map(|_| stuck(&server)).collect();
        publish_until(&broker, "all are removed", || broker.subscriber_count() == 0);
        assert_eq!(at_work.0.lock().expect("no panic").1, expected, "{cap:?}");
    }
}

/// What the seed does not have: the oldest go instead of the newest.
fn drop_oldest_keeps_the_newest_events(engine: Engine) {
    let hub = Hub::new();
    let news = hub.broker("news").subscriber_buffer(8).slow_policy(SlowPolicy::DropOldest);
    let broker = news.build();
    let server = serve_feed(engine, &broker);
    let mut slow = stuck(&server);
    let published = publish_until(&broker, "many are dropped", || broker.dropped_events() > 50);
    broker.close();
    let heard = slow.rest().0;
    // One of the eight had begun to leave before.
    let last: Vec<u64> = heard.iter().rev().take(7).map(Heard::number).collect();
    let newest: Vec<u64> = (0..7).map(|back| published as u64 - back).collect();
    assert_eq!(last, newest);
}

on_every_engine! {
    subscriber_is_owed_64_events_by_default_or_as_many_as_set,
    drop_discards_for_the_slow_one_and_nobody_else,
    remove_unsubscribes_without_closing_the_client,
    close_unsubscribes_and_closes_the_client,
    callback_sees_the_subscriber_and_the_event_and_its_answer_is_done,
    callback_that_panics_is_counted_and_the_subscriber_stays,
    callbacks_run_beside_each_other_up_to_the_cap,
    drop_oldest_keeps_the_newest_events,
}
