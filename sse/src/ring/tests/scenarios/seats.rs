//! Joining and leaving while others publish and read.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::world::{Bell, Log, World, merge, take_all, thread};

pub(in super::super) fn who_joins_sees_all_that_is_published_later() {
    let world = World::new(4, 3);
    let publisher = world.publisher(&[0, 1]);
    let mut reader = world.join();
    let start = reader.position();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(2, &mut mine);
    take_all(&mut reader, &mut seen);
    let later = mine[0];
    let order = merge([mine, publisher.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert!(start <= later.0, "what came after the joining is not skipped");
    let expected: Log = order.iter().copied().filter(|(at, _)| *at >= start).collect();
    assert_eq!(seen, expected);
    world.assert_released_up_to(3, &order);
    drop(reader);
    world.end(3);
}

pub(in super::super) fn who_joins_first_gates_from_its_start() {
    let world = World::new(1, 3);
    let publisher = world.publisher(&[0, 1]);
    let mut reader = world.join();
    let start = reader.position();
    let order = merge([publisher.join().unwrap()]);
    world.assert_released_up_to(start, &order);
    // What lies before its start holds nobody back.
    if start == order.len() as u64 {
        world.publish(2, &mut Log::new());
        assert_eq!(reader.take(9, |_, _| ControlFlow::Continue(())), 1);
        drop(reader);
        world.end(3);
        return;
    }
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    assert_eq!(seen.as_slice(), order.split_at(usize::try_from(start).unwrap()).1);
    drop(reader);
    world.end(2);
}

pub(in super::super) fn who_joins_beside_another_reader_starts_where_publishing_is() {
    let world = World::new(4, 3);
    let mut reader = world.join();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1]);
    let newcomer = {
        let world = world.clone();
        thread::spawn(move || {
            let reader = world.join();
            (reader.position(), reader)
        })
    };
    take_all(&mut reader, &mut seen);
    let (start, mut newcomer) = newcomer.join().unwrap();
    let order = merge([mine, publisher.join().unwrap()]);
    let mut seen_there = Log::new();
    take_all(&mut newcomer, &mut seen_there);
    assert!(start >= 1, "position 0 was readable before");
    assert_eq!(seen_there.as_slice(), order.split_at(usize::try_from(start).unwrap()).1);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    world.assert_released_up_to(2, &order);
    drop((reader, newcomer));
    world.end(2);
}

pub(in super::super) fn leaving_lets_go_of_what_only_the_leaver_held() {
    let world = World::new(2, 3);
    let (mut reader, slowest) = (world.join(), world.join());
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1]);
    let leaver = thread::spawn(move || drop(slowest));
    take_all(&mut reader, &mut seen);
    leaver.join().unwrap();
    let order = merge([mine, publisher.join().unwrap()]);
    world.assert_released_up_to(reader.position(), &order);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    world.assert_released_up_to(2, &order);
    drop(reader);
    world.end(2);
}

pub(in super::super) fn leaving_as_the_last_reader_lets_go_of_everything() {
    let world = World::new(2, 3);
    let reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1, 2]);
    drop(reader);
    let theirs = publisher.join().unwrap();
    let order = merge([mine, theirs]);
    world.assert_released_up_to(u64::MAX, &order);
    world.end(3);
}

pub(in super::super) fn a_seat_is_handed_on() {
    let world = World::new(2, 1);
    let (leaver, other) = (world.join(), world.join());
    let leaving = thread::spawn(move || drop(leaver));
    let bell = Bell::new();
    // One of the two seats is free as soon as, and only when, the leaver is gone.
    let joined = world.ring.join(Arc::<Bell>::clone(&bell));
    let mut mine = Log::new();
    if let Ok(mut reader) = joined {
        if reader.prepare_sleep() {
            world.publish(0, &mut mine);
            bell.wait();
            reader.awake();
        }
        let mut seen = Log::new();
        take_all(&mut reader, &mut seen);
        assert_eq!(seen, mine);
    }
    leaving.join().unwrap();
    drop(other);
    let made = mine.len();
    world.end(made);
}
