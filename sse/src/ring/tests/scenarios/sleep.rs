//! Sleeping, being woken, and the seat that changes hands around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::{Reader, Wake};
use super::super::world::{Bell, Log, Token, World, merge, take_all, thread};
use super::release::spawn_reader;

/// Reads until `count` values came, sleeping in between.
fn read_asleep(reader: &mut Reader<Token>, bell: &Bell, count: usize) -> Log {
    let mut seen = Log::new();
    while seen.len() < count {
        take_all(reader, &mut seen);
        if seen.len() < count && reader.prepare_sleep() {
            bell.wait();
            reader.awake();
        }
    }
    seen
}

pub(in super::super) fn a_sleeping_reader_is_woken() {
    let world = World::new(2, 2);
    let bell = Bell::new();
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let publisher = world.publisher(&[0, 1]);
    let seen = read_asleep(&mut reader, &bell, 2);
    assert_eq!(seen, publisher.join().unwrap());
    drop(reader);
    world.end(2);
}

pub(in super::super) fn a_sleeping_reader_is_woken_by_either_publisher() {
    let world = World::new(2, 2);
    let bell = Bell::new();
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let publisher = world.publisher(&[0]);
    let reader = thread::spawn(move || {
        if reader.prepare_sleep() {
            bell.wait();
            reader.awake();
        }
        reader
    });
    let mut mine = Log::new();
    world.publish(1, &mut mine);
    let mut reader = reader.join().unwrap();
    let order = merge([mine, publisher.join().unwrap()]);
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    drop(reader);
    world.end(2);
}

pub(in super::super) fn a_reader_may_sleep_in_another_thread_than_it_joined() {
    let world = World::new(2, 1);
    let bell = Bell::new();
    // Before the joining, so that the publisher learns of it through the ring alone.
    let publisher = world.publisher(&[0]);
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let start = usize::try_from(reader.position()).unwrap();
    let sleeper = thread::spawn(move || {
        reader.prepare_sleep();
        reader
    });
    let mut reader = sleeper.join().unwrap();
    let order = publisher.join().unwrap();
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    assert_eq!(seen.as_slice(), order.split_at(start).1);
    drop(reader);
    world.end(1);
}

pub(in super::super) fn a_reader_may_leave_in_another_thread_than_it_read() {
    let world = World::new(2, 1);
    let (mut reader, other) = (world.join(), world.join());
    let mut order = Log::new();
    world.publish(0, &mut order);
    // Before the reading, so that it learns of it through the ring alone.
    let other = spawn_reader(other, 1);
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    let leaver = thread::spawn(move || drop(reader));
    let (other, seen_there) = other.join().unwrap();
    leaver.join().unwrap();
    assert_eq!(seen, order);
    assert_eq!(seen_there, order);
    world.assert_released_up_to(1, &order);
    drop(other);
    world.end(1);
}

pub(in super::super) fn a_sleeping_reader_hears_of_a_closing() {
    let world = World::new(2, 1);
    let bell = Bell::new();
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let closing = Arc::new(crate::sync::AtomicBool::new(false));
    let closer = {
        let (world, closing) = (world.clone(), Arc::clone(&closing));
        thread::spawn(move || {
            closing.store(true, Ordering::Relaxed);
            world.ring.wake_all();
        })
    };
    let asleep = reader.prepare_sleep();
    assert!(asleep, "nothing to read, nobody to wake us twice");
    if !closing.load(Ordering::Relaxed) {
        bell.wait();
    }
    reader.awake();
    closer.join().unwrap();
    drop(reader);
    world.end(0);
}

/// Tells whether it is used after its reader has gone.
struct Tripwire {
    gone: Arc<AtomicBool>,
}

impl Wake for Tripwire {
    fn wake(&self) {
        assert!(!self.gone.load(Ordering::SeqCst));
        thread::yield_now();
        assert!(!self.gone.load(Ordering::SeqCst), "the reader left while it was being woken");
    }
}

pub(in super::super) fn a_reader_that_leaves_waits_for_its_waker() {
    let world = World::new(2, 1);
    let gone = Arc::new(AtomicBool::new(false));
    let tripwire = Arc::new(Tripwire { gone: Arc::clone(&gone) });
    let mut reader = world.ring.join(tripwire).unwrap();
    let publisher = world.publisher(&[0]);
    reader.prepare_sleep();
    drop(reader);
    gone.store(true, Ordering::SeqCst);
    world.assert_released_up_to(u64::MAX, &publisher.join().unwrap());
    world.end(1);
}

pub(in super::super) fn a_waker_reaches_the_next_owner_of_the_seat() {
    let world = World::new(2, 2);
    let other = world.join();
    let gone = Arc::new(AtomicBool::new(false));
    let mut reader = world.ring.join(Arc::new(Tripwire { gone: Arc::clone(&gone) })).unwrap();
    let publisher = world.publisher(&[0]);
    let bell = Bell::new();
    let other_bell = Arc::<Bell>::clone(&bell);
    let next = thread::spawn(move || {
        reader.prepare_sleep();
        let ring = Arc::clone(&reader.ring);
        drop(reader);
        gone.store(true, Ordering::SeqCst);
        let mut reader = ring.join(other_bell).expect("the seat is free again");
        if reader.prepare_sleep() {
            // Whether the publisher came before or after: the seat is sound.
            reader.awake();
        }
        reader
    });
    let reader = next.join().unwrap();
    publisher.join().unwrap();
    drop((reader, other));
    world.end(1);
}
