//! Streams of a broker whose store blocks, while that fails, loses events or has holes: they get what there is,
//! once, and ask seldom where there is nothing.

use super::*;

#[test]
fn a_stream_that_waits_for_a_hole_asks_seldom_and_gets_past_it() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    publish(&news, "x");
    store.holes.store(1, Ordering::Relaxed);
    let before = store.calls.load(Ordering::Relaxed);
    let peer = core.open(Framing::Chunked, true);
    // It is told that it begins after 2, of which there is no event.
    follow(&mut core, peer, &news, None);
    assert_eq!(news.subscriber_count(), 1);
    let calls = store.calls.load(Ordering::Relaxed) - before;
    assert!(calls < 40, "{calls}");
    assert_eq!(news.replay_stats().expect("a store").passed_over, 1);
}

#[test]
fn a_stream_that_may_lack_what_is_being_written_asks_seldom() {
    let store = Arc::new(Remote::new(10, Duration::from_millis(300)));
    let (news, mut core) = (broker_of(&Hub::new(), &store).build(), Core::new());
    // Somebody was given the first id, and is killed.
    store.holes.store(1, Ordering::Relaxed);
    let begun = Instant::now();
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, Some(0));
    assert!(begun.elapsed() >= store.settles);
    let calls = store.calls.load(Ordering::Relaxed);
    assert!(calls < 40, "{calls}");
    assert_eq!(news.subscriber_count(), 1);
}

#[test]
fn a_stream_that_waits_for_what_cannot_be_read_asks_seldom() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    publish(&news, "x");
    // Another's is in the store, and the broker cannot read it.
    let another = PreparedEvent::from(Event::data("another's"));
    store.ring.append(&Scope::topic("test"), &[another]).expect("room");
    store.unreadable.store(1, Ordering::Relaxed);
    let peer = core.open(Framing::Chunked, true);
    let Resumed::Rest(rest) = core.fanout.subscribe_from(peer.id, &news, Some(2.into())) else {
        panic!("it is not read in place")
    };
    let mut task = Task::new(async move { rest.run().await.expect("it waits") });
    let before = store.calls.load(Ordering::Relaxed);
    let failures = || news.replay_stats().expect("a store").read_failures;
    let mut fails = |times: u64| {
        let upto = failures() + times;
        wait_until("nobody asks", || {
            assert!(!task.poll());
            core.run();
            failures() >= upto
        });
    };
    fails(2);
    // Nor can the stream.
    store.fails.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    fails(8);
    assert!(begun.elapsed() >= Duration::from_millis(100), "they pause");
    let calls = store.calls.load(Ordering::Relaxed) - before;
    assert!(calls < 40, "{calls}");
    store.fails.store(false, Ordering::Relaxed);
    store.unreadable.store(u64::MAX, Ordering::Relaxed);
    finish(&mut core, &mut task);
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, peer), [3]);
}

#[test]
fn what_the_store_keeps_no_longer_is_passed_over_and_counted() {
    let (store, mut core) = (remote_of(3), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    let live = core.subscriber(&news);
    let passed_over = || news.replay_stats().expect("a store").passed_over;
    let others = |many: usize| {
        let events = vec![PreparedEvent::from(Event::data("another's")); many];
        store.ring.append(&Scope::topic("test"), &events).expect("room");
    };
    publish(&news, "x");
    // On a look.
    others(10);
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    assert_eq!(ids(&mut core, live), [1, 9, 10, 11], "what it still has is sent");
    assert_eq!(passed_over(), 7);
    // Before the next event, which is the third that is kept.
    others(10);
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, live), [1, 9, 10, 11, 20, 21, 22]);
    assert_eq!(ids(&mut core, peer), [20, 21, 22]);
    assert_eq!(passed_over(), 7 + 8);
    assert_eq!(news.replay_stats().expect("a store").read_failures, 0);
}

#[test]
fn how_many_there_were_of_which_none_is_kept_nobody_counts() {
    let (store, mut core) = (remote_of(1), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    let live = core.subscriber(&news);
    publish(&news, "x");
    let others = vec![PreparedEvent::from(Event::data("another's")); 1000];
    store.ring.append(&Scope::topic("test"), &others).expect("room");
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, live), [1, 1002]);
    assert_eq!(news.replay_stats().expect("a store").passed_over, 1);
}

#[test]
fn a_store_that_cannot_always_be_asked_where_it_ends_keeps_nobody_at_a_hole() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    publish(&news, "x");
    store.holes.store(1, Ordering::Relaxed);
    let peer = core.open(Framing::Chunked, true);
    store.every_other_tail.store(2, Ordering::Relaxed);
    follow(&mut core, peer, &news, None);
    let stats = news.replay_stats().expect("a store");
    assert_eq!((news.subscriber_count(), stats.passed_over), (1, 1));
    assert!(stats.read_failures > 0, "and that is told");
}

#[test]
fn however_much_others_stored_a_stream_waits_for_it_once() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    publish(&news, "x");
    let others: Vec<PreparedEvent> = (0..5000).map(|_| Event::data("another's").into()).collect();
    store.ring.append(&Scope::topic("test"), &others).expect("room");
    let before = store.calls.load(Ordering::Relaxed);
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    let calls = store.calls.load(Ordering::Relaxed) - before;
    assert!(calls < 5000 / 256 + 6, "{calls}");
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, peer), [5002]);
}

#[test]
fn who_is_new_begins_without_a_store_where_events_go_without_ids() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).store_failure(StoreFailure::SendWithoutId).build();
    store.fails.store(true, Ordering::Relaxed);
    let peer = core.open(Framing::Chunked, true);
    follow(&mut core, peer, &news, None);
    publish(&news, "without");
    store.fails.store(false, Ordering::Relaxed);
    publish(&news, "with");
    core.run();
    assert_eq!(
        (core.data(peer), ids(&mut core, peer)),
        (vec!["without".into(), "with".into()], vec![1])
    );
    // One that has an id may miss something.
    store.fails.store(true, Ordering::Relaxed);
    let back = core.open(Framing::Chunked, true);
    let Resumed::Rest(rest) = core.fanout.subscribe_from(back.id, &news, Some(0.into())) else {
        panic!("it is not read in place")
    };
    let mut task = Task::new(async move {
        let refused = rest.run().await.expect_err("nobody knows what it missed");
        assert!(matches!(refused, ResumeError::Store(StoreError::Unavailable { .. })));
    });
    finish(&mut core, &mut task);
}

#[test]
fn who_is_subscribed_already_gets_nothing_twice() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    publish(&news, "before");
    let peer = core.subscriber(&news);
    (0..3).for_each(|_| publish(&news, "x"));
    follow(&mut core, peer, &news, Some(0));
    publish(&news, "x");
    core.run();
    assert_eq!(ids(&mut core, peer), [2, 3, 4, 5]);
    assert_eq!(news.subscriber_count(), 1);
}

#[test]
fn nobody_asks_a_store_for_a_stream_that_has_ended() {
    let (store, mut core) = (remote(), Core::new());
    let news = broker_of(&Hub::new(), &store).build();
    store.stall(true);
    let peer = core.open(Framing::Chunked, true);
    let Resumed::Rest(rest) = core.fanout.subscribe_from(peer.id, &news, Some(0.into())) else {
        panic!("it is not read in place")
    };
    let mut task = Task::new(async move {
        let ended = rest.run().await.expect_err("its client leaves");
        assert!(matches!(ended, ResumeError::Flush(_)), "{ended}");
    });
    assert!(!task.poll());
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    finish(&mut core, &mut task);
    store.stall(false);
}

/// A store whose ids are words.
struct Words;

impl ReplayStore for Words {
    fn append(&self, _: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        let ids: Vec<EventId> = events.iter().map(|_| "word".parse().expect("an id")).collect();
        Ok(ids.into())
    }

    fn since(&self, _: &Scope, _: Option<&EventId>, _: usize) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    fn tail(&self, _: &Scope) -> Result<EventId, StoreError> {
        Ok("word".parse().expect("an id"))
    }

    fn blocks(&self) -> bool {
        true
    }
}

#[test]
fn ids_that_have_no_order_are_refused_where_the_store_blocks() {
    let news = Hub::new().broker("test").replay(Arc::new(Words)).build();
    let refused = news.publish(Event::data("x")).expect_err("nobody knows what comes after it");
    assert_eq!(refused.refusal(), Refusal::Store);
    assert!(refused.store_error().is_some_and(StoreError::may_have_written), "it is there");
    let mut core = Core::new();
    let peer = core.open(Framing::Chunked, true);
    let Resumed::Rest(rest) = core.fanout.subscribe_from(peer.id, &news, None) else {
        panic!("it is not read in place")
    };
    let mut task = Task::new(async move {
        let refused = rest.run().await.expect_err("nor where it begins");
        assert!(refused.to_string().contains("not numbers"), "{refused}");
    });
    finish(&mut core, &mut task);
}
