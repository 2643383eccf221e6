//! Clients whose events are kept in a store that blocks: who waits for it, for what, and who does not.

use super::kept::{ada, come, coming, seen, send};
use super::sending::poll;
use super::stores::{Task, finish, remote, until};
use super::*;
use crate::replay::StoreError;
use crate::{
    ClientPolicy, ClientReplay, Disconnect, FlushError, ForwardError, ResumeError, SendRefusal,
    StoreFailure,
};
use futures_core::Stream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;

fn event(n: u64) -> Event {
    Event::data(n.to_string())
}

fn numbers(core: &mut Core, peer: Peer) -> Vec<u64> {
    seen(core, peer).into_iter().filter_map(|(id, _)| id).collect()
}

#[test]
fn as_many_events_as_may_wait_for_a_store_that_stalls_and_no_more() {
    for most in [1, 2, 3] {
        let (store, mut core) = (remote(), Core::new());
        let replay = ClientReplay::builder(store.clone()).store_queue(most).build();
        let (peer, client) = come(&mut core, &replay, ada(), None);
        let (other, quick) = come(&mut core, &replay, crate::replay::Scope::user("b"), None);
        store.stall(true);
        let taken = (1..10).filter(|&n| client.try_send(event(n)).is_ok()).count();
        assert_eq!((taken, replay.stats().waiting, client.queue_depth()), (most, most, most));
        let busy = quick.try_send(event(1)).expect_err("they wait for all");
        assert_eq!(busy.refusal(), SendRefusal::Busy);
        // What need not be stored does not wait.
        quick.try_send(Event::new().comment("c")).expect("room");
        core.run();
        assert!(core.wire(other).comments > 0);
        let mut sending = Box::pin(quick.send(event(1)));
        assert!(poll(sending.as_mut()).is_pending());
        let blocking = client.clone();
        let thread = thread::spawn(move || blocking.send_blocking(Event::data("last")));
        assert!(poll(sending.as_mut()).is_pending());
        assert!(!thread.is_finished());
        store.stall(false);
        until(&mut core, "all are sent", |_| thread.is_finished());
        thread.join().expect("no panic").expect("it is sent");
        until(&mut core, "it is sent", |_| match poll(sending.as_mut()) {
            Poll::Ready(sent) => sent.is_ok(),
            Poll::Pending => false,
        });
        core.run();
        assert_eq!(numbers(&mut core, peer), (1..=most as u64 + 1).collect::<Vec<_>>());
        assert_eq!(numbers(&mut core, other), [1]);
        assert_eq!((client.queue_depth(), replay.stats().waiting), (0, 0));
    }
}

#[test]
fn what_is_with_the_store_has_its_room_in_the_queue() {
    for policy in [ClientPolicy::Block, ClientPolicy::Drop, ClientPolicy::Close] {
        let (store, mut core) = (remote(), Core::new());
        let replay = ClientReplay::new(store.clone());
        let config = Arc::new(ClientConfig::new().queue_events(2).slow_policy(policy));
        let (peer, client, mut task, _) = coming(&mut core, &config, &replay, ada(), Some(0));
        finish(&mut core, &mut task);
        store.stall(true);
        (1..=2).for_each(|n| client.try_send(event(n)).expect("room"));
        let outcome = client.try_send(event(3)).map_err(|error| error.refusal());
        assert_eq!(
            outcome,
            match policy {
                ClientPolicy::Block => Err(SendRefusal::Full),
                ClientPolicy::Drop => Ok(()),
                ClientPolicy::Close => Err(SendRefusal::Closed),
            }
        );
        if policy == ClientPolicy::Block {
            let mut waiting = pin!(client.send(event(3)));
            assert!(poll(waiting.as_mut()).is_pending());
            store.stall(false);
            until(&mut core, "it is sent", |_| poll(waiting.as_mut()).is_ready());
        }
        core.run();
        store.stall(false);
        until(&mut core, "all are stored", |_| replay.stats().waiting == 0);
        core.run();
        let (due, stored) = match policy {
            ClientPolicy::Block => (vec![1, 2, 3], 3),
            ClientPolicy::Drop => (vec![1, 2], 2),
            // It was too slow: it is cut, and has them when it comes back.
            ClientPolicy::Close => (vec![], 2),
        };
        assert_eq!((numbers(&mut core, peer), replay.stats().stored), (due, stored));
    }
}

#[test]
fn who_is_told_that_an_event_is_sent_has_room_for_the_next() {
    let (store, mut core) = (remote(), Core::new());
    let replay = ClientReplay::builder(store).store_queue(1).build();
    let (peer, client) = come(&mut core, &replay, ada(), None);
    let sender = thread::spawn(move || {
        for n in 0..500 {
            client.send_blocking(event(2 * n)).expect("it is stored");
            client.try_send(event(2 * n + 1)).expect("none waits");
        }
    });
    until(&mut core, "all are sent", |_| sender.is_finished());
    sender.join().expect("no panic");
    until(&mut core, "all are stored", |_| replay.stats().waiting == 0);
    core.run();
    assert_eq!(numbers(&mut core, peer), (1..=1000).collect::<Vec<_>>());
}

#[test]
fn nobody_waits_for_the_store_on_a_core() {
    let (replay, mut core) = (ClientReplay::new(remote()), Core::new());
    let (_, client) = come(&mut core, &replay, ada(), None);
    let fanout = std::rc::Rc::new(std::cell::RefCell::new(core.fanout));
    crate::fanout::enter(&fanout);
    let busy = client.send_blocking(event(1)).expect_err("it would wait");
    assert_eq!((busy.refusal(), busy.into_event()), (SendRefusal::Busy, event(1).into()));
    client.send_blocking(Event::new().comment("c")).expect("it is not stored");
    client.try_send(event(1)).expect("room");
    client.close();
    let closed = client.send_blocking(event(2)).expect_err("it would wait");
    assert_eq!(closed.refusal(), SendRefusal::Closed);
}

#[test]
fn an_event_that_the_store_does_not_take_is_given_back_or_goes_without_an_id() {
    for failure in [StoreFailure::Refuse, StoreFailure::SendWithoutId] {
        let (store, mut core) = (remote(), Core::new());
        let replay = ClientReplay::builder(store.clone()).store_failure(failure).build();
        let (peer, client) = come(&mut core, &replay, ada(), None);
        send(&mut core, &client, event(1));
        store.fails.store(true, Ordering::Relaxed);
        let refused = Arc::new(Mutex::new(None));
        let (its, told) = (client.clone(), refused.clone());
        let mut task = Task::new(async move {
            let outcome = its.send(Event::data("meanwhile").id("own")).await;
            *told.lock().expect("no panic") = Some(outcome);
        });
        finish(&mut core, &mut task);
        let outcome = refused.lock().expect("no panic").take().expect("it is done");
        // Nobody waits for this one.
        client.try_send(Event::data("meanwhile")).expect("room");
        until(&mut core, "it has failed", |_| {
            replay.stats().waiting == 0 && client.dropped_events() == replay.stats().refused / 2
        });
        store.fails.store(false, Ordering::Relaxed);
        send(&mut core, &client, event(2));
        let mut due = vec![(Some(1), "1".to_owned()), (Some(2), "2".to_owned())];
        let stats = replay.stats();
        if failure == StoreFailure::Refuse {
            let refused = outcome.expect_err("it fails");
            assert_eq!(refused.refusal(), SendRefusal::Store);
            assert!(refused.store_error().is_some_and(|error| !error.may_have_written()));
            assert_eq!(refused.into_event().id(), Some("own".parse().expect("an id")));
            assert_eq!((stats.refused, client.dropped_events()), (2, 1));
        } else {
            outcome.expect("it is sent");
            due.splice(1..1, [(None, "meanwhile".to_owned()), (None, "meanwhile".to_owned())]);
            assert_eq!((stats.without_id, client.dropped_events()), (2, 0));
        }
        assert_eq!(seen(&mut core, peer), due);
        assert_eq!(client.queued_bytes(), 0);
    }
}

#[test]
fn flush_close_and_the_end_of_a_handler_wait_for_what_the_store_has() {
    for by_handler in [false, true] {
        let (store, mut core) = (remote(), Core::new());
        let replay = ClientReplay::new(store.clone());
        let (peer, client) = come(&mut core, &replay, ada(), None);
        store.stall(true);
        (1..=3).for_each(|n| client.try_send(event(n)).expect("room"));
        let mut flush = pin!(client.flush());
        assert!(poll(flush.as_mut()).is_pending());
        let (its, of) = (client.clone(), replay.clone());
        let mut end = Task::new(async move { of.finish(&its).await });
        if by_handler {
            assert!(!end.poll());
        } else {
            client.close();
        }
        core.run();
        assert!(poll(flush.as_mut()).is_pending());
        assert!(client.is_closed() && core.over.is_empty(), "it ends later");
        let late = client.try_send(event(4)).expect_err("closed");
        assert_eq!(late.refusal(), SendRefusal::Closed);
        store.stall(false);
        until(&mut core, "it has ended", |core| !core.over.is_empty());
        assert!(end.poll());
        assert!(matches!(poll(flush), Poll::Ready(Ok(()))));
        let wire = core.wire(peer);
        assert!(wire.ended);
        assert_eq!((wire.data(), core.over[0].why), (vec!["1", "2", "3"], Disconnect::Done));
    }
}

/// An event that the store takes after the stream has ended is sent: to the client that comes back.
#[test]
fn what_is_with_the_store_when_a_stream_ends_is_not_lost() {
    for queue in [Some(10), None] {
        let (store, mut core) = (remote(), Core::new());
        let replay = ClientReplay::new(store.clone());
        let config = Arc::new(ClientConfig::new().queue_events(queue));
        let (peer, client, mut task, _) = coming(&mut core, &config, &replay, ada(), None);
        finish(&mut core, &mut task);
        store.stall(true);
        let mut sending = pin!(client.send(event(1)));
        assert!(poll(sending.as_mut()).is_pending());
        let mut flush = pin!(client.flush());
        assert!(poll(flush.as_mut()).is_pending());
        core.fanout.gone(peer.id, Disconnect::ClientGone);
        let gone = FlushError::Closed(Disconnect::ClientGone);
        assert!(matches!(poll(flush), Poll::Ready(Err(error)) if error == gone));
        store.stall(false);
        until(&mut core, "it is stored", |_| match poll(sending.as_mut()) {
            Poll::Ready(sent) => sent.is_ok(),
            Poll::Pending => false,
        });
        let (back, _) = come(&mut core, &replay, ada(), Some(0));
        assert_eq!(numbers(&mut core, back), [1]);
    }
}

/// It has left nobody, and is not said to have.
#[test]
fn what_is_stored_while_a_stream_is_ending_is_for_the_next_one() {
    let (store, mut core) = (remote(), Core::new());
    let replay = ClientReplay::new(store.clone());
    let (peer, client) = come(&mut core, &replay, ada(), None);
    core.stall(peer);
    send(&mut core, &client, event(1));
    store.stall(true);
    client.try_send(event(2)).expect("room");
    let mut flush = pin!(client.flush());
    assert!(poll(flush.as_mut()).is_pending());
    core.fanout.close(peer.id, Disconnect::Drain);
    store.stall(false);
    until(&mut core, "it is stored", |_| replay.stats().waiting == 0);
    assert!(poll(flush.as_mut()).is_pending());
    core.allow(peer, usize::MAX);
    core.run();
    let drained = FlushError::Closed(Disconnect::Drain);
    assert!(matches!(poll(flush), Poll::Ready(Err(error)) if error == drained));
    assert_eq!(numbers(&mut core, peer), [1]);
    let (back, _) = come(&mut core, &replay, ada(), Some(1));
    assert_eq!(numbers(&mut core, back), [2]);
}

#[test]
fn a_send_that_is_given_up_leaves_its_event_with_the_store_or_no_trace() {
    let (store, mut core) = (remote(), Core::new());
    let replay = ClientReplay::builder(store.clone()).store_queue(1).build();
    let (peer, client) = come(&mut core, &replay, ada(), None);
    store.stall(true);
    {
        let (mut first, mut second) = (pin!(client.send(event(1))), pin!(client.send(event(2))));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    }
    store.stall(false);
    until(&mut core, "it is stored", |_| replay.stats().stored == 1);
    send(&mut core, &client, event(3));
    let due = [(Some(1), "1".to_owned()), (Some(2), "3".to_owned())];
    assert_eq!(seen(&mut core, peer), due);
}

/// Events that never end.
struct Endless(u64);

impl Stream for Endless {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0 += 1;
        Poll::Ready(Some(event(self.0)))
    }
}

#[test]
fn a_forwarded_stream_goes_through_the_store_and_ends_where_that_refuses() {
    let (store, mut core) = (remote(), Core::new());
    let replay = ClientReplay::new(store.clone());
    let (peer, client) = come(&mut core, &replay, ada(), None);
    let mut forward = pin!(client.forward(Endless(0)));
    until(&mut core, "some are sent", |core| {
        assert!(poll(forward.as_mut()).is_pending());
        core.run();
        numbers(core, peer).len() > 20
    });
    store.fails.store(true, Ordering::Relaxed);
    let mut outcome = None;
    until(&mut core, "it ends", |_| {
        if let Poll::Ready(ended) = poll(forward.as_mut()) {
            outcome = Some(ended);
        }
        outcome.is_some()
    });
    let Some(Err(ForwardError::Store(refused))) = outcome else { panic!("{outcome:?}") };
    core.run();
    let sent = numbers(&mut core, peer);
    assert_eq!(sent, (1..=sent.len() as u64).collect::<Vec<_>>());
    assert_eq!(refused.into_event(), event(sent.len() as u64 + 1).into());
}

/// One that comes back would lose what it missed; a new one has missed nothing.
#[test]
fn without_its_store_a_new_client_begins_only_where_events_go_without_ids() {
    for failure in [StoreFailure::Refuse, StoreFailure::SendWithoutId] {
        for after in [None, Some(0)] {
            let (store, mut core) = (remote(), Core::new());
            let replay = ClientReplay::builder(store.clone()).store_failure(failure).build();
            store.fails.store(true, Ordering::Relaxed);
            let (_, _, mut task, outcome) =
                coming(&mut core, &Arc::default(), &replay, ada(), after);
            finish(&mut core, &mut task);
            let outcome = outcome.lock().expect("no panic").take().expect("it is done");
            let begins = failure == StoreFailure::SendWithoutId && after.is_none();
            match outcome {
                Ok(()) => assert!(begins, "{failure:?} {after:?}"),
                Err(ResumeError::Store(StoreError::Unavailable { .. })) => assert!(!begins),
                Err(other) => panic!("{other}"),
            }
            assert_eq!(replay.stats().read_failures, 1);
        }
    }
}

#[test]
fn a_stream_that_ends_waits_no_longer_for_what_it_missed() {
    let (store, mut core) = (remote(), Core::new());
    let replay = ClientReplay::new(store.clone());
    store.stall(true);
    let (peer, _, mut task, outcome) = coming(&mut core, &Arc::default(), &replay, ada(), None);
    until(&mut core, "it is asked", |_| !task.poll() && store.calls.load(Ordering::Relaxed) == 1);
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    assert!(task.poll());
    let gone = outcome.lock().expect("no panic").take().expect("it is done");
    let due = FlushError::Closed(Disconnect::ClientGone);
    assert!(matches!(gone, Err(ResumeError::Flush(why)) if why == due));
    store.stall(false);
}
