//! A core that does not read, and those who want to publish meanwhile: what the hub promises of a full
//! ring. Nothing is lost, and nobody waits longer than the cause lasts.

use super::*;
use crate::broker::PublishError;
use crate::client::block::block_on;
use crate::{Published, Refusal};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A hub for four events, its broker, and a core that has joined.
fn small_hub() -> (Hub, Broker, Core) {
    let hub = Hub::builder().ring_events(4).build();
    let (news, mut core) = (hub.broker("news").build(), Core::new());
    core.fanout.join(&hub).expect("a seat");
    (hub, news, core)
}

/// Publishes until there is no room. Returns how many were taken.
fn fill(news: &Broker) -> usize {
    let taken = (0..).take_while(|n: &usize| news.publish(Event::data(n.to_string())).is_ok());
    taken.count()
}

type Publisher = JoinHandle<Result<Published, PublishError>>;

/// What came of it, within a minute.
fn outcome(publisher: Publisher) -> Result<Published, PublishError> {
    let give_up = Instant::now() + Duration::from_mins(1);
    while !publisher.is_finished() {
        assert!(Instant::now() < give_up, "it waits for ever");
        std::thread::yield_now();
    }
    publisher.join().expect("no panic")
}

/// Both ways to wait, each on a thread that has begun to.
fn waiting(hub: &Hub, news: &Broker) -> [Publisher; 2] {
    let before = hub.shared.ring.waiting();
    let (first, second) = (news.clone(), news.clone());
    let threads = [
        std::thread::spawn(move || first.publish_wait(Event::data("blocking"), None)),
        std::thread::spawn(move || block_on(second.publish_async(Event::data("async")))),
    ];
    while hub.shared.ring.waiting() < before + 2 {
        assert!(!threads.iter().any(JoinHandle::is_finished), "there is no room");
        std::thread::yield_now();
    }
    threads
}

#[test]
fn a_stuck_core_loses_nothing_and_holds_back_no_other_until_the_ring_is_full() {
    let (hub, news, mut stuck) = small_hub();
    let mut other = Core::new();
    let (there, here) = (stuck.subscriber(&news), other.subscriber(&news));
    let taken = fill(&news);
    assert_eq!((taken, hub.backlog()), (4, 4));
    other.run();
    let refused = news.publish(Event::data("x")).expect_err("one core has read nothing");
    assert_eq!(refused.refusal(), Refusal::Full);
    assert_eq!(refused.into_event(), crate::PreparedEvent::new(&Event::data("x")));
    assert_eq!(news.published(), 4, "what was refused counts nowhere");
    stuck.run();
    publish(&news, "after");
    stuck.run();
    other.run();
    let all = ["0", "1", "2", "3", "after"];
    assert_eq!(other.data(here), all);
    assert_eq!(stuck.data(there), all);
    assert_eq!(news.dropped_events(), 0);
}

#[test]
fn who_waits_to_publish_goes_on_when_the_stuck_core_reads() {
    let (hub, news, mut stuck) = small_hub();
    let peer = stuck.subscriber(&news);
    fill(&news);
    let threads = waiting(&hub, &news);
    stuck.step();
    for thread in threads {
        outcome(thread).expect("room");
    }
    stuck.run();
    assert_eq!(stuck.data(peer).len(), 6);
}

#[test]
fn who_waits_to_publish_goes_on_when_the_stuck_core_dies() {
    let (hub, news, stuck) = small_hub();
    fill(&news);
    let threads = waiting(&hub, &news);
    // As a worker's thread ends that panics.
    let core = std::thread::spawn(move || {
        let _fanout = stuck.fanout;
        panic!("the core dies");
    });
    core.join().expect_err("it panicked");
    for thread in threads {
        outcome(thread).expect("nobody is behind any more");
    }
    assert_eq!(hub.backlog(), 0);
}

#[test]
fn who_waits_to_publish_is_told_that_the_broker_is_closed() {
    let (hub, news, _stuck) = small_hub();
    let other = hub.broker("other").build();
    fill(&news);
    let still = waiting(&hub, &other);
    let threads = waiting(&hub, &news);
    news.close();
    for thread in threads {
        let refused = outcome(thread).expect_err("closed");
        assert_eq!(refused.refusal(), Refusal::Closed);
    }
    assert!(!still.iter().any(JoinHandle::is_finished), "theirs is open");
    other.close();
    for thread in still {
        outcome(thread).expect_err("closed");
    }
}

#[test]
fn a_task_waits_for_its_own_core() {
    let (_, news, mut core) = small_hub();
    let peer = core.subscriber(&news);
    fill(&news);
    let mut publishing = pin!(news.publish_async(Event::data("late")));
    let mut context = Context::from_waker(Waker::noop());
    assert!(publishing.as_mut().poll(&mut context).is_pending());
    core.run();
    assert!(matches!(publishing.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    core.run();
    assert_eq!(core.data(peer), ["0", "1", "2", "3", "late"]);
}

#[test]
fn a_task_that_gives_up_publishes_nothing() {
    let (hub, news, mut core) = small_hub();
    fill(&news);
    {
        let mut publishing = pin!(news.publish_async(Event::data("late")));
        let mut context = Context::from_waker(Waker::noop());
        assert!(publishing.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(hub.shared.ring.waiting(), 0);
    core.run();
    assert_eq!((news.published(), hub.backlog()), (4, 0));
}
