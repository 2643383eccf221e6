//! What publishing costs its thread, from 1 to 100,000 subscribers on a core that is awake: the curve is
//! to be flat. First with the core at rest (what the instructions cost), then with the core reading and
//! sending on a thread of its own all the while (what sharing the ring costs); each of its sends takes as
//! long as one takes a kernel. With one subscriber it still looks more often than it sends, and the
//! figure is at times that of two caches that want the same lines; a real core sleeps then.
//!
//! Each figure is the median of many short bursts, which keep the clock out of it. What was published
//! must have been delivered to everybody before a figure is printed.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod support;

use headwater_sse::{Broker, Event, Hub, PreparedEvent};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{Core, data, median};

const SUBSCRIBERS: [usize; 6] = [1, 10, 100, 1000, 10_000, 100_000];
/// Of a send on the loopback.
const SEND_TIME: Duration = Duration::from_nanos(3500);
/// Publishes between two looks at the clock.
const BURST: u64 = 64;
const BURSTS: u64 = 300;

fn main() {
    println!("ns per publish of 128 B, median of {BURSTS} bursts of {BURST}; workers awake\n");
    println!(
        "subscribers | core at rest: prepared | formatted | core running: prepared | formatted"
    );
    for many in SUBSCRIBERS {
        // Fewer bursts where each means millions of deliveries.
        let bursts = BURSTS.min(20_000_000 / (many as u64 * BURST)).max(9);
        let rest = at_rest(many, bursts);
        let running = running(many, bursts);
        println!(
            "{many:>11} | {:>22.0} | {:>9.0} | {:>22.0} | {:>9.0}",
            rest[0], rest[1], running[0], running[1]
        );
    }
}

/// Publishes a burst in each way; returns the nanoseconds per publish.
fn burst(broker: &Broker, way: usize, event: &PreparedEvent) -> f64 {
    let text = data();
    let begin = Instant::now();
    for _ in 0..BURST {
        match way {
            0 => drop(broker.publish_prepared(event).expect("room")),
            _ => drop(broker.publish(Event::data(text.as_str())).expect("room")),
        }
    }
    begin.elapsed().as_secs_f64() * 1e9 / BURST as f64
}

fn at_rest(many: usize, bursts: u64) -> [f64; 2] {
    let (hub, mut core) = (Hub::new(), Core::new());
    let broker = hub.broker("news").build();
    core.subscribers(&broker, many);
    let event = PreparedEvent::new(&Event::data(data()));
    let medians = [0, 1].map(|way| {
        let sample = |_| {
            let took = burst(&broker, way, &event);
            core.run();
            took
        };
        median((0..bursts).map(sample).collect())
    });
    assert_eq!(core.delivered(), 2 * bursts * BURST * many as u64, "all reach everybody");
    medians
}

fn running(many: usize, bursts: u64) -> [f64; 2] {
    let (hub, stop, delivered) = (Hub::new(), AtomicBool::new(false), AtomicU64::new(0));
    let broker = hub.broker("news").build();
    let event = PreparedEvent::new(&Event::data(data()));
    let ready = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut core = Core::new();
            core.subscribers(&broker, many);
            core.sockets.send_time = SEND_TIME;
            ready.store(true, Ordering::Release);
            while !stop.load(Ordering::Acquire) {
                core.run();
                delivered.store(core.delivered(), Ordering::Release);
            }
        });
        let until = |done: &dyn Fn() -> bool| {
            let give_up = Instant::now() + Duration::from_mins(2);
            while !done() {
                assert!(Instant::now() < give_up, "the core does not get there");
                thread::yield_now();
            }
        };
        until(&|| ready.load(Ordering::Acquire));
        let mut published = 0;
        let medians = [0, 1].map(|way| {
            let sample = |_| {
                let took = burst(&broker, way, &event);
                published += BURST * many as u64;
                let due = published;
                // The ring may not fill, but the core is to be busy with this burst at the next.
                until(&|| delivered.load(Ordering::Acquire) + BURST * 8 * many as u64 >= due);
                took
            };
            median((0..bursts).map(sample).collect())
        });
        until(&|| delivered.load(Ordering::Acquire) == published);
        stop.store(true, Ordering::Release);
        medians
    })
}
