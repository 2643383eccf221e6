//! An event that has begun to leave is finished before anything else goes to its stream.

use super::*;

/// Cut after its body and before the end of its chunk by an attempt that is as large as allowed.
fn huge() -> String {
    "h".repeat(300 * 1024)
}

fn a_begun_event_is_finished_before(other: impl Fn(&mut Core, Peer, &Broker)) {
    for room in [1, 30, 300 * 1024, usize::MAX] {
        let (hub, mut core) = (Hub::new(), Core::new());
        let (news, second) = (hub.broker("news").build(), hub.broker("second").build());
        let peer = core.subscriber(&news);
        core.fanout.subscribe(peer.id, &second).expect("open");
        publish(&news, huge());
        publish(&news, "next");
        core.fanout.absorb();
        core.socket(peer).room = room;
        core.round();
        other(&mut core, peer, &second);
        core.round();
        core.allow(peer, usize::MAX);
        core.run();
        let wire = core.wire(peer);
        assert_eq!(wire.events[0].data, huge());
        assert_eq!(wire.rest, 0);
    }
}

#[test]
fn a_begun_event_is_finished_before_a_heartbeat() {
    a_begun_event_is_finished_before(|core, peer, _| {
        core.now += 1;
        core.fanout.heartbeat(peer.id, core.now, core.now);
    });
}

#[test]
fn a_begun_event_is_finished_before_what_the_client_sends() {
    a_begun_event_is_finished_before(|core, peer, _| {
        core.client(peer).try_send(Event::data("own")).expect("room");
        core.commands();
    });
}

#[test]
fn a_begun_event_is_finished_before_another_brokers() {
    a_begun_event_is_finished_before(|core, _, second| {
        publish(second, "other");
        core.fanout.absorb();
    });
}

#[test]
fn a_begun_event_is_finished_before_the_terminal_chunk() {
    a_begun_event_is_finished_before(|core, peer, _| {
        core.fanout.close(peer.id, crate::Disconnect::Done);
    });
}

#[test]
fn an_event_without_bytes_is_no_terminal_chunk() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    let client = core.client(peer);
    let refused = client.try_send(Event::new()).expect_err("an event without bytes");
    assert_eq!(refused.refusal(), crate::SendRefusal::Empty);
    client.try_send(Event::data("x")).expect("room");
    core.run();
    assert!(!core.wire(peer).ended);
    assert_eq!(core.data(peer), ["x"]);
}

#[test]
fn a_stream_whose_broker_ends_may_go_on_with_another() {
    for framing in [Framing::Chunked, Framing::Plain] {
        let (hub, mut core) = (Hub::new(), Core::new());
        let (first, second) = (hub.broker("first").build(), hub.broker("second").build());
        let (peer, other) = (core.open(framing, true), core.open(framing, true));
        core.fanout.subscribe(peer.id, &first).expect("open");
        core.fanout.subscribe(other.id, &second).expect("open");
        core.run();
        first.close();
        core.fanout.subscribe(peer.id, &second).expect("open until the core looks");
        publish(&second, "x");
        core.run();
        assert_eq!(core.data(peer), ["x"]);
    }
}

#[test]
fn a_head_that_waits_its_turn_makes_no_slow_subscriber() {
    let (news, mut core) = (broker(), Core::new());
    let peers: Vec<Peer> = (0..1000)
        .map(|_| {
            let peer = core.open(Framing::Chunked, true);
            core.fanout.subscribe(peer.id, &news).expect("open");
            peer
        })
        .collect();
    (0..200).for_each(|n| publish(&news, n.to_string()));
    core.run();
    assert_eq!(news.dropped_events(), 0);
    for peer in peers {
        assert_eq!(core.data(peer).len(), 200);
    }
}
