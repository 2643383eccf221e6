//! A broker whose store blocks, in trouble: stuck cores, stores that stall, others that append, and publishers
//! that give up. Nobody waits for ever, and nothing is lost silently. Streams in trouble are in `streams`.

mod streams;

use super::replay::{follow, ids};
use super::stores::{Remote, Task, finish, remote, remote_of, until};
use super::*;
use crate::fanout::{Disconnect, Resumed};
use crate::replay::{Ids, Page, ReplayStore, Scope, StoreError};
use crate::{BrokerBuilder, EventId, PreparedEvent, Refusal, ResumeError, StoreFailure};
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll, Wake as WakeTask, Waker};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);

fn broker_of(hub: &Hub, store: &Arc<Remote>) -> BrokerBuilder {
    let millis = Duration::from_millis;
    let broker = hub.broker("test").replay(store.clone()).patience(millis(50), millis(200), MINUTE);
    broker.subscriber_buffer(1_000_000)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + MINUTE;
    while !holds() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::yield_now();
    }
}

/// The store is being asked for an event, and does not answer.
fn stalled(news: &Broker, store: &Remote) {
    let calls = || store.calls.load(Ordering::Relaxed);
    let before = calls();
    store.stall(true);
    news.publish_later(Event::data("under way")).expect("room");
    wait_until("nobody asks the store", || calls() > before);
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A core that reads when it likes.
struct NeverAsleep;

impl Wake for NeverAsleep {
    fn wake(&self) {}
}

#[test]
fn a_broker_ends_after_what_waits_for_its_store() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    stalled(&news, &store);
    let mut waits = Box::pin(news.publish_async(Event::data("waits")));
    assert!(poll_once(waits.as_mut()).is_pending());
    news.close();
    assert!(news.is_closed());
    let late = news.publish(Event::data("late")).expect_err("it is closed");
    assert_eq!(late.refusal(), Refusal::Closed);
    core.run();
    assert!(core.over.is_empty(), "its events are still to come");
    store.stall(false);
    let published = crate::client::block::block_on(waits).expect("it was taken before");
    assert_eq!(published.id, 2.into());
    until(&mut core, "the stream does not end", |core| !core.over.is_empty());
    assert_eq!(core.data(peer), ["under way", "waits"]);
    // With nothing in hand it ends at once.
    let quiet = broker_of(&Hub::new(), &store).build();
    quiet.close();
    assert!(quiet.shared.closed_at().is_some());
}

#[test]
fn nobody_waits_for_ever_behind_a_stuck_core() {
    let (store, mut core) = (remote(), Core::new());
    let hub = Hub::builder().ring_events(4).build();
    let news = broker_of(&hub, &store).store_failure(StoreFailure::SendWithoutId).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    for n in 1..=20u64 {
        let published = news.publish(Event::data("x")).expect("the store has it");
        assert_eq!(published.id, n.into());
    }
    store.fails.store(true, Ordering::Relaxed);
    let refused = news.publish(Event::data("lost")).expect_err("it can go nowhere");
    assert_eq!(refused.refusal(), Refusal::Store);
    assert!(matches!(refused.store_error(), Some(StoreError::Unavailable { .. })));
    assert_eq!(refused.into_event().as_bytes()[..], b"data: lost\n\n"[..]);
    store.fails.store(false, Ordering::Relaxed);
    assert_eq!(hub.backlog(), 4);
    // No other event is needed.
    until(&mut core, "the rest is not sent", |core| ids(core, peer).len() == 20);
    assert_eq!(ids(&mut core, peer), (1..=20).collect::<Vec<u64>>());
    let stats = news.replay_stats().expect("it has a store");
    assert_eq!((stats.stored, stats.without_id, stats.refused), (20, 0, 1));
    assert_eq!((news.published(), stats.passed_over), (20, 0));
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, peer).last(), Some(&21));
}

#[test]
fn an_event_for_which_others_leave_no_room_is_sent_later() {
    let hub = Hub::builder().ring_bytes(300).build();
    let mut core = hub.shared.ring.join(Arc::new(NeverAsleep)).expect("a seat");
    let (store, other) = (remote(), hub.broker("other").build());
    let news = broker_of(&hub, &store).build();
    let fill = || while other.publish(Event::data("x")).is_ok() {};
    fill();
    let publisher = news.clone();
    let large = Event::data("x".repeat(100));
    let waits = std::thread::spawn(move || publisher.publish(large));
    wait_until("it waits as long as others publish", || {
        core.take(1, |_, _| ControlFlow::Continue(()));
        fill();
        waits.is_finished()
    });
    assert_eq!(waits.join().expect("no panic").expect("the store has it").id, 1.into());
    let mut sent = 0;
    wait_until("it is not sent", || {
        core.take(100, |_, entry| {
            sent += usize::from(Arc::ptr_eq(&entry.broker, &news.shared));
            ControlFlow::Continue(())
        });
        sent > 0
    });
    assert_eq!((sent, news.published()), (1, 1));
}

#[test]
fn a_broker_that_cannot_send_all_ends_nevertheless() {
    let (store, mut core) = (remote(), Core::new());
    let hub = Hub::builder().ring_events(4).build();
    let news = broker_of(&hub, &store).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    (0..9).for_each(|_| publish(&news, "x"));
    news.close();
    wait_until("it is stuck", || news.shared.closed_at().is_some());
    core.run();
    assert_eq!(ids(&mut core, peer), [1, 2, 3, 4]);
    assert!(!core.over.is_empty());
}

#[test]
fn a_broker_that_is_dropped_while_it_cannot_send_leaves_no_thread() {
    let (store, mut core) = (remote(), Core::new());
    let hub = Hub::builder().ring_events(4).build();
    let news = broker_of(&hub, &store).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    (0..9).for_each(|_| publish(&news, "x"));
    // What it cannot send it cannot read either.
    store.fails.store(true, Ordering::Relaxed);
    drop((news, core));
    wait_until("its thread stays", || Arc::strong_count(&store) == 1);
}

#[test]
fn an_event_that_the_store_was_not_given_is_taken_back() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).build();
    stalled(&news, &store);
    let soon = Some(Instant::now() + Duration::from_millis(20));
    let refused = news.publish_wait(Event::data("too late"), soon).expect_err("it stalls");
    assert_eq!(refused.refusal(), Refusal::Full);
    let mut dropped = Box::pin(news.publish_async(Event::data("dropped")));
    assert!(poll_once(dropped.as_mut()).is_pending());
    assert_eq!(news.replay_stats().expect("a store").waiting, 2);
    drop(dropped);
    assert_eq!(news.replay_stats().expect("a store").waiting, 1);
    store.stall(false);
    publish(&news, "another");
    assert_eq!(news.replay_stats().expect("a store").stored, 2);
}

#[test]
fn an_event_that_the_store_was_given_is_waited_for() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).build();
    for millis in (5..).map(|shift| 1 << shift) {
        store.stall(true);
        let publisher = news.clone();
        let soon = Instant::now() + Duration::from_millis(millis);
        let waits =
            std::thread::spawn(move || publisher.publish_wait(Event::data("x"), Some(soon)));
        let calls = || store.calls.load(Ordering::Relaxed);
        wait_until("nobody asks the store", || calls() > 0 || waits.is_finished());
        wait_until("time stands still", || Instant::now() > soon);
        store.stall(false);
        let outcome = waits.join().expect("no panic");
        // A busy machine may not have come to it in time.
        if calls() > 0 {
            assert_eq!(outcome.expect("it is stored").id, 1.into());
            return;
        }
    }
}

#[test]
fn bytes_that_wait_for_a_store_are_limited() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).build();
    stalled(&news, &store);
    let under_way = "data: under way\n\n".len();
    let rest = 16 * 1024 * 1024 - under_way - "data: \n\n".len();
    let busy = news.publish_later(Event::data("x".repeat(rest + 1))).expect_err("too much");
    assert_eq!(busy.refusal(), Refusal::Busy);
    news.publish_later(Event::data("x".repeat(rest))).expect("just as much");
    assert!(news.publish_later(Event::data("x")).is_err());
    let mut waits = Box::pin(news.publish_async(Event::data("x")));
    assert!(poll_once(waits.as_mut()).is_pending());
    store.stall(false);
    crate::client::block::block_on(waits).expect("there is room again");
}

#[test]
fn nobody_depends_on_a_publisher_that_does_not_look_at_what_it_was_told() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).store_queue(1).build();
    stalled(&news, &store);
    let mut asleep = Box::pin(news.publish_async(Event::data("x")));
    assert!(poll_once(asleep.as_mut()).is_pending());
    let mut waits = Box::pin(news.publish_async(Event::data("x")));
    assert!(poll_once(waits.as_mut()).is_pending());
    store.stall(false);
    let soon = Some(Instant::now() + MINUTE);
    let published = crate::client::block::block_on_until(waits, soon);
    assert_eq!(published.expect("it is told of the room").expect("and takes it").id, 2.into());
    crate::client::block::block_on(asleep).expect("later");
}

#[test]
fn what_others_store_in_the_middle_of_a_batch_is_sent_in_its_place() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    stalled(&news, &store);
    store.others.store(true, Ordering::Relaxed);
    for n in 0..40 {
        let size = if n % 3 == 1 { 20_000 } else { 1 };
        news.publish_later(Event::data("x".repeat(size))).expect("room");
    }
    store.stall(false);
    wait_until("it is done", || news.replay_stats().is_some_and(|stats| stats.waiting == 0));
    core.run();
    let heard = ids(&mut core, peer);
    let stored = store.ring.tail(&Scope::topic("test")).expect("it is there").as_number();
    // What others appended last is for those that come back, or before the next.
    assert!(heard.len() > 40, "{}", heard.len());
    assert_eq!(heard, (1..=heard.len() as u64).collect::<Vec<_>>());
    assert!(heard.last().copied() <= stored);
    assert_eq!(news.replay_stats().expect("a store").passed_over, 0);
}

struct Panics;

impl WakeTask for Panics {
    fn wake(self: Arc<Self>) {
        panic!("this is what it does");
    }
}

#[test]
fn a_waker_that_panics_stops_no_broker() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).store_queue(1).build();
    stalled(&news, &store);
    let panics = Arc::new(Panics).into();
    // One waits for room, and then for its outcome.
    let mut waits = Box::pin(news.publish_async(Event::data("x")));
    assert!(waits.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    store.stall(false);
    wait_until("it is stored", || news.replay_stats().is_some_and(|stats| stats.waiting == 0));
    store.stall(true);
    assert!(waits.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    store.stall(false);
    publish(&news, "goes on");
    assert_eq!(news.replay_stats().expect("a store").stored, 3);
    // In the middle of a batch.
    let news = broker_of(&Hub::new(), &store).build();
    stalled(&news, &store);
    let mut waits = Box::pin(news.publish_async(Event::data("x")));
    assert!(waits.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    let mut next = Box::pin(news.publish_async(Event::data("x")));
    assert!(poll_once(next.as_mut()).is_pending());
    store.stall(false);
    crate::client::block::block_on(next).expect("it is none of its business");
}

/// Looks at the broker when it is dropped, as a task may that ends with its last waker.
struct Looks(Broker);

impl WakeTask for Looks {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Looks {
    fn drop(&mut self) {
        assert_eq!(self.0.replay_stats().expect("a store").waiting, 1);
    }
}

#[test]
fn a_waker_that_ends_a_task_may_come_back_to_the_broker() {
    let store = remote();
    let news = broker_of(&Hub::new(), &store).store_queue(1).build();
    stalled(&news, &store);
    let waits = std::thread::spawn(move || {
        let mut waits = Box::pin(news.publish_async(Event::data("x")));
        for _ in 0..2 {
            let waker = Arc::new(Looks(news.clone())).into();
            assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
    });
    wait_until("it waits for itself", || waits.is_finished());
    waits.join().expect("no panic");
    store.stall(false);
}

#[test]
fn an_idle_broker_has_no_thread() {
    let store = remote();
    let idle = Duration::from_millis(5);
    let news = Hub::new().broker("test").replay(store).patience(MINUTE, MINUTE, idle).build();
    for _ in 0..3 {
        publish(&news, "x");
        wait_until("its thread stays", || !news.shared.journal.as_ref().expect("a store").runs());
    }
    assert_eq!(news.published(), 3);
}
