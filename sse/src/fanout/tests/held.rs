//! Streams whose head is not known yet, and what streams open and end with.

use super::sending::{event, poll};
use super::*;
use crate::client::HELD_BYTES;
use crate::{ClientPolicy, Disconnect, ForwardError, SendError, SendRefusal};
use futures_core::Stream;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

fn held(core: &mut Core, config: &Arc<ClientConfig>) -> StreamId {
    let id = core.fanout.hold(Framing::Chunked, config, None);
    core.run();
    id
}

fn admit(core: &mut Core, id: StreamId) -> Peer {
    assert!(core.fanout.admit(id, 1, Bytes::from_static(HEAD)));
    core.peers.insert(1, id);
    core.run();
    Peer { to: 1, id, framing: Framing::Chunked }
}

#[test]
fn what_a_held_stream_is_sent_comes_after_its_head_and_before_all_else() {
    let (news, mut core) = (broker(), Core::new());
    let config = Arc::new(ClientConfig::new().retry(Duration::from_secs(3)));
    let id = held(&mut core, &config);
    let client = core.fanout.client(id);
    client.try_send(Event::data("hello")).expect("room");
    core.run();
    core.fanout.subscribe(id, &news).expect("open");
    core.run();
    assert!(core.sockets.batches.is_empty(), "nothing leaves");
    let peer = admit(&mut core, id);
    publish(&news, "1");
    core.run();
    assert_eq!(core.data(peer), ["hello", "1"]);
    let begin = [HEAD, b"d\r\nretry: 3000\n\n\r\n"].concat();
    assert!(core.socket(peer).bytes.starts_with(&begin));
    assert!(!core.fanout.admit(id, 2, Bytes::from_static(HEAD)), "it has a socket");
}

#[test]
fn what_is_sent_last_before_the_head_comes_before_what_brokers_publish_then() {
    let (news, mut core) = (broker(), Core::new());
    let id = held(&mut core, &Arc::default());
    // The core has not heard of it when it admits the stream.
    core.fanout.client(id).try_send(Event::data("hello")).expect("room");
    core.sockets.at(1).room = 0;
    assert!(core.fanout.admit(id, 1, Bytes::from_static(HEAD)));
    core.peers.insert(1, id);
    let peer = Peer { to: 1, id, framing: Framing::Chunked };
    core.fanout.subscribe(id, &news).expect("open");
    publish(&news, "1");
    core.run();
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["hello", "1"]);
}

#[test]
fn a_held_stream_that_is_given_up_leaves_nothing() {
    let mut core = Core::new();
    for by_client in [false, true] {
        let id = held(&mut core, &Arc::default());
        let client = core.fanout.client(id);
        client.try_send(Event::data("hello")).expect("room");
        if by_client {
            client.close();
            core.run();
        }
        core.fanout.gone(id, Disconnect::ClientGone);
        assert!(client.is_closed());
        assert!(!core.fanout.is_open(id));
        assert!(!core.fanout.admit(id, 1, Bytes::from_static(HEAD)));
        assert!(core.over.is_empty(), "it has no socket to be closed");
        core.run();
        assert_eq!((core.fanout.streams(), core.fanout.owed_bytes), (0, 0));
    }
}

#[test]
fn a_held_stream_that_is_too_slow_is_over_before_it_has_a_socket() {
    let news = Hub::new().broker("test").subscriber_buffer(1);
    let (news, mut core) = (news.slow_policy(crate::SlowPolicy::Close).build(), Core::new());
    let id = held(&mut core, &Arc::default());
    core.fanout.subscribe(id, &news).expect("open");
    publish_all(&news, ["1", "2"]);
    core.run();
    assert!(!core.fanout.is_open(id) && core.over.is_empty());
    assert!(!core.fanout.admit(id, 1, Bytes::from_static(HEAD)));
}

#[test]
fn a_held_stream_that_its_client_closes_ends_after_its_head() {
    let mut core = Core::new();
    let id = held(&mut core, &Arc::default());
    let client = core.fanout.client(id);
    client.try_send(Event::data("only")).expect("room");
    client.close();
    core.run();
    let peer = admit(&mut core, id);
    assert_eq!(core.data(peer), ["only"]);
    assert!(core.wire(peer).ended);
}

#[test]
fn the_last_word_leaves_after_what_is_owed_and_before_the_end() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    let client = core.client(peer);
    publish(&news, "1");
    core.fanout.absorb();
    client.try_send(Event::data("own")).expect("room");
    let retry = Event::new().retry(Duration::from_secs(7));
    core.fanout.close_with(peer.id, Disconnect::Drain, &retry.into());
    core.fanout.close_with(peer.id, Disconnect::Drain, &Event::data("no more").into());
    core.run();
    assert_eq!(core.data(peer), ["1", "own"]);
    assert!(core.wire(peer).ended);
    assert!(core.socket(peer).bytes.ends_with(b"d\r\nretry: 7000\n\n\r\n0\r\n\r\n"));
}

/// What a send comes to, which waits for nothing.
fn send(client: &Client, event: Event) -> Result<(), SendError> {
    let Poll::Ready(sent) = poll(pin!(client.send(event))) else { panic!("it waits") };
    sent
}

#[test]
fn nothing_waits_for_a_held_stream_to_begin() {
    for queue_events in [None, Some(1)] {
        let mut core = Core::new();
        let config = Arc::new(ClientConfig::new().queue_events(queue_events));
        let id = held(&mut core, &config);
        let client = core.fanout.client(id);
        for n in 0..300 {
            send(&client, event(n)).expect("it may wait");
            assert!(matches!(poll(pin!(client.flush())), Poll::Ready(Ok(()))));
            if n % 100 == 0 {
                core.run();
            }
        }
        client.flush_blocking().expect("it counts as done");
        let peer = admit(&mut core, id);
        assert_eq!(core.data(peer).len(), 300);
        core.stall(peer);
        let mut sends = pin!(client.send(event(300)));
        assert_eq!(poll(sends.as_mut()).is_ready(), queue_events.is_some());
        core.run();
        assert!(poll(pin!(client.flush())).is_pending(), "it has begun");
    }
}

#[test]
fn a_core_sends_to_a_held_stream_without_waiting() {
    for queue_events in [None, Some(1)] {
        let fanout = std::rc::Rc::new(std::cell::RefCell::new(Core::new().fanout));
        crate::fanout::enter(&fanout);
        let config = Arc::new(ClientConfig::new().queue_events(queue_events));
        let id = fanout.borrow_mut().hold(Framing::Chunked, &config, None);
        let client = fanout.borrow_mut().client(id);
        for n in 0..300 {
            client.send_blocking(event(n)).expect("it may wait");
            client.flush_blocking().expect("it counts as done");
        }
        let large = Event::data("x".repeat(HELD_BYTES));
        let refused = client.send_blocking(large).expect_err("too much waits");
        assert_eq!(refused.refusal(), SendRefusal::NotBegun);
        assert!(fanout.borrow_mut().admit(id, 1, Bytes::from_static(HEAD)));
        if queue_events.is_some() {
            client.send_blocking(event(300)).expect("what waited has left the queue");
        }
        assert_eq!(client.send_blocking(event(0)).map_err(|e| e.refusal()), Err(SendRefusal::Busy));
    }
}

#[test]
fn what_waits_for_a_held_stream_is_bounded_and_given_back() {
    let framed = "data: \n\n".len();
    for (queue_events, last, fits) in
        [(None, 1023, true), (None, 1024, true), (Some(2), 1024, true), (Some(2), 1025, false)]
    {
        let mut core = Core::new();
        let config = Arc::new(ClientConfig::new().queue_events(queue_events));
        let id = held(&mut core, &config);
        let client = core.fanout.client(id);
        for _ in 1..HELD_BYTES / 1024 {
            send(&client, Event::data("x".repeat(1024 - framed))).expect("it may wait");
        }
        let sent = send(&client, Event::data("x".repeat(last - framed)));
        assert_eq!(sent.is_ok(), fits, "{last}");
        if let Err(refused) = sent {
            assert_eq!(refused.refusal(), SendRefusal::NotBegun);
            assert_eq!(refused.into_event().len(), last);
        }
    }
}

#[test]
fn policies_apply_to_held_streams_too() {
    for (policy, refusal) in [
        (ClientPolicy::Drop, None),
        (ClientPolicy::Close, Some(SendRefusal::Closed)),
        (ClientPolicy::Block, Some(SendRefusal::Full)),
    ] {
        let mut core = Core::new();
        let config = Arc::new(ClientConfig::new().queue_events(2).slow_policy(policy));
        let id = held(&mut core, &config);
        let client = core.fanout.client(id);
        (0..2).for_each(|n| client.try_send(event(n)).expect("room"));
        let sent = client.try_send(event(2));
        assert_eq!(sent.err().map(|error| error.refusal()), refusal);
    }
}

/// Yields the same event for ever.
struct Endless(usize);

impl Stream for Endless {
    type Item = Result<Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Event::data("x".repeat(self.0)))))
    }
}

#[test]
fn forwarding_to_a_held_stream_gives_back_what_may_not_wait() {
    let mut core = Core::new();
    let id = held(&mut core, &Arc::default());
    let client = core.fanout.client(id);
    let forwarded = poll(pin!(client.forward(Endless(1000))));
    let Poll::Ready(Err(ForwardError::NotBegun(event))) = forwarded else { panic!("it goes on") };
    assert_eq!(event, Event::data("x".repeat(1000)).into());
    let waiting = client.queue_depth();
    let peer = admit(&mut core, id);
    assert_eq!(core.data(peer).len(), waiting);
}
