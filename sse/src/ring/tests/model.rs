//! Random single-threaded use against a plain reference: one explicit queue per reader.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::super::{Full, Reader, Ring, Wake};

const CAPACITY: usize = 8;
const CAPACITY_BYTES: u64 = 20;
const MAX_READERS: usize = 3;

#[derive(Debug, Clone)]
enum Move {
    Publish { weight: u64 },
    Take { reader: usize, max: usize },
    Sleep { reader: usize },
    Join,
    Leave { reader: usize },
}

fn any_move() -> impl Strategy<Value = Move> {
    let reader = 0..MAX_READERS;
    prop_oneof![
        8 => prop_oneof![9 => 0..6u64, 1 => 0..40u64].prop_map(|weight| Move::Publish { weight }),
        5 => (reader.clone(), 0..6usize).prop_map(|(reader, max)| Move::Take { reader, max }),
        2 => reader.clone().prop_map(|reader| Move::Sleep { reader }),
        1 => Just(Move::Join),
        1 => reader.prop_map(|reader| Move::Leave { reader }),
    ]
}

/// Counts how often it was woken.
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The value published: its serial number, and a share in `Both::alive` that its drop gives back.
type Value = (u64, Arc<()>);

/// What the reference knows of a reader, beside the real one.
struct Pair {
    reader: Reader<Value>,
    /// Position, serial number and weight of what it has to read.
    queue: VecDeque<(u64, u64, u64)>,
    asleep: bool,
    woken: usize,
    counter: Arc<Counter>,
}

/// The ring and the reference, side by side.
struct Both {
    ring: Arc<Ring<Value>>,
    pairs: Vec<Pair>,
    tail: u64,
    serial: u64,
    alive: Arc<()>,
}

impl Both {
    fn new() -> Self {
        Self {
            ring: Arc::new(Ring::new(CAPACITY, CAPACITY_BYTES, MAX_READERS)),
            pairs: Vec::new(),
            tail: 0,
            serial: 0,
            alive: Arc::new(()),
        }
    }

    /// How many values, and bytes, some reader has still to read.
    fn held(&self) -> (usize, u64) {
        let longest = self.pairs.iter().map(|pair| &pair.queue).max_by_key(|queue| queue.len());
        longest.map_or((0, 0), |queue| (queue.len(), queue.iter().map(|held| held.2).sum()))
    }

    fn publish(&mut self, weight: u64) {
        self.serial += 1;
        let outcome = self.ring.publish((self.serial, Arc::clone(&self.alive)), weight);
        let (held, bytes) = self.held();
        if held == CAPACITY || (bytes > 0 && bytes + weight > CAPACITY_BYTES) {
            let Err(Full((returned, _))) = outcome else { panic!("should be full") };
            assert_eq!(returned, self.serial);
            return;
        }
        assert_eq!(outcome.unwrap(), self.tail);
        for pair in &mut self.pairs {
            pair.queue.push_back((self.tail, self.serial, weight));
            pair.woken += usize::from(pair.asleep);
            pair.asleep = false;
        }
        self.tail += 1;
    }

    fn join(&mut self) {
        let counter = Arc::new(Counter(AtomicUsize::new(0)));
        let joined = self.ring.join(Arc::<Counter>::clone(&counter));
        if self.pairs.len() == MAX_READERS {
            assert_eq!(joined.err().unwrap().limit, MAX_READERS);
            return;
        }
        let reader = joined.unwrap();
        let pair = Pair { reader, queue: VecDeque::new(), asleep: false, woken: 0, counter };
        assert_eq!(pair.reader.position(), self.tail);
        self.pairs.push(pair);
    }

    fn take(&mut self, reader: usize, max: usize) {
        let Some(pair) = self.pairs.get_mut(reader) else { return };
        pair.reader.awake();
        pair.asleep = false;
        let mut seen = Vec::new();
        let taken = pair.reader.take(max, |position, value| {
            seen.push((position, value.0));
            ControlFlow::Continue(())
        });
        let expected: Vec<_> = pair.queue.drain(..max.min(pair.queue.len())).collect();
        assert_eq!(taken, expected.len());
        assert!(expected.iter().map(|&(position, serial, _)| (position, serial)).eq(seen));
    }

    fn sleep(&mut self, reader: usize) {
        let Some(pair) = self.pairs.get_mut(reader) else { return };
        let slept = pair.reader.prepare_sleep();
        assert_eq!(slept, pair.queue.is_empty());
        pair.asleep = slept;
    }

    fn leave(&mut self, reader: usize) {
        if reader < self.pairs.len() {
            self.pairs.swap_remove(reader);
        }
    }

    fn step(&mut self, next: &Move) {
        match *next {
            Move::Publish { weight } => self.publish(weight),
            Move::Take { reader, max } => self.take(reader, max),
            Move::Sleep { reader } => self.sleep(reader),
            Move::Join => self.join(),
            Move::Leave { reader } => self.leave(reader),
        }
        let (held, bytes) = self.held();
        assert_eq!((self.ring.len(), self.ring.bytes()), (held, bytes));
        assert_eq!(Arc::strong_count(&self.alive), held + 1, "values dropped late or early");
        assert_eq!((self.ring.readers(), self.ring.tail()), (self.pairs.len(), self.tail));
        for pair in &self.pairs {
            assert_eq!(pair.reader.is_empty(), pair.queue.is_empty());
            assert_eq!(pair.reader.position(), self.tail - pair.queue.len() as u64);
            assert_eq!(pair.counter.0.load(Ordering::Relaxed), pair.woken);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn ring_behaves_like_a_queue_per_reader(moves in prop::collection::vec(any_move(), 0..150)) {
        let mut both = Both::new();
        for next in &moves {
            both.step(next);
        }
        let alive = Arc::clone(&both.alive);
        drop(both);
        prop_assert_eq!(Arc::strong_count(&alive), 1, "the ring drops what it still held");
    }
}
