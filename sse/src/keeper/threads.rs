//! Threads that ask a store that blocks, so that no core does. They are started as they are needed, and end
//! with their owner, or when they have had nothing to do for a while.

use crate::guard::guard;
use crate::replay::StoreError;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

/// How long a thread stays that has nothing to do.
pub(crate) const IDLE: Duration = Duration::from_secs(10);

pub(crate) type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Threads {
    shared: Arc<Shared>,
    name: &'static str,
    most: usize,
    idle: Duration,
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
        Self { shared: Arc::new(shared), name, most, idle: IDLE }
    }

    /// Threads that stay so long without anything to do.
    pub(crate) fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
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
        let (shared, idle) = (self.shared.clone(), self.idle);
        let thread = thread::Builder::new().name(self.name.into());
        thread.spawn(move || run(&shared, idle)).map(drop)
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

    /// The next job; `None` for a thread that is to end, and is counted no more.
    fn take(&self, idle: Duration) -> Option<Job> {
        let mut queue = self.lock();
        queue.idle += 1;
        let idles = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let waited = self.changed.wait_timeout_while(queue, idle, idles);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.idle -= 1;
        let job = queue.jobs.pop_front();
        queue.threads -= usize::from(job.is_none());
        job
    }
}

fn run(shared: &Shared, idle: Duration) {
    while let Some(job) = shared.take(idle) {
        // What a waker of somebody's panics over is not this thread's.
        guard(job).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    #[test]
    fn threads_without_work_end_and_come_back_with_it() {
        let threads = Threads::new("test", 2).idle(Duration::from_millis(5));
        let count = || threads.shared.lock().threads;
        for _ in 0..3 {
            let (done, jobs) = mpsc::channel();
            for _ in 0..4 {
                let done = done.clone();
                threads.run(Box::new(move || done.send(()).expect("it waits"))).expect("a thread");
            }
            (0..4).for_each(|_| jobs.recv_timeout(Duration::from_mins(1)).expect("it is run"));
            let give_up = Instant::now() + Duration::from_mins(1);
            while count() > 0 {
                assert!(Instant::now() < give_up, "{} threads stay", count());
                thread::yield_now();
            }
        }
    }
}
