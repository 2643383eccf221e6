//! Clients that come back while the store is still being given what an older stream of theirs was sent.

use super::kept::{ada, come, coming, seen};
use super::stores::{finish, until};
use super::*;
use crate::replay::{Ids, Page, ReplayStore, RingBuffer, Scope, StoreError};
use crate::{
    ClientReplay, Disconnect, EventId, FlushError, PreparedEvent, ResumeError, SendRefusal,
};
use std::pin::Pin;
use std::sync::Condvar;
use std::task::{Context, Poll, Wake};

/// Takes as many batches as it is told to, and can be read all the time.
struct Gated {
    ring: RingBuffer,
    batches: Mutex<usize>,
    changed: Condvar,
    /// Batches that have come.
    come: AtomicUsize,
}

fn gated() -> Arc<Gated> {
    let ring = RingBuffer::new(10_000);
    let come = AtomicUsize::new(0);
    Arc::new(Gated { ring, batches: Mutex::default(), changed: Condvar::new(), come })
}

impl Gated {
    fn open_for(&self, batches: usize) {
        *self.batches.lock().expect("no panic under the lock") += batches;
        self.changed.notify_all();
    }
}

impl ReplayStore for Gated {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        self.come.fetch_add(1, Ordering::Relaxed);
        let batches = self.batches.lock().expect("no panic under the lock");
        let batches = self.changed.wait_while(batches, |batches| *batches == 0);
        *batches.expect("no panic under the lock") -= 1;
        self.ring.append(scope, events)
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.ring.since(scope, after, max)
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        self.ring.tail(scope)
    }

    fn blocks(&self) -> bool {
        true
    }
}

/// Goes on as far as a stream comes that has to wait.
fn wait_a_while(core: &mut Core, task: &mut super::stores::Task) {
    for _ in 0..50 {
        assert!(!task.poll(), "what it missed is not stored yet");
        core.run();
        std::thread::yield_now();
    }
}

#[test]
fn who_comes_back_is_given_what_was_still_on_its_way_to_the_store() {
    for many in [1, 300] {
        let (store, mut core) = (gated(), Core::new());
        let replay = ClientReplay::new(store.clone());
        let (peer, client) = come(&mut core, &replay, ada(), None);
        for n in 1..=many {
            client.try_send(Event::data(n.to_string())).expect("room");
        }
        core.fanout.gone(peer.id, Disconnect::ClientGone);
        let (back, _, mut task, outcome) =
            coming(&mut core, &Arc::default(), &replay, ada(), Some(0));
        wait_a_while(&mut core, &mut task);
        // Nobody else has to wait for it.
        come(&mut core, &replay, Scope::user("eve"), Some(0));
        store.open_for(300);
        finish(&mut core, &mut task);
        outcome.lock().expect("no panic").take().expect("it is done").expect("it has all");
        assert_eq!(seen(&mut core, back), super::kept::numbered(1, many));
    }
}

#[test]
fn who_comes_back_does_not_wait_for_what_others_are_sent_later() {
    let (store, mut core) = (gated(), Core::new());
    let replay = ClientReplay::new(store.clone());
    let (_, client) = come(&mut core, &replay, ada(), None);
    client.try_send(Event::data("1")).expect("room");
    let (back, _, mut task, _) = coming(&mut core, &Arc::default(), &replay, ada(), Some(0));
    wait_a_while(&mut core, &mut task);
    // So that the next one is in another batch.
    until(&mut core, "the store is asked", |_| store.come.load(Ordering::Relaxed) == 1);
    client.try_send(Event::data("2")).expect("room");
    store.open_for(1);
    finish(&mut core, &mut task);
    assert_eq!(seen(&mut core, back), super::kept::numbered(1, 1));
    assert_eq!(replay.stats().waiting, 1);
    store.open_for(1);
    until(&mut core, "both are stored", |_| replay.stats().waiting == 0);
}

#[test]
fn a_stream_that_ends_does_not_wait_for_the_store_any_more() {
    let (store, mut core) = (gated(), Core::new());
    let replay = ClientReplay::new(store.clone());
    let (_, client) = come(&mut core, &replay, ada(), None);
    client.try_send(Event::data("1")).expect("room");
    let (peer, _, mut task, outcome) = coming(&mut core, &Arc::default(), &replay, ada(), Some(0));
    wait_a_while(&mut core, &mut task);
    core.fanout.gone(peer.id, Disconnect::ClientGone);
    assert!(task.poll());
    let gone = outcome.lock().expect("no panic").take().expect("it is done");
    let due = FlushError::Closed(Disconnect::ClientGone);
    assert!(matches!(gone, Err(ResumeError::Flush(why)) if why == due));
    store.open_for(1);
    until(&mut core, "it is stored", |_| replay.stats().waiting == 0);
}

/// An event of so many bytes.
fn of_bytes(bytes: usize) -> PreparedEvent {
    let event = PreparedEvent::from(Event::data("x".repeat(bytes - "data: \n\n".len())));
    assert_eq!(event.len(), bytes);
    event
}

#[test]
fn events_that_wait_for_the_store_have_16_mib_or_are_one() {
    const MIB: usize = 1 << 20;
    for (first, last, fits) in
        [(8 * MIB, 8 * MIB - 1, true), (8 * MIB, 8 * MIB, true), (8 * MIB, 8 * MIB + 1, false)]
            .into_iter()
            .chain([(17 * MIB, 10, false)])
    {
        let (store, mut core) = (gated(), Core::new());
        let replay = ClientReplay::new(store.clone());
        let (_, one) = come(&mut core, &replay, ada(), None);
        let (_, other) = come(&mut core, &replay, Scope::user("b"), None);
        one.try_send(of_bytes(first)).expect("the first is let in");
        let refusal = other.try_send(of_bytes(last)).map_err(|error| error.refusal());
        assert_eq!(refusal, if fits { Ok(()) } else { Err(SendRefusal::Busy) }, "{first} {last}");
        store.open_for(2);
        until(&mut core, "all are stored", |_| replay.stats().waiting == 0);
        core.run();
        other.try_send(of_bytes(last)).expect("room again");
        store.open_for(1);
        until(&mut core, "it is stored", |_| replay.stats().waiting == 0);
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn as_many_senders_are_woken_as_there_is_room_for() {
    let (store, mut core) = (gated(), Core::new());
    let replay = ClientReplay::builder(store.clone()).store_queue(3).build();
    let clients: Vec<_> =
        (0..12).map(|n| come(&mut core, &replay, Scope::user(&n.to_string()), None).1).collect();
    (0..3).for_each(|n| clients[n].try_send(Event::data("x")).expect("room"));
    let woken = Arc::new(Counting::default());
    let waker = woken.clone().into();
    let mut context = Context::from_waker(&waker);
    let mut sends: Vec<Pin<Box<dyn Future<Output = _> + '_>>> = Vec::new();
    for client in &clients[3..] {
        let mut send = Box::pin(client.send(Event::data("x")));
        assert!(send.as_mut().poll(&mut context).is_pending());
        sends.push(send);
    }
    store.open_for(1);
    until(&mut core, "one is stored", |_| replay.stats().waiting == 2);
    let so_far = || woken.0.load(Ordering::Relaxed);
    until(&mut core, "one is told", |_| so_far() > 0);
    assert_eq!(so_far(), 1);
    // Who gives up passes it on; who was not told yet has nothing to pass on.
    drop(sends.remove(0));
    assert_eq!(so_far(), 2);
    drop(sends.pop());
    assert_eq!(so_far(), 2);
    store.open_for(100);
    until(&mut core, "all others are sent", |_| {
        sends.retain_mut(|send| match send.as_mut().poll(&mut context) {
            Poll::Ready(sent) => sent.is_err(),
            Poll::Pending => true,
        });
        sends.is_empty()
    });
    until(&mut core, "all are stored", |_| replay.stats().stored == 10);
}

#[test]
fn who_does_not_take_its_room_lets_the_next_have_it() {
    let (store, mut core) = (gated(), Core::new());
    let replay = ClientReplay::builder(store.clone()).store_queue(2).build();
    let [zero, one, two, three] = ["z", "a", "b", "c"].map(|name| {
        let (_, client) = come(&mut core, &replay, Scope::user(name), None);
        client
    });
    for client in [&zero, &one] {
        client.try_send(Event::data("x")).expect("room");
    }
    let woken: [Arc<Counting>; 2] = Default::default();
    let [first, second] = woken.each_ref().map(|woken| woken.clone().into());
    let (mut ended, mut next) =
        (Box::pin(two.send(Event::data("x"))), Box::pin(three.send(Event::data("x"))));
    assert!(ended.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
    assert!(next.as_mut().poll(&mut Context::from_waker(&second)).is_pending());
    two.close();
    store.open_for(1);
    let so_far = || woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed));
    until(&mut core, "the first in line is told", |_| so_far()[0] > 0);
    assert_eq!(so_far(), [1, 0]);
    assert!(ended.as_mut().poll(&mut Context::from_waker(&first)).is_ready(), "it is closed");
    // Although the other has not been dropped.
    assert_eq!(so_far(), [1, 1]);
    store.open_for(2);
    until(&mut core, "it is sent", |_| {
        next.as_mut().poll(&mut Context::from_waker(&second)).is_ready()
    });
}

/// A task may hold a send that it does not look at for long.
#[test]
fn nobody_depends_on_a_sender_that_does_not_look_at_what_it_was_told() {
    let (store, mut core) = (gated(), Core::new());
    let replay = ClientReplay::builder(store.clone()).store_queue(1).build();
    let [one, two, three] =
        ["a", "b", "c"].map(|name| come(&mut core, &replay, Scope::user(name), None).1);
    one.try_send(Event::data("x")).expect("room");
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut idle = Box::pin(two.send(Event::data("x")));
    assert!(idle.as_mut().poll(&mut context).is_pending());
    let sender = std::thread::spawn(move || three.send_blocking(Event::data("x")));
    store.open_for(2);
    until(&mut core, "it is sent", |_| sender.is_finished());
    sender.join().expect("no panic").expect("it is sent");
}
