//! Stores events on a thread after their ids were given. Never gives ids.

use super::{KeyValue, KvReplayConfig};
use crate::guard::guard;
use crate::replay::StoreError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Events of one batch, each under its key.
pub(super) struct Job {
    entries: Vec<(String, Bytes)>,
}

impl Job {
    pub(super) fn new(entries: Vec<(String, Bytes)>) -> Self {
        Self { entries }
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    at_once: usize,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    work: Mutex<Work>,
    /// There is something to store, or the end.
    todo: Condvar,
    /// Something has been stored.
    done: Condvar,
}

#[derive(Default)]
struct Work {
    jobs: VecDeque<Job>,
    /// Batches that were admitted, and those of them that are over.
    admitted: u64,
    over: u64,
    lost: u64,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        // No foreign code runs under the lock, so poisoned work is whole.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, batches: u64) {
        self.lock().over += batches;
        self.done.notify_all();
    }
}

impl Writer {
    pub(super) fn start(
        kv: Arc<dyn KeyValue>,
        config: &KvReplayConfig,
        at_once: usize,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            work: Mutex::new(Work::default()),
            todo: Condvar::new(),
            done: Condvar::new(),
        });
        let (ttl, retry_for) = (config.ttl, config.retry_for);
        let run = Run { shared: shared.clone(), kv, ttl, retry_for, at_once };
        let thread =
            thread::Builder::new().name("headwater-replay".into()).spawn(move || run.all());
        let thread = thread.map_err(|error| StoreError::unavailable(error, false))?;
        Ok(Self { shared, at_once, thread: Some(thread) })
    }

    /// Waits for room, then lets `job` make a batch with its ids, and takes it over.
    pub(super) fn push<T>(
        &self,
        job: impl FnOnce() -> Result<(T, Job), StoreError>,
    ) -> Result<T, StoreError> {
        {
            let work = self.shared.lock();
            let full = |work: &mut Work| work.admitted - work.over >= self.at_once as u64;
            let mut work =
                self.shared.done.wait_while(work, full).unwrap_or_else(PoisonError::into_inner);
            work.admitted += 1;
        }
        // The place is given back whatever comes of it.
        match guard(job).unwrap_or_else(|_| Err(panicked())) {
            Ok((made, job)) => {
                self.shared.lock().jobs.push_back(job);
                self.shared.todo.notify_one();
                Ok(made)
            }
            Err(error) => {
                self.shared.finish(1);
                Err(error)
            }
        }
    }

    /// Waits until what was pushed before is stored, or lost.
    pub(super) fn settle(&self, within: Duration) -> Result<(), StoreError> {
        let work = self.shared.lock();
        let upto = work.admitted;
        let (_work, waited) = self
            .shared
            .done
            .wait_timeout_while(work, within, |work| work.over < upto)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(StoreError::unavailable("events are still being stored", false));
        }
        Ok(())
    }

    pub(super) fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    pub(super) fn pending(&self) -> usize {
        let work = self.shared.lock();
        usize::try_from(work.admitted - work.over).unwrap_or(usize::MAX)
    }
}

/// What is pending is stored first, but not tried again.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.todo.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does not panic: what could is guarded.
            thread.join().ok();
        }
    }
}

/// The thread.
struct Run {
    shared: Arc<Shared>,
    kv: Arc<dyn KeyValue>,
    ttl: Option<Duration>,
    retry_for: Duration,
    at_once: usize,
}

impl Run {
    fn all(self) {
        loop {
            let work = self.shared.lock();
            let idle = |work: &mut Work| work.jobs.is_empty() && !work.closed;
            let mut work =
                self.shared.todo.wait_while(work, idle).unwrap_or_else(PoisonError::into_inner);
            let many = work.jobs.len().min(self.at_once);
            let entries: Vec<_> = work.jobs.drain(..many).flat_map(|job| job.entries).collect();
            drop(work);
            if many == 0 {
                return;
            }
            let lost = self.store(entries);
            self.shared.lock().lost += lost;
            self.shared.finish(many as u64);
        }
    }

    /// Returns how many could not be stored.
    fn store(&self, mut entries: Vec<(String, Bytes)>) -> u64 {
        let deadline = Instant::now() + self.retry_for;
        let mut pause = Duration::from_millis(20);
        let mut again = false;
        loop {
            let inserted = guard(|| self.kv.insert(&entries, self.ttl));
            match inserted.unwrap_or_else(|_| Err(panicked())) {
                Ok(put) => {
                    let mut put = put.into_iter();
                    entries.retain(|_| !put.next().unwrap_or(false));
                    return if again { self.not_ours(&entries) } else { entries.len() as u64 };
                }
                Err(StoreError::Unavailable { sent, .. }) => {
                    again |= sent;
                    if Instant::now() >= deadline || !self.pause(pause) {
                        return entries.len() as u64;
                    }
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(_) => return entries.len() as u64,
            }
        }
    }

    /// How many of these keys do not hold what an attempt without an answer may have put there.
    fn not_ours(&self, entries: &[(String, Bytes)]) -> u64 {
        if entries.is_empty() {
            return 0;
        }
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        // What cannot be read back counts as lost: it may be.
        let there = guard(|| self.kv.get(&keys)).unwrap_or_else(|_| Err(panicked()));
        let there = there.unwrap_or_default();
        let ours =
            entries.iter().zip(there).filter(|((_, value), there)| there.as_ref() == Some(value));
        (entries.len() - ours.count()) as u64
    }

    /// Whether to go on afterwards.
    fn pause(&self, time: Duration) -> bool {
        let work = self.shared.lock();
        let waited = self.shared.todo.wait_timeout_while(work, time, |work| !work.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}

/// What is said of it: the panic hook has reported it.
fn panicked() -> StoreError {
    StoreError::refused("it panicked")
}

#[cfg(test)]
mod tests;
