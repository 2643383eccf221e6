//! What rest costs in memory, counted in the allocator. In a process of its own, and in one test, so
//! that nobody else allocates meanwhile.

#[path = "../benches/support/mod.rs"]
mod support;

use headwater_sse::{Broker, Event, Hub};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use support::Core;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Of one subscriber: its stream and its place in a list, each in a vector that may have doubled just
/// now.
const SUBSCRIBER_BYTES: usize = 2 * (64 + 12);
/// Of a broker nobody hears, and of one with a subscriber, that included.
const BROKER_BYTES: usize = 256;
const TOPIC_BYTES: usize = 1024;

fn allocated() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

#[test]
fn who_is_at_rest_costs_few_bytes() {
    subscribers();
    brokers();
}

fn subscribers() {
    const SUBSCRIBERS: usize = 15_000;
    let (news, mut core) = (Hub::new().broker("news").build(), Core::new());
    core.subscribers(&news, 1);
    let before = allocated();
    core.subscribers(&news, SUBSCRIBERS);
    let each = (allocated() - before) / SUBSCRIBERS;
    assert!(each <= SUBSCRIBER_BYTES, "{each} bytes for a subscriber");
    // And no more after it has heard something.
    for _ in 0..10 {
        news.publish(Event::data("x".repeat(1000))).expect("room");
        core.run();
    }
    let each = (allocated() - before) / SUBSCRIBERS;
    assert!(each <= SUBSCRIBER_BYTES + 16, "{each} bytes for a subscriber that has heard events");
}

fn brokers() {
    const BROKERS: usize = 10_000;
    let (hub, mut core) = (Hub::new(), Core::new());
    core.fanout.join(&hub).expect("a seat");
    let before = allocated();
    let brokers: Vec<Broker> = (0..BROKERS).map(|n| hub.broker(n.to_string()).build()).collect();
    let each = (allocated() - before) / BROKERS;
    assert!(each <= BROKER_BYTES, "{each} bytes for a broker");
    for broker in &brokers {
        core.subscribers(broker, 1);
    }
    let each = (allocated() - before) / BROKERS;
    assert!(each <= TOPIC_BYTES, "{each} bytes for a broker with a subscriber");
    for broker in &brokers {
        broker.publish(Event::data("x".repeat(1000))).expect("room");
        core.run();
    }
    let each = (allocated() - before) / BROKERS;
    assert!(each <= TOPIC_BYTES, "{each} bytes for a broker that was heard");
    drop(brokers);
    assert_eq!(core.delivered(), BROKERS as u64);
}
