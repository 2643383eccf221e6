//! Threads that ask a store that blocks, so that no core does. They are started as they are needed, and end
//! with their owner.

use crate::guard::guard;
use crate::replay::StoreError;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

pub(crate) type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Threads {
    shared: Arc<Shared>,
    name: &'static str,
    most: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Threads {
    /// At most so many.
    pub(crate) fn new(name: &'static str, most: usize) -> Self {
        let shared = Shared { queue: Mutex::default(), changed: Condvar::new() };
        Self { shared: Arc::new(shared), name, most }
    }

    /// Has a thread do something, in its turn. Jobs that have not begun when the owner ends are dropped; how
    /// many there may be is its business.
    pub(crate) fn run(&self, job: Job) -> Result<(), StoreError> {
        let mut queue = self.shared.lock();
        if queue.idle <= queue.jobs.len() && queue.threads < self.most {
            match self.start() {
                Ok(()) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    return Err(StoreError::unavailable(error, false));
                }
                // There are others.
                Err(_) => {}
            }
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name(self.name.into());
        thread.spawn(move || run(&shared)).map(drop)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        drop(jobs);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Job> {
        let mut queue = self.lock();
        queue.idle += 1;
        let idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let queue = self.changed.wait_while(queue, idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        queue.idle -= 1;
        queue.jobs.pop_front()
    }
}

fn run(shared: &Shared) {
    while let Some(job) = shared.take() {
        // What a waker of somebody's panics over is not this thread's.
        guard(job).ok();
    }
}
