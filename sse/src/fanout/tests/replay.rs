//! Streams that are given what they missed: nothing twice, nothing left out, whatever is published and
//! whoever is slow meanwhile.

use super::stores::{Task, finish, remote};
use super::*;
use crate::fanout::Resumed;
use crate::replay::{ReplayStore, RingBuffer, StoreError, UnknownId};
use crate::{EventId, Refusal, ResumeError, StoreFailure};
use proptest::prelude::*;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

fn stores() -> [Arc<dyn ReplayStore>; 2] {
    [Arc::new(RingBuffer::new(100_000)), remote()]
}

pub(super) fn broker_with(store: Arc<dyn ReplayStore>) -> Broker {
    Hub::new().broker("test").subscriber_buffer(1_000_000).replay(store).build()
}

/// Goes on until the stream is told what comes, which may take what other threads do.
pub(super) fn follow(core: &mut Core, peer: Peer, broker: &Broker, after: Option<u64>) {
    match core.fanout.subscribe_from(peer.id, broker, after.map(EventId::from)) {
        Resumed::Live => core.run(),
        Resumed::Rest(rest) => {
            let mut task = Task::new(async move { rest.run().await.expect("it goes on") });
            finish(core, &mut task);
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn ids(core: &mut Core, peer: Peer) -> Vec<u64> {
    let wire = core.wire(peer);
    let id = |seen: &wire::Seen| seen.id.as_ref().and_then(|id| id.parse().ok());
    wire.events.iter().filter(|seen| !seen.data.is_empty()).filter_map(id).collect()
}

#[test]
fn what_was_missed_comes_before_what_is_published() {
    for store in stores() {
        let (news, mut core) = (broker_with(store), Core::new());
        for n in 0..1000 {
            assert_eq!(news.publish(Event::data("x")).expect("room").id, (n + 1).into());
        }
        for after in [0, 1, 500, 743, 744, 999, 1000] {
            let peer = core.open(Framing::Chunked, true);
            follow(&mut core, peer, &news, Some(after));
            let published = news.published();
            news.publish(Event::data("now")).expect("room");
            core.run();
            let due: Vec<u64> = (after + 1..=published + 1).collect();
            assert_eq!(ids(&mut core, peer), due);
        }
        assert_eq!(news.replay_stats().map(|stats| stats.stored), Some(1007));
    }
}

#[test]
fn a_stream_begins_with_the_id_after_which_it_gets_all() {
    for store in stores() {
        let (news, mut core) = (broker_with(store), Core::new());
        for begin in 0..3u64 {
            let peer = core.open(Framing::Plain, true);
            follow(&mut core, peer, &news, None);
            let bytes = core.sockets.at(peer.to).bytes.clone();
            let begins = format!("{}id: {begin}\n\n", String::from_utf8_lossy(HEAD));
            assert_eq!(String::from_utf8_lossy(&bytes), begins);
            publish(&news, "x");
            core.run();
            assert_eq!(ids(&mut core, peer), [begin + 1]);
        }
    }
}

#[test]
fn pitfall_8_an_id_from_the_future_is_not_up_to_date() {
    for store in stores() {
        let (news, mut core) = (broker_with(store), Core::new());
        publish(&news, "x");
        let peer = core.open(Framing::Chunked, true);
        let client = core.client(peer);
        let refused = Arc::new(Mutex::new(None));
        let (told, broker) = (refused.clone(), news.clone());
        let mut task = Task::new(async move {
            let outcome = broker.subscribe_from(&client, Some(&7.into())).await;
            *told.lock().expect("no panic") = Some(outcome.map(std::mem::forget));
        });
        finish(&mut core, &mut task);
        let refused = refused.lock().expect("no panic").take().expect("it is done");
        let refused = refused.expect_err("nothing has this id");
        let ResumeError::Store(StoreError::Unknown { why, .. }) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(*why, UnknownId::Future);
        let stats = news.replay_stats().expect("it has a store");
        assert_eq!(stats.read_failures, 0, "it was asked, and has answered");
        assert_eq!(news.subscriber_count(), 0);
    }
}

#[test]
fn a_subscription_that_nobody_waits_for_any_more_is_none() {
    let (news, mut core) = (broker_with(Arc::new(RingBuffer::new(10))), Core::new());
    let peer = core.open(Framing::Chunked, false);
    let (client, broker) = (core.client(peer), news.clone());
    for steps in 0..4 {
        let (client, broker) = (client.clone(), broker.clone());
        let subscribed = async move { broker.subscribe_from(&client, None).await };
        let mut task = Box::pin(subscribed);
        for _ in 0..steps {
            let waker = Waker::noop();
            let polled = task.as_mut().poll(&mut Context::from_waker(waker));
            if polled.is_ready() {
                break;
            }
            core.run();
        }
        drop(task);
        core.run();
        assert_eq!(news.subscriber_count(), 0, "after {steps} steps");
    }
}

#[test]
fn events_that_a_store_does_not_take_are_refused_or_go_without_an_id() {
    for failure in [StoreFailure::Refuse, StoreFailure::SendWithoutId] {
        let (store, mut core) = (remote(), Core::new());
        let news = Hub::new().broker("test").replay(store.clone()).store_failure(failure).build();
        let peer = core.open(Framing::Chunked, true);
        follow(&mut core, peer, &news, None);
        publish(&news, "before");
        store.fails.store(true, Ordering::Relaxed);
        let refused = news.publish(Event::data("meanwhile").id("own"));
        let stats = news.replay_stats().expect("it has a store");
        if failure == StoreFailure::Refuse {
            let refused = refused.expect_err("it fails");
            assert_eq!(refused.refusal(), Refusal::Store);
            assert!(refused.store_error().is_some_and(|error| !error.may_have_written()));
            assert_eq!(refused.into_event().id(), Some("own".parse().expect("an id")));
            assert_eq!((stats.refused, stats.without_id), (1, 0));
        } else {
            assert!(!refused.expect("it is sent").event.has_id());
            assert_eq!((stats.refused, stats.without_id), (0, 1));
        }
        store.fails.store(false, Ordering::Relaxed);
        publish(&news, "after");
        core.run();
        let heard: Vec<_> = core.wire(peer).events.into_iter().map(|e| (e.id, e.data)).collect();
        let id = |id: &str| Some(id.to_owned());
        let mut due = vec![(id("1"), "before"), (id("2"), "after")];
        if failure == StoreFailure::SendWithoutId {
            due.insert(1, (None, "meanwhile"));
        }
        assert_eq!(
            heard,
            due.into_iter().map(|(id, data)| (id, data.to_owned())).collect::<Vec<_>>()
        );
    }
}

#[test]
fn one_event_that_is_too_large_keeps_no_other_out() {
    let (store, mut core) = (remote(), Core::new());
    let news = Hub::new().broker("test").replay(store.clone()).build();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    for n in 0..100 {
        let size = if n % 7 == 3 { 20_000 } else { 1 };
        news.publish_later(Event::data(format!("{n} {}", "x".repeat(size)))).expect("room");
    }
    let stats = || news.replay_stats().expect("it has a store");
    let give_up = Instant::now() + Duration::from_mins(1);
    while stats().waiting > 0 {
        assert!(Instant::now() < give_up, "{:?}", stats());
        std::thread::yield_now();
    }
    core.run();
    assert_eq!((stats().stored, stats().refused), (86, 14));
    assert_eq!(ids(&mut core, peer), (1..=86).collect::<Vec<u64>>());
}

#[test]
fn nobody_waits_for_a_store_on_a_core() {
    let news = Hub::new().broker("test").replay(remote()).store_queue(1).build();
    let fanout = std::rc::Rc::new(std::cell::RefCell::new(Core::new().fanout));
    crate::fanout::enter(&fanout);
    let busy = news.publish(Event::data("x")).expect_err("it would wait");
    assert_eq!(busy.refusal(), Refusal::Busy);
    let busy = news.publish_wait(Event::data("x"), None).expect_err("it would wait");
    assert_eq!(busy.refusal(), Refusal::Busy);
    news.publish_later(Event::data("x")).expect("there is room");
}

proptest! {
    #[test]
    fn pitfall_6_nothing_is_lost_or_doubled_between_replay_and_live(
        ops in prop::collection::vec((0..4u8, 0..8usize, 0..400usize), 1..40),
        blocks in any::<bool>(),
    ) {
        let store: Arc<dyn ReplayStore> =
            if blocks { remote() } else { Arc::new(RingBuffer::new(100_000)) };
        let (news, mut core) = (broker_with(store), Core::new());
        let mut followers: Vec<(Peer, u64, Task)> = Vec::new();
        for (op, which, size) in ops {
            match op {
                0 => (0..size).for_each(|_| publish(&news, "x")),
                1 => {
                    let after = (news.published() * which as u64) / 8;
                    let peer = core.open(Framing::Chunked, true);
                    let task = match core.fanout.subscribe_from(peer.id, &news, Some(after.into())) {
                        Resumed::Live => Task::new(async {}),
                        Resumed::Rest(rest) => {
                            Task::new(async move { rest.run().await.expect("it goes on") })
                        }
                        other => panic!("{other:?}"),
                    };
                    followers.push((peer, after, task));
                }
                2 => {
                    if let Some((peer, ..)) = followers.get(which) {
                        core.allow(*peer, 10 * size);
                    }
                }
                _ => {
                    core.step();
                    for (.., task) in &mut followers {
                        task.poll();
                    }
                }
            }
        }
        for (peer, ..) in &followers {
            core.allow(*peer, usize::MAX);
        }
        for (.., task) in &mut followers {
            finish(&mut core, task);
        }
        core.run();
        for (peer, after, _) in followers {
            prop_assert_eq!(ids(&mut core, peer), (after + 1..=news.published()).collect::<Vec<_>>());
        }
    }
}
