//! Threads for work that blocks, started when they are needed and ended when they are not. Knows nothing
//! of requests.

use crate::guard::guard;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Something to do. A panic ends it, and nothing else.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// As many threads, and jobs that wait for one, are in use already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// How large a pool may grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    pub(crate) threads: usize,
    /// Jobs that wait for a thread.
    pub(crate) queue: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { threads: 64, queue: 1024 }
    }
}

/// A thread without work ends after this time.
const IDLE: Duration = Duration::from_secs(10);

/// Dropping it drops the jobs that wait; threads end with the job that they are at.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    limits: PoolLimits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Those of the threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl Pool {
    /// A pool without threads.
    pub(crate) fn new(limits: PoolLimits) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { limits, state, changed }))
    }

    /// Runs a job as soon as there is a thread for it. Never waits.
    pub(crate) fn run(&self, job: Job) -> Result<(), Full> {
        let mut state = self.0.lock();
        if state.idle <= state.jobs.len()
            && state.threads < self.0.limits.threads
            && self.start_thread()
        {
            state.threads += 1;
            // It comes for the job.
            state.idle += 1;
        }
        let for_idle = state.idle.saturating_sub(state.jobs.len());
        let waiting = state.jobs.len().saturating_sub(state.idle);
        // Without any thread, for want of memory, nobody would ever come for it.
        if state.threads == 0 || (for_idle == 0 && waiting >= self.0.limits.queue) {
            return Err(Full);
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// False if the system has none to give: then the job waits for one of those that there are.
    fn start_thread(&self) -> bool {
        let shared = self.0.clone();
        let name = "headwater-blocking".to_owned();
        thread::Builder::new().name(name).spawn(move || shared.work()).is_ok()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.0.changed.notify_all();
        drop(jobs);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does. It counts as idle from its start.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.idle -= 1;
                drop(state);
                // Whoever wanted the outcome notices that there is none.
                guard(job).ok();
                state = self.lock();
                state.idle += 1;
                continue;
            }
            let waited =
                if state.closed { None } else { Some(self.changed.wait_timeout(state, IDLE)) };
            let Some(waited) = waited else { return };
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = again;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.idle -= 1;
                state.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A job that runs until it is told to end.
    fn held() -> (Job, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (end, ended) = mpsc::channel();
        let (tell, begun) = mpsc::channel();
        let job = Box::new(move || {
            // Tests look at one or the other, or at neither.
            tell.send(()).ok();
            ended.recv().ok();
        });
        (job, end, begun)
    }

    #[test]
    fn limits_hold_at_one_less_exactly_and_one_more() {
        for (threads, queue) in [(1, 0), (1, 1), (2, 0), (2, 3)] {
            let pool = Pool::new(PoolLimits { threads, queue });
            let mut ends = Vec::new();
            for at in 1..=threads + queue {
                let (job, end, begun) = held();
                assert_eq!(pool.run(job), Ok(()), "job {at} of {threads} and {queue}");
                if at <= threads {
                    begun.recv().expect("it begins at once");
                }
                ends.push((end, begun));
            }
            assert_eq!(pool.run(held().0), Err(Full));
            assert_eq!(pool.0.lock().threads, threads);
            // There is room again for as many as end.
            drop(ends);
            let (done, is_done) = mpsc::channel();
            let job = move || done.send(()).expect("the test waits for it");
            while pool.run(Box::new(job.clone())).is_err() {
                thread::yield_now();
            }
            is_done.recv().expect("a thread is free");
        }
    }

    #[test]
    fn threads_are_started_only_when_they_are_needed() {
        let pool = Pool::new(PoolLimits { threads: 8, queue: 8 });
        assert_eq!(pool.0.lock().threads, 0);
        for _ in 0..20 {
            let (job, end, begun) = held();
            pool.run(job).expect("there is room");
            begun.recv().expect("it begins");
            drop(end);
            while pool.0.lock().idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(pool.0.lock().threads, 1);
    }

    #[test]
    fn jobs_that_panic_cost_no_thread() {
        let pool = Pool::new(PoolLimits { threads: 1, queue: 1 });
        for _ in 0..3 {
            let (tell, dropped) = mpsc::channel::<()>();
            let job = move || {
                let _tell = tell;
                panic!("on purpose: a job panics");
            };
            pool.run(Box::new(job)).expect("there is room");
            assert_eq!(dropped.recv(), Err(mpsc::RecvError));
        }
        let (job, end, begun) = held();
        pool.run(job).expect("there is room");
        begun.recv().expect("a thread is left");
        assert_eq!(pool.0.lock().threads, 1);
        drop(end);
    }

    #[test]
    fn jobs_that_wait_are_dropped_with_the_pool() {
        let pool = Pool::new(PoolLimits { threads: 1, queue: 1 });
        let (job, end, begun) = held();
        pool.run(job).expect("there is room");
        begun.recv().expect("it begins");
        let (waiting, _end, never) = held();
        pool.run(waiting).expect("there is room");
        drop(pool);
        assert_eq!(never.recv(), Err(mpsc::RecvError));
        drop(end);
    }
}
