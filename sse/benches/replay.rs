//! What appending to a ring costs its caller, and reading it back: events of 128 B, one by one and in
//! batches, with one scope and with many. Each figure is the median of many short bursts, which keep
//! the clock out of it; what was appended must be there before a figure is printed.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod support;

use headwater_sse::replay::{ReplayStore, RingBuffer, Scope};
use headwater_sse::{Event, Hub, PreparedEvent};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Core, data, median};

const BURST: usize = 64;
const BURSTS: usize = 3000;
const CAPACITY: usize = 10_000;

fn main() {
    let plain = RingBuffer::new(CAPACITY);
    let aged = RingBuffer::builder(CAPACITY).age(Duration::from_mins(1)).build();
    println!(
        "ring of {CAPACITY}, events of 128 B, median of {BURSTS} bursts of {BURST}: ns per event"
    );
    println!("append, one scope        {:>6.1}", append(&plain, 1, 1));
    println!("append, with an age      {:>6.1}", append(&aged, 1, 1));
    println!("append, 10,000 scopes    {:>6.1}", append(&RingBuffer::new(16), 10_000, 1));
    println!("append, batches of 64    {:>6.1}", append(&RingBuffer::new(CAPACITY), 1, 64));
    println!("since, pages of 100      {:>6.1}", since(&plain));
    for (name, store) in [("", None), (" with a ring", Some(RingBuffer::new(CAPACITY)))] {
        let (prepared, formatted) = publish(store);
        println!("publish{name:<12} {prepared:>6.1} prepared, {formatted:>6.1} formatted");
    }
}

fn append(store: &RingBuffer, scopes: usize, batch: usize) -> f64 {
    let scopes: Vec<_> = (0..scopes).map(|at| Scope::topic(&format!("topic {at}"))).collect();
    let events = vec![PreparedEvent::new(&Event::data(data())); batch];
    let (mut next, mut appended) = (0, vec![0; scopes.len()]);
    let mut samples = Vec::new();
    for _ in 0..BURSTS {
        let begin = Instant::now();
        for _ in 0..BURST / batch {
            black_box(store.append(&scopes[next], &events)).expect("appended");
            appended[next] += batch as u64;
            next = (next + 1) % scopes.len();
        }
        samples.push(begin.elapsed().as_secs_f64() * 1e9 / BURST as f64);
    }
    for (scope, appended) in scopes.iter().zip(appended) {
        assert_eq!(store.tail(scope).expect("a tail"), appended.into(), "all are there");
    }
    median(samples)
}

/// To a core that is awake and has a subscriber.
fn publish(store: Option<RingBuffer>) -> (f64, f64) {
    let (hub, mut core) = (Hub::new(), Core::new());
    let broker = hub.broker("news");
    let broker = match store {
        Some(store) => broker.replay(Arc::new(store)).build(),
        None => broker.build(),
    };
    core.subscribers(&broker, 1);
    let (event, text) = (PreparedEvent::new(&Event::data(data())), data());
    let mut samples = (Vec::new(), Vec::new());
    for _ in 0..BURSTS {
        let begin = Instant::now();
        for _ in 0..BURST {
            black_box(broker.publish_prepared(&event)).expect("room");
        }
        samples.0.push(begin.elapsed().as_secs_f64() * 1e9 / BURST as f64);
        core.run();
        let begin = Instant::now();
        for _ in 0..BURST {
            black_box(broker.publish(Event::data(text.as_str()))).expect("room");
        }
        samples.1.push(begin.elapsed().as_secs_f64() * 1e9 / BURST as f64);
        core.run();
    }
    assert_eq!(core.delivered(), (2 * BURST * BURSTS) as u64, "all reach everybody");
    (median(samples.0), median(samples.1))
}

fn since(store: &RingBuffer) -> f64 {
    let scope = Scope::topic("topic 0");
    let tail: u64 = store.tail(&scope).expect("a tail").to_string().parse().expect("a number");
    let after = (tail - 100).into();
    let sample = |_| {
        let begin = Instant::now();
        let page = store.since(&scope, Some(&after), 100).expect("kept");
        let took = begin.elapsed().as_secs_f64() * 1e9 / 100.0;
        assert_eq!(page.events.len(), 100);
        took
    };
    median((0..BURSTS).map(sample).collect())
}
