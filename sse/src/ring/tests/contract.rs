//! The contract, point by point, on one thread: limits at their edges, errors, panics.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::reader::TooManyReaders;
use super::super::{Full, Reader, Ring, Wake};

/// Counts its calls.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Counter {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T: Clone> Reader<T> {
    /// The next value with its position, if there is one.
    fn next(&mut self) -> Option<(u64, T)> {
        let mut next = None;
        self.take(1, |position, value| {
            next = Some((position, value.clone()));
            ControlFlow::Break(())
        });
        next
    }
}

fn ring<T>(capacity: usize, bytes: u64) -> Arc<Ring<T>> {
    Arc::new(Ring::new(capacity, bytes, 2))
}

fn join<T>(ring: &Arc<Ring<T>>) -> Reader<T> {
    ring.join(Arc::new(Counter::default())).unwrap()
}

/// Everything that `reader` has to read.
fn drain<T: Clone>(reader: &mut Reader<T>) -> Vec<T> {
    std::iter::from_fn(|| reader.next()).map(|(_, value)| value).collect()
}

#[test]
fn capacity_is_rounded_up_to_a_power_of_two() {
    for (asked, given) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (1000, 1024)] {
        assert_eq!(ring::<()>(asked, 1).capacity(), given);
    }
}

#[test]
fn a_ring_takes_its_capacity_and_gives_the_next_value_back() {
    let ring = ring(4, u64::MAX);
    let mut reader = join(&ring);
    for value in 0..4 {
        assert_eq!(ring.publish(value, 1), Ok(value));
    }
    assert_eq!(ring.len(), 4);
    assert_eq!(ring.publish(4, 1), Err(Full(4)));
    assert_eq!(ring.publish(4, 0), Err(Full(4)), "weightless values take a slot too");
    assert_eq!(reader.next(), Some((0, 0)));
    assert_eq!(ring.publish(4, 1), Ok(4));
    assert_eq!(ring.publish(5, 1), Err(Full(5)));
    assert_eq!(drain(&mut reader), [1, 2, 3, 4]);
}

#[test]
fn bytes_are_bounded_to_the_byte() {
    let ring = ring(16, 100);
    let mut reader = join(&ring);
    assert!(ring.publish('a', 60).is_ok());
    assert_eq!(ring.publish('b', 41), Err(Full('b')));
    assert!(ring.publish('c', 39).is_ok());
    assert_eq!(ring.bytes(), 99);
    assert_eq!(ring.publish('d', 2), Err(Full('d')));
    assert!(ring.publish('e', 1).is_ok());
    assert_eq!(ring.publish('f', 1), Err(Full('f')));
    assert!(ring.publish('g', 0).is_ok(), "what weighs nothing fits into no bytes");
    assert_eq!(reader.next(), Some((0, 'a')));
    assert_eq!(ring.bytes(), 40);
    assert!(ring.publish('h', 60).is_ok());
    assert_eq!(drain(&mut reader), ['c', 'e', 'g', 'h']);
    assert_eq!(ring.bytes(), 0);
}

#[test]
fn a_value_heavier_than_the_bound_is_admitted_alone() {
    let ring = ring(4, 100);
    let mut reader = join(&ring);
    assert!(ring.publish("light", 1).is_ok());
    assert_eq!(ring.publish("heavy", u64::MAX), Err(Full("heavy")));
    assert_eq!(drain(&mut reader), ["light"]);
    assert!(ring.publish("heavy", u64::MAX).is_ok());
    assert_eq!(ring.bytes(), u64::MAX);
    assert_eq!(ring.publish("light", 1), Err(Full("light")));
    assert_eq!(drain(&mut reader), ["heavy"]);
    assert_eq!(ring.bytes(), 0);
    assert!(ring.publish("light", 1).is_ok());
}

#[test]
fn an_absent_reader_gates_nobody() {
    let ring = ring(2, 10);
    for value in 0..100 {
        assert_eq!(ring.publish(value, 7), Ok(value));
        assert_eq!((ring.len(), ring.bytes()), (0, 0));
    }
    let (stuck, mut reader) = (join(&ring), join(&ring));
    assert_eq!(ring.readers(), 2);
    assert_eq!(ring.publish(100, 7), Ok(100));
    assert_eq!(drain(&mut reader), [100]);
    assert_eq!(ring.publish(101, 7), Err(Full(101)));
    drop(stuck);
    assert_eq!(ring.readers(), 1);
    for value in 101..200 {
        assert_eq!(ring.publish(value, 7), Ok(value));
        assert_eq!(drain(&mut reader), [value]);
    }
}

#[test]
fn a_reader_starts_at_the_tail_of_its_joining() {
    let ring = ring(8, 100);
    let mut early = join(&ring);
    ring.publish(0, 1).unwrap();
    ring.publish(1, 1).unwrap();
    let mut late = join(&ring);
    assert_eq!(late.position(), 2);
    assert!(late.is_empty());
    ring.publish(2, 1).unwrap();
    assert_eq!(drain(&mut late), [2]);
    assert_eq!(drain(&mut early), [0, 1, 2]);
}

#[test]
fn too_many_readers_are_refused_until_one_leaves() {
    let ring: Arc<Ring<u8>> = ring(2, 1);
    let (first, second) = (join(&ring), join(&ring));
    let wake = Arc::new(Counter::default());
    let refused = ring.join(Arc::<Counter>::clone(&wake)).err().unwrap();
    assert_eq!(refused.to_string(), "the ring has 2 readers already");
    let TooManyReaders { limit: 2 } = refused else { panic!("limit") };
    assert_eq!(Arc::strong_count(&wake), 1, "nothing of a refused one is kept");
    drop(first);
    let third = ring.join(Arc::<Counter>::clone(&wake)).unwrap();
    assert_eq!(Arc::strong_count(&wake), 2, "the ring keeps the wake object");
    drop((second, third));
    assert_eq!(Arc::strong_count(&wake), 1, "and gives it up with the reader");
}

#[test]
fn take_stops_at_its_maximum_and_where_it_is_broken() {
    let ring = ring(8, 100);
    let mut reader = join(&ring);
    for value in 0..6 {
        ring.publish(value, 1).unwrap();
    }
    assert_eq!(reader.take(0, |_, _| unreachable!()), 0);
    assert_eq!(reader.take(2, |_, _| ControlFlow::Continue(())), 2);
    assert_eq!(ring.len(), 4);
    let until_three = |position, &value: &u64| {
        assert_eq!(position, value);
        if value == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert_eq!(reader.take(9, until_three), 2);
    assert_eq!(reader.position(), 4);
    assert_eq!(drain(&mut reader), [4, 5]);
    assert_eq!(reader.take(9, |_, _| ControlFlow::Continue(())), 0);
}

#[test]
fn a_batch_is_let_go_once_at_its_end() {
    let ring = ring(4, 100);
    let mut reader = join(&ring);
    for value in 0..3 {
        ring.publish(value, 1).unwrap();
    }
    // Publishing from inside is allowed; what is being read still takes room.
    reader.take(2, |_, _| {
        let room = ring.len() < 4;
        assert_eq!(ring.publish(9, 1).is_ok(), room);
        ControlFlow::Continue(())
    });
    assert_eq!(ring.len(), 2);
    assert_eq!(drain(&mut reader), [2, 9]);
}

#[test]
fn a_taker_that_panics_has_taken_what_it_saw() {
    let ring = ring(2, 100);
    let mut reader = join(&ring);
    ring.publish(0, 1).unwrap();
    ring.publish(1, 1).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| reader.take(9, |_, _| panic!("taker"))));
    assert!(panicked.is_err());
    assert_eq!((reader.position(), ring.len()), (1, 1));
    assert_eq!(ring.publish(2, 1), Ok(2));
    assert_eq!(drain(&mut reader), [1, 2]);
}

/// Panics when dropped, if told so.
struct Grenade(bool);

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(!self.0, "a value's drop panicked");
    }
}

#[test]
fn a_value_whose_drop_panics_leaves_the_ring_working() {
    let ring = ring(64, 100);
    let mut reader = join(&ring);
    for serial in 0..50 {
        assert!(ring.publish(Grenade(serial == 3), 1).is_ok());
    }
    let all = |_, _: &Grenade| ControlFlow::Continue(());
    let panicked = catch_unwind(AssertUnwindSafe(|| reader.take(99, all)));
    assert!(panicked.is_err(), "the panic is not swallowed");
    assert_eq!((ring.len(), ring.bytes()), (0, 0), "what came after it is released all the same");
    assert!(ring.publish(Grenade(false), 1).is_ok());
    assert_eq!(reader.take(99, all), 1);
    drop(reader);
    let panicked = catch_unwind(AssertUnwindSafe(|| ring.publish(Grenade(true), 1)));
    assert!(panicked.is_err(), "without readers it is the publisher that drops");
    assert!(ring.publish(Grenade(false), 1).is_ok());
    assert_eq!(ring.len(), 0);
}

/// Panics when it should wake.
struct Snooze;

impl Wake for Snooze {
    fn wake(&self) {
        panic!("this wake object panics");
    }
}

#[test]
fn a_wake_object_that_panics_does_not_keep_its_reader_from_leaving() {
    let ring = ring(2, 100);
    let mut reader = ring.join(Arc::new(Snooze)).unwrap();
    assert!(reader.prepare_sleep());
    let panicked = catch_unwind(AssertUnwindSafe(|| ring.publish(0, 1)));
    assert!(panicked.is_err());
    assert_eq!(drain(&mut reader), [0], "the value had been published");
    drop(reader);
    assert_eq!(ring.readers(), 0);
}

#[test]
fn a_reader_is_woken_once_for_each_sleep_and_never_while_awake() {
    let ring = ring(8, 100);
    let wake = Arc::new(Counter::default());
    let mut reader = ring.join(Arc::<Counter>::clone(&wake)).unwrap();
    ring.publish(0, 1).unwrap();
    assert!(!reader.prepare_sleep(), "there is something to read");
    ring.publish(1, 1).unwrap();
    assert_eq!(wake.count(), 0);
    assert_eq!(drain(&mut reader), [0, 1]);
    assert!(reader.prepare_sleep());
    assert!(reader.prepare_sleep(), "asking again changes nothing");
    ring.publish(2, 1).unwrap();
    ring.publish(3, 1).unwrap();
    assert_eq!(wake.count(), 1);
    assert_eq!(drain(&mut reader), [2, 3]);
    assert!(reader.prepare_sleep());
    reader.awake();
    reader.awake();
    ring.publish(4, 1).unwrap();
    assert_eq!(wake.count(), 1, "it had woken by itself");
    assert_eq!(drain(&mut reader), [4]);
    assert!(reader.prepare_sleep());
    ring.wake_all();
    ring.wake_all();
    assert_eq!(wake.count(), 2);
}

#[test]
fn positions_go_on_past_the_capacity_many_times() {
    let ring = ring(4, 100);
    let mut reader = join(&ring);
    let publishes = if cfg!(miri) { 30 } else { 1000 };
    for position in 0..publishes {
        assert_eq!(ring.publish(position, 1), Ok(position));
        if position % 3 == 2 {
            assert_eq!(drain(&mut reader), [position - 2, position - 1, position]);
        }
    }
}
