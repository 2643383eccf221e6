//! How streams, subscriptions and brokers end.

use super::*;
use crate::Disconnect;

#[test]
fn streams_of_a_closed_broker_end_after_the_events_from_before_the_close() {
    for (framing, stuck) in
        [Framing::Chunked, Framing::Plain].map(|f| [(f, true), (f, false)]).concat()
    {
        let (news, mut core) = (broker(), Core::new());
        let peer = core.open(framing, true);
        core.fanout.subscribe(peer.id, &news).expect("open");
        core.run();
        if stuck {
            core.stall(peer);
        }
        publish_all(&news, ["1", "2"]);
        news.close();
        assert_eq!(core.fanout.streams(), 1);
        core.run();
        assert_eq!(core.over.len(), usize::from(!stuck));
        core.allow(peer, usize::MAX);
        core.run();
        assert_eq!(core.data(peer), ["1", "2"]);
        assert_eq!(core.wire(peer).ended, framing == Framing::Chunked);
        let [over] = core.over[..] else { panic!("a stream is over once") };
        assert_eq!((over.to, over.why, over.broken), (peer.to, Disconnect::BrokerClosed, false));
        insides::check_empty(&core.fanout, &core.counts, &hub_of(&news));
    }
}

fn hub_of(broker: &Broker) -> Hub {
    Hub { shared: broker.shared.hub.clone() }
}

#[test]
fn a_broker_is_not_ended_before_its_last_events_are_read() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    (0..1025).for_each(|n| publish(&news, n.to_string()));
    news.close();
    assert_eq!(core.fanout.absorb(), 1024);
    assert_eq!(news.subscriber_count(), 1);
    core.run();
    assert_eq!(core.data(peer).len(), 1025);
    assert_eq!(news.subscriber_count(), 0);
}

#[test]
fn closing_a_broker_twice_does_nothing() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    news.close();
    core.run();
    news.close();
    news.clone().close();
    core.run();
    assert!(core.wire(peer).ended);
    assert_eq!(core.over.len(), 1);
    let refused = news.publish(Event::data("late")).expect_err("closed");
    assert_eq!(refused.refusal(), crate::Refusal::Closed);
    assert_eq!(refused.into_event(), crate::PreparedEvent::new(&Event::data("late")));
}

#[test]
fn closing_a_stream_twice_ends_it_once() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.fanout.close(peer.id, Disconnect::Done);
    core.fanout.close(peer.id, Disconnect::Slow);
    core.fanout.close_all(Disconnect::Drain);
    core.run();
    core.fanout.close(peer.id, Disconnect::Done);
    core.run();
    assert!(core.wire(peer).ended);
    let [over] = core.over[..] else { panic!("a stream is over once") };
    assert_eq!(over.why, Disconnect::Done);
}

#[test]
fn a_stream_that_goes_on_without_its_broker_stays_open() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.open(Framing::Chunked, false);
    core.fanout.subscribe(peer.id, &news).expect("open");
    let client = core.client(peer);
    publish(&news, "1");
    news.close();
    core.run();
    client.try_send(Event::data("own")).expect("room");
    core.run();
    assert_eq!(core.data(peer), ["1", "own"]);
    assert!(!core.wire(peer).ended);
}

#[test]
fn a_stream_of_several_brokers_ends_with_the_last() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers = ["a", "b", "c"].map(|name| hub.broker(name).build());
    let peer = core.subscriber(&brokers[0]);
    core.fanout.subscribe(peer.id, &brokers[1]).expect("open");
    core.fanout.subscribe(peer.id, &brokers[2]).expect("open");
    for broker in &brokers {
        assert!(!core.wire(peer).ended);
        publish(broker, broker.name());
        broker.close();
        core.run();
    }
    assert_eq!(core.data(peer), ["a", "b", "c"]);
    assert!(core.wire(peer).ended);
}

#[test]
fn more_closings_than_are_remembered_end_all_the_same() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..1500).map(|n| hub.broker(n.to_string()).build()).collect();
    for broker in &brokers {
        let peer = core.open(Framing::Chunked, true);
        core.fanout.subscribe(peer.id, broker).expect("open");
    }
    core.run();
    brokers[1..].iter().for_each(Broker::close);
    core.run();
    assert_eq!((core.over.len(), core.fanout.streams()), (1499, 1));
    assert_eq!(brokers[0].subscriber_count(), 1);
    brokers[0].close();
    core.run();
    insides::check_empty(&core.fanout, &core.counts, &hub);
}

#[test]
fn subscribing_to_a_closed_broker_or_an_ended_stream_is_refused() {
    use crate::SubscribeError::{BrokerClosed, StreamOver};
    let (news, closed, mut core) = (broker(), broker(), Core::new());
    closed.close();
    let peer = core.subscriber(&news);
    assert_eq!(core.fanout.subscribe(peer.id, &closed), Err(BrokerClosed));
    core.fanout.close(peer.id, Disconnect::Done);
    assert_eq!(core.fanout.subscribe(peer.id, &news), Err(StreamOver));
    core.run();
    assert_eq!(core.fanout.subscribe(peer.id, &news), Err(StreamOver));
    assert_eq!((news.subscriber_count(), closed.subscriber_count()), (0, 0));
}

#[test]
fn a_subscription_that_is_dropped_ends_delivery() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.open(Framing::Chunked, false);
    let client = core.client(peer);
    let subscription = news.subscribe(&client);
    core.run();
    assert_eq!(news.subscriber_count(), 1);
    publish(&news, "1");
    core.run();
    drop(subscription);
    core.run();
    publish(&news, "2");
    core.run();
    assert_eq!(core.data(peer), ["1"]);
    assert_eq!(news.subscriber_count(), 0);
    // Once more is a fresh start.
    let _again = news.subscribe(&client);
    core.run();
    publish(&news, "3");
    core.run();
    assert_eq!(core.data(peer), ["1", "3"]);
}

#[test]
fn commands_for_a_stream_that_is_gone_do_not_reach_the_next_in_its_place() {
    let (news, mut core) = (broker(), Core::new());
    let gone = core.open(Framing::Chunked, false);
    let client = core.client(gone);
    core.run();
    drop(news.subscribe(&client));
    let subscription = news.subscribe(&client);
    client.try_send(Event::data("for another")).expect("room");
    client.close();
    core.fanout.gone(gone.id, Disconnect::ClientGone);
    let next = core.open(Framing::Chunked, false);
    assert_eq!(next.id.index, gone.id.index);
    core.fanout.subscribe(next.id, &news).expect("open");
    drop(subscription);
    core.run();
    core.fanout.writable(gone.id);
    assert_eq!(core.fanout.heartbeat(gone.id, 0, 1), None);
    publish(&news, "x");
    core.run();
    assert_eq!(core.data(next), ["x"]);
    assert_eq!(news.subscriber_count(), 1);
    assert!(core.over.is_empty(), "who gave a stream up knows that it is over");
}

#[test]
fn a_broken_socket_ends_its_stream_and_no_other() {
    let (news, mut core) = (broker(), Core::new());
    let peers: Vec<Peer> = (0..7).map(|_| core.subscriber(&news)).collect();
    let client = core.client(peers[3]);
    for at in [0, 3, 6] {
        core.socket(peers[at]).broken = true;
    }
    publish_all(&news, ["1", "2"]);
    core.run();
    for at in [1, 2, 4, 5] {
        assert_eq!(core.data(peers[at]), ["1", "2"]);
    }
    assert_eq!(core.over.len(), 3);
    assert!(core.over.iter().all(|over| over.broken && over.why == Disconnect::ClientGone));
    assert!(client.is_closed());
    assert_eq!((news.subscriber_count(), news.dropped_events()), (4, 0));
}

#[test]
fn a_drain_delivers_what_was_published_before() {
    let (news, mut core) = (broker(), Core::new());
    let peers: Vec<Peer> = (0..300).map(|_| core.subscriber(&news)).collect();
    (0..3000).for_each(|n| publish(&news, n.to_string()));
    core.fanout.close_all(Disconnect::Drain);
    publish(&news, "late");
    core.run();
    for peer in peers {
        let wire = core.wire(peer);
        assert_eq!((wire.events.len(), wire.ended), (3000, true));
    }
    insides::check_empty(&core.fanout, &core.counts, &hub_of(&news));
}

#[test]
fn a_fan_out_that_is_dropped_leaves_nothing_behind() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_all(&news, ["1", "2"]);
    let client = core.client(peer);
    core.run();
    publish(&news, "3");
    let Core { fanout, counts, .. } = core;
    drop(fanout);
    assert_eq!(counts.streams.load(Ordering::Relaxed), 0);
    assert_eq!(counts.owed_bytes.load(Ordering::Relaxed), 0);
    assert!(client.is_closed());
    assert_eq!((news.subscriber_count(), hub_of(&news).backlog()), (0, 0));
}

#[test]
fn a_heartbeat_is_sent_after_silence_only() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    let sent = core.now;
    let since = |core: &mut Core, since, now| core.fanout.heartbeat(peer.id, since, now);
    assert_eq!(since(&mut core, 0, 100), Some(core.fanout.get(peer.id).expect("open").last_sent));
    assert_eq!(since(&mut core, sent, 100), Some(100));
    core.run();
    assert_eq!(core.wire(peer).comments, 1);
    core.stall(peer);
    publish(&news, "x");
    core.run();
    assert_eq!(since(&mut core, 200, 300), Some(300), "stuck, and not to be asked at once again");
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.wire(peer).comments, 1);
    core.fanout.close(peer.id, Disconnect::Done);
    assert_eq!(since(&mut core, 400, 400), None);
}

#[test]
fn a_head_without_bytes_is_nothing_to_send() {
    let (news, mut core) = (broker(), Core::new());
    let config = Arc::new(ClientConfig::new().ends_with_brokers(true));
    let id = core.fanout.open(1, Framing::Plain, Bytes::new(), &config, None);
    core.peers.insert(1, id);
    core.fanout.subscribe(id, &news).expect("open");
    core.run();
    news.close();
    core.run();
    assert_eq!(core.over.len(), 1);
}

/// A stream that is ending, owed 40 KiB, and whose socket is full.
fn ending(core: &mut Core, stuck_before: bool) -> (Peer, Client) {
    let (peer, client) = sending::opened(core, ClientConfig::new());
    if stuck_before {
        core.stall(peer);
    }
    (0..40).for_each(|_| client.try_send(Event::data("x".repeat(1000))).expect("room"));
    core.stall(peer);
    core.run();
    client.close();
    core.run();
    (peer, client)
}

#[test]
fn a_stream_whose_end_is_not_read_is_named_again_for_each_4_kib_that_leave() {
    let mut core = Core::new();
    let (peer, _) = ending(&mut core, true);
    assert_eq!(core.fanout.next_stuck_end(), Some(peer.to));
    for (bytes, progress) in [(4095, false), (1, true), (4096, true), (4097, true), (4095, false)] {
        assert_eq!(core.fanout.next_stuck_end(), None, "named once");
        core.allow(peer, bytes);
        core.run();
        assert_eq!(core.fanout.next_stuck_end(), progress.then_some(peer.to), "{bytes}");
    }
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!((core.fanout.next_stuck_end(), core.over.len()), (None, 1));
    assert!(core.wire(peer).ended);
}

#[test]
fn a_stream_that_is_cut_while_it_ends_is_over_with_the_reason_that_it_had() {
    for stuck_before in [false, true] {
        let mut core = Core::new();
        let (peer, client) = ending(&mut core, stuck_before);
        assert_eq!(core.fanout.next_stuck_end(), Some(peer.to));
        assert!(core.fanout.cut(peer.id));
        let mut closed = std::pin::pin!(client.closed());
        assert_eq!(sending::poll(closed.as_mut()), std::task::Poll::Ready(Disconnect::Done));
        assert!(!core.fanout.cut(peer.id), "it is over");
        assert!(core.over.is_empty(), "its owner knows");
        core.run();
        assert_eq!((core.fanout.streams(), core.fanout.owed_bytes), (0, 0));
    }
}

#[test]
fn a_stream_that_is_not_ending_is_not_cut() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish(&news, "1");
    core.run();
    assert_eq!((core.fanout.next_stuck_end(), core.fanout.cut(peer.id)), (None, false));
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["1"]);
}
