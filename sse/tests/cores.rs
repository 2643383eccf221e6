//! Several cores, each on a thread that sleeps when it has nothing to do, and publishers beside
//! them. Sockets are vectors; what a core does for a living is in the loop of `Core::run`.

use bytes::Bytes;
use headwater_sse::{
    Attempt, Broker, ClientConfig, Command, Counts, Disconnect, Egress, Event, Fanout, Framing,
    Home, Hub, Outcome, Wake,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// A core's thread, to be woken, and what is asked of it.
struct Desk {
    thread: Thread,
    posted: Mutex<Vec<Command>>,
    drain: AtomicBool,
}

impl Home for Desk {
    fn post(&self, command: Command) {
        self.posted.lock().expect("nobody panics with it").push(command);
        self.thread.unpark();
    }
}

impl Wake for Desk {
    fn wake(&self) {
        self.thread.unpark();
    }
}

#[derive(Default)]
struct Sockets(HashMap<u64, Vec<u8>>);

impl Egress for Sockets {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        for attempt in batch {
            let socket = self.0.entry(attempt.to).or_default();
            let before = socket.len();
            attempt.slices.iter().for_each(|slice| socket.extend_from_slice(slice));
            attempt.outcome = Outcome::Sent(socket.len() - before);
        }
    }
}

/// Runs a core with these many subscribers until it is told to drain, and returns what each got.
fn core(broker: Broker, subscribers: u64) -> (Arc<Desk>, JoinHandle<Vec<Vec<u8>>>) {
    let (send, receive) = std::sync::mpsc::channel();
    let handle = thread::spawn(move || {
        let desk = Arc::new(Desk {
            thread: thread::current(),
            posted: Mutex::default(),
            drain: AtomicBool::new(false),
        });
        let counts = Arc::<Counts>::default();
        let mut fanout = Fanout::new(desk.clone(), desk.clone(), counts.clone());
        let config = Arc::new(ClientConfig::new().ends_with_brokers(true));
        for to in 0..subscribers {
            let stream = fanout.open(to, Framing::Plain, Bytes::new(), &config, None);
            fanout.subscribe(stream, &broker).expect("open");
        }
        send.send(desk.clone()).expect("somebody waits for it");
        let sockets = run(&mut fanout, &desk);
        assert_eq!(counts.streams.load(Ordering::Relaxed), 0);
        sockets.0.into_values().collect()
    });
    (receive.recv().expect("a core"), handle)
}

fn run(fanout: &mut Fanout, desk: &Desk) -> Sockets {
    let mut sockets = Sockets::default();
    let give_up = Instant::now() + Duration::from_mins(2);
    while fanout.streams() > 0 {
        assert!(Instant::now() < give_up, "{} streams are left", fanout.streams());
        if desk.drain.load(Ordering::Acquire) {
            fanout.close_all(Disconnect::Drain);
        }
        let posted = std::mem::take(&mut *desk.posted.lock().expect("nobody panics with it"));
        let idle = posted.is_empty();
        for command in posted {
            fanout.command(command);
        }
        let seen = fanout.absorb();
        let more = fanout.round(&mut sockets, 1);
        while fanout.next_over().is_some() {}
        if idle && seen == 0 && !more && fanout.streams() > 0 && fanout.prepare_sleep() {
            // A wake that got lost ends the test.
            thread::park_timeout(give_up.saturating_duration_since(Instant::now()));
        }
        fanout.awake();
    }
    sockets
}

#[test]
fn all_subscribers_on_all_cores_see_one_order_whoever_publishes() {
    const EACH: usize = 5000;
    let news = Hub::new().broker("news").build();
    let cores: Vec<_> = (0..3).map(|_| core(news.clone(), 5)).collect();
    let publishers: Vec<_> = (0..3)
        .map(|me| {
            let news = news.clone();
            thread::spawn(move || {
                for n in 0..EACH {
                    let event = Event::data(format!("{me}/{n}"));
                    news.publish_wait(event, None).expect("room in the end");
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.join().expect("it published all");
    }
    // The cores may be asleep by now, and are told.
    news.close();
    let mut streams = Vec::new();
    for (_, handle) in cores {
        streams.append(&mut handle.join().expect("a core that ended well"));
    }
    assert_eq!((streams.len(), news.subscriber_count(), news.dropped_events()), (15, 0, 0));
    let first = String::from_utf8(streams[0].clone()).expect("UTF-8");
    for stream in &streams {
        assert!(*stream == first.as_bytes(), "one order, and nothing missing anywhere");
    }
    let mut next = [0; 3];
    for (at, event) in first.split_terminator("\n\n").enumerate() {
        let (id, data) = event.split_once('\n').expect("two lines");
        assert_eq!(id, format!("id: {}", at + 1));
        let (me, n) = data.strip_prefix("data: ").and_then(|d| d.split_once('/')).expect("data");
        let me: usize = me.parse().expect("a number");
        assert_eq!(n, next[me].to_string(), "a publisher's own order");
        next[me] += 1;
    }
    assert_eq!(next, [EACH; 3]);
}

#[test]
fn a_core_that_sleeps_drains_what_was_published_before() {
    let news = Hub::new().broker("news").build();
    let (desk, handle) = core(news.clone(), 3);
    for n in 0..100 {
        news.publish(Event::data(n.to_string())).expect("room");
    }
    desk.drain.store(true, Ordering::Release);
    desk.thread.unpark();
    for stream in handle.join().expect("a core that ended well") {
        let events = String::from_utf8(stream).expect("UTF-8").matches("\n\n").count();
        assert_eq!(events, 100);
    }
}
