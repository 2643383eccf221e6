//! One order for all, and slots reused in time.

use super::super::world::{Log, World, merge, take_all};

pub(in super::super) fn two_publishers_and_a_reader_agree_on_one_order() {
    let world = World::new(4, 3);
    let mut reader = world.join();
    let publishers = [world.publisher(&[0]), world.publisher(&[1, 2])];
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    let order = merge(publishers.map(|publisher| publisher.join().unwrap()));
    take_all(&mut reader, &mut seen);
    assert_eq!(order.len(), 3, "all had room");
    assert_eq!(seen, order);
    world.assert_released_up_to(3, &order);
    drop(reader);
    world.end(3);
}

pub(in super::super) fn two_publishers_and_two_readers_agree_on_one_order() {
    let world = World::new(2, 2);
    let mut readers = [world.join(), world.join()];
    let [publisher, other] = [world.publisher(&[0]), world.publisher(&[1])];
    let [mut first, mut second] = [Log::new(), Log::new()];
    take_all(&mut readers[0], &mut first);
    take_all(&mut readers[1], &mut second);
    let order = merge([publisher.join().unwrap(), other.join().unwrap()]);
    take_all(&mut readers[0], &mut first);
    take_all(&mut readers[1], &mut second);
    assert_eq!(first, order);
    assert_eq!(second, order);
    world.assert_released_up_to(2, &order);
    drop(readers);
    world.end(2);
}

pub(in super::super) fn slots_are_reused_only_after_they_were_read() {
    let world = World::new(1, 4);
    let mut reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1, 2]);
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    world.publish(3, &mut mine);
    take_all(&mut reader, &mut seen);
    let order = merge([publisher.join().unwrap(), mine]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, order);
    world.assert_released_up_to(seen.len() as u64, &order);
    drop(reader);
    world.end(4);
}
