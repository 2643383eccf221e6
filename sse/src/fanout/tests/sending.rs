//! Sending to a client under each policy, and waiting until the kernel has it.

use super::*;
use crate::{ClientPolicy, Disconnect, FlushError, PreparedEvent, SendRefusal};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub(super) fn opened(core: &mut Core, config: ClientConfig) -> (Peer, Client) {
    let peer = core.open_with(Framing::Chunked, &Arc::new(config));
    let client = core.client(peer);
    core.run();
    (peer, client)
}

pub(super) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn event(n: usize) -> Event {
    Event::data(n.to_string())
}

#[test]
fn under_drop_a_full_queue_drops_and_counts_and_send_succeeds() {
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(2).slow_policy(ClientPolicy::Drop);
    let (peer, client) = opened(&mut core, config);
    (0..3).for_each(|n| client.try_send(event(n)).expect("dropped at most"));
    assert!(matches!(poll(pin!(client.send(event(3)))), Poll::Ready(Ok(()))));
    client.send_blocking(event(4)).expect("dropped");
    assert_eq!((client.dropped_events(), client.queue_depth()), (3, 2));
    assert_eq!(client.queued_bytes(), 2 * "data: 0\n\n".len());
    core.run();
    assert_eq!(core.data(peer), ["0", "1"]);
}

#[test]
fn under_close_a_full_queue_ends_the_stream_and_send_says_closed() {
    for stuck in [false, true] {
        let mut core = Core::new();
        let config = ClientConfig::new().queue_events(2).slow_policy(ClientPolicy::Close);
        let (peer, client) = opened(&mut core, config);
        if stuck {
            core.stall(peer);
            client.try_send(event(9)).expect("room");
            core.run();
        }
        (0..2).for_each(|n| client.try_send(event(n)).expect("room"));
        let refused = client.try_send(event(2)).expect_err("full");
        assert_eq!(refused.refusal(), SendRefusal::Closed);
        assert_eq!(refused.into_event(), PreparedEvent::new(&event(2)));
        assert!(client.is_closed());
        assert_eq!(client.dropped_events(), 1);
        core.run();
        let [over] = core.over[..] else { panic!("a stream is over once") };
        assert_eq!((over.why, over.broken), (Disconnect::Slow, stuck));
        assert_eq!(core.wire(peer).ended, !stuck, "in order where the socket takes bytes");
    }
}

#[test]
fn a_slow_client_whose_stream_ends_is_not_waited_for() {
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(2).slow_policy(ClientPolicy::Close);
    let (peer, client) = opened(&mut core, config);
    core.stall(peer);
    (0..3).for_each(|n| drop(client.try_send(event(n))));
    core.run();
    let [over] = core.over[..] else { panic!("its socket was full only then") };
    assert_eq!((over.why, over.broken), (Disconnect::Slow, true));
}

#[test]
fn under_block_try_send_gives_back_and_send_waits_and_a_core_is_told_it_cannot() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core, ClientConfig::new().queue_events(1));
    client.try_send(event(0)).expect("room");
    assert_eq!(client.try_send(event(1)).expect_err("full").refusal(), SendRefusal::Full);
    let mut send = pin!(client.send(event(1)));
    assert!(poll(send.as_mut()).is_pending());
    {
        let this = Rc::new(RefCell::new(Core::new().fanout));
        crate::fanout::enter(&this);
        let refused = client.send_blocking(event(2)).expect_err("it would wait for itself");
        assert_eq!(refused.refusal(), SendRefusal::Busy);
        assert_eq!(refused.into_event(), PreparedEvent::new(&event(2)));
        assert_eq!(client.flush_blocking(), Err(FlushError::Busy));
    }
    core.run();
    assert!(matches!(poll(send), Poll::Ready(Ok(()))));
    core.run();
    assert_eq!(core.data(peer), ["0", "1"]);
    assert_eq!(client.dropped_events(), 0);
}

#[test]
fn a_thread_that_sends_waits_for_the_core() {
    for queue in [Some(2), None] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core, ClientConfig::new().queue_events(queue));
        let sender = std::thread::spawn(move || {
            (0..300).for_each(|n| client.send_blocking(event(n)).expect("room in the end"));
            client.flush_blocking().expect("all of it leaves");
            client.queue_depth()
        });
        while !sender.is_finished() {
            core.commands();
            core.round();
        }
        assert_eq!(sender.join().expect("it sent all"), 0);
        assert_eq!(core.data(peer), (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn without_a_queue_each_send_awaits_its_flush_and_the_depth_is_zero() {
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(None).slow_policy(ClientPolicy::Drop);
    let (peer, client) = opened(&mut core, config);
    core.stall(peer);
    let mut first = pin!(client.send(event(0)));
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!((client.queue_depth(), client.queued_bytes()), (0, 0));
    core.run();
    let mut second = pin!(client.send(event(1)));
    assert!(poll(first.as_mut()).is_pending());
    let woken = Arc::<super::clients::Task>::default();
    let waker = Waker::from(woken.clone());
    assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(client.try_send(event(2)).expect_err("one at a time").refusal(), SendRefusal::Full);
    core.allow(peer, usize::MAX);
    core.run();
    assert!(woken.0.load(Ordering::Relaxed) > 0, "what has left makes room");
    assert!(matches!(poll(first), Poll::Ready(Ok(()))));
    assert!(poll(second.as_mut()).is_pending());
    core.run();
    assert!(matches!(poll(second), Poll::Ready(Ok(()))));
    core.stall(peer);
    let mut third = pin!(client.send(event(3)));
    assert!(poll(third.as_mut()).is_pending());
    core.run();
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    let Poll::Ready(Err(error)) = poll(third) else { panic!("the stream has ended") };
    assert_eq!(error.into_event(), PreparedEvent::new(&event(3)));
    assert_eq!((core.data(peer).len(), client.dropped_events()), (2, 0));
}

#[test]
fn the_policy_may_be_asked_of_a_callback_that_sees_the_client_and_the_event() {
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(1).on_slow_client(|client, event| {
        assert_eq!(client.queue_depth(), 1);
        match event.id().map(|id| id.to_string()).as_deref() {
            Some("drop") => ClientPolicy::Drop,
            Some("close") => ClientPolicy::Close,
            _ => ClientPolicy::Block,
        }
    });
    let (_, client) = opened(&mut core, config);
    client.try_send(event(0)).expect("room");
    client.try_send(event(1).id("drop")).expect("dropped");
    let send = |id| client.try_send(event(1).id(id)).expect_err("full").refusal();
    assert_eq!((send("block"), send("close")), (SendRefusal::Full, SendRefusal::Closed));
    assert!(client.is_closed());
}

#[test]
fn flush_resolves_when_the_kernel_has_the_bytes() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core, ClientConfig::new());
    assert_eq!(poll(pin!(client.flush())), Poll::Ready(Ok(())), "nothing was sent");
    core.stall(peer);
    client.try_send(event(0)).expect("room");
    let mut flush = pin!(client.flush());
    for room in [0, 3, 5, 100] {
        assert!(poll(flush.as_mut()).is_pending());
        core.run();
        assert!(poll(flush.as_mut()).is_pending() || room == 100);
        core.allow(peer, room);
        core.run();
    }
    assert_eq!(poll(flush), Poll::Ready(Ok(())));
}

#[test]
fn flush_after_close_waits_for_what_was_sent_before() {
    for delivered in [true, false] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core, ClientConfig::new());
        core.stall(peer);
        client.try_send(event(0)).expect("room");
        client.close();
        core.run();
        let mut flush = pin!(client.flush());
        assert!(poll(flush.as_mut()).is_pending());
        let expected = if delivered {
            core.allow(peer, usize::MAX);
            core.run();
            Ok(())
        } else {
            core.fanout.gone(peer.id, Disconnect::ClientGone);
            Err(FlushError::Closed(Disconnect::Done))
        };
        assert_eq!(poll(flush), Poll::Ready(expected));
    }
}

#[test]
fn data_comments_and_prepared_events_keep_the_order_of_the_stream() {
    let (news, mut core) = (broker(), Core::new());
    let (peer, client) = opened(&mut core, ClientConfig::new());
    let _subscribed = news.subscribe(&client);
    core.run();
    let now =
        |sent: Poll<Result<(), crate::SendError>>| assert!(matches!(sent, Poll::Ready(Ok(()))));
    now(poll(pin!(client.send_data("1"))));
    now(poll(pin!(client.send_comment("c"))));
    now(poll(pin!(client.send_prepared(&PreparedEvent::new(&event(2))))));
    core.run();
    publish(&news, "3");
    core.run();
    now(poll(pin!(client.send_data("4"))));
    core.run();
    assert_eq!(core.data(peer), ["1", "2", "3", "4"]);
    assert_eq!(core.wire(peer).comments, 1);
}

/// What the owner of a socket knows, in this test.
struct Visit(SocketAddr, crate::EventId, String);

impl crate::Origin for Visit {
    fn last_event_id(&self) -> Option<&crate::EventId> {
        Some(&self.1)
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        Some(self.0)
    }

    fn request(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.2)
    }
}

#[test]
fn a_client_knows_where_it_came_from() {
    let mut core = Core::new();
    let address: SocketAddr = "127.0.0.1:9".parse().expect("an address");
    let visit = Arc::new(Visit(address, 7.into(), "ann".to_owned()));
    let id = core.fanout.open(1, Framing::Plain, Bytes::new(), &Arc::default(), Some(visit));
    let client = core.fanout.client(id);
    assert_eq!(client.peer_addr(), Some(address));
    assert_eq!(client.last_event_id(), Some(&7.into()));
    assert_eq!(client.request::<String>().map(String::as_str), Some("ann"));
    assert_eq!(client.request::<u8>(), None);
    let nobody = core.open(Framing::Plain, false);
    let nobody = core.client(nobody);
    assert_eq!((nobody.peer_addr(), nobody.last_event_id()), (None, None));
    assert_eq!(nobody.request::<String>(), None);
}

#[test]
fn a_client_knows_what_the_kernel_had_of_it_at_the_start_when_full_and_when_asked() {
    let mut core = Core::new();
    let peer = core.open(Framing::Chunked, false);
    core.socket(peer).unsent = Some(0);
    let client = core.client(peer);
    assert_eq!(client.unsent_bytes(), None, "nobody has looked");
    core.run();
    assert_eq!(client.unsent_bytes(), Some(0));
    core.run();
    // Its socket takes no more.
    core.stall(peer);
    client.try_send(event(0)).expect("room");
    core.socket(peer).unsent = Some(100);
    core.run();
    assert_eq!(client.unsent_bytes(), Some(100));
    let looks = core.sockets.looks;
    core.socket(peer).unsent = Some(60);
    (0..10).for_each(|_| assert_eq!(client.unsent_bytes(), Some(100)));
    core.run();
    assert_eq!(core.sockets.looks, looks + 1, "asked often, it looks once");
    assert_eq!(client.unsent_bytes(), Some(60));
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    assert_eq!(client.unsent_bytes(), None);
    core.run();
}

#[test]
fn what_the_kernel_has_of_streams_that_nobody_asks_about_is_not_looked_at() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    (0..9).for_each(|n| publish(&news, n.to_string()));
    core.run();
    assert_eq!(core.sockets.looks, 0);
}

#[test]
fn what_the_kernel_has_of_a_held_stream_is_known_once_it_has_begun() {
    let mut core = Core::new();
    let id = core.fanout.hold(Framing::Chunked, &Arc::default(), None);
    let client = core.fanout.client(id);
    assert_eq!(client.unsent_bytes(), None);
    core.run();
    assert_eq!((client.unsent_bytes(), core.sockets.looks), (None, 0));
    core.sockets.at(1).unsent = Some(5);
    assert!(core.fanout.admit(id, 1, Bytes::from_static(HEAD)));
    core.run();
    assert_eq!(client.unsent_bytes(), Some(5));
}
