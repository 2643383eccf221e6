//! Bytes of heap per resting subscriber and per quiet broker, counted in the allocator, and what they
//! are in the resident set; then one second's work of 100,000 brokers with one subscriber each, on this
//! core alone.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod support;

use headwater_sse::{Broker, Event, Hub, PreparedEvent};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;
use support::{Core, data};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SUBSCRIBERS: usize = 15_000;
const BROKERS: usize = 100_000;

fn main() {
    subscribers();
    brokers();
}

/// Bytes allocated now, and bytes resident.
fn now() -> (usize, usize) {
    let stats = HEAP.stats();
    // Reallocations are counted in both: `bytes_allocated` has what a block grew by.
    (stats.bytes_allocated - stats.bytes_deallocated, resident())
}

fn resident() -> usize {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux has it");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

fn subscribers() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let news = hub.broker("news").build();
    core.subscribers(&news, 1);
    let before = now();
    core.subscribers(&news, SUBSCRIBERS);
    let after = now();
    news.publish(Event::data(data())).expect("room");
    core.run();
    assert_eq!(core.delivered(), SUBSCRIBERS as u64 + 1, "all reach everybody");
    let heard = now();
    let each = |bytes: usize| bytes as f64 / SUBSCRIBERS as f64;
    println!("{SUBSCRIBERS} resting subscribers of one broker, bytes each:");
    println!(
        "  allocated {:.1}, resident {:.1}",
        each(after.0 - before.0),
        each(after.1 - before.1)
    );
    let (heap, rss) = (heard.0.saturating_sub(before.0), heard.1.saturating_sub(before.1));
    println!("  after an event: allocated {:.1}, resident {:.1}", each(heap), each(rss));
}

fn brokers() {
    let (hub, mut core) = (Hub::new(), Core::new());
    core.fanout.join(&hub).expect("a seat");
    let before = now();
    let brokers: Vec<Broker> = (0..BROKERS).map(|n| hub.broker(n.to_string()).build()).collect();
    let made = now();
    for broker in &brokers {
        core.subscribers(broker, 1);
    }
    let joined = now();
    println!("{BROKERS} quiet brokers with a subscriber each, bytes each:");
    let each = |bytes: usize| bytes as f64 / BROKERS as f64;
    println!(
        "  broker: allocated {:.1}, resident {:.1}",
        each(made.0 - before.0),
        each(made.1 - before.1)
    );
    let both = (joined.0 - before.0, joined.1 - before.1);
    println!("  with its subscriber: allocated {:.1}, resident {:.1}", each(both.0), each(both.1));
    let event = PreparedEvent::new(&Event::data(data()));
    for second in 1..=5 {
        let sends = core.sockets.sends;
        let (mut publishing, mut fanning) = (0.0, 0.0);
        for some in brokers.chunks(10_000) {
            let begin = Instant::now();
            for broker in some {
                broker.publish_prepared(&event).expect("room");
            }
            publishing += begin.elapsed().as_secs_f64();
            let begin = Instant::now();
            core.run();
            fanning += begin.elapsed().as_secs_f64();
        }
        assert_eq!(core.delivered(), second * BROKERS as u64, "each reaches its subscriber");
        assert_eq!(core.sockets.sends - sends, BROKERS as u64, "with one send");
        println!(
            "  second {second}: publish {publishing:.3} s, absorb and rounds {fanning:.3} s, resident {} MB",
            resident() / 1_000_000
        );
    }
    let heard = now();
    println!(
        "  after events: allocated {:.1}, resident {:.1}",
        each(heard.0 - before.0),
        each(heard.1 - before.1)
    );
    println!("  all of this process: {} MB resident", resident() / 1_000_000);
}
