//! Asks a broker's callback about slow subscribers, on threads for that, which end when there is nothing
//! to ask. What was asked is decided in the fan-out, and so is what becomes of the answer.

use super::{BrokerShared, SlowPolicy};
use crate::client::{Client, Command, Wish};
use crate::guard::{Panicked, guard};
use crate::prepared::PreparedEvent;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Calls at a time, for each core of the machine.
const CALLS_PER_CORE: usize = 4;
/// How long a thread waits for the next call.
const IDLE: Duration = Duration::from_secs(1);

pub(super) type OnSlowSubscriber = dyn Fn(&Client, &PreparedEvent) -> SlowPolicy + Send + Sync;

/// One question.
pub(crate) struct Ask {
    pub(crate) client: Client,
    /// The first event that the client does not get.
    pub(crate) event: PreparedEvent,
    pub(crate) broker: Arc<BrokerShared>,
    /// Names the membership, for the answer.
    pub(crate) first: u32,
}

/// Starts a thread that runs this.
pub(super) type Start = fn(Box<dyn FnOnce() + Send>) -> io::Result<()>;

pub(crate) struct Asker {
    decide: Arc<OnSlowSubscriber>,
    start: Start,
    /// Calls at a time.
    most: Option<usize>,
    /// A core locks it for the length of a push, once per episode of slowness.
    work: Mutex<Work>,
    more: Condvar,
    panics: AtomicU64,
    skipped: AtomicU64,
}

/// Not longer than there are subscribers: each is asked about once at a time.
#[derive(Default)]
struct Work {
    asks: VecDeque<Ask>,
    threads: usize,
    /// Threads that wait for a question.
    idle: usize,
}

pub(super) fn default_concurrency() -> usize {
    thread::available_parallelism().map_or(1, usize::from) * CALLS_PER_CORE
}

pub(super) fn start_thread(run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    thread::Builder::new().name("headwater-slow".into()).spawn(run).map(drop)
}

impl Asker {
    pub(super) fn new(decide: Arc<OnSlowSubscriber>, most: Option<usize>, start: Start) -> Self {
        let (work, more) = (Mutex::default(), Condvar::new());
        let (panics, skipped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { decide, start, most, work, more, panics, skipped }
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// How many questions nobody could be asked.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Asks soon. Never waits. False, and counted, where there is no thread and none can be started.
    pub(crate) fn ask(self: &Arc<Self>, ask: Ask) -> bool {
        let mut work = self.lock();
        let may_start = self.most.is_none_or(|most| work.threads < most);
        if work.idle <= work.asks.len() && may_start {
            let asker = self.clone();
            let started = (self.start)(Box::new(move || asker.run()));
            work.threads += usize::from(started.is_ok());
        }
        // Those that there are take it in turn, even where it would have had one of its own.
        let is_asked = work.threads > 0;
        if is_asked {
            work.asks.push_back(ask);
        } else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        drop(work);
        self.more.notify_one();
        is_asked
    }

    fn run(&self) {
        let mut work = self.lock();
        loop {
            if let Some(ask) = work.asks.pop_front() {
                drop(work);
                self.answer(ask);
                work = self.lock();
                continue;
            }
            work.idle += 1;
            let waited = self.more.wait_timeout(work, IDLE);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            work = woken;
            work.idle -= 1;
            if timeout.timed_out() && work.asks.is_empty() {
                work.threads -= 1;
                return;
            }
        }
    }

    fn answer(&self, ask: Ask) {
        let Ask { client, event, broker, first } = ask;
        let policy = guard(|| (self.decide)(&client, &event)).unwrap_or_else(|Panicked| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            SlowPolicy::Drop
        });
        let stream = client.shared.stream;
        let answer = Wish::Answer { stream, broker, first, policy };
        client.shared.home.post(Command(answer));
        // What the client kept is foreign, too, and this handle may be the last; nobody waits for it.
        guard(|| drop(client)).ok();
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        // No foreign code runs under the lock, so poisoned work is whole.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_four_calls_run_for_each_core_of_the_machine() {
        let cores = thread::available_parallelism().expect("it is known here").get();
        assert_eq!(default_concurrency(), 4 * cores);
    }

    #[test]
    fn threads_with_nothing_to_ask_end() {
        let decide = Arc::new(|_: &Client, _: &PreparedEvent| SlowPolicy::Drop);
        let asker = Arc::new(Asker::new(decide, None, start_thread));
        asker.lock().threads = 1;
        let idle = asker.clone();
        thread::spawn(move || idle.run()).join().expect("it ends by itself");
        let work = asker.lock();
        assert_eq!((work.threads, work.idle), (0, 0));
    }
}
