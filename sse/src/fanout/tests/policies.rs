//! The slow policies of brokers, and the callback in their place.

use super::*;
use crate::{Disconnect, SlowPolicy};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A broker with room for two events that a subscriber is owed.
fn broker_with(policy: SlowPolicy) -> Broker {
    Hub::new().broker("test").subscriber_buffer(2).slow_policy(policy).build()
}

fn publish_slowly(core: &mut Core, broker: &Broker, events: std::ops::Range<usize>) {
    for n in events {
        publish(broker, n.to_string());
        core.run();
    }
}

/// Lets the core have this many answers of callbacks, in all.
fn answered(core: &mut Core, answers: usize) {
    let give_up = Instant::now() + Duration::from_mins(1);
    while core.mailbox.1.load(Ordering::Relaxed) < answers {
        assert!(Instant::now() < give_up, "the callback does not answer");
        std::thread::yield_now();
    }
    core.run();
}

#[test]
fn drop_oldest_keeps_the_newest() {
    let (news, mut core) = (broker_with(SlowPolicy::DropOldest), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..10);
    assert_eq!(news.dropped_events(), 8);
    core.allow(peer, usize::MAX);
    core.run();
    publish_slowly(&mut core, &news, 10..11);
    assert_eq!(core.data(peer), ["8", "9", "10"]);
}

#[test]
fn drop_oldest_finishes_the_event_that_has_begun() {
    for room in 1..30 {
        let (news, mut core) = (broker_with(SlowPolicy::DropOldest), Core::new());
        let peer = core.subscriber(&news);
        core.socket(peer).room = room;
        publish_slowly(&mut core, &news, 0..10);
        core.allow(peer, 5);
        core.run();
        publish_slowly(&mut core, &news, 10..20);
        core.allow(peer, usize::MAX);
        core.run();
        let data = core.data(peer);
        assert_eq!(data[data.len() - 1..], ["19"]);
        assert_eq!(data.len() as u64 + news.dropped_events(), 20);
        assert_eq!(core.wire(peer).rest, 0);
    }
}

#[test]
fn drop_oldest_takes_nothing_from_other_brokers_or_the_client() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let oldest = hub.broker("a").subscriber_buffer(3).slow_policy(SlowPolicy::DropOldest).build();
    let other = hub.broker("b").build();
    let peer = core.subscriber(&oldest);
    core.fanout.subscribe(peer.id, &other).expect("open");
    let client = core.client(peer);
    core.stall(peer);
    publish_slowly(&mut core, &other, 0..1);
    client.try_send(Event::data("own")).expect("room");
    publish_slowly(&mut core, &oldest, 1..5);
    publish_slowly(&mut core, &other, 5..7);
    publish_slowly(&mut core, &oldest, 7..9);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["0", "5", "6", "own"]);
    assert_eq!((oldest.dropped_events(), other.dropped_events()), (6, 0));
    assert_eq!(client.dropped_events(), 6);
}

#[test]
fn remove_ends_the_subscription_and_leaves_the_client_open() {
    let (news, mut core) = (broker_with(SlowPolicy::Remove), Core::new());
    let peer = core.open(Framing::Chunked, false);
    let client = core.client(peer);
    let subscription = news.subscribe(&client);
    core.run();
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..5);
    assert_eq!((news.subscriber_count(), news.dropped_events()), (0, 1));
    assert!(!client.is_closed());
    core.allow(peer, usize::MAX);
    client.try_send(Event::data("own")).expect("room");
    core.run();
    assert_eq!(core.data(peer), ["0", "1", "own"]);
    // The handle of the membership that is over does not end the next one.
    let again = news.subscribe(&client);
    drop(subscription);
    core.run();
    publish_slowly(&mut core, &news, 5..6);
    assert_eq!(core.data(peer).last().map(String::as_str), Some("5"));
    drop(again);
    core.run();
    assert_eq!(news.subscriber_count(), 0);
}

#[test]
fn remove_ends_a_stream_that_nothing_else_feeds() {
    let (news, mut core) = (broker_with(SlowPolicy::Remove), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..5);
    let [over] = core.over[..] else { panic!("a stream is over once") };
    assert_eq!((over.to, over.why), (peer.to, Disconnect::Slow));
}

#[test]
fn close_ends_the_stream_of_a_stuck_client_at_once() {
    let (news, mut core) = (broker_with(SlowPolicy::Close), Core::new());
    let (peer, healthy) = (core.subscriber(&news), core.subscriber(&news));
    let client = core.client(peer);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..10);
    assert_eq!(core.data(healthy).len(), 10);
    assert!(client.is_closed());
    assert_eq!((news.subscriber_count(), news.dropped_events()), (1, 1));
    let [over] = core.over[..] else { panic!("a stream is over once") };
    assert_eq!((over.to, over.why, over.broken), (peer.to, Disconnect::Slow, true));
    assert_eq!(core.fanout.owed_bytes, 0);
}

#[test]
fn the_callback_is_asked_once_per_episode_and_sees_the_client_and_the_event() {
    let (send, asked) = mpsc::channel();
    let news = Hub::new().broker("test").subscriber_buffer(2);
    let news = news.on_slow_subscriber(move |client, event| {
        let id = event.id().map(|id| id.to_string());
        send.send((client.is_closed(), id, event.len())).expect("somebody listens");
        SlowPolicy::Drop
    });
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.subscriber(&news);
    for episode in 0..3 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..5);
        answered(&mut core, episode + 1);
        publish_slowly(&mut core, &news, 5..8);
        let (closed, id, len) = asked.recv().expect("asked");
        assert!(!closed);
        assert_eq!(id, Some((episode * 8 + 3).to_string()), "the first that is dropped");
        assert!((b"id: 3\ndata: 2\n\n".len()..=16).contains(&len));
        assert!(asked.try_recv().is_err(), "once");
        core.allow(peer, usize::MAX);
        core.run();
    }
    assert_eq!(news.dropped_events(), 3 * 6);
}

#[test]
fn the_publisher_never_waits_for_the_callback_and_drop_holds_until_it_answers() {
    let (go, wait) = mpsc::channel::<SlowPolicy>();
    let wait = Mutex::new(wait);
    let news = Hub::new().broker("test").subscriber_buffer(2);
    let news = news.on_slow_subscriber(move |_, _| {
        wait.lock().expect("one at a time").recv().expect("an answer")
    });
    let (news, mut core) = (news.build(), Core::new());
    let (peer, healthy) = (core.subscriber(&news), core.subscriber(&news));
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..100);
    assert_eq!(core.data(healthy).len(), 100);
    assert_eq!(news.dropped_events(), 98);
    go.send(SlowPolicy::DropOldest).expect("it waits");
    answered(&mut core, 1);
    publish_slowly(&mut core, &news, 100..104);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["102", "103"]);
    assert_eq!(news.dropped_events(), 102);
    // The answer was for that episode.
    core.stall(peer);
    publish_slowly(&mut core, &news, 104..108);
    go.send(SlowPolicy::Close).expect("it is asked again");
    answered(&mut core, 2);
    assert_eq!(core.over.len(), 1);
}

#[test]
fn the_callback_removes_or_closes() {
    for (policy, left, over) in [(SlowPolicy::Remove, 0, 0), (SlowPolicy::Close, 0, 1)] {
        let news = Hub::new().broker("test").subscriber_buffer(1);
        let (news, mut core) = (news.on_slow_subscriber(move |_, _| policy).build(), Core::new());
        let peer = core.open(Framing::Plain, false);
        core.fanout.subscribe(peer.id, &news).expect("open");
        core.run();
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        answered(&mut core, 1);
        assert_eq!((news.subscriber_count(), core.over.len()), (left, over));
    }
}

#[test]
fn a_callback_that_panics_is_counted_and_leaves_the_subscriber_registered() {
    let news = Hub::new().broker("test").subscriber_buffer(1);
    let news = news.on_slow_subscriber(|_, _| panic!("a callback that fails"));
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.subscriber(&news);
    for episode in 1..=2 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        answered(&mut core, episode);
        assert_eq!((news.callback_panics(), news.subscriber_count()), (episode as u64, 1));
        core.allow(peer, usize::MAX);
        core.run();
    }
    publish_slowly(&mut core, &news, 3..4);
    assert_eq!(core.data(peer), ["0", "0", "3"]);
}

#[test]
fn the_answer_about_a_membership_that_is_over_concerns_no_other() {
    let (go, wait) = mpsc::channel::<SlowPolicy>();
    let wait = Mutex::new(wait);
    let news = Hub::new().broker("test").subscriber_buffer(1);
    let news = news.on_slow_subscriber(move |_, _| {
        wait.lock().expect("one at a time").recv().expect("an answer")
    });
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.open(Framing::Chunked, false);
    let client = core.client(peer);
    let first = news.subscribe(&client);
    core.run();
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    drop(first);
    let _second = news.subscribe(&client);
    core.run();
    go.send(SlowPolicy::Remove).expect("it waits");
    answered(&mut core, 1);
    assert_eq!(news.subscriber_count(), 1);
}

#[test]
fn as_many_callbacks_run_at_a_time_as_the_setting_says() {
    for (most, expected) in [(Some(1), 1), (Some(2), 2), (Some(3), 3), (None, 6)] {
        let (entered, running) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let news = Hub::new().broker("test").subscriber_buffer(1).slow_concurrency(most);
        let news = news.on_slow_subscriber(move |_, _| {
            entered.send(()).expect("somebody listens");
            wait.lock().expect("no test panics with it").recv().expect("an answer");
            SlowPolicy::Drop
        });
        let (news, mut core) = (news.build(), Core::new());
        let peers: Vec<Peer> = (0..6).map(|_| core.subscriber(&news)).collect();
        for &peer in &peers {
            core.stall(peer);
        }
        publish_slowly(&mut core, &news, 0..3);
        for _ in 0..expected {
            running.recv_timeout(Duration::from_mins(1)).expect("so many run");
        }
        for _ in expected..6 {
            assert!(running.try_recv().is_err(), "and no more");
            go.send(()).expect("they wait");
            running.recv_timeout(Duration::from_mins(1)).expect("one after the other");
        }
        (0..expected).for_each(|_| go.send(()).expect("they wait"));
    }
}

#[test]
fn the_slowest_are_told_from_a_snapshot() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let [news, other] = ["a", "b"].map(|name| hub.broker(name).subscriber_buffer(2).build());
    let peers: Vec<Peer> = (0..4).map(|_| core.subscriber(&news)).collect();
    let elsewhere = core.subscriber(&other);
    let before = Instant::now();
    core.stall(peers[1]);
    core.stall(elsewhere);
    publish_slowly(&mut core, &news, 0..5);
    core.stall(peers[3]);
    publish_slowly(&mut core, &news, 5..7);
    publish_slowly(&mut core, &other, 0..1);
    assert!(core.fanout.prepare_sleep());
    let slowest = news.slowest(10);
    let told: Vec<_> = slowest.iter().map(|who| (who.missed, who.owed_events)).collect();
    assert_eq!(told, [(5, 2), (0, 2)]);
    assert_eq!(slowest[0].client.dropped_events(), 5);
    assert!(slowest[0].since >= before && slowest[0].since <= slowest[1].since);
    assert!(slowest[0].owed_bytes > 0);
    assert_eq!(news.slowest(1).len(), 1);
    assert_eq!(other.slowest(9).len(), 1);
    core.allow(peers[1], usize::MAX);
    core.fanout.gone(peers[3].id, Disconnect::ClientGone);
    core.run();
    core.fanout.awake();
    assert!(core.fanout.prepare_sleep());
    assert!(news.slowest(10).is_empty());
}

#[test]
fn publishing_in_a_task_waits_for_room() {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    let hub = Hub::builder().ring_events(2).build();
    let (news, mut core) = (hub.broker("news").build(), Core::new());
    let peer = core.subscriber(&news);
    publish_all(&news, ["1", "2"]);
    let mut third = std::pin::pin!(news.publish_async(Event::data("3")));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(third.as_mut().poll(context).is_pending());
    core.run();
    assert!(
        matches!(third.poll(context), Poll::Ready(Ok(published)) if published.id.to_string() == "3")
    );
    core.run();
    assert_eq!(core.data(peer), ["1", "2", "3"]);
}
