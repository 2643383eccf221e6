//! Notices of gaps, in the stream: how many events are missing, and the id of the last one before.

use super::*;
use crate::{ClientPolicy, SlowPolicy};

fn noticing() -> Arc<ClientConfig> {
    Arc::new(ClientConfig::new().gap_notice("missed"))
}

fn noticed(core: &mut Core, broker: &Broker) -> Peer {
    let peer = core.open_with(Framing::Chunked, &noticing());
    core.fanout.subscribe(peer.id, broker).expect("open");
    core.run();
    peer
}

fn publish_slowly(core: &mut Core, broker: &Broker, events: std::ops::Range<usize>) {
    for n in events {
        publish(broker, n.to_string());
        core.run();
    }
}

/// Data of the events, and gaps as `count@last`.
fn all(core: &mut Core, peer: Peer) -> Vec<String> {
    let spell = |seen: &wire::Seen| match &seen.gap {
        Some((missed, last)) => format!("{missed}@{}", last.as_deref().unwrap_or("?")),
        None => seen.data.clone(),
    };
    core.wire(peer).events.iter().map(spell).collect()
}

#[test]
fn a_gap_is_told_before_the_next_event_after_a_loss() {
    let news = Hub::new().broker("test").subscriber_buffer(2).build();
    let mut core = Core::new();
    let peer = noticed(&mut core, &news);
    publish_slowly(&mut core, &news, 0..1);
    for _ in 0..2 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 1..5);
        core.allow(peer, usize::MAX);
        core.run();
        publish_slowly(&mut core, &news, 5..6);
    }
    assert_eq!(all(&mut core, peer), ["0", "1", "2", "2@3", "5", "1", "2", "2@8", "5"]);
}

#[test]
fn drop_oldest_tells_the_gap_where_it_is_whatever_has_left_before() {
    for room in 0..80 {
        let news = Hub::new().broker("test").subscriber_buffer(2);
        let news = news.slow_policy(SlowPolicy::DropOldest).build();
        let mut core = Core::new();
        let peer = noticed(&mut core, &news);
        publish_slowly(&mut core, &news, 0..3);
        core.socket(peer).room = room;
        publish_slowly(&mut core, &news, 3..10);
        core.allow(peer, usize::MAX);
        core.run();
        publish_slowly(&mut core, &news, 10..11);
        let seen = all(&mut core, peer);
        let at = seen.iter().position(|seen| seen.contains('@'));
        let Some(at) = at else {
            assert_eq!((seen.len(), news.dropped_events()), (11, 0));
            continue;
        };
        // Ids are one more than what the event says.
        assert_eq!(seen[at], format!("{}@{at}", news.dropped_events()), "{seen:?}");
        assert_eq!(seen[at - 1], (at - 1).to_string());
        let next = at + usize::try_from(news.dropped_events()).expect("few");
        assert_eq!(seen[at + 1..], (next..11).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn gaps_of_two_brokers_are_told_apart() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let [first, second] = ["a", "b"].map(|name| hub.broker(name).subscriber_buffer(2).build());
    let peer = noticed(&mut core, &first);
    core.fanout.subscribe(peer.id, &second).expect("open");
    core.stall(peer);
    publish_slowly(&mut core, &first, 0..1);
    publish_slowly(&mut core, &second, 1..4);
    publish_slowly(&mut core, &first, 4..5);
    core.allow(peer, usize::MAX);
    core.run();
    let mut seen = all(&mut core, peer);
    seen[2..].sort();
    assert_eq!(seen, ["0", "1", "1@1", "2@2"]);
}

#[test]
fn an_id_that_the_event_brought_is_the_one_told() {
    let news = Hub::new().broker("test").subscriber_buffer(1).ids(false).build();
    let mut core = Core::new();
    let (peer, plain) = (noticed(&mut core, &news), core.open_with(Framing::Plain, &noticing()));
    core.fanout.subscribe(plain.id, &news).expect("open");
    core.run();
    for peer in [peer, plain] {
        core.stall(peer);
    }
    let big = "x".repeat(20_000);
    for event in [Event::data("0").id("zero"), Event::data(big).id("one"), Event::data("2")] {
        news.publish(event).expect("room");
        core.run();
    }
    for peer in [peer, plain] {
        core.allow(peer, usize::MAX);
        core.run();
        assert_eq!(all(&mut core, peer), ["0", "2@zero"]);
    }
}

#[test]
fn without_a_name_nothing_is_told() {
    for config in [ClientConfig::new(), ClientConfig::new().gap_notice("\r\n")] {
        let news = Hub::new().broker("test").subscriber_buffer(1).build();
        let mut core = Core::new();
        let peer = core.open_with(Framing::Chunked, &Arc::new(config));
        core.fanout.subscribe(peer.id, &news).expect("open");
        core.run();
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        core.allow(peer, usize::MAX);
        core.run();
        publish_slowly(&mut core, &news, 3..4);
        assert_eq!(all(&mut core, peer), ["0", "3"]);
    }
}

#[test]
fn a_clients_own_losses_are_told_too() {
    let config = ClientConfig::new().queue_events(2).slow_policy(ClientPolicy::Drop);
    let mut core = Core::new();
    let peer = core.open_with(Framing::Chunked, &Arc::new(config.gap_notice("missed")));
    let client = core.client(peer);
    core.run();
    for n in 0..5 {
        client.try_send(Event::data(n.to_string()).id(format!("i{n}"))).expect("dropped at most");
    }
    assert_eq!((client.dropped_events(), client.queue_depth()), (3, 2));
    core.run();
    client.try_send(Event::data("5")).expect("room");
    core.run();
    assert_eq!(all(&mut core, peer), ["0", "1", "3@i1", "5"]);
}

#[test]
fn a_notice_names_no_id_from_before_a_time_when_nobody_was_to_be_told() {
    let news = Hub::new().broker("test").subscriber_buffer(1).slow_policy(SlowPolicy::DropOldest);
    let (news, mut core) = (news.build(), Core::new());
    let first = noticed(&mut core, &news);
    // Keeps the topic, and is told nothing.
    core.subscriber(&news);
    publish_slowly(&mut core, &news, 0..1);
    core.fanout.gone(first.id, crate::Disconnect::ClientGone);
    publish_slowly(&mut core, &news, 1..5);
    let second = noticed(&mut core, &news);
    core.stall(second);
    publish_slowly(&mut core, &news, 5..6);
    // What was refused first is owed whole, and may be dropped as it has not begun.
    publish_slowly(&mut core, &news, 6..7);
    core.allow(second, usize::MAX);
    core.run();
    assert_eq!(all(&mut core, second), ["1@?", "6"], "not 1@1: ids 2 to 5 came after that");
}
