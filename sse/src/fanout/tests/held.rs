//! Streams whose head is not known yet, and what streams open and end with.

use super::*;
use crate::Disconnect;
use std::pin::pin;
use std::task::{Context, Waker};
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
fn sends_on_a_held_stream_without_a_queue_do_not_wait_for_the_kernel() {
    let mut core = Core::new();
    let id = held(&mut core, &Arc::new(ClientConfig::new().queue_events(None).queue_bytes(30)));
    let client = core.fanout.client(id);
    let mut done = 0;
    for word in ["one", "two", "three"] {
        let mut send = pin!(client.send(Event::data(word)));
        let polled = send.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        done += usize::from(polled.is_ready());
    }
    assert_eq!(done, 2, "as much as the queue's bytes");
    let peer = admit(&mut core, id);
    assert_eq!(core.data(peer), ["one", "two"]);
    // From now on they do.
    let mut send = pin!(client.send(Event::data("four")));
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    core.run();
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(core.data(peer), ["one", "two", "four"]);
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
