//! What a thread that ends where it should not leaves behind.

use super::*;
use crate::client::block::block_on;
use crate::event::Event;
use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};

#[test]
fn a_thread_that_dies_answers_everybody_and_lets_another_start() {
    let shared = Arc::new(Shared::new(9, 1000));
    let event = PreparedEvent::new(&Event::data("x"));
    let ask = || {
        let (reply, outcome) = oneshot::channel();
        let number = shared.push(shared.lock(), event.clone(), Some(reply));
        Pending { shared: shared.clone(), number, outcome }
    };
    let (mut taken, mut queued) = (ask(), ask());
    let mut queue = shared.lock();
    let first = queue.requests.pop_front().map(|request| request.taken(&shared));
    queue.thread = Thread::Busy;
    drop(queue);
    assert!(shared.close(), "it has something in hand");
    assert!(!taken.take_back(), "it is under way");
    drop(first);
    drop(Running { shared: shared.clone(), broker: Weak::new(), ended: false });
    for (pending, may_be_there) in [(&mut taken, true), (&mut queued, false)] {
        let refused = block_on(pending.outcome(&event)).expect_err("nobody knows");
        let error = refused.store_error().expect("it is the store's");
        assert_eq!(error.may_have_written(), may_be_there);
    }
    let queue = shared.lock();
    assert!(queue.thread == Thread::None && queue.closing == Closing::Done);
    assert_eq!((queue.waiting, queue.bytes), (0, 0));
}

fn request(shared: &Arc<Shared>) -> Taken {
    shared.push(shared.lock(), PreparedEvent::new(&Event::data("x")), None);
    shared.lock().requests.pop_front().expect("it was pushed").taken(shared)
}

#[test]
fn as_many_are_woken_as_there_is_room_for_and_all_when_nothing_waits() {
    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let shared = Arc::new(Shared::new(2, 1000));
    let (one, other) = (request(&shared), request(&shared));
    let woken = Arc::<Woken>::default();
    let mut waiting: Vec<_> = (0..5)
        .map(|_| {
            let mut waiting = Waiting { shared: &shared, ticket: Ticket::default() };
            let before = shared.lock().room.wait(&mut waiting.ticket, &woken.clone().into());
            assert!(before.is_none());
            waiting
        })
        .collect();
    let count = || woken.0.load(Ordering::Relaxed);
    drop(one);
    assert_eq!(count(), 1);
    // It leaves, and another has its chance.
    drop(waiting.remove(0));
    assert_eq!(count(), 2);
    drop(other);
    assert_eq!(count(), 5);
}

/// Closes a queue when it is woken.
struct Closes(Arc<Shared>, Mutex<Option<bool>>);

impl Wake for Closes {
    fn wake(self: Arc<Self>) {
        *self.1.lock().expect("no panic under the lock") = Some(self.0.close());
    }
}

#[test]
fn who_closes_while_a_dead_thread_is_still_answering_ends_the_broker_itself() {
    let shared = Arc::new(Shared::new(9, 1000));
    let mut asked: Vec<_> = (0..2)
        .map(|_| {
            let (reply, outcome) = oneshot::channel();
            shared.push(shared.lock(), PreparedEvent::new(&Event::data("x")), Some(reply));
            Box::pin(outcome)
        })
        .collect();
    shared.lock().thread = Thread::Busy;
    let closes = Arc::new(Closes(shared.clone(), Mutex::new(None)));
    let waker = closes.clone().into();
    assert!(asked[0].as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(Running { shared: shared.clone(), broker: Weak::new(), ended: false });
    assert_eq!(*closes.1.lock().expect("as above"), Some(false), "no thread drains");
    assert!(shared.lock().closing == Closing::Done);
}
