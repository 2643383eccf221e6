//! Waiting for room, on threads and in tasks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::sync::{AtomicBool, Ordering};

use super::super::world::{Bell, Log, World, deadline, merge, take_all, thread, waker};

/// Publishes value `id` in a thread of its own, which waits for room.
fn waiting_publisher(world: &World, id: usize) -> thread::JoinHandle<Log> {
    let world = world.clone();
    thread::spawn(move || {
        let position = world.ring.publish_wait(world.token(id), 1, deadline()).unwrap();
        vec![(position, id)]
    })
}

pub(in super::super) fn a_thread_that_waits_is_told_of_room() {
    let world = World::new(1, 2);
    let mut reader = world.join();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let waiting = waiting_publisher(&world, 1);
    take_all(&mut reader, &mut seen);
    let order = merge([mine, waiting.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    drop(reader);
    world.end(2);
}

pub(in super::super) fn a_thread_that_waits_is_told_when_the_last_reader_leaves() {
    let world = World::new(1, 2);
    let reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let waiting = waiting_publisher(&world, 1);
    drop(reader);
    let order = merge([mine, waiting.join().unwrap()]);
    world.assert_released_up_to(u64::MAX, &order);
    world.end(2);
}

pub(in super::super) fn a_thread_that_waits_is_told_of_bytes_given_back() {
    // With one slot, one of two publishers may have to give back the 5 bytes it charged, after
    // this thread was refused 6 of 10 for them.
    let world = World::with_bytes(1, 10, 2);
    let publisher = {
        let world = world.clone();
        thread::spawn(move || world.ring.publish(world.token(0), 5).is_ok())
    };
    let _ = world.ring.publish(world.token(1), 5);
    assert!(world.ring.wait_for_room_unless(|| false, 6, deadline()));
    publisher.join().unwrap();
    assert_eq!(world.ring.bytes(), 0);
    world.end(2);
}

/// Waits for room as a task would, woken through `bell`.
fn await_room(world: &World, bell: &Arc<Bell>) {
    let waker = waker(bell);
    let mut room = pin!(world.ring.room(1));
    loop {
        match room.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome.unwrap(),
            Poll::Pending => bell.wait(),
        }
    }
}

pub(in super::super) fn a_task_that_waits_is_told_of_room() {
    let world = World::new(1, 2);
    let mut reader = world.join();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let task = {
        let world = world.clone();
        thread::spawn(move || {
            await_room(&world, &Bell::new());
            let mut log = Log::new();
            world.publish(1, &mut log);
            log
        })
    };
    take_all(&mut reader, &mut seen);
    let order = merge([mine, task.join().unwrap()]);
    assert_eq!(order.len(), 2, "nobody else could take the room");
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    drop(reader);
    world.end(2);
}

pub(in super::super) fn two_waiters_are_both_told() {
    let world = World::new(2, 4);
    let mut reader = world.join();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    world.publish(1, &mut mine);
    let waiting = waiting_publisher(&world, 2);
    let task = {
        let world = world.clone();
        thread::spawn(move || await_room(&world, &Bell::new()))
    };
    take_all(&mut reader, &mut seen);
    task.join().unwrap();
    let order = merge([mine, waiting.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    drop(reader);
    world.end(3);
}

pub(in super::super) fn a_thread_that_waits_in_vain_is_told() {
    let world = World::new(1, 1);
    let _reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let moot = Arc::new(AtomicBool::new(false));
    let waiting = {
        let (world, moot) = (world.clone(), Arc::clone(&moot));
        thread::spawn(move || {
            let moot = || moot.load(Ordering::Relaxed);
            world.ring.wait_for_room_unless(moot, 1, deadline())
        })
    };
    moot.store(true, Ordering::Relaxed);
    world.ring.look_again();
    assert!(waiting.join().unwrap());
    world.assert_released_up_to(0, &mine);
}

pub(in super::super) fn a_task_that_waits_in_vain_is_told() {
    let world = World::new(1, 1);
    let _reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let moot = Arc::new(AtomicBool::new(false));
    let task = {
        let (world, moot) = (world.clone(), Arc::clone(&moot));
        thread::spawn(move || {
            let bell = Bell::new();
            let waker = waker(&bell);
            let mut room = pin!(world.ring.room(1));
            while room.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
                && !moot.load(Ordering::Relaxed)
            {
                bell.wait();
            }
        })
    };
    moot.store(true, Ordering::Relaxed);
    world.ring.look_again();
    task.join().unwrap();
    world.assert_released_up_to(0, &mine);
}
