//! Waiting for room: deadlines, the limit on tasks, what a dropped future leaves behind.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::super::Full;
use super::super::room::{AwaitRoom, MAX_WAITING_TASKS, TooManyWaiters};
use super::world::{Bell, Token, World, waker};

/// A full ring of one slot.
fn full(tokens: usize) -> (World, super::super::Reader<Token>) {
    let world = World::new(1, tokens);
    let reader = world.join();
    world.ring.publish(world.token(0), 1).unwrap();
    (world, reader)
}

fn poll(room: &mut AwaitRoom<Token>, waker: &Waker) -> Poll<Result<(), TooManyWaiters>> {
    pin!(room).poll(&mut Context::from_waker(waker))
}

#[test]
fn waiting_ends_at_the_deadline() {
    let (world, _reader) = full(2);
    assert!(!world.ring.wait_for_room_unless(|| false, 1, Some(Instant::now())));
    let soon = Instant::now() + Duration::from_millis(5);
    let Err(Full(token)) = world.ring.publish_wait(world.token(1), 1, Some(soon)) else {
        panic!("the ring is full")
    };
    assert!(Instant::now() >= soon);
    assert_eq!((token.id, world.drops_of(1)), (1, 0), "the value comes back");
}

#[test]
fn nobody_waits_while_there_is_room() {
    let world = World::with_bytes(1, 10, 1);
    let long_ago = Instant::now();
    assert!(world.ring.wait_for_room_unless(|| false, 10, Some(long_ago)));
    assert!(
        world.ring.wait_for_room_unless(|| false, u64::MAX, None),
        "the heavy one fits into an empty ring"
    );
    assert_eq!(poll(&mut world.ring.room(11), Waker::noop()), Poll::Ready(Ok(())));
}

#[test]
fn a_dropped_future_leaves_no_waker_behind() {
    let (world, mut reader) = full(1);
    let bell = Bell::new();
    let waker = waker(&bell);
    let before = Arc::strong_count(&bell);
    let mut room = world.ring.room(1);
    assert!(poll(&mut room, &waker).is_pending());
    assert!(poll(&mut room, &waker).is_pending());
    assert_eq!(Arc::strong_count(&bell), before + 1, "polling twice registers once");
    drop(room);
    assert_eq!(Arc::strong_count(&bell), before);
    // A future that was woken, but not polled again, has nothing to take back.
    let mut woken = world.ring.room(1);
    let mut other = world.ring.room(1);
    assert!(poll(&mut woken, &waker).is_pending());
    reader.take(1, |_, _| ControlFlow::Continue(()));
    world.ring.publish(world.token(0), 1).unwrap();
    assert!(poll(&mut other, &waker).is_pending());
    drop(woken);
    assert_eq!(Arc::strong_count(&bell), before + 1, "the other one still waits");
}

#[test]
fn tasks_beyond_the_limit_are_refused() {
    let (world, mut reader) = full(1);
    let mut waiting: Vec<_> = (0..MAX_WAITING_TASKS).map(|_| world.ring.room(1)).collect();
    for room in &mut waiting {
        assert!(poll(room, Waker::noop()).is_pending());
    }
    let mut late = world.ring.room(1);
    assert_eq!(poll(&mut late, Waker::noop()), Poll::Ready(Err(TooManyWaiters)));
    waiting.pop();
    assert!(poll(&mut late, Waker::noop()).is_pending());
    reader.take(1, |_, _| ControlFlow::Continue(()));
    assert_eq!(poll(&mut late, Waker::noop()), Poll::Ready(Ok(())));
}

#[test]
fn a_waiter_that_needs_more_bytes_waits_for_more() {
    let world = World::with_bytes(8, 10, 3);
    let mut reader = world.join();
    for id in 0..3 {
        world.ring.publish(world.token(id), 3).unwrap();
    }
    let mut room = world.ring.room(6);
    assert!(poll(&mut room, Waker::noop()).is_pending());
    reader.take(1, |_, _| ControlFlow::Continue(()));
    assert!(poll(&mut room, Waker::noop()).is_pending(), "4 of 6 bytes are free");
    reader.take(1, |_, _| ControlFlow::Continue(()));
    assert_eq!(poll(&mut room, Waker::noop()), Poll::Ready(Ok(())));
}
