//! Rounds over many subscribers: cut into batches, fair to other brokers, and true to those who come
//! and go in the middle.

use super::*;

fn subscribers(core: &mut Core, broker: &Broker, many: usize) -> Vec<Peer> {
    let open = |_| {
        let peer = core.open(Framing::Chunked, true);
        core.fanout.subscribe(peer.id, broker).expect("open");
        peer
    };
    let peers = (0..many).map(open).collect();
    core.run();
    peers
}

/// How many attempts the last round made.
fn attempts(core: &mut Core) -> usize {
    std::mem::take(&mut core.sockets.batches).iter().map(Vec::len).sum()
}

#[test]
fn a_round_is_cut_every_256_sends_and_other_brokers_are_served_in_between() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let (large, small) = (hub.broker("large").build(), hub.broker("small").build());
    let many = subscribers(&mut core, &large, 10_000);
    let few = subscribers(&mut core, &small, 1);
    core.sockets.batches.clear();
    publish(&large, "x");
    publish(&small, "y");
    core.fanout.absorb();
    let mut rounds = 0;
    while core.round() {
        rounds += 1;
        assert!(attempts(&mut core) <= 256);
        if rounds == 2 {
            assert_eq!(core.data(few[0]), ["y"]);
        }
    }
    assert!((39..=41).contains(&rounds), "{rounds} rounds");
    core.check();
    for peer in many {
        assert_eq!(core.data(peer), ["x"]);
    }
}

#[test]
fn a_round_makes_one_attempt_per_subscriber_with_all_that_is_new() {
    let (news, mut core) = (broker(), Core::new());
    let peers = subscribers(&mut core, &news, 1000);
    for events in [1, 2, 50] {
        core.sockets.batches.clear();
        let before = core.counts.sends.load(Ordering::Relaxed);
        (0..events).for_each(|n| publish(&news, n.to_string()));
        core.run();
        assert_eq!(attempts(&mut core), 1000);
        assert_eq!(core.counts.sends.load(Ordering::Relaxed) - before, 1000);
    }
    for peer in peers {
        assert_eq!(core.data(peer).len(), 53);
    }
}

#[test]
fn a_subscriber_of_several_brokers_is_tried_once_in_a_batch() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..5).map(|n| hub.broker(n.to_string()).build()).collect();
    let peers = subscribers(&mut core, &brokers[0], 3);
    for peer in &peers {
        for broker in &brokers[1..] {
            core.fanout.subscribe(peer.id, broker).expect("open");
        }
    }
    // The first attempt is cut: what comes after it has to wait, whoever has published it.
    core.socket(peers[0]).room = 5;
    for broker in &brokers {
        publish_all(broker, [broker.name(), "again"]);
    }
    core.fanout.absorb();
    core.round();
    core.allow(peers[0], usize::MAX);
    core.run();
    for peer in peers {
        assert_eq!(core.wire(peer).rest, 0);
        assert_eq!(core.data(peer).len(), 10);
    }
}

#[test]
fn one_round_serves_many_quiet_brokers() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..600).map(|n| hub.broker(n.to_string()).build()).collect();
    let peers: Vec<Peer> =
        brokers.iter().map(|broker| subscribers(&mut core, broker, 1)[0]).collect();
    core.sockets.batches.clear();
    for broker in &brokers {
        publish(broker, "x");
    }
    core.fanout.absorb();
    let mut rounds = Vec::new();
    while core.round() {
        rounds.push(attempts(&mut core));
    }
    rounds.push(attempts(&mut core));
    assert_eq!(rounds, [256, 256, 88]);
    publish(&brokers[0], "x");
    publish(&brokers[1], "x");
    core.run();
    assert_eq!(std::mem::take(&mut core.sockets.batches).len(), 1, "in one submission");
    for peer in &peers[2..] {
        assert_eq!(core.data(*peer), ["x"]);
    }
}

#[test]
fn every_subscriber_is_first_at_times() {
    for many in [2usize, 3, 4, 7, 8, 100] {
        let (news, mut core) = (broker(), Core::new());
        subscribers(&mut core, &news, many);
        let mut first = std::collections::HashSet::new();
        for _ in 0..many {
            core.sockets.batches.clear();
            publish(&news, "x");
            core.run();
            first.insert(core.sockets.batches[0][0]);
        }
        assert!(first.len() > many / 2, "{} of {many}", first.len());
    }
}

#[test]
fn leaving_in_the_middle_of_a_round_loses_nothing_for_anybody() {
    // Whoever is last takes the place of whoever leaves: served or not, moved or not.
    for leaver in [0usize, 100, 255, 256, 300, 599] {
        for batches in 0..3 {
            let (news, mut core) = (broker(), Core::new());
            let peers = subscribers(&mut core, &news, 600);
            publish_all(&news, ["1", "2"]);
            core.fanout.absorb();
            for _ in 0..batches {
                core.round();
            }
            publish(&news, "3");
            core.fanout.absorb();
            core.fanout.unsubscribe(peers[leaver].id, &news.shared, 0);
            core.check();
            core.round();
            publish(&news, "4");
            core.run();
            for (at, &peer) in peers.iter().enumerate() {
                let due = if at == leaver { &["1", "2", "3"][..] } else { &["1", "2", "3", "4"] };
                assert_eq!(core.data(peer), due);
            }
        }
    }
}

#[test]
fn sockets_that_break_in_the_middle_of_a_round_lose_nothing_for_the_others() {
    let (news, mut core) = (broker(), Core::new());
    let peers = subscribers(&mut core, &news, 700);
    for at in (0..700).filter(|at| at % 3 == 0) {
        core.socket(peers[at]).broken = true;
    }
    publish(&news, "1");
    core.fanout.absorb();
    core.round();
    core.check();
    publish(&news, "2");
    core.run();
    for at in (0..700).filter(|at| at % 3 != 0) {
        assert_eq!(core.data(peers[at]), ["1", "2"]);
    }
    assert_eq!(core.over.len(), 234);
}

#[test]
fn subscribing_in_the_middle_of_a_round_begins_with_the_next_event() {
    let (news, mut core) = (broker(), Core::new());
    let peers = subscribers(&mut core, &news, 600);
    publish(&news, "1");
    core.fanout.absorb();
    core.round();
    let late = core.open(Framing::Chunked, true);
    core.fanout.subscribe(late.id, &news).expect("open");
    core.round();
    publish(&news, "2");
    core.run();
    assert_eq!(core.data(late), ["2"]);
    for peer in peers {
        assert_eq!(core.data(peer), ["1", "2"]);
    }
}

#[test]
fn more_than_one_attempt_may_offer_leaves_in_several() {
    let (news, mut core) = (broker(), Core::new());
    let peers = subscribers(&mut core, &news, 3);
    for _ in 0..3000 {
        publish(&news, "x".repeat(1000));
    }
    while core.fanout.absorb() > 0 {}
    core.run();
    for peer in peers {
        assert_eq!(core.data(peer).len(), 3000);
        assert!(core.socket(peer).attempts > 10);
    }
}

#[test]
fn more_than_one_attempt_may_offer_is_owed_whole_when_the_first_is_refused() {
    for room in [0, 1000, 300_000] {
        let (news, mut core) = (broker(), Core::new());
        let peer = subscribers(&mut core, &news, 1)[0];
        for _ in 0..600 {
            publish(&news, "x".repeat(1000));
        }
        while core.fanout.absorb() > 0 {}
        core.socket(peer).room = room;
        core.run();
        core.allow(peer, usize::MAX);
        core.run();
        assert_eq!(core.data(peer).len(), 600);
        assert_eq!(news.dropped_events(), 0);
    }
}

#[test]
fn many_small_pieces_are_no_more_than_a_system_call_takes() {
    let (news, mut core) = (broker(), Core::new());
    let peer = subscribers(&mut core, &news, 1)[0];
    // Large events are three pieces each, and small ones on their own are one each.
    for n in 0..3000 {
        publish(&news, n.to_string());
        core.fanout.absorb();
    }
    core.run();
    assert_eq!(core.data(peer).len(), 3000);
}

#[test]
fn a_busy_hub_is_not_always_the_first_to_fill_the_logs() {
    let served = [0, 1].map(|turns| {
        let (busy, quiet, mut core) = (Hub::new(), Hub::new(), Core::new());
        let (loud, soft) = (busy.broker("loud").build(), quiet.broker("soft").build());
        subscribers(&mut core, &loud, 1);
        subscribers(&mut core, &soft, 1);
        for _ in 0..turns {
            core.fanout.absorb();
        }
        for _ in 0..200 {
            publish(&loud, "x".repeat(100_000));
        }
        while core.fanout.absorb() > 0 {}
        publish(&soft, "y");
        let full = core.fanout.log_bytes;
        while core.fanout.log_bytes == full {
            core.round();
        }
        // There is room for one share.
        core.fanout.absorb();
        quiet.backlog() == 0
    });
    assert_ne!(served[0], served[1], "each is first at every other time");
}

#[test]
fn a_topic_that_comes_and_goes_waits_for_one_turn() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.open(Framing::Chunked, false);
    for _ in 0..100 {
        core.fanout.subscribe(peer.id, &news).expect("open");
        publish(&news, "x");
        core.fanout.absorb();
        core.fanout.unsubscribe(peer.id, &news.shared, 0);
        assert!(core.fanout.ready.len() <= 1);
    }
    core.run();
    assert_eq!(core.data(peer).len(), 100);
    assert_eq!(core.fanout.topics.len(), 0);
}
