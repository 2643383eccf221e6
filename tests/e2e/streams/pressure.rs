//! Publishers that are quicker than a core: the ring is bounded, and who meets its bound is told.

use super::feed_of;
use crate::support::{PATIENCE, Running, SetAtEnd, builder, eventually};
use headwater::sse::{Event, Refusal};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RING: usize = 16;

fn serve(engine: Engine, hub: &Hub, app: Router) -> Running {
    let server = builder(engine).workers(1).hub(hub).serve(app).map(Running::from);
    server.expect("a free port of the loopback")
}

fn publisher_is_told_when_a_core_stands_still(engine: Engine) {
    let hub = Hub::builder().ring_events(RING).build();
    let broker = hub.broker("test").build();
    let (standing, released) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (stands, leave) = (standing.clone(), released.clone());
    // A handler that does what none should: it holds its core.
    let hold = move || {
        stands.store(true, Ordering::Relaxed);
        while !leave.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        "released"
    };
    let server = serve(engine, &hub, feed_of(&broker).route("/hold", get(hold)));
    let _release = SetAtEnd(&released);
    let mut stream = server.subscribe("/events");
    let mut peer = server.connect();
    peer.ask("/hold");
    eventually("the core stands still", || standing.load(Ordering::Relaxed));
    let mut taken = 0;
    let refused = loop {
        match broker.publish(Event::data(taken.to_string())) {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
        assert!(taken <= RING, "the ring is bounded");
    };
    assert_eq!((refused.refusal(), taken), (Refusal::Full, RING));
    assert_eq!(hub.backlog(), RING);
    let event = refused.into_event();
    assert_eq!(event.len(), format!("data: {RING}\n\n").len());
    // Waiting does not help before the core goes on.
    let soon = Instant::now() + Duration::from_millis(50);
    let refused = broker.publish_wait(Event::data("x"), Some(soon)).expect_err("it is full");
    assert_eq!(refused.refusal(), Refusal::Full);
    assert!(Instant::now() >= soon);
    released.store(true, Ordering::Relaxed);
    assert_eq!(peer.answer().text(), "released");
    let deadline = Some(Instant::now() + PATIENCE);
    broker.publish_wait(Event::data("last"), deadline).expect("the core goes on");
    for number in 0..taken {
        assert_eq!(stream.data(), number.to_string());
    }
    assert_eq!(stream.data(), "last");
}

fn publisher_that_waits_loses_nothing_in_a_small_ring(engine: Engine) {
    let hub = Hub::builder().ring_events(2).build();
    let broker = hub.broker("test").subscriber_buffer(10_000).build();
    let server = serve(engine, &hub, feed_of(&broker));
    let mut streams = [server.subscribe("/events"), server.subscribe("/events")];
    std::thread::scope(|scope| {
        let deadline = Some(Instant::now() + PATIENCE);
        for thread in 0..3 {
            let broker = &broker;
            scope.spawn(move || {
                for _ in 0..300 {
                    let event = Event::data(thread.to_string());
                    broker.publish_wait(event, deadline).expect("there is room now and then");
                }
            });
        }
        for stream in &mut streams {
            let mut counts = [0; 3];
            for id in 1..=900 {
                let heard = stream.event();
                assert_eq!(heard.number(), id);
                let thread: usize = heard.data.and_then(|data| data.parse().ok()).expect("ours");
                counts[thread] += 1;
            }
            assert_eq!(counts, [300; 3]);
        }
    });
}

fn handler_may_publish_more_than_the_ring_holds(engine: Engine) {
    const EVENTS: usize = 20 * RING;
    let hub = Hub::builder().ring_events(RING).build();
    let broker = hub.broker("test").subscriber_buffer(EVENTS).build();
    let publisher = broker.clone();
    let publish = move || {
        let events = (0..EVENTS).map(|number| publisher.publish(Event::data(number.to_string())));
        events.flatten().count().to_string()
    };
    let server = serve(engine, &hub, feed_of(&broker).route("/publish", get(publish)));
    let mut stream = server.subscribe("/events");
    // Nobody else can make room: its own core has to read first.
    assert_eq!(server.get("/publish").text(), EVENTS.to_string());
    for number in 0..EVENTS {
        assert_eq!(stream.data(), number.to_string());
    }
}

on_every_engine! {
    publisher_is_told_when_a_core_stands_still,
    publisher_that_waits_loses_nothing_in_a_small_ring,
    handler_may_publish_more_than_the_ring_holds,
}
