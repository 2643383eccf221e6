//! Streams that are forwarded to a client: at its pace, and as long as it stays.

use super::clients::Task;
use super::*;
use crate::{ClientPolicy, Disconnect, ForwardError};
use futures_core::Stream;
use sending::{event, opened, poll};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A stream of what was put in, pending when it is empty, that says when it is dropped.
struct Source {
    items: Items,
    ends: bool,
    dropped: Rc<Cell<bool>>,
}

impl Stream for Source {
    type Item = Result<Event, &'static str>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.items.borrow_mut().pop_front() {
            None if !self.ends => Poll::Pending,
            item => Poll::Ready(item),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.dropped.set(true);
    }
}

type Items = Rc<RefCell<VecDeque<Result<Event, &'static str>>>>;

fn source(items: usize, ends: bool) -> (Source, Items, Rc<Cell<bool>>) {
    let items = Rc::new(RefCell::new((0..items).map(|n| Ok(event(n))).collect()));
    let dropped = Rc::<Cell<bool>>::default();
    (Source { items: items.clone(), ends, dropped: dropped.clone() }, items, dropped)
}

#[test]
fn forward_takes_no_more_than_the_queue_has_room_for() {
    let mut core = Core::new();
    let config = ClientConfig::new().queue_events(4).slow_policy(ClientPolicy::Drop);
    let (peer, client) = opened(&mut core, config);
    let (source, items, dropped) = source(100, true);
    let mut forward = pin!(client.forward(source));
    assert!(poll(forward.as_mut()).is_pending());
    assert_eq!((client.queue_depth(), items.borrow().len()), (4, 95), "and one that waits");
    for _ in 0..100 {
        core.run();
        if let Poll::Ready(result) = poll(forward.as_mut()) {
            assert_eq!(result, Ok(()));
            break;
        }
    }
    core.run();
    assert_eq!((core.data(peer).len(), client.dropped_events()), (100, 0));
    assert!(items.borrow().is_empty() && dropped.get());
}

#[test]
fn a_client_that_leaves_drops_the_forwarded_stream() {
    for waiting_for_room in [false, true] {
        let mut core = Core::new();
        let (peer, client) = opened(&mut core, ClientConfig::new().queue_events(2));
        core.stall(peer);
        let (source, _, dropped) = source(if waiting_for_room { 9 } else { 1 }, false);
        let task = Arc::<Task>::default();
        let waker = Waker::from(task.clone());
        let mut forward = Box::pin(client.forward(source));
        assert!(forward.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(task.0.load(Ordering::Relaxed), 0);
        core.fanout.gone(peer.id, Disconnect::ClientGone);
        assert!(task.0.load(Ordering::Relaxed) > 0, "it is told");
        let gone = ForwardError::Closed(Disconnect::ClientGone);
        assert_eq!(poll(forward.as_mut()), Poll::Ready(Err(gone)));
        assert!(dropped.get());
    }
}

#[test]
fn forward_ends_with_the_first_failure_of_its_stream() {
    let mut core = Core::new();
    let (peer, client) = opened(&mut core, ClientConfig::new());
    let (source, items, _) = source(2, true);
    items.borrow_mut().extend([Ok(Event::new()), Ok(event(2)), Err("broken"), Ok(event(3))]);
    let result = poll(pin!(client.forward(source)));
    assert_eq!(result, Poll::Ready(Err(ForwardError::Stream("broken"))));
    core.run();
    assert_eq!(core.data(peer), ["0", "1", "2"]);
}
