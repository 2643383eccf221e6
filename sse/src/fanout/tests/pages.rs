//! Pages of what a stream missed: how much of it waits, and that its client knows of what does.

use super::replay::{broker_with, ids};
use super::stores::{Task, finish, remote, until};
use super::*;
use crate::SendRefusal;
use crate::fanout::Resumed;
use crate::replay::RingBuffer;

#[test]
fn a_slow_stream_is_owed_a_page_at_most() {
    let (news, mut core) = (broker_with(Arc::new(RingBuffer::new(100_000))), Core::new());
    for _ in 0..50_000 {
        news.publish(Event::data("x".repeat(50))).expect("room");
        core.fanout.absorb();
    }
    let peer = core.open(Framing::Chunked, true);
    core.run();
    core.stall(peer);
    let Resumed::Rest(rest) = core.fanout.subscribe_from(peer.id, &news, Some(0.into())) else {
        panic!("it cannot have all at once")
    };
    let mut task = Task::new(async move { rest.run().await.expect("it goes on") });
    let mut most = 0;
    while !task.poll() {
        core.allow(peer, 3000);
        core.step();
        most = most.max(core.fanout.owed_bytes);
        core.stall(peer);
    }
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(ids(&mut core, peer), (1..=50_000).collect::<Vec<u64>>());
    assert!(most < 64 * 1024, "{most} bytes were owed");
}

#[test]
fn of_a_store_that_blocks_a_stuck_stream_is_owed_two_pages_at_most() {
    let (news, mut core) = (broker_with(remote()), Core::new());
    (0..200).for_each(|_| publish(&news, "x"));
    let peer = core.open(Framing::Chunked, true);
    core.run();
    core.stall(peer);
    let rest = core.fanout.subscribe_from(peer.id, &news, Some(0.into()));
    let Resumed::Rest(rest) = rest else { panic!("a thread has to read it") };
    let mut task = Task::new(async move { rest.run().await.expect("it goes on") });
    let owed = |core: &Core| core.fanout.streams[peer.id.index as usize].owed.is_some();
    until(&mut core, "it is owed what was read", |core| {
        assert!(!task.poll());
        let has_read = !core.mailbox.0.lock().expect("no test panics with it").is_empty();
        // They come between what was read and what is sent.
        (0..if has_read { 300 } else { 0 }).for_each(|_| publish(&news, "x"));
        core.commands();
        owed(core)
    });
    for _ in 0..10 {
        assert!(!task.poll());
        core.run();
        let owed = core.fanout.get(peer.id).expect("open").owed.as_ref().expect("stuck");
        assert_eq!(owed.own_events(), 200 + 256, "what was read, and a page of what was sent");
    }
    core.allow(peer, usize::MAX);
    finish(&mut core, &mut task);
    assert_eq!(ids(&mut core, peer), (1..=news.published()).collect::<Vec<u64>>());
}

#[test]
fn a_client_made_after_a_page_became_owed_is_told_when_that_has_left() {
    let (news, mut core) = (broker_with(Arc::new(RingBuffer::new(1000))), Core::new());
    (0..600).for_each(|_| publish(&news, "x"));
    core.run();
    for has_queue in [true, false] {
        let config = ClientConfig::new().queue_events(has_queue.then_some(1usize));
        let peer = core.open_with(Framing::Chunked, &Arc::new(config));
        core.run();
        core.allow(peer, 1000);
        let rest = core.fanout.subscribe_from(peer.id, &news, Some(0.into()));
        let Resumed::Rest(rest) = rest else { panic!("more than a page") };
        let mut task = Task::new(async move { rest.run().await.expect("it goes on") });
        for _ in 0..10 {
            assert!(!task.poll());
            core.run();
            // A part of the page has left before this client is worked with.
            let owed = core.fanout.get(peer.id).expect("open").owed.as_ref().expect("stuck");
            assert!((100..256).contains(&owed.own_events()), "one page, and no more");
        }
        core.allow(peer, usize::MAX);
        finish(&mut core, &mut task);
        let client = core.client(peer);
        finish(
            &mut core,
            &mut Task::new(async move {
                client.flush().await.expect("all has left");
                client.send(Event::data("own")).await.expect("there is room");
            }),
        );
        assert_eq!(ids(&mut core, peer), (1..=600).collect::<Vec<u64>>());
        assert_eq!(core.data(peer).last().map(String::as_str), Some("own"));
    }
}

/// As that of a feed that is looked at by a callback or at its end.
#[test]
fn a_client_made_while_what_was_missed_leaves_can_be_sent_to_without_a_queue() {
    let (news, mut core) = (broker_with(Arc::new(RingBuffer::new(1000))), Core::new());
    (0..20).for_each(|_| publish(&news, "x"));
    core.run();
    let config = Arc::new(ClientConfig::new().queue_events(None));
    for room in [0, 40] {
        let peer = core.open_with(Framing::Chunked, &config);
        core.run();
        core.allow(peer, room);
        let resumed = core.fanout.subscribe_from(peer.id, &news, Some(0.into()));
        assert!(matches!(resumed, Resumed::Live));
        core.run();
        let client = core.client(peer);
        let refused = client.try_send(Event::data("early")).expect_err("it is owed events");
        assert_eq!(refused.refusal(), SendRefusal::Full);
        core.allow(peer, usize::MAX);
        core.run();
        let sends = async move { client.send(Event::data("own")).await.expect("there is room") };
        finish(&mut core, &mut Task::new(sends));
        assert_eq!(core.data(peer).last().map(String::as_str), Some("own"));
    }
}
