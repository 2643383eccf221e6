//! Short stories with two to four threads, small enough for loom to try every order of events.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use super::super::{Reader, Wake};
use super::world::{Bell, Log, Token, World, deadline, merge, take, take_all, thread, waker};

// --- Order ---

pub(super) fn two_publishers_and_a_reader_agree_on_one_order() {
    let world = World::new(4, 3);
    let mut reader = world.join();
    let publishers = [world.publisher(&[0]), world.publisher(&[1, 2])];
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    let published = merge(publishers.map(|publisher| publisher.join().unwrap()));
    take_all(&mut reader, &mut seen);
    assert_eq!(published.len(), 3, "all had room");
    assert_eq!(seen, published);
    world.assert_released_up_to(3, &published);
    drop(reader);
    world.end(3);
}

pub(super) fn two_publishers_and_two_readers_agree_on_one_order() {
    let world = World::new(2, 2);
    let mut readers = [world.join(), world.join()];
    let [publisher, other] = [world.publisher(&[0]), world.publisher(&[1])];
    let [mut first, mut second] = [Log::new(), Log::new()];
    take_all(&mut readers[0], &mut first);
    take_all(&mut readers[1], &mut second);
    let published = merge([publisher.join().unwrap(), other.join().unwrap()]);
    take_all(&mut readers[0], &mut first);
    take_all(&mut readers[1], &mut second);
    assert_eq!(first, published);
    assert_eq!(second, published);
    world.assert_released_up_to(2, &published);
    drop(readers);
    world.end(2);
}

pub(super) fn slots_are_reused_only_after_they_were_read() {
    let world = World::new(1, 4);
    let mut reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1, 2]);
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    world.publish(3, &mut mine);
    take_all(&mut reader, &mut seen);
    let published = merge([publisher.join().unwrap(), mine]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    world.assert_released_up_to(seen.len() as u64, &published);
    drop(reader);
    world.end(4);
}

// --- Release ---

/// Reads in a thread of its own, `max` at a time, twice.
fn spawn_reader(mut reader: Reader<Token>, max: usize) -> thread::JoinHandle<(Reader<Token>, Log)> {
    thread::spawn(move || {
        let mut seen = Log::new();
        take(&mut reader, max, &mut seen);
        take(&mut reader, max, &mut seen);
        (reader, seen)
    })
}

pub(super) fn readers_that_advance_together_leave_nothing_behind() {
    let world = World::new(2, 2);
    let (mut reader, other) = (world.join(), world.join());
    let (mut published, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut published);
    world.publish(1, &mut published);
    let other = spawn_reader(other, 1);
    take(&mut reader, 1, &mut seen);
    take(&mut reader, 1, &mut seen);
    let (other, seen_there) = other.join().unwrap();
    assert_eq!(seen, published);
    assert_eq!(seen_there, published);
    // Both have passed both: nothing may be left to a later move.
    world.assert_released_up_to(2, &published);
    drop((reader, other));
    world.end(2);
}

pub(super) fn batches_of_two_readers_leave_nothing_behind() {
    let world = World::new(2, 3);
    let (mut reader, other) = (world.join(), world.join());
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let other = spawn_reader(other, 2);
    let publisher = world.publisher(&[1]);
    take_all(&mut reader, &mut seen);
    let (mut other, mut seen_there) = other.join().unwrap();
    let published = merge([mine, publisher.join().unwrap()]);
    let slowest = reader.position().min(other.position());
    world.assert_released_up_to(slowest, &published);
    take_all(&mut reader, &mut seen);
    take_all(&mut other, &mut seen_there);
    assert_eq!(seen, published);
    assert_eq!(seen_there, published);
    world.assert_released_up_to(2, &published);
    drop((reader, other));
    world.end(2);
}

pub(super) fn without_a_reader_everything_is_dropped() {
    let world = World::new(2, 3);
    let publisher = world.publisher(&[0, 1]);
    let mut mine = Log::new();
    world.publish(2, &mut mine);
    let published = merge([mine, publisher.join().unwrap()]);
    world.assert_released_up_to(u64::MAX, &published);
    world.end(3);
}

// --- Joining and leaving ---

pub(super) fn who_joins_sees_all_that_is_published_later() {
    let world = World::new(4, 3);
    let publisher = world.publisher(&[0, 1]);
    let mut reader = world.join();
    let start = reader.position();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(2, &mut mine);
    take_all(&mut reader, &mut seen);
    let later = mine[0];
    let published = merge([mine, publisher.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert!(start <= later.0, "what came after the joining is not skipped");
    let expected: Log = published.iter().copied().filter(|(at, _)| *at >= start).collect();
    assert_eq!(seen, expected);
    world.assert_released_up_to(3, &published);
    drop(reader);
    world.end(3);
}

pub(super) fn who_joins_first_gates_from_its_start() {
    let world = World::new(1, 3);
    let publishers = [world.publisher(&[0]), world.publisher(&[1])];
    let mut reader = world.join();
    let start = reader.position();
    let published = merge(publishers.map(|publisher| publisher.join().unwrap()));
    world.assert_released_up_to(start, &published);
    // What lies before its start holds nobody back.
    if start == published.len() as u64 {
        world.publish(2, &mut Log::new());
        assert_eq!(reader.take(9, |_, _| std::ops::ControlFlow::Continue(())), 1);
        drop(reader);
        world.end(3);
        return;
    }
    let mut seen = Log::new();
    take_all(&mut reader, &mut seen);
    assert_eq!(seen.as_slice(), published.split_at(usize::try_from(start).unwrap()).1);
    drop(reader);
    world.end(2);
}

pub(super) fn who_joins_beside_another_reader_starts_where_publishing_is() {
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
    let published = merge([mine, publisher.join().unwrap()]);
    let mut seen_there = Log::new();
    take_all(&mut newcomer, &mut seen_there);
    assert!(start >= 1, "position 0 was readable before");
    assert_eq!(seen_there.as_slice(), published.split_at(usize::try_from(start).unwrap()).1);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    world.assert_released_up_to(2, &published);
    drop((reader, newcomer));
    world.end(2);
}

pub(super) fn leaving_lets_go_of_what_only_the_leaver_held() {
    let world = World::new(2, 3);
    let (mut reader, slowest) = (world.join(), world.join());
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1]);
    let leaver = thread::spawn(move || drop(slowest));
    take_all(&mut reader, &mut seen);
    leaver.join().unwrap();
    let published = merge([mine, publisher.join().unwrap()]);
    world.assert_released_up_to(reader.position(), &published);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    world.assert_released_up_to(2, &published);
    drop(reader);
    world.end(2);
}

pub(super) fn leaving_as_the_last_reader_lets_go_of_everything() {
    let world = World::new(2, 3);
    let reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let publisher = world.publisher(&[1, 2]);
    drop(reader);
    let theirs = publisher.join().unwrap();
    let published = merge([mine, theirs]);
    world.assert_released_up_to(u64::MAX, &published);
    world.end(3);
}

pub(super) fn a_seat_is_handed_on() {
    let world = World::new(2, 1);
    let (leaver, _other) = (world.join(), world.join());
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
    drop(_other);
    let made = mine.len();
    world.end(made);
}

// --- Sleeping ---

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

pub(super) fn a_sleeping_reader_is_woken() {
    let world = World::new(2, 2);
    let bell = Bell::new();
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let publisher = world.publisher(&[0, 1]);
    let seen = read_asleep(&mut reader, &bell, 2);
    assert_eq!(seen, publisher.join().unwrap());
    drop(reader);
    world.end(2);
}

pub(super) fn a_sleeping_reader_is_woken_by_either_publisher() {
    let world = World::new(2, 2);
    let bell = Bell::new();
    let mut reader = world.ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let publishers = [world.publisher(&[0]), world.publisher(&[1])];
    let seen = read_asleep(&mut reader, &bell, 2);
    assert_eq!(seen, merge(publishers.map(|publisher| publisher.join().unwrap())));
    drop(reader);
    world.end(2);
}

pub(super) fn a_sleeping_reader_hears_of_a_closing() {
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

pub(super) fn a_reader_that_leaves_waits_for_its_waker() {
    let world = World::new(2, 2);
    let gone = Arc::new(AtomicBool::new(false));
    let tripwire = Arc::new(Tripwire { gone: Arc::clone(&gone) });
    let mut reader = world.ring.join(tripwire).unwrap();
    let publishers = [world.publisher(&[0]), world.publisher(&[1])];
    reader.prepare_sleep();
    drop(reader);
    gone.store(true, Ordering::SeqCst);
    let published = merge(publishers.map(|publisher| publisher.join().unwrap()));
    world.assert_released_up_to(u64::MAX, &published);
    world.end(2);
}

pub(super) fn a_waker_reaches_the_next_owner_of_the_seat() {
    let world = World::new(2, 2);
    let _other = world.join();
    let gone = Arc::new(AtomicBool::new(false));
    let mut reader = world.ring.join(Arc::new(Tripwire { gone: Arc::clone(&gone) })).unwrap();
    let publisher = world.publisher(&[0]);
    let bell = Bell::new();
    let other_bell = Arc::<Bell>::clone(&bell);
    let next = thread::spawn(move || {
        reader.prepare_sleep();
        let ring = Arc::clone(reader.ring());
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
    drop((reader, _other));
    world.end(1);
}

// --- Room ---

/// Publishes value `id` in a thread of its own, which waits for room.
fn waiting_publisher(world: &World, id: usize) -> thread::JoinHandle<Log> {
    let world = world.clone();
    thread::spawn(move || {
        let position = world.ring.publish_wait(world.token(id), 1, deadline()).unwrap();
        vec![(position, id)]
    })
}

pub(super) fn a_thread_that_waits_is_told_of_room() {
    let world = World::new(1, 2);
    let mut reader = world.join();
    let (mut mine, mut seen) = (Log::new(), Log::new());
    world.publish(0, &mut mine);
    let waiting = waiting_publisher(&world, 1);
    take_all(&mut reader, &mut seen);
    let published = merge([mine, waiting.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    drop(reader);
    world.end(2);
}

pub(super) fn a_thread_that_waits_is_told_when_the_last_reader_leaves() {
    let world = World::new(1, 2);
    let reader = world.join();
    let mut mine = Log::new();
    world.publish(0, &mut mine);
    let waiting = waiting_publisher(&world, 1);
    drop(reader);
    let published = merge([mine, waiting.join().unwrap()]);
    world.assert_released_up_to(u64::MAX, &published);
    world.end(2);
}

pub(super) fn a_thread_that_waits_is_told_of_bytes_given_back() {
    // Two publishers charge 5 bytes each; with one slot, one of them may have to give them back,
    // after a third party was refused its 6 of 10 for them.
    let world = World::with_bytes(1, 10, 2);
    let heavy = |world: &World, id| world.ring.publish(world.token(id), 5).is_ok();
    let publisher = {
        let world = world.clone();
        thread::spawn(move || heavy(&world, 0))
    };
    let waiting = {
        let world = world.clone();
        thread::spawn(move || world.ring.wait_for_room(6, deadline()))
    };
    heavy(&world, 1);
    publisher.join().unwrap();
    assert!(waiting.join().unwrap());
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

pub(super) fn a_task_that_waits_is_told_of_room() {
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
    let published = merge([mine, task.join().unwrap()]);
    assert_eq!(published.len(), 2, "nobody else could take the room");
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    drop(reader);
    world.end(2);
}

pub(super) fn two_waiters_are_both_told() {
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
    let published = merge([mine, waiting.join().unwrap()]);
    take_all(&mut reader, &mut seen);
    assert_eq!(seen, published);
    drop(reader);
    world.end(3);
}
