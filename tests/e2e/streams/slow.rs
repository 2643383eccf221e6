//! Subscribers that do not read: bounded memory, counted losses, and no harm to anybody else.

use super::{feed_of, publish};
use crate::support::{
    Ending, Heard, Running, SetAtEnd, Subscriber, eventually, serve, serve_on_one,
};
use headwater::sse::Broker;
use headwater::{Engine, Hub};
use std::sync::atomic::{AtomicBool, Ordering};

const EVENT_BYTES: usize = 4096;
/// Events published before readers are waited for.
const BATCH: usize = 16;

/// A subscriber that takes few bytes while it does not read.
fn subscribe_narrow(server: &Running) -> Subscriber {
    Subscriber::open(server.connect_narrow(), "/events")
}

fn data(number: usize) -> String {
    format!("{number:08} {}", "x".repeat(EVENT_BYTES - 9))
}

/// Publishes batches, each heard by all of these before the next; `check` is called in between.
fn publish_in_step(
    broker: &Broker,
    readers: &mut [Subscriber],
    batches: usize,
    mut check: impl FnMut(),
) {
    for batch in 0..batches {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        for number in numbers.clone() {
            publish(broker, data(number));
        }
        for reader in &mut *readers {
            for number in numbers.clone() {
                let heard = reader.event();
                assert!(heard.data == Some(data(number)), "event {number}");
            }
        }
        check();
    }
}

/// Events are whole, in order, and none comes twice.
#[track_caller]
fn check_sequence(events: &[Heard]) {
    for event in events {
        let data = event.data.as_deref().unwrap_or_default();
        assert!(data.starts_with("tail") || data.len() == EVENT_BYTES, "a whole event");
    }
    let ids: Vec<u64> = events.iter().map(Heard::number).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

fn stuck_subscribers_harm_neither_publisher_nor_others(engine: Engine) {
    const STUCK: usize = 4;
    let broker = Hub::new().broker("test").build();
    let server = serve_on_one(engine, feed_of(&broker));
    let stuck: Vec<_> = (0..STUCK).map(|_| subscribe_narrow(&server)).collect();
    let mut readers: Vec<_> = (0..4).map(|_| server.subscribe("/events")).collect();
    // 64 events by default, and what one attempt to send left over; 60 KiB more for frames and ids.
    let most = STUCK * ((64 + 2 * BATCH) * EVENT_BYTES + 60 * 1024);
    publish_in_step(&broker, &mut readers, 150, || {
        let owed = server.stats().owed_bytes;
        assert!(owed <= most, "{owed} bytes owed, {most} allowed");
    });
    assert!(broker.dropped_events() > 0, "a loss is counted");
    assert!(server.stats().owed_bytes > 0, "a slow reader is visible as one");
    assert_eq!(server.stats().connections, STUCK + readers.len());
    drop(stuck);
    eventually("the stuck ones are gone", || broker.subscriber_count() == readers.len());
    eventually("nothing is owed", || server.stats().owed_bytes == 0);
    assert_eq!(broker.published(), 150 * BATCH as u64);
}

fn limit_in_bytes_holds_for_what_a_stuck_subscriber_is_owed(engine: Engine) {
    const LIMIT: usize = 64 * 1024;
    let broker = Hub::new().broker("test").subscriber_buffer_bytes(LIMIT).build();
    let server = serve_on_one(engine, feed_of(&broker));
    let _stuck = subscribe_narrow(&server);
    let mut reader = [server.subscribe("/events")];
    let most = LIMIT + 2 * BATCH * (EVENT_BYTES + 60);
    publish_in_step(&broker, &mut reader, 60, || {
        let owed = server.stats().owed_bytes;
        assert!(owed <= most, "{owed} bytes owed, {most} allowed");
    });
    assert!(broker.dropped_events() > 0);
}

fn every_event_is_received_or_counted_as_dropped(engine: Engine) {
    let broker = Hub::new().broker("test").subscriber_buffer(10).build();
    let server = serve_on_one(engine, feed_of(&broker));
    let mut stuck = [subscribe_narrow(&server), subscribe_narrow(&server)];
    let mut reader = [server.subscribe("/events")];
    publish_in_step(&broker, &mut reader, 60, || {});
    assert!(broker.dropped_events() > 0);
    broker.close();
    let mut received = 0;
    for stuck in &mut stuck {
        let (events, ending) = stuck.rest();
        check_sequence(&events);
        assert_eq!(ending, Ending::Whole);
        received += events.len() as u64;
    }
    assert_eq!(reader[0].rest(), (Vec::new(), Ending::Whole));
    assert_eq!(received + broker.dropped_events(), 2 * broker.published());
}

fn stuck_subscriber_that_reads_again_goes_on_at_the_tail(engine: Engine) {
    let broker = Hub::new().broker("test").build();
    let server = serve(engine, feed_of(&broker));
    let mut stuck = subscribe_narrow(&server);
    let mut reader = [server.subscribe("/events")];
    publish_in_step(&broker, &mut reader, 60, || {});
    let lost = broker.dropped_events();
    assert!(lost > 0);
    // Events go on while it catches up; at some moment it is given new ones again.
    let at_the_tail = AtomicBool::new(false);
    let events = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !at_the_tail.load(Ordering::Relaxed) {
                publish(&broker, "tail");
                assert_eq!(reader[0].data(), "tail");
            }
        });
        let _stop = SetAtEnd(&at_the_tail);
        let mut events = Vec::new();
        while events.last().is_none_or(|last: &Heard| last.data.as_deref() != Some("tail")) {
            events.push(stuck.event());
        }
        events
    });
    check_sequence(&events);
    broker.close();
    let (more, ending) = stuck.rest();
    assert_eq!(ending, Ending::Whole);
    check_sequence(&more);
    let received = (events.len() + more.len()) as u64;
    assert_eq!(received + broker.dropped_events(), broker.published());
}

fn slow_but_steady_subscriber_loses_nothing_that_fits_its_buffer(engine: Engine) {
    let broker = Hub::new().broker("test").subscriber_buffer(10_000).build();
    let server = serve(engine, feed_of(&broker));
    let mut slow = subscribe_narrow(&server);
    for number in 0..1000 {
        publish(&broker, data(number));
    }
    eventually("it is owed something", || server.stats().owed_bytes > 0);
    for number in 0..1000 {
        assert!(slow.event().data == Some(data(number)), "event {number}");
    }
    assert_eq!(broker.dropped_events(), 0);
    eventually("nothing is owed", || server.stats().owed_bytes == 0);
}

fn stream_of_a_slow_reader_ends_with_everything_it_is_owed(engine: Engine) {
    let broker = Hub::new().broker("test").subscriber_buffer(10_000).build();
    let server = serve(engine, feed_of(&broker));
    let mut slow = subscribe_narrow(&server);
    for number in 0..500 {
        publish(&broker, data(number));
    }
    broker.close();
    let (events, ending) = slow.rest();
    assert_eq!((events.len(), ending), (500, Ending::Whole));
    check_sequence(&events);
    drop(slow);
    server.wait_for_connections(0);
}

on_every_engine! {
    stuck_subscribers_harm_neither_publisher_nor_others,
    limit_in_bytes_holds_for_what_a_stuck_subscriber_is_owed,
    every_event_is_received_or_counted_as_dropped,
    stuck_subscriber_that_reads_again_goes_on_at_the_tail,
    slow_but_steady_subscriber_loses_nothing_that_fits_its_buffer,
    stream_of_a_slow_reader_ends_with_everything_it_is_owed,
}
