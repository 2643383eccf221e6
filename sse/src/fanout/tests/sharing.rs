//! Streams that are always owed something: brokers, and the client's own events, all get their share.

use super::sending::{event, poll};
use super::*;
use crate::SlowPolicy;
use std::pin::pin;
use std::task::Poll;

/// A reader that is slower than what it is sent, whose socket takes some bytes per step.
struct SlowReader {
    core: Core,
    peer: Peer,
    client: Client,
}

impl SlowReader {
    fn of(brokers: &[&Broker]) -> Self {
        let mut core = Core::new();
        let config = ClientConfig::new().queue_events(4);
        let peer = core.open_with(Framing::Chunked, &Arc::new(config));
        for broker in brokers {
            core.fanout.subscribe(peer.id, broker).expect("open");
        }
        let client = core.client(peer);
        core.run();
        core.stall(peer);
        Self { core, peer, client }
    }

    /// The socket takes this many bytes.
    fn step(&mut self, bytes: usize) {
        self.core.run();
        self.core.allow(self.peer, bytes);
        self.core.run();
        self.core.stall(self.peer);
    }

    /// How many events with this data have left.
    fn count(&mut self, data: &str) -> usize {
        self.core.data(self.peer).iter().filter(|known| known.starts_with(data)).count()
    }
}

fn broker_with(policy: SlowPolicy) -> Broker {
    Hub::new().broker("test").subscriber_buffer(8).slow_policy(policy).build()
}

#[test]
fn what_a_client_is_sent_leaves_although_a_broker_keeps_its_stream_busy() {
    for (policy, events) in
        [(SlowPolicy::DropOldest, 3), (SlowPolicy::Drop, 3), (SlowPolicy::Drop, 1)]
    {
        let news = broker_with(policy);
        let mut reader = SlowReader::of(&[&news]);
        let client = reader.client.clone();
        publish(&news, "news");
        reader.core.run();
        let mut own = pin!(async {
            for n in 0..20 {
                client.send(event(n)).await.expect("open");
            }
            client.flush().await
        });
        let mut steps = 0;
        while poll(own.as_mut()).is_pending() {
            publish_all(&news, vec!["news"; events]);
            reader.step("15\r\nid: 123\ndata: news\n\n\r\n".len());
            steps += 1;
            assert!(steps < 1000, "{policy:?}: {} of 20", reader.count("1"));
        }
        let own: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut heard = reader.core.data(reader.peer);
        heard.retain(|data| data != "news");
        assert_eq!(heard, own);
        assert!(reader.count("news") >= steps / 2, "{policy:?}: the broker has its share, too");
    }
}

#[test]
fn a_client_that_always_sends_takes_no_broker_its_room() {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Drop] {
        let news = broker_with(policy);
        let mut reader = SlowReader::of(&[&news]);
        for n in 0..2000 {
            while reader.client.try_send(Event::data(format!("own {n}"))).is_ok() {}
            publish(&news, format!("news {n}"));
            reader.step(30);
        }
        let (own, news) = (reader.count("own"), reader.count("news"));
        assert!(own > 200 && news > 200, "{policy:?}: {own} own, {news} of the broker's");
    }
}

#[test]
fn a_subscriber_that_dropped_events_goes_on_although_others_keep_its_stream_busy() {
    let (dropping, busy) = (broker_with(SlowPolicy::Drop), broker_with(SlowPolicy::DropOldest));
    let mut reader = SlowReader::of(&[&dropping, &busy]);
    publish_all(&dropping, vec!["early"; 20]);
    for n in 0..200 {
        while reader.client.try_send(Event::data("own")).is_ok() {}
        publish_all(&busy, ["busy"; 1]);
        reader.step(60);
        if n == 100 {
            assert_eq!(
                reader.core.fanout.topics.iter().map(|(_, t)| t.dropping.len()).max(),
                Some(0)
            );
        }
    }
    assert!(reader.count("early") > 0 && reader.count("busy") > 20 && reader.count("own") > 20);
}

#[test]
fn own_events_are_taken_in_shares_while_the_stream_is_owed_others() {
    let news = broker_with(SlowPolicy::Drop);
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(1000);
    let peer = core.open_with(Framing::Chunked, &Arc::new(config));
    core.fanout.subscribe(peer.id, &news).expect("open");
    let client = core.client(peer);
    core.run();
    core.stall(peer);
    publish(&news, "news");
    core.run();
    for _ in 0..100 {
        client.try_send(Event::data("x".repeat(1024))).expect("room");
    }
    core.run();
    assert_eq!(client.queue_depth(), 100 - 16, "16 KiB of them");
    assert!(matches!(poll(pin!(client.send(event(0)))), Poll::Ready(Ok(()))));
    core.run();
    assert_eq!(client.queue_depth(), 100 - 16 + 1, "not before these have left");
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!((client.queue_depth(), core.data(peer).len()), (0, 102));
}
