//! Between publishers and a core: hubs that are read and brokers that are not, full rings, and cores
//! that publish themselves.

use super::*;
use crate::Refusal;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

#[test]
fn a_hub_is_joined_with_its_first_subscriber() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let news = hub.broker("news").build();
    assert_eq!(hub.shared.ring.readers(), 0);
    publish(&news, "to nobody");
    assert_eq!(hub.backlog(), 0, "without a reader nothing is kept");
    let peer = core.subscriber(&news);
    assert_eq!(hub.shared.ring.readers(), 1);
    core.fanout.join(&hub).expect("joined already");
    assert_eq!(hub.shared.ring.readers(), 1);
    publish(&news, "x");
    core.run();
    assert_eq!(core.data(peer), ["x"]);
}

#[test]
fn brokers_without_subscribers_here_cost_nothing() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let (news, other) = (hub.broker("news").build(), hub.broker("other").build());
    core.subscriber(&news);
    core.sockets.batches.clear();
    for _ in 0..3000 {
        publish(&other, "x".repeat(1000));
    }
    assert_eq!(core.fanout.absorb(), 1024, "in events, bytes do not count");
    assert_eq!((core.fanout.log_bytes, core.fanout.ready.len()), (0, 0));
    core.run();
    assert_eq!(hub.backlog(), 0);
    assert!(core.sockets.batches.is_empty());
    assert_eq!((core.fanout.topics.len(), other.published()), (1, 3000));
}

#[test]
fn a_core_reads_a_bounded_share_at_a_time() {
    let (news, mut core) = (broker(), Core::new());
    core.subscriber(&news);
    (0..2000).for_each(|n| publish(&news, n.to_string()));
    assert_eq!([0; 3].map(|_| core.fanout.absorb()), [1024, 976, 0]);
    core.run();
    (0..6).for_each(|_| publish(&news, "x".repeat(100_000)));
    assert_eq!([0; 3].map(|_| core.fanout.absorb()), [3, 3, 0]);
}

#[test]
fn full_logs_fill_the_ring_and_publishers_get_their_events_back() {
    let hub = Hub::builder().ring_events(64).build();
    let (news, mut core) = (hub.broker("news").build(), Core::new());
    let peer = core.subscriber(&news);
    let event = crate::PreparedEvent::new(&Event::data("x".repeat(100_000)));
    let mut taken = 0;
    let refused = loop {
        core.fanout.absorb();
        match news.publish_prepared(&event) {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.refusal(), Refusal::Full);
    assert_eq!(refused.into_event(), event);
    assert_eq!(hub.backlog(), 64);
    assert!((4 << 20..5 << 20).contains(&core.fanout.log_bytes), "{}", core.fanout.log_bytes);
    core.run();
    assert_eq!(core.data(peer).len(), taken);
    news.publish_prepared(&event).expect("room again");
    assert_eq!((news.published(), news.dropped_events()), (taken as u64 + 1, 0));
}

/// A fan-out whose thread this is, with one subscriber.
fn entered(broker: &Broker) -> Rc<RefCell<Fanout>> {
    let Core { mut fanout, .. } = Core::new();
    let id = fanout.open(1, Framing::Chunked, Bytes::from_static(HEAD), &Arc::default(), None);
    fanout.subscribe(id, broker).expect("open");
    let fanout = Rc::new(RefCell::new(fanout));
    crate::fanout::enter(&fanout);
    fanout
}

#[test]
fn a_core_that_publishes_into_a_full_ring_reads_first() {
    let hub = Hub::builder().ring_events(4).build();
    let news = hub.broker("news").build();
    let fanout = entered(&news);
    (0..1000).for_each(|n| publish(&news, n.to_string()));
    news.publish_wait(Event::data("1000"), None).expect("room");
    let mut sockets = TestSockets::default();
    while fanout.borrow_mut().absorb() > 0 || fanout.borrow_mut().round(&mut sockets, 1) {}
    let wire = wire::read(Framing::Chunked, &sockets.at(1).bytes);
    assert_eq!(wire.data(), (0..=1000).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_core_never_waits_for_room() {
    let hub = Hub::builder().ring_events(4).build();
    let news = hub.broker("news").build();
    let mut elsewhere = Core::new();
    elsewhere.fanout.join(&hub).expect("a seat");
    let fanout = entered(&news);
    (0..4).for_each(|n| publish(&news, n.to_string()));
    let refused = news.publish(Event::data("x")).expect_err("another core is behind");
    assert_eq!(refused.refusal(), Refusal::Full);
    let refused = news.publish_wait(Event::data("x"), None).expect_err("it would wait for itself");
    assert_eq!(refused.refusal(), Refusal::Busy);
    assert_eq!(refused.into_event(), crate::PreparedEvent::new(&Event::data("x")));
    {
        // In the middle of its own round, too.
        let _busy = fanout.borrow_mut();
        let refused = news.publish_wait(Event::data("x"), None).expect_err("full");
        assert_eq!(refused.refusal(), Refusal::Busy);
    }
    drop(fanout);
    // No core any more.
    let soon = std::time::Instant::now() + Duration::from_millis(1);
    let refused = news.publish_wait(Event::data("x"), Some(soon)).expect_err("still full");
    assert_eq!(refused.refusal(), Refusal::Full);
}

#[test]
fn a_thread_waits_for_room_until_a_core_reads() {
    let hub = Hub::builder().ring_events(2).build();
    let (news, mut core) = (hub.broker("news").build(), Core::new());
    let peer = core.subscriber(&news);
    let publisher = std::thread::spawn(move || {
        (0..500).for_each(|n| {
            news.publish_wait(Event::data(n.to_string()), None).expect("room in the end");
        });
    });
    while !publisher.is_finished() {
        core.fanout.absorb();
        core.round();
    }
    publisher.join().expect("it published all");
    core.run();
    assert_eq!(core.data(peer).len(), 500);
}

#[test]
fn a_core_that_sleeps_is_woken_by_events_and_by_closings() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    let woken = |core: &Core| core.alarm.0.load(Ordering::Relaxed);
    publish(&news, "x");
    assert!(!core.fanout.prepare_sleep(), "there is something to read");
    core.run();
    assert!(core.fanout.prepare_sleep());
    assert_eq!(woken(&core), 0, "who is awake is not woken");
    publish(&news, "y");
    publish(&news, "z");
    assert_eq!(woken(&core), 1, "once for each sleep");
    core.fanout.awake();
    core.run();
    assert!(core.fanout.prepare_sleep());
    news.close();
    assert_eq!(woken(&core), 2);
    core.fanout.awake();
    assert!(!core.fanout.prepare_sleep(), "a closing is to be looked at");
    core.fanout.awake();
    core.run();
    assert!(core.fanout.prepare_sleep());
    assert_eq!(core.data(peer), ["x", "y", "z"]);
}

#[test]
fn an_event_without_bytes_is_refused() {
    let news = broker();
    let refused = news.publish(Event::new()).expect_err("nothing to publish");
    assert_eq!(refused.refusal(), Refusal::Empty);
    assert_eq!(news.published(), 0);
}

#[test]
fn who_waits_for_room_waits_for_as_much_as_is_claimed() {
    let event = crate::PreparedEvent::new(&Event::data("x".repeat(50)));
    for with_store in [false, true] {
        let id_line = if with_store { crate::keeper::ID_LINE_BYTES as u64 } else { 0 };
        let weight = event.len() as u64 + id_line;
        // Room for two, and for one that is a byte less than the second.
        for (bytes, fits) in [(2 * weight - 1, false), (2 * weight, true)] {
            let hub = Hub::builder().ring_bytes(bytes).build();
            let mut news = hub.broker("news");
            if with_store {
                news = news.replay(Arc::new(crate::replay::RingBuffer::new(10)));
            }
            let news = news.build();
            let mut reader = Core::new();
            reader.subscriber(&news);
            news.publish_prepared(&event).expect("the first");
            let (told, outcome) = std::sync::mpsc::channel();
            let publisher = news.clone();
            std::thread::spawn(move || {
                let event = || Event::data("x".repeat(50));
                let mut task = Box::pin(publisher.publish_async(event()));
                let mut context = Context::from_waker(Waker::noop());
                let at_once = task.as_mut().poll(&mut context).is_ready();
                drop(task);
                let soon = Some(Instant::now() + Duration::from_millis(20));
                let in_time = at_once || publisher.publish_wait(event(), soon).is_ok();
                told.send((at_once, in_time)).expect("somebody waits for it");
            });
            let outcome = outcome.recv_timeout(Duration::from_mins(1)).expect("none spins");
            assert_eq!(outcome, (fits, fits), "{bytes} bytes");
        }
    }
}
