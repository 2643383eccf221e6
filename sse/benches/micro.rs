//! What formatting, the hub's ring and the log of a core take, apart from sockets. Ring and log are reached as
//! cores reach them, through [`headwater_sse::Fanout`]: `absorb` reads the ring and appends to the logs,
//! `round` reads the logs from each subscriber's cursor. Each benchmark looks at its result before it is timed.
//!
//! `cargo bench -p headwater-sse --bench micro [-- PART]`; `cargo test -p headwater-sse --bench micro` goes
//! through each once. What many cores cost each other is in `publish`.

mod support;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use headwater_sse::{Broker, Event, Hub, PreparedEvent, format_event};
use std::cell::RefCell;
use std::fmt;
use support::{Core, data};

/// Events published between two looks at the ring.
const BURST: usize = 64;

fn main() {
    divan::main();
}

/// An event, and the bytes that it is.
struct Sample {
    name: &'static str,
    event: Event,
    text: String,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn samples() -> Vec<Sample> {
    let kib = "x".repeat(1024);
    let lines = ["a line of the data"; 8];
    let sample = |name, event, text| Sample { name, event, text };
    vec![
        sample("short", Event::data("hello"), "data: hello\n\n".to_owned()),
        sample(
            "short, with id and name",
            Event::data("hello").id("1007").event("greeting"),
            "id: 1007\nevent: greeting\ndata: hello\n\n".to_owned(),
        ),
        sample(
            "8 lines",
            Event::data(lines.join("\n")),
            lines.map(|line| format!("data: {line}\n")).concat() + "\n",
        ),
        sample("1 KiB", Event::data(kib.as_str()), format!("data: {kib}\n\n")),
    ]
}

/// Into a buffer that is there already.
#[divan::bench(args = samples())]
fn format(bencher: Bencher<'_, '_>, sample: &Sample) {
    let mut out = Vec::new();
    format_event(&mut out, &sample.event);
    assert_eq!(String::from_utf8_lossy(&out), sample.text);
    bencher.counter(BytesCount::new(sample.text.len())).bench_local(|| {
        out.clear();
        format_event(&mut out, black_box(&sample.event));
        out.len()
    });
}

/// Into bytes of its own, to be shared.
#[divan::bench(args = samples())]
fn prepare(bencher: Bencher<'_, '_>, sample: &Sample) {
    let prepared = PreparedEvent::new(&sample.event);
    assert_eq!(String::from_utf8_lossy(prepared.as_bytes()), sample.text);
    let bytes = BytesCount::new(sample.text.len());
    bencher.counter(bytes).bench(|| PreparedEvent::new(black_box(&sample.event)));
}

fn publish(broker: &Broker, event: &PreparedEvent) {
    for _ in 0..BURST {
        broker.publish_prepared(event).expect("the ring has room");
    }
}

/// A burst, and each core reads all of it, though nobody there subscribes.
#[divan::bench(args = [1, 2, 4, 16])]
fn ring_publish_and_drain(bencher: Bencher<'_, '_>, readers: usize) {
    let hub = Hub::new();
    let broker = hub.broker("news").build();
    let core = |_| {
        let mut core = Core::new();
        core.fanout.join(&hub).expect("there are seats");
        core
    };
    let mut cores: Vec<Core> = (0..readers).map(core).collect();
    let event = PreparedEvent::new(&Event::data(data()));
    let mut burst = || {
        publish(&broker, &event);
        cores.iter_mut().map(|core| core.fanout.absorb()).sum::<usize>()
    };
    assert_eq!((burst(), burst()), (BURST * readers, BURST * readers), "all see all");
    assert_eq!(hub.backlog(), 0, "and leave nothing");
    bencher.counter(ItemsCount::new(BURST)).bench_local(burst);
}

/// A core with subscribers to whom this was published.
struct Stage {
    broker: Broker,
    core: Core,
    event: PreparedEvent,
}

impl Stage {
    fn new(subscribers: usize) -> RefCell<Self> {
        let (broker, mut core) = (Hub::new().broker("news").build(), Core::new());
        core.subscribers(&broker, subscribers);
        let event = PreparedEvent::new(&Event::data(data()));
        RefCell::new(Self { broker, core, event })
    }

    /// Looks whether all got what was published since there were so many deliveries.
    fn assert_delivered(&self, before: u64, events: usize, subscribers: usize) {
        let due = (events * subscribers) as u64;
        assert_eq!(self.core.delivered() - before, due, "all reach everybody");
    }
}

/// From the ring into the log, which was emptied before: its blocks are used over and over.
#[divan::bench(args = [1, 3], sample_size = 1, sample_count = 1000)]
fn log_append(bencher: Bencher<'_, '_>, subscribers: usize) {
    let stage = Stage::new(subscribers);
    let fill = || {
        let mut stage = stage.borrow_mut();
        stage.core.run();
        publish(&stage.broker, &stage.event);
    };
    let append = || stage.borrow_mut().core.fanout.absorb();
    for _ in 0..3 {
        let before = stage.borrow().core.delivered();
        fill();
        assert_eq!((append(), append()), (BURST, 0));
        fill();
        stage.borrow().assert_delivered(before, BURST, subscribers);
        append();
        stage.borrow_mut().core.run();
    }
    bencher.counter(ItemsCount::new(BURST)).with_inputs(fill).bench_local_values(|()| append());
}

/// From the log to 100 sockets, each from its own cursor.
#[divan::bench(args = [1, 32], sample_size = 1, sample_count = 1000)]
fn log_read(bencher: Bencher<'_, '_>, events: usize) {
    const SUBSCRIBERS: usize = 100;
    let stage = Stage::new(SUBSCRIBERS);
    let fill = || {
        let mut stage = stage.borrow_mut();
        for _ in 0..events {
            stage.broker.publish_prepared(&stage.event).expect("the ring has room");
        }
        assert_eq!(stage.core.fanout.absorb(), events);
    };
    let read = || {
        let Stage { core, .. } = &mut *stage.borrow_mut();
        while core.fanout.round(&mut core.sockets, core.now) {}
    };
    for _ in 0..3 {
        let before = stage.borrow().core.delivered();
        fill();
        read();
        stage.borrow().assert_delivered(before, events, SUBSCRIBERS);
    }
    let items = ItemsCount::new(events * SUBSCRIBERS);
    bencher.counter(items).with_inputs(fill).bench_local_values(|()| read());
}

/// A socket that was full takes what its stream is owed: 32 events that have left the log.
#[divan::bench(sample_size = 1, sample_count = 1000)]
fn catch_up(bencher: Bencher<'_, '_>) {
    const EVENTS: usize = 32;
    let stage = Stage::new(1);
    let (to, slow) = {
        let Stage { core, broker, .. } = &mut *stage.borrow_mut();
        let slow = core.subscriber(broker);
        core.run();
        slow
    };
    let fall_behind = || {
        let Stage { core, broker, event } = &mut *stage.borrow_mut();
        core.sockets.full_from = Some(to);
        for _ in 0..EVENTS {
            broker.publish_prepared(event).expect("the ring has room");
            core.run();
        }
        core.sockets.full_from = None;
    };
    let catch_up = || {
        let Stage { core, .. } = &mut *stage.borrow_mut();
        core.fanout.writable(slow);
        while core.fanout.round(&mut core.sockets, core.now) {}
    };
    for _ in 0..3 {
        let before = stage.borrow().core.delivered();
        fall_behind();
        stage.borrow().assert_delivered(before, EVENTS, 1);
        catch_up();
        stage.borrow().assert_delivered(before, EVENTS, 2);
    }
    let items = ItemsCount::new(EVENTS);
    bencher.counter(items).with_inputs(fall_behind).bench_local_values(|()| catch_up());
}
