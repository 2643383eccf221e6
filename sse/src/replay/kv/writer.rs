//! Stores events on a thread after their ids were given. Never gives ids.

use super::{KeyValue, KvReplayConfig};
use crate::guard::guard;
use crate::keeper::BATCH_BYTES;
use crate::replay::StoreError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::mem;
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
    storing: Storing,
    lost: u64,
    /// Nothing more comes.
    closed: bool,
    /// Nothing more is stored.
    ended: bool,
}

/// What the thread has taken over and not answered yet.
#[derive(Default)]
struct Storing {
    batches: usize,
    events: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        // No foreign code runs under the lock, so poisoned work is whole.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for a batch.
    fn admit(&self, at_once: usize) -> Result<(), StoreError> {
        let full = |work: &mut Work| !work.ended && work.admitted - work.over >= at_once as u64;
        let work = self.done.wait_while(self.lock(), full);
        let mut work = work.unwrap_or_else(PoisonError::into_inner);
        if work.ended {
            return Err(ended());
        }
        work.admitted += 1;
        Ok(())
    }

    fn give(&self, job: Job) -> Result<(), StoreError> {
        let mut work = self.lock();
        if work.ended {
            return Err(ended());
        }
        work.jobs.push_back(job);
        self.todo.notify_one();
        Ok(())
    }

    /// Takes back the place of a batch that was never given.
    fn withdraw(&self) {
        self.lock().over += 1;
        self.done.notify_all();
    }

    /// Waits for batches, and takes over as many as a store is given at a time. None at the end.
    fn take(&self) -> Option<Vec<(String, Bytes)>> {
        let idle = |work: &mut Work| work.jobs.is_empty() && !work.closed;
        let work = self.todo.wait_while(self.lock(), idle);
        let mut work = work.unwrap_or_else(PoisonError::into_inner);
        let mut entries = work.jobs.pop_front()?.entries;
        let mut bytes = size(&entries);
        work.storing.batches = 1;
        while let Some(job) = work.jobs.pop_front_if(|job| {
            bytes += size(&job.entries);
            bytes <= BATCH_BYTES
        }) {
            entries.extend(job.entries);
            work.storing.batches += 1;
        }
        work.storing.events = entries.len();
        Some(entries)
    }

    /// What was taken over is stored, but for so many events.
    fn stored(&self, lost: u64) {
        let mut work = self.lock();
        work.lost += lost;
        work.over += mem::take(&mut work.storing).batches as u64;
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
        let run = Run { shared: shared.clone(), kv, ttl, retry_for };
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
        self.shared.admit(self.at_once)?;
        // The place is given back whatever comes of it.
        let made = guard(job).unwrap_or_else(|_| Err(panicked()));
        let made = made.and_then(|(made, job)| self.shared.give(job).map(|()| made));
        if made.is_err() {
            self.shared.withdraw();
        }
        made
    }

    /// Waits until what was pushed before is stored, or lost.
    pub(super) fn settle(&self, within: Duration) -> Result<(), StoreError> {
        let work = self.shared.lock();
        let upto = work.admitted;
        let (work, waited) = self
            .shared
            .done
            .wait_timeout_while(work, within, |work| work.over < upto && !work.ended)
            .unwrap_or_else(PoisonError::into_inner);
        if work.ended {
            return Err(ended());
        }
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
            // If it panicked, the panic hook has reported that, and `End` has answered everybody.
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
}

/// However the thread ends, what is still to be stored counts as lost, and nobody waits for it.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut work = self.0.lock();
        work.ended = true;
        let (storing, jobs) = (mem::take(&mut work.storing), mem::take(&mut work.jobs));
        let events: usize = jobs.iter().map(|job| job.entries.len()).sum();
        work.lost += (storing.events + events) as u64;
        work.over += (storing.batches + jobs.len()) as u64;
        self.0.done.notify_all();
    }
}

impl Run {
    fn all(self) {
        let _end = End(&self.shared);
        while let Some(entries) = self.shared.take() {
            let lost = self.store(entries);
            self.shared.stored(lost);
        }
    }

    /// Returns how many could not be stored.
    fn store(&self, mut entries: Vec<(String, Bytes)>) -> u64 {
        // None where time does not go that far.
        let deadline = Instant::now().checked_add(self.retry_for);
        let mut pause = Duration::from_millis(20);
        // Whether an attempt without a good answer may have stored some.
        let mut in_doubt = false;
        loop {
            let inserted = guard(|| self.kv.insert(&entries, self.ttl));
            let error = match inserted.unwrap_or_else(|_| Err(panicked())) {
                Ok(put) => {
                    let mut put = put.into_iter();
                    entries.retain(|_| !put.next().unwrap_or(false));
                    break;
                }
                Err(error) => error,
            };
            if !matches!(error, StoreError::Unavailable { sent: false, .. }) {
                in_doubt = true;
                self.keep_missing(&mut entries);
            }
            let again = !entries.is_empty()
                && matches!(error, StoreError::Unavailable { .. })
                && deadline.is_none_or(|deadline| Instant::now() < deadline)
                && self.pause(pause);
            if !again {
                break;
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        if in_doubt {
            // One of those attempts may have been done in the meantime.
            self.keep_missing(&mut entries);
        }
        entries.len() as u64
    }

    /// Drops those that an attempt without a good answer has stored. What cannot be read back stays: it may be
    /// missing.
    fn keep_missing(&self, entries: &mut Vec<(String, Bytes)>) {
        if entries.is_empty() {
            return;
        }
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        let there = guard(|| self.kv.get(&keys)).unwrap_or_else(|_| Err(panicked()));
        let mut there = there.unwrap_or_default().into_iter();
        entries.retain(|(_, value)| there.next().flatten().as_ref() != Some(value));
    }

    /// Whether to go on afterwards.
    fn pause(&self, time: Duration) -> bool {
        let work = self.shared.lock();
        let waited = self.shared.todo.wait_timeout_while(work, time, |work| !work.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}

fn size(entries: &[(String, Bytes)]) -> usize {
    entries.iter().map(|(key, value)| key.len() + value.len()).sum()
}

fn ended() -> StoreError {
    StoreError::unavailable("the thread that stores events has panicked", false)
}

/// What is said of it: the panic hook has reported it.
fn panicked() -> StoreError {
    StoreError::refused("it panicked")
}

#[cfg(test)]
mod tests;
