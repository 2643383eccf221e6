//! Values are dropped as soon as all readers have passed them.

use super::super::super::Reader;
use super::super::world::{Log, Token, World, merge, take, take_all, thread};

/// Reads in a thread of its own, `max` at a time, twice.
pub(super) fn spawn_reader(
    mut reader: Reader<Token>,
    max: usize,
) -> thread::JoinHandle<(Reader<Token>, Log)> {
    thread::spawn(move || {
        let mut seen = Log::new();
        take(&mut reader, max, &mut seen);
        take(&mut reader, max, &mut seen);
        (reader, seen)
    })
}

pub(in super::super) fn readers_that_advance_together_leave_nothing_behind() {
    let world = World::new(2, 2);
    let (mut reader, other) = (world.join(), world.join());
    let (mut order, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut order);
    world.publish(1, &mut order);
    let other = spawn_reader(other, 1);
    take(&mut reader, 1, &mut seen);
    take(&mut reader, 1, &mut seen);
    let (other, seen_there) = other.join().unwrap();
    assert_eq!(seen, order);
    assert_eq!(seen_there, order);
    // Both have passed both: nothing may be left to a later move.
    world.assert_released_up_to(2, &order);
    drop((reader, other));
    world.end(2);
}

pub(in super::super) fn batches_of_two_readers_leave_nothing_behind() {
    let world = World::new(2, 3);
    let (mut reader, other) = (world.join(), world.join());
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let other = spawn_reader(other, 2);
    let publisher = world.publisher(&[1]);
    take_all(&mut reader, &mut seen);
    let (mut other, mut seen_there) = other.join().unwrap();
    let order = merge([mine, publisher.join().unwrap()]);
    let slowest = reader.position().min(other.position());
    world.assert_released_up_to(slowest, &order);
    take_all(&mut reader, &mut seen);
    take_all(&mut other, &mut seen_there);
    assert_eq!(seen, order);
    assert_eq!(seen_there, order);
    world.assert_released_up_to(2, &order);
    drop((reader, other));
    world.end(2);
}

pub(in super::super) fn without_a_reader_everything_is_dropped() {
    let world = World::new(2, 2);
    let publisher = world.publisher(&[0]);
    let mut mine = Log::new();
    world.publish(1, &mut mine);
    let order = merge([mine, publisher.join().unwrap()]);
    world.assert_released_up_to(u64::MAX, &order);
    world.end(2);
}
