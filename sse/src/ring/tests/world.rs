//! What the scenarios share: a ring of values that keep book of their drops, a bell to sleep on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake as TaskWake, Waker};
use std::time::{Duration, Instant};

use super::super::{Reader, Ring, Wake};

#[cfg(loom)]
pub(super) use loom::thread;
#[cfg(not(loom))]
pub(super) use std::thread;

/// What one party saw or did: positions with the ids of the values.
pub(super) type Log = Vec<(u64, usize)>;

/// A value that is dropped exactly once, or the test fails.
pub(super) struct Token {
    pub(super) id: usize,
    ledger: Arc<Ledger>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.drops[self.id].fetch_add(1, Ordering::SeqCst);
    }
}

struct Ledger {
    drops: Vec<AtomicUsize>,
}

/// A ring, and the books of the values that go through it.
#[derive(Clone)]
pub(super) struct World {
    pub(super) ring: Arc<Ring<Token>>,
    ledger: Arc<Ledger>,
}

impl World {
    /// A ring of `capacity` values, any weight, for values with ids below `tokens`.
    pub(super) fn new(capacity: usize, tokens: usize) -> Self {
        Self::with_bytes(capacity, u64::MAX, tokens)
    }

    pub(super) fn with_bytes(capacity: usize, bytes: u64, tokens: usize) -> Self {
        let drops = (0..tokens).map(|_| AtomicUsize::new(0)).collect();
        Self { ring: Arc::new(Ring::new(capacity, bytes, 2)), ledger: Arc::new(Ledger { drops }) }
    }

    pub(super) fn token(&self, id: usize) -> Token {
        Token { id, ledger: Arc::clone(&self.ledger) }
    }

    /// Publishes value `id`, weight 1; appends it to `log` unless the ring is full.
    pub(super) fn publish(&self, id: usize, log: &mut Log) {
        if let Ok(position) = self.ring.publish(self.token(id), 1) {
            log.push((position, id));
        }
    }

    /// A thread that publishes `ids` in order, and returns which went in.
    pub(super) fn publisher(&self, ids: &'static [usize]) -> thread::JoinHandle<Log> {
        let world = self.clone();
        thread::spawn(move || {
            let mut log = Log::new();
            for &id in ids {
                world.publish(id, &mut log);
            }
            log
        })
    }

    /// A reader that never needs to be woken.
    pub(super) fn join(&self) -> Reader<Token> {
        self.ring.join(Arc::new(Deaf)).expect("the world has a seat left")
    }

    pub(super) fn drops_of(&self, id: usize) -> usize {
        self.ledger.drops[id].load(Ordering::SeqCst)
    }

    /// At rest: `published` was dropped up to where the slowest reader is, and not further.
    pub(super) fn assert_released_up_to(&self, slowest: u64, published: &Log) {
        for &(position, id) in published {
            let expected = usize::from(position < slowest);
            assert_eq!(self.drops_of(id), expected, "drops of position {position}");
        }
        let held = published.iter().filter(|(position, _)| *position >= slowest).count();
        assert_eq!(self.ring.len(), held);
        assert_eq!(self.ring.bytes(), held as u64);
    }

    /// The end: every value that was made has been dropped once.
    pub(super) fn end(self, made: usize) {
        assert_eq!(Arc::strong_count(&self.ring), 1, "all readers and threads are gone");
        drop(self.ring);
        let drops: usize = self.ledger.drops.iter().map(|drops| drops.load(Ordering::SeqCst)).sum();
        assert_eq!(drops, made);
        assert!(self.ledger.drops.iter().all(|drops| drops.load(Ordering::SeqCst) <= 1));
    }
}

/// Takes what is there, appends it to `log`.
pub(super) fn take_all(reader: &mut Reader<Token>, log: &mut Log) {
    take(reader, usize::MAX, log);
}

/// Takes up to `max`, appends it to `log`.
pub(super) fn take(reader: &mut Reader<Token>, max: usize, log: &mut Log) {
    reader.take(max, |position, token| {
        log.push((position, token.id));
        ControlFlow::Continue(())
    });
}

/// The one order that the publishers' logs agree on; positions must be 0, 1, 2, …
pub(super) fn merge(logs: impl IntoIterator<Item = Log>) -> Log {
    let mut merged: Log = logs.into_iter().flatten().collect();
    merged.sort_unstable();
    for (expected, (position, _)) in (0..).zip(&merged) {
        assert_eq!(*position, expected, "positions have no gap");
    }
    merged
}

/// Wake object of a reader that never sleeps.
struct Deaf;

impl Wake for Deaf {
    fn wake(&self) {
        unreachable!("this reader never sleeps");
    }
}

/// Something to sleep on: a ring of it ends the present or the next wait.
pub(super) struct Bell {
    #[cfg(loom)]
    rung: loom::sync::Notify,
    #[cfg(not(loom))]
    rung: (std::sync::Mutex<bool>, std::sync::Condvar),
}

impl Bell {
    #[cfg(loom)]
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { rung: loom::sync::Notify::new() })
    }

    #[cfg(loom)]
    pub(super) fn ring(&self) {
        self.rung.notify();
    }

    /// Returns once the bell was rung. Loom fails the model if nobody ever does.
    #[cfg(loom)]
    pub(super) fn wait(&self) {
        self.rung.wait();
    }

    #[cfg(not(loom))]
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { rung: Default::default() })
    }

    #[cfg(not(loom))]
    pub(super) fn ring(&self) {
        *self.rung.0.lock().expect("nobody panics with the bell's lock") = true;
        self.rung.1.notify_one();
    }

    /// Returns once the bell was rung; panics if nobody does for a minute.
    #[cfg(not(loom))]
    pub(super) fn wait(&self) {
        let rung = self.rung.0.lock().expect("nobody panics with the bell's lock");
        let (mut rung, waited) = self
            .rung
            .1
            .wait_timeout_while(rung, PATIENCE, |rung| !*rung)
            .expect("nobody panics with the bell's lock");
        assert!(!waited.timed_out(), "the wake-up was lost");
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(&self) {
        self.ring();
    }
}

impl TaskWake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// A task waker that rings `bell`.
pub(super) fn waker(bell: &Arc<Bell>) -> Waker {
    Waker::from(Arc::clone(bell))
}

/// Long after any test is over; loom knows no time, and finds who waits for ever by itself.
pub(super) fn deadline() -> Option<Instant> {
    (!cfg!(loom)).then(|| Instant::now() + PATIENCE)
}

const PATIENCE: Duration = Duration::from_mins(1);
