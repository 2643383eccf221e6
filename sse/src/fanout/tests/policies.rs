//! The slow policies of brokers, and who is the slowest.

use super::*;
use crate::Egress;
use crate::{Disconnect, SlowPolicy};
use std::time::Instant;

/// A broker with room for two events that a subscriber is owed.
fn broker_with(policy: SlowPolicy) -> Broker {
    Hub::new().broker("test").subscriber_buffer(2).slow_policy(policy).build()
}

pub(super) fn publish_slowly(core: &mut Core, broker: &Broker, events: std::ops::Range<usize>) {
    for n in events {
        publish(broker, n.to_string());
        core.run();
    }
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
    assert_eq!(core.data(peer), ["0", "own", "5", "6"]);
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
fn drop_oldest_lets_one_event_in_whatever_its_size() {
    let news = Hub::new().broker("test").subscriber_buffer_bytes(100);
    let news = news.slow_policy(SlowPolicy::DropOldest).build();
    let mut core = Core::new();
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..2);
    for letter in ["a", "b"] {
        publish(&news, letter.repeat(1000));
        core.run();
    }
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["b".repeat(1000)]);
    assert_eq!(news.dropped_events(), 3);
}

#[test]
fn the_slowest_are_told_from_a_snapshot() {
    let (hub, mut core) = (Hub::new(), Core::new());
    core.fanout.slow_after = std::time::Duration::ZERO;
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
    for (who, peer) in slowest.iter().zip([peers[1], peers[3]]) {
        assert_eq!(who.client.peer_addr(), core.sockets.peer_addr(peer.to), "asked of its socket");
    }
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
fn a_core_that_goes_to_sleep_tells_who_began_to_lag_in_its_last_tick() {
    let (news, mut core) = (broker(), Core::new());
    let peers = [core.subscriber(&news), core.subscriber(&news)];
    for (told, peer) in peers.into_iter().enumerate() {
        core.client(peer);
        core.stall(peer);
        publish(&news, "x");
        core.fanout.absorb();
        while core.fanout.round(&mut core.sockets, core.now) {}
        assert!(told == 0 || news.slowest(9).len() == told, "once a tick");
        assert!(core.fanout.prepare_sleep());
        assert_eq!(news.slowest(9).len(), told + 1);
        core.fanout.awake();
    }
}

#[test]
fn a_short_send_makes_no_client_of_a_stream_that_has_none() {
    let (news, mut core) = (broker(), Core::new());
    core.fanout.slow_after = std::time::Duration::MAX;
    let (peer, handled) = (core.subscriber(&news), core.subscriber(&news));
    core.client(handled);
    core.stall(peer);
    core.stall(handled);
    publish_slowly(&mut core, &news, 0..3);
    assert!(core.fanout.prepare_sleep());
    assert_eq!(news.slowest(9).len(), 1);
    assert!(core.fanout.get(peer.id).is_some_and(|stream| stream.client.is_none()));
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
