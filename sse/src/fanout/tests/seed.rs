//! Rules of the package that this crate succeeds, those that no other test here has as its name.

use super::policies::publish_slowly;
use super::sending::{event, opened};
use super::*;
use crate::{PreparedEvent, Refusal, SlowPolicy};
use std::time::Duration;

#[test]
fn the_default_subscriber_buffer_is_64_events_and_the_default_policy_drops() {
    for published in [63, 64, 65] {
        let (news, mut core) = (broker(), Core::new());
        let peer = core.subscriber(&news);
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..published);
        assert_eq!(news.dropped_events(), published.saturating_sub(64) as u64);
        assert_eq!(news.subscriber_count(), 1);
    }
}

#[test]
fn subscribing_to_a_closed_broker_does_nothing_and_neither_does_leaving_it() {
    let (news, mut core) = (broker(), Core::new());
    let (peer, client) = opened(&mut core, ClientConfig::new());
    news.close();
    let subscription = news.subscribe(&client);
    core.run();
    assert_eq!(news.subscriber_count(), 0);
    drop(subscription);
    client.try_send(event(1)).expect("it goes on");
    core.run();
    assert_eq!(core.data(peer), ["1"]);
}

#[test]
fn leaving_a_broker_that_was_closed_in_between_does_nothing() {
    let (news, mut core) = (broker(), Core::new());
    let (peer, client) = opened(&mut core, ClientConfig::new());
    let subscription = news.subscribe(&client);
    core.run();
    news.close();
    news.close();
    core.run();
    drop(subscription);
    core.run();
    assert_eq!((news.subscriber_count(), core.data(peer).len()), (0, 0));
    assert!(!client.is_closed());
    let refused = news.publish_prepared(&PreparedEvent::new(&event(1))).expect_err("closed");
    assert_eq!(refused.refusal(), Refusal::Closed);
}

#[test]
fn a_prepared_event_is_published_and_sent_again_without_being_formatted_again() {
    let (hub, mut core) = (Hub::new(), Core::new());
    let [first, second] = ["a", "b"].map(|name| hub.broker(name).build());
    let (peer, client) = opened(&mut core, ClientConfig::new());
    core.fanout.subscribe(peer.id, &first).expect("open");
    core.fanout.subscribe(peer.id, &second).expect("open");
    let published = first.publish(event(1)).expect("room");
    assert_eq!(published.event.len(), "data: 1\n\n".len());
    second.publish_prepared(&published.event).expect("room");
    client.try_send(published.event).expect("room");
    core.run();
    assert_eq!(core.data(peer), ["1", "1", "1"]);
}

#[test]
fn the_clients_queue_and_the_brokers_buffer_do_not_count_each_others_events() {
    let news = Hub::new().broker("test").subscriber_buffer(3).build();
    let mut core = Core::new();
    let (peer, client) = opened(&mut core, ClientConfig::new().queue_events(1));
    core.fanout.subscribe(peer.id, &news).expect("open");
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    assert_eq!(client.queue_depth(), 0);
    for n in 8..10 {
        client.try_send(event(n)).expect("its own queue is empty");
        // The first has its place behind the broker's events, the second waits for that.
        core.run();
    }
    publish_slowly(&mut core, &news, 3..4);
    assert_eq!((client.queue_depth(), news.dropped_events()), (1, 1));
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["0", "1", "2", "8", "9"]);
}

#[test]
fn a_stream_opens_with_the_time_to_wait_before_reconnecting_and_zero_says_nothing() {
    for (retry, says) in [
        (None, ""),
        (Some(Duration::ZERO), ""),
        (Some(Duration::from_millis(1500)), "retry: 1500\n\n"),
    ] {
        let mut core = Core::new();
        let peer = core.open_with(Framing::Plain, &Arc::new(ClientConfig::new().retry(retry)));
        core.run();
        assert_eq!(core.socket(peer).bytes, [HEAD, says.as_bytes()].concat());
    }
}

#[test]
fn no_slow_policy_delays_the_publisher_or_the_others() {
    for policy in [SlowPolicy::Drop, SlowPolicy::DropOldest, SlowPolicy::Remove, SlowPolicy::Close]
    {
        let news = Hub::new().broker("test").subscriber_buffer(2).slow_policy(policy).build();
        let mut core = Core::new();
        let peers: Vec<Peer> = (0..9).map(|_| core.subscriber(&news)).collect();
        for &peer in &peers[..4] {
            core.stall(peer);
        }
        publish_slowly(&mut core, &news, 0..50);
        for &peer in &peers[4..] {
            assert_eq!(core.data(peer).len(), 50);
        }
        assert!(news.dropped_events() >= 4, "no loss is silent");
        assert_eq!(core.fanout.log_bytes, 0, "the log keeps nothing for them");
    }
}
