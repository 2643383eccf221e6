//! What a thread that ends where it should not leaves behind.

use super::*;
use crate::client::block::block_on;
use crate::event::Event;

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
