//! Decides who has to wake whom: a flag that says "this worker is about to sleep", so that posting to
//! an awake worker costs no system call. Never touches the queue itself or the wake handle: see
//! `mailbox`.
//!
//! The poster publishes its work and then reads the flag; the worker sets the flag and then reads the
//! work. Each must see the other's write if it came first, which acquire and release do not give:
//! hence a `SeqCst` fence on both sides, between the write and the read. With either of them taken
//! out, the loom test below finds the run in which both read the old value and the worker sleeps on
//! work.

use crate::sync::{AtomicBool, Ordering, fence};

/// Whether a worker sleeps, or is about to.
#[derive(Debug)]
pub(crate) struct WakeFlag {
    sleeping: AtomicBool,
}

impl WakeFlag {
    /// The flag of a worker that is awake.
    pub(crate) fn new() -> Self {
        Self { sleeping: AtomicBool::new(false) }
    }

    /// For the poster, after its work is visible: must it wake the worker? At most one of several
    /// posters is told so per sleep.
    pub(crate) fn must_wake(&self) -> bool {
        // Partner: the fence in `announce_sleep`.
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel)
    }

    /// For the worker: from here on posters wake it. It must look at its work once more after this,
    /// and not sleep if there is any.
    pub(crate) fn announce_sleep(&self) {
        self.sleeping.store(true, Ordering::Relaxed);
        // Partner: the fence in `must_wake`.
        fence(Ordering::SeqCst);
    }

    /// For the worker: posters need not wake it any more.
    pub(crate) fn awake(&self) {
        // A poster that still reads `true` wakes for nothing, which is harmless.
        self.sleeping.store(false, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{
        model::Builder,
        sync::{Arc, Condvar, Mutex, atomic::AtomicUsize},
        thread,
    };

    /// What eventfd does: a wake that comes before the wait is not lost.
    struct Bell {
        rung: Mutex<bool>,
        changed: Condvar,
    }

    impl Bell {
        fn new() -> Self {
            Self { rung: Mutex::new(false), changed: Condvar::new() }
        }

        fn ring(&self) {
            *self.rung.lock().unwrap() = true;
            self.changed.notify_one();
        }

        fn wait(&self) {
            let mut rung = self.rung.lock().unwrap();
            while !*rung {
                rung = self.changed.wait(rung).unwrap();
            }
            *rung = false;
        }
    }

    /// Posters add to a counter; the worker runs until it has seen all of it. A lost wake-up leaves it
    /// waiting with nobody left to ring, which loom reports as a deadlock.
    fn worker_sees_every_post(posters: usize) {
        let mut builder = Builder::new();
        // All interleavings of three threads take hours; no known fault needs more preemptions.
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let shared = Arc::new((WakeFlag::new(), AtomicUsize::new(0), Bell::new()));
            let threads: Vec<_> = (0..posters)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let (flag, queue, bell) = &*shared;
                        // Relaxed on purpose: the fences alone have to make this work.
                        queue.fetch_add(1, Ordering::Relaxed);
                        if flag.must_wake() {
                            bell.ring();
                        }
                    })
                })
                .collect();
            let (flag, queue, bell) = &*shared;
            while queue.load(Ordering::Relaxed) < posters {
                flag.announce_sleep();
                if queue.load(Ordering::Relaxed) < posters {
                    bell.wait();
                }
                flag.awake();
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn loom_one_post_is_never_slept_over() {
        worker_sees_every_post(1);
    }

    #[test]
    fn loom_two_posts_are_never_slept_over() {
        worker_sees_every_post(2);
    }
}
