//! What a client sends itself: its queue, its back-pressure, and its order with everything else.

use super::*;
use crate::{Disconnect, PreparedEvent, SendRefusal};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Counts how often a task was woken.
#[derive(Default)]
pub(super) struct Task(pub(super) AtomicUsize);

impl std::task::Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn opened(core: &mut Core) -> (Peer, Client) {
    let peer = core.open(Framing::Chunked, false);
    let client = core.client(peer);
    core.run();
    (peer, client)
}

/// An event of exactly this many bytes.
fn event_of(bytes: usize) -> PreparedEvent {
    let event = PreparedEvent::new(&Event::data("x".repeat(bytes - "data: \n\n".len())));
    assert_eq!(event.len(), bytes);
    event
}

#[test]
fn a_client_queues_256_events() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    (0..256).for_each(|n| client.try_send(Event::data(n.to_string())).expect("room"));
    let refused = client.try_send(Event::data("256")).expect_err("no room");
    assert_eq!(refused.refusal(), SendRefusal::Full);
    assert_eq!(refused.into_event(), PreparedEvent::new(&Event::data("256")));
    assert_eq!(client.queue_depth(), 256);
    core.run();
    assert_eq!(client.queue_depth(), 0);
    client.try_send(Event::data("256")).expect("room again");
    core.run();
    assert_eq!(core.data(peer), (0..257).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_client_queues_one_mebibyte() {
    const HALF: usize = 512 * 1024;
    for (second, fits) in [(HALF - 1, true), (HALF, true), (HALF + 1, false)] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core);
        client.try_send(event_of(HALF)).expect("room");
        let sent = client.try_send(event_of(second));
        assert_eq!(sent.is_ok(), fits);
        core.run();
        assert_eq!(core.data(peer).len(), 1 + usize::from(fits));
    }
}

#[test]
fn a_client_queues_any_one_event_alone() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    client.try_send(event_of(3 << 20)).expect("nothing else waits");
    let refused = client.try_send(Event::data("small")).expect_err("no room");
    assert_eq!(refused.refusal(), SendRefusal::Full);
    core.run();
    client.try_send(Event::data("small")).expect("room");
    core.run();
    assert_eq!(core.data(peer).len(), 2);
}

#[test]
fn a_stuck_stream_fills_the_queue_of_its_client_and_not_the_core() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    core.stall(peer);
    let mut taken = 0;
    while client.try_send(event_of(10_000)).is_ok() {
        taken += 1;
        core.run();
    }
    assert!(core.fanout.owed_bytes < 20_000, "one event, and its frame");
    assert_eq!(client.queue_depth(), taken - 1);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!((core.data(peer).len(), client.queue_depth()), (taken, 0));
}

#[test]
fn sending_waits_for_room() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    (0..256).for_each(|n| client.try_send(Event::data(n.to_string())).expect("room"));
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    let mut send = pin!(client.send(Event::data("last")));
    for _ in 0..3 {
        assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(task.0.load(Ordering::Relaxed), 0);
    core.run();
    assert_eq!(task.0.load(Ordering::Relaxed), 1, "one task, one wake");
    let Poll::Ready(Ok(())) = send.poll(&mut Context::from_waker(&waker)) else {
        panic!("there is room")
    };
    core.run();
    assert_eq!(core.data(peer).last().map(String::as_str), Some("last"));
}

#[test]
fn sending_gives_the_event_back_when_the_stream_ends() {
    for by_handle in [true, false] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core);
        core.stall(peer);
        (0..300).for_each(|n| drop(client.try_send(Event::data(n.to_string()))));
        let task = Arc::<Task>::default();
        let waker = Waker::from(task.clone());
        let mut send = pin!(client.send(Event::data("last")));
        assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        if by_handle {
            client.close();
        } else {
            core.fanout.gone(peer.id, Disconnect::ClientGone);
        }
        core.run();
        assert!(task.0.load(Ordering::Relaxed) > 0, "whoever waits is told");
        let Poll::Ready(Err(error)) = send.poll(&mut Context::from_waker(&waker)) else {
            panic!("the stream has ended")
        };
        assert_eq!(error.refusal(), SendRefusal::Closed);
        assert_eq!(error.into_event(), PreparedEvent::new(&Event::data("last")));
    }
}

#[test]
fn whoever_waits_for_the_end_is_told_why() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    let mut closed = pin!(client.closed());
    assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    assert_eq!(task.0.load(Ordering::Relaxed), 1);
    let context = &mut Context::from_waker(&waker);
    assert_eq!(closed.poll(context), Poll::Ready(Disconnect::ClientGone));
    assert_eq!(pin!(client.closed()).poll(context), Poll::Ready(Disconnect::ClientGone));
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    for stuck in [false, true] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core);
        if stuck {
            core.stall(peer);
        }
        (0..200).for_each(|n| client.try_send(Event::data(n.to_string())).expect("room"));
        client.close();
        client.clone().close();
        let refused = client.try_send(Event::data("late")).expect_err("closed");
        assert_eq!(refused.refusal(), SendRefusal::Closed);
        core.run();
        core.allow(peer, usize::MAX);
        core.run();
        assert_eq!(core.data(peer).len(), 200);
        assert!(core.wire(peer).ended);
        let [over] = core.over[..] else { panic!("a stream is over once") };
        assert_eq!(over.why, Disconnect::Done);
    }
}

#[test]
fn a_client_of_a_stream_that_ends_is_closed_from_the_start() {
    let (news, mut core) = (broker(), Core::new());
    let peer = core.subscriber(&news);
    core.stall(peer);
    publish(&news, "x");
    core.run();
    core.fanout.close(peer.id, Disconnect::Drain);
    let client = core.client(peer);
    assert!(client.is_closed());
    assert!(client.try_send(Event::data("after the end")).is_err());
    core.allow(peer, usize::MAX);
    core.run();
    assert!(core.client(peer).is_closed());
    assert!(core.wire(peer).ended);
}

#[test]
fn an_end_does_not_wait_for_senders_who_never_stop() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core);
    let sender = std::thread::spawn(move || {
        while client.try_send(Event::data("x")).is_ok() || !client.is_closed() {}
    });
    while core.data(peer).is_empty() {
        core.commands();
        core.round();
    }
    core.fanout.close(peer.id, Disconnect::Drain);
    core.run();
    assert!(core.wire(peer).ended);
    sender.join().expect("it ends with the stream");
}
