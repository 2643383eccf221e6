//! Which event is a subscriber's first, and what a core keeps for subscribers at rest.

use super::*;
use crate::fanout::stream::{Place, Stream};
use crate::fanout::topic::{Live, Topic};

#[test]
fn subscribers_at_rest_are_small() {
    assert!(size_of::<Stream>() <= 64, "{}", size_of::<Stream>());
    assert!(size_of::<Live>() <= 16);
    assert!(size_of::<Place>() <= 16);
    assert!(size_of::<Topic>() <= 256, "{}", size_of::<Topic>());
}

#[test]
fn a_quiet_broker_holds_no_memory_for_past_events() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..1000).map(|n| hub.broker(n.to_string()).build()).collect();
    for broker in &brokers {
        let peer = core.open(Framing::Chunked, true);
        core.fanout.subscribe(peer.id, broker).expect("open");
    }
    for broker in &brokers {
        publish(broker, "x");
    }
    core.run();
    assert_eq!((core.fanout.log_bytes, core.fanout.owed_bytes), (0, 0));
    assert!(core.fanout.streams.iter().all(|(_, stream)| stream.owed.is_none()));
}

#[test]
fn a_subscriber_gets_nothing_from_before_however_much_is_unread() {
    let (news, mut core) = (broker(), Core::new());
    let early = core.subscriber(&news);
    let late: Vec<Peer> = (0..4).map(|_| core.open(Framing::Chunked, true)).collect();
    // More than is read at a time, in events and in bytes.
    for n in 0..4000 {
        publish(&news, n.to_string());
        if n % 1000 == 999 {
            core.fanout.subscribe(late[n / 1000].id, &news).expect("open");
            core.check();
        }
    }
    publish(&news, "x".repeat(300_000));
    publish(&news, "last");
    core.run();
    assert_eq!(core.data(early).len(), 4002);
    for (n, peer) in late.into_iter().enumerate() {
        let data = core.data(peer);
        assert_eq!(data.len(), 4002 - 1000 * (n + 1));
        assert_eq!(data[0].len(), if n == 3 { 300_000 } else { 4 });
    }
}

#[test]
fn who_leaves_before_the_first_event_gets_none() {
    let (news, mut core) = (broker(), Core::new());
    let early = core.subscriber(&news);
    let [left, gone, stays] = [0; 3].map(|_| core.open(Framing::Chunked, true));
    (0..2000).for_each(|n| publish(&news, n.to_string()));
    for peer in [left, gone, stays] {
        core.fanout.subscribe(peer.id, &news).expect("open");
    }
    publish(&news, "next");
    core.fanout.unsubscribe(left.id, &news.shared, 0);
    core.fanout.gone(gone.id, crate::Disconnect::ClientGone);
    core.check();
    core.run();
    assert_eq!(core.data(early).len(), 2001);
    assert_eq!(core.data(left), [""; 0]);
    assert_eq!(core.data(stays), ["next"]);
}

#[test]
fn a_handler_that_subscribes_misses_nothing_it_publishes_after() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let (news, other) = (hub.broker("news").build(), hub.broker("other").build());
    core.fanout.join(&hub).expect("a seat");
    let peers = [0; 2].map(|_| core.open(Framing::Chunked, false));
    let client = core.client(peers[0]);
    core.run();
    publish(&news, "before");
    publish(&other, "of another");
    let _subscribed = news.subscribe(&client);
    publish(&news, "after");
    // Another stream makes the topic first, for what is published later still.
    core.fanout.subscribe(peers[1].id, &news).expect("open");
    publish(&news, "later");
    core.commands();
    core.run();
    assert_eq!(core.data(peers[0]), ["after", "later"]);
    assert_eq!(core.data(peers[1]), ["later"]);
}

#[test]
fn subscribing_twice_is_subscribing_once() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.fanout.subscribe(peer.id, &news).expect("open");
    publish(&news, "x");
    core.run();
    assert_eq!(core.data(peer), ["x"]);
    assert_eq!(news.subscriber_count(), 1);
}

#[test]
fn a_client_leaves_a_broker_with_its_last_subscription() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.open(Framing::Chunked, true);
    let client = core.fanout.client(peer.id);
    let (first, second) = (news.subscribe(&client), news.subscribe(&client));
    core.commands();
    drop(second);
    core.commands();
    publish(&news, "kept");
    core.run();
    assert_eq!((core.data(peer), news.subscriber_count()), (vec!["kept".to_owned()], 1));
    drop(first);
    core.commands();
    assert_eq!(news.subscriber_count(), 0);
}

#[test]
fn one_client_may_subscribe_to_many_brokers() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..2000).map(|n| hub.broker(n.to_string()).build()).collect();
    let peer = core.open(Framing::Chunked, true);
    for broker in &brokers {
        core.fanout.subscribe(peer.id, broker).expect("open");
    }
    core.run();
    for broker in &brokers {
        publish(broker, broker.name());
    }
    core.run();
    assert_eq!(core.data(peer), brokers.iter().map(Broker::name).collect::<Vec<_>>());
    core.fanout.gone(peer.id, crate::Disconnect::ClientGone);
    insides::check_empty(&core.fanout, &core.counts, &hub);
}

#[test]
fn streams_of_both_framings_get_the_same_events() {
    let (news, mut core) = (broker(), Core::new());
    let peers = [Framing::Plain, Framing::Chunked].map(|framing| core.open(framing, true));
    for peer in peers {
        core.fanout.subscribe(peer.id, &news).expect("open");
    }
    publish(&news, "x".repeat(20_000));
    publish(&news, "y");
    core.run();
    let [plain, chunked] = peers.map(|peer| core.wire(peer).events);
    assert_eq!(plain, chunked);
    assert_eq!(plain.len(), 2);
}
