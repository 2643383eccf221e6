//! Subscribers that are slow, and those that only look it.

use super::*;
use crate::Disconnect;
use crate::replay::RingBuffer;

/// A broker whose slow subscribers may be owed this much.
fn broker_with(events: usize, bytes: Option<usize>) -> Broker {
    let builder = Hub::new().broker("test").subscriber_buffer(events);
    bytes.map_or(builder.clone(), |bytes| builder.clone().subscriber_buffer_bytes(bytes)).build()
}

/// Publishes and lets the core do all it can, event by event.
fn publish_slowly(core: &mut Core, broker: &Broker, events: std::ops::Range<usize>) {
    for n in events {
        publish(broker, n.to_string());
        core.run();
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn a_stuck_subscriber_never_delays_the_others() {
    let (news, mut core) = (broker(), Core::new());
    let peers: Vec<Peer> = (0..5).map(|_| core.subscriber(&news)).collect();
    core.stall(peers[2]);
    publish_slowly(&mut core, &news, 0..1000);
    for at in [0, 1, 3, 4] {
        assert_eq!(core.data(peers[at]), numbers(0..1000));
    }
    assert_eq!(core.fanout.log_bytes, 0, "the log keeps nothing for it");
    assert_eq!(core.socket(peers[2]).attempts, 2, "the head, and the first refusal");
    assert_eq!(news.dropped_events(), 1000 - 64);
}

#[test]
fn short_is_not_slow() {
    let (news, mut core) = (broker_with(1, Some(1)), Core::new());
    let peer = core.subscriber(&news);
    core.socket(peer).most = 7;
    (0..500).for_each(|n| publish(&news, n.to_string()));
    core.run();
    assert_eq!(core.data(peer), numbers(0..500));
    assert_eq!(news.dropped_events(), 0);
}

#[test]
fn who_only_waits_for_a_turn_is_not_slow() {
    let (news, mut core) = (broker_with(1, Some(1)), Core::new());
    let peers: Vec<Peer> = (0..600).map(|_| core.open(Framing::Chunked, true)).collect();
    // The last heads to be sent are those of the first subscribers.
    for peer in peers.iter().rev() {
        core.fanout.subscribe(peer.id, &news).expect("open");
    }
    (0..10).for_each(|n| publish(&news, n.to_string()));
    core.run();
    for peer in peers {
        assert_eq!(core.data(peer), numbers(0..10));
    }
    assert_eq!(news.dropped_events(), 0);
}

#[test]
fn drops_are_counted_while_the_subscriber_is_still_stuck() {
    let (news, mut core) = (broker_with(2, None), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..2);
    assert_eq!(news.dropped_events(), 0);
    for n in 2..10 {
        publish_slowly(&mut core, &news, n..n + 1);
        assert_eq!(news.dropped_events(), n as u64 - 1);
    }
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), numbers(0..2));
    publish_slowly(&mut core, &news, 10..12);
    assert_eq!(core.data(peer), ["0", "1", "10", "11"]);
    assert_eq!(news.dropped_events(), 8, "once caught up, nothing is dropped");
}

#[test]
fn a_subscriber_is_owed_as_many_events_as_its_buffer_holds() {
    for at_once in [false, true] {
        for limit in [1, 2, 4] {
            for published in [limit - 1, limit, limit + 1] {
                let (news, mut core) = (broker_with(limit, None), Core::new());
                let peer = core.subscriber(&news);
                core.stall(peer);
                publish_slowly(&mut core, &news, 0..1);
                if at_once {
                    (1..published).for_each(|n| publish(&news, n.to_string()));
                    core.run();
                } else {
                    publish_slowly(&mut core, &news, 1..published);
                }
                assert_eq!(news.dropped_events(), published.saturating_sub(limit) as u64);
                core.allow(peer, usize::MAX);
                core.run();
                assert_eq!(core.data(peer), numbers(0..published.clamp(1, limit)));
            }
        }
    }
}

/// How many bytes an event with one digit of data and of id has, frame included.
const EVENT: usize = "f\r\nid: 1\ndata: 1\n\n\r\n".len();

#[test]
fn a_subscriber_is_owed_as_many_bytes_as_its_buffer_holds() {
    for (limit, owed) in [(4 * EVENT - 1, 3), (4 * EVENT, 4), (4 * EVENT + 1, 4)] {
        let (news, mut core) = (broker_with(64, Some(limit)), Core::new());
        let peer = core.subscriber(&news);
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..6);
        assert_eq!(core.fanout.owed_bytes, owed * EVENT);
        assert_eq!(news.dropped_events(), 6 - owed as u64);
    }
}

#[test]
fn setting_the_events_lifts_the_limit_in_bytes() {
    let mut core = Core::new();
    let (by_events, by_default) = (broker_with(100, None), broker());
    let (first, second) = (core.subscriber(&by_events), core.subscriber(&by_default));
    for (peer, news, dropped) in [(first, by_events, 0), (second, by_default, 10)] {
        core.stall(peer);
        for _ in 0..20 {
            publish(&news, "x".repeat(100_000));
            core.run();
        }
        assert_eq!(news.dropped_events(), dropped);
    }
}

#[test]
fn many_that_get_stuck_together_are_copied_for_in_many_rounds() {
    let (news, mut core) = (broker(), Core::new());
    let peers: Vec<Peer> = (0..40).map(|_| core.subscriber(&news)).collect();
    for &peer in &peers {
        core.stall(peer);
    }
    let event = "x".repeat(6_000);
    for _ in 0..64 {
        publish(&news, &*event);
        core.run();
    }
    assert_eq!((news.dropped_events(), core.fanout.compacting.len()), (0, 0));
    // All are past their limits with the same event.
    publish(&news, &*event);
    while news.dropped_events() == 0 {
        core.step();
    }
    // 64 events each, of which three streams' are a megabyte.
    assert_eq!((news.dropped_events(), core.fanout.compacting.len()), (40, 40 - 3));
    assert!(core.round(), "there is more to be done");
    assert_eq!(core.fanout.compacting.len(), 40 - 6);
    // Some leave meanwhile, and some are quick again.
    core.fanout.gone(peers[10].id, Disconnect::ClientGone);
    core.allow(peers[11], usize::MAX);
    core.run();
    assert_eq!(core.fanout.compacting.len(), 0);
    core.allow(peers[12], usize::MAX);
    core.run();
    for peer in [peers[11], peers[12]] {
        assert_eq!(core.data(peer), vec![event.clone(); 64]);
    }
}

#[test]
fn all_slow_streams_of_a_core_share_one_limit() {
    for (limit, dropped) in [(4 * EVENT - 1, 1), (4 * EVENT, 0), (4 * EVENT + 1, 0)] {
        let (news, mut core) = (broker(), Core::new());
        core.fanout.owed_limit = limit;
        let peers = [core.subscriber(&news), core.subscriber(&news)];
        for peer in peers {
            core.stall(peer);
        }
        publish_slowly(&mut core, &news, 0..2);
        assert_eq!(news.dropped_events(), dropped);
        assert!(core.fanout.owed_bytes <= limit);
    }
}

#[test]
fn what_others_missed_or_were_sent_takes_no_room_of_a_slow_stream() {
    let (news, mut core) = (broker(), Core::new());
    let kept = Hub::new().broker("kept").replay(Arc::new(RingBuffer::new(100))).build();
    (0..100).for_each(|_| publish(&kept, "x".repeat(100)));
    core.fanout.owed_limit = 4 * EVENT;
    let slow = [core.subscriber(&news), core.subscriber(&news)];
    for at in 0..5 {
        let peer = core.open(Framing::Chunked, true);
        core.run();
        core.allow(peer, at);
        core.fanout.subscribe_from(peer.id, &kept, Some(0.into()));
        core.client(peer).try_send(Event::data("own")).expect("room");
        core.run();
    }
    assert!(core.fanout.owed_bytes > 40_000);
    for peer in slow {
        core.stall(peer);
    }
    publish_slowly(&mut core, &news, 0..2);
    assert_eq!(news.dropped_events(), 0);
    publish_slowly(&mut core, &news, 2..3);
    assert_eq!(news.dropped_events(), 2, "their own limit holds");
}

#[test]
fn past_the_cores_limit_a_refused_attempt_is_owed_and_no_more() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.fanout.owed_limit = 0;
    (0..10).for_each(|_| publish(&news, "x".repeat(100_000)));
    while core.fanout.absorb() > 0 {}
    core.stall(peer);
    core.run();
    assert_eq!(news.dropped_events(), 7, "of an attempt that offered three");
    core.allow(peer, usize::MAX);
    core.run();
    publish(&news, "next");
    core.run();
    assert_eq!(core.data(peer).len(), 4);
}

#[test]
fn one_event_larger_than_the_bound_is_admitted_when_nothing_else_is_owed() {
    let (news, mut core) = (broker_with(64, Some(1000)), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    // A heartbeat is no event, but it is refused.
    core.now += 1;
    core.fanout.heartbeat(peer.id, core.now, core.now);
    core.run();
    publish(&news, "x".repeat(100_000));
    core.run();
    assert_eq!(news.dropped_events(), 0);
    publish_slowly(&mut core, &news, 0..3);
    assert_eq!(news.dropped_events(), 3);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["x".repeat(100_000)]);
}

#[test]
fn limits_count_what_other_brokers_are_owed_too() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let [first, second] = ["a", "b"].map(|name| hub.broker(name).subscriber_buffer(3).build());
    let peer = core.subscriber(&first);
    core.fanout.subscribe(peer.id, &second).expect("open");
    core.stall(peer);
    publish_slowly(&mut core, &first, 0..2);
    publish_slowly(&mut core, &second, 2..5);
    assert_eq!((first.dropped_events(), second.dropped_events()), (0, 2));
    publish_slowly(&mut core, &first, 5..6);
    assert_eq!((first.dropped_events(), second.dropped_events()), (1, 2));
    core.allow(peer, usize::MAX);
    core.run();
    publish_slowly(&mut core, &first, 6..7);
    assert_eq!(core.data(peer), ["0", "1", "2", "6"]);
}

#[test]
fn of_many_that_drop_each_goes_on_by_itself() {
    let (news, mut core) = (broker_with(1, None), Core::new());
    let peers: Vec<Peer> = (0..6).map(|_| core.subscriber(&news)).collect();
    for &peer in &peers {
        core.stall(peer);
    }
    publish_slowly(&mut core, &news, 0..2);
    core.fanout.unsubscribe(peers[1].id, &news.shared, 0);
    core.check();
    core.fanout.gone(peers[2].id, Disconnect::ClientGone);
    core.check();
    for (n, at) in [(2, 0), (3, 5), (4, 3), (5, 4)] {
        core.allow(peers[at], usize::MAX);
        core.run();
        publish_slowly(&mut core, &news, n..n + 1);
    }
    for (at, rest) in [(0, 2), (5, 3), (3, 4), (4, 5)] {
        assert_eq!(core.data(peers[at])[1..], numbers(rest..6));
    }
    // Six missed the second event; after that those that were still stuck missed one each.
    assert_eq!(news.dropped_events(), 6 + 3 + 2 + 1);
}

#[test]
fn joining_and_leaving_again_and_again_does_not_get_round_the_limits() {
    let (news, mut core) = (broker_with(4, None), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    core.fanout.unsubscribe(peer.id, &news.shared, 0);
    for n in 0..100 {
        core.fanout.subscribe(peer.id, &news).expect("open");
        publish(&news, n.to_string());
        core.fanout.absorb();
        if n == 0 {
            core.run();
        }
        core.fanout.unsubscribe(peer.id, &news.shared, 0);
    }
    core.run();
    assert_eq!(news.dropped_events(), 96);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), numbers(0..4));
}

#[test]
fn what_a_stuck_stream_is_owed_keeps_few_bytes_alive() {
    let (news, mut core) = (broker_with(2, None), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    let stream = core.fanout.get(peer.id).expect("open");
    let owed = stream.owed.as_ref().expect("stuck");
    let mut slices = Vec::new();
    assert_eq!(owed.slices(&mut slices), 2 * EVENT);
    assert_eq!(slices.len(), 1, "one piece of memory, and not a block of the log");
}

#[test]
fn a_stuck_stream_that_is_closed_gets_what_it_is_owed_and_the_end() {
    let (news, mut core) = (broker_with(2, None), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..5);
    core.fanout.close(peer.id, Disconnect::Done);
    publish_slowly(&mut core, &news, 5..6);
    assert!(core.over.is_empty());
    core.allow(peer, 10);
    core.run();
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), numbers(0..2));
    assert!(core.wire(peer).ended);
    assert_eq!(news.dropped_events(), 3, "after the close nobody waits for more");
    assert_eq!(core.over.len(), 1);
}
