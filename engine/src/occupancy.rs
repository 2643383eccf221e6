//! How many connections a worker has, counted so that other workers may promise it some of theirs: what
//! is promised is counted at once, a limit holds whoever counts, and a worker does not end while something
//! is on its way to it. Moves no connections: see [`Sockets::release`](crate::Sockets::release).
//!
//! One word holds both the number and whether the worker has ended, so that every question about the
//! two is one atomic operation. Nothing else is published by it, hence `Relaxed` throughout; the loom
//! tests hold that down.

use crate::sync::{AtomicUsize, Ordering};

/// Counts the connections of one worker, those on their way to it included.
#[derive(Debug)]
pub struct Occupancy(AtomicUsize);

/// The worker has ended. The other bits count.
const ENDED: usize = 1 << (usize::BITS - 1);

impl Default for Occupancy {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Occupancy {
    /// One more, unless there are `limit` already or the worker has ended: false then. For any thread.
    pub fn promise(&self, limit: usize) -> bool {
        // `ENDED` alone is more than any limit.
        let limit = limit.min(ENDED - 1);
        let one_more = |count: usize| (count < limit).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// One more, whatever the limit. Returns how many there are with it.
    pub fn enter(&self) -> usize {
        (self.0.fetch_add(1, Ordering::Relaxed) & !ENDED) + 1
    }

    /// One less: it was closed, has left, or a promise was not kept.
    pub fn leave(&self) {
        let before = self.0.fetch_sub(1, Ordering::Relaxed);
        debug_assert_ne!(before & !ENDED, 0, "more have left than were there");
    }

    /// For the worker: ends it unless there is a connection, or one was promised. From then on, nobody can
    /// promise it any.
    pub fn end_if_empty(&self) -> bool {
        self.0.compare_exchange(0, ENDED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// For the worker: ends it with whatever there is.
    pub fn end(&self) {
        self.0.fetch_or(ENDED, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed) & !ENDED
    }

    /// Whether the worker has ended.
    pub fn has_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed) & ENDED != 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn limit_holds_at_one_less_exactly_and_one_more() {
        for (there, promised) in [(1, true), (2, false), (3, false)] {
            let occupancy = Occupancy::default();
            for count in 1..=there {
                assert_eq!(occupancy.enter(), count, "whatever the limit");
            }
            assert_eq!(occupancy.promise(2), promised, "{there} are there");
            assert_eq!(occupancy.count(), there + usize::from(promised));
        }
    }

    #[test]
    fn worker_ends_only_without_connections_and_promises() {
        let occupancy = Occupancy::default();
        occupancy.enter();
        assert!(occupancy.promise(usize::MAX));
        for _ in 0..2 {
            assert!(!occupancy.end_if_empty());
            occupancy.leave();
        }
        assert!(occupancy.end_if_empty() && occupancy.has_ended());
        assert!(!occupancy.promise(usize::MAX), "it has ended");
        assert_eq!(occupancy.count(), 0);
    }

    #[test]
    fn worker_that_had_to_end_counts_on_and_takes_no_promise() {
        let occupancy = Occupancy::default();
        occupancy.enter();
        occupancy.end();
        assert!(!occupancy.promise(usize::MAX));
        assert_eq!(occupancy.enter(), 2);
        occupancy.leave();
        assert_eq!((occupancy.count(), occupancy.has_ended()), (1, true));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{model::Builder, sync::Arc, thread};

    fn check(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = Builder::new();
        // All interleavings of three threads take minutes; no known fault needs more preemptions.
        builder.preemption_bound = Some(2);
        builder.check(model);
    }

    /// Whatever was promised has arrived, or nothing was, before the worker ends.
    #[test]
    fn loom_nothing_is_promised_to_a_worker_that_ends() {
        check(|| {
            let occupancy = Arc::new(Occupancy::default());
            let arrived = Arc::new(loom::sync::Mutex::new(0));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let (occupancy, arrived) = (occupancy.clone(), arrived.clone());
                    thread::spawn(move || {
                        let promised = occupancy.promise(usize::MAX);
                        if promised {
                            *arrived.lock().unwrap() += 1;
                        }
                        usize::from(promised)
                    })
                })
                .collect();
            let mut served = 0;
            while !occupancy.end_if_empty() {
                let came = std::mem::take(&mut *arrived.lock().unwrap());
                served += came;
                for _ in 0..came {
                    occupancy.leave();
                }
                thread::yield_now();
            }
            let promised: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
            assert_eq!(*arrived.lock().unwrap(), 0, "on its way to nobody");
            assert_eq!(served, promised);
        });
    }

    /// Two who promise and one who accepts never exceed the limit together.
    #[test]
    fn loom_limit_holds_whoever_counts() {
        check(|| {
            let occupancy = Arc::new(Occupancy::default());
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let occupancy = occupancy.clone();
                    thread::spawn(move || usize::from(occupancy.promise(2)))
                })
                .collect();
            // The worker closes what is too many.
            let stays = occupancy.enter() <= 2;
            if !stays {
                occupancy.leave();
            }
            let promised: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
            assert_eq!(occupancy.count(), promised + usize::from(stays));
            assert!(occupancy.count() <= 2);
            assert!(occupancy.count() >= 1, "somebody gets in");
        });
    }
}
