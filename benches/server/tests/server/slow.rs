//! Subscribers that do not read, among many that do.

use crate::client::{Connection, stuck};
use crate::crowd::Crowd;
use crate::decode::Item;
use crate::process::{Server, eventually};
use std::time::{Duration, Instant};

const STUCK: usize = 40;
const READERS: usize = 360;
/// Events published before the readers are waited for: fewer than a slow one may be owed, so that
/// none of them counts as slow when the machine is.
const BATCH: usize = 32;
const EVENT_BYTES: usize = 1024;
/// Batches after the first drop.
const FURTHER: usize = 8;
const MOST_GROWTH_BYTES: u64 = 64 << 20;
/// Longest time for the answer to one publish. Only a server that waits for a stuck one needs it.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

pub(crate) fn stuck_subscribers_never_delay_the_others(engine: &str) {
    let server = Server::start(engine, "--rate 0 --heartbeat 0");
    let mut client = Connection::open(server.addr);
    let stuck_ones: Vec<_> = (0..STUCK).map(|_| stuck(server.addr)).collect();
    let mut crowd = Crowd::subscribe(server.addr, READERS);
    crowd.read_until("every head", |reader| reader.head.is_some());
    eventually("all subscribers", || client.count() == STUCK + READERS);
    let resident_before = server.resident_bytes();

    let (mut published, mut slowest, mut further) = (0, Duration::ZERO, 0);
    while further < FURTHER {
        for _ in 0..BATCH {
            let start = Instant::now();
            client.publish(&format!("{published:.<EVENT_BYTES$}"));
            slowest = slowest.max(start.elapsed());
            published += 1;
        }
        crowd.read_until("every event", |reader| reader.items.len() == published);
        further += usize::from(client.metric("events_dropped_total") > 0);
        assert!(published < 100 * BATCH, "the stuck ones are owed without limit");
    }

    let grown = server.resident_bytes().saturating_sub(resident_before);
    println!("{engine}: {published} events, slowest answer {slowest:?}, {} KiB more", grown >> 10);
    assert!(slowest < LONGEST_ANSWER, "a publish was answered after {slowest:?}");
    assert!(grown < MOST_GROWTH_BYTES, "{grown} bytes more memory");
    assert_eq!(client.count(), STUCK + READERS, "the stuck ones stay");
    let first = &crowd.members[0].decoder.items;
    for (number, item) in first.iter().enumerate() {
        let Item::Event { id, data } = item else { panic!("not an event: {item:?}") };
        assert!(data.starts_with(&format!("{number}.")), "{number}: {id} {data}");
    }
    assert!(crowd.members.iter().all(|reader| reader.decoder.items == *first));
    server.stop_after((client, crowd, stuck_ones));
}

/// Publishes to a stuck subscriber until the policy shows. Returns whether it is still subscribed.
fn outcome(engine: &str, policy: &str) -> (bool, u64) {
    let server = Server::start(engine, &format!("--rate 0 --heartbeat 0 --slow-policy {policy}"));
    let mut client = Connection::open(server.addr);
    let stuck = stuck(server.addr);
    eventually("the stuck subscriber", || client.count() == 1);
    let event = "x".repeat(16 * 1024);
    eventually("the policy", || {
        client.publish(&event);
        client.count() == 0 || client.metric("events_dropped_total") > 20
    });
    let stays = client.count() == 1;
    if !stays {
        eventually("the end of its connection", || client.metric("connections") == 1);
    }
    let outcome = (stays, client.metric("connections"));
    assert_eq!(client.metric("callback_panics_total"), 0);
    server.stop_after((client, stuck));
    outcome
}

pub(crate) fn the_slow_policy_is_the_one_asked_for(engine: &str) {
    // The connection that asks is counted, too.
    for (policy, expected) in [
        ("drop", (true, 2)),
        ("drop-oldest", (true, 2)),
        ("remove", (false, 1)),
        ("close", (false, 1)),
    ] {
        assert_eq!(outcome(engine, policy), expected, "{policy}");
    }
}
