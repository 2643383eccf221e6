//! Pauses of tasks that ask for something again and again. One thread for all of them in the process says
//! when they are over: it is started when somebody pauses, and ends when nobody has for a while. Never pauses
//! a thread.

use crate::guard::guard;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{io, thread};

/// The first pause, and the longest one.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);
/// How long the thread stays without anything to do.
const IDLE: Duration = Duration::from_secs(10);

/// Pauses that double from 20 ms to 1 s.
#[derive(Clone, Copy, Default)]
pub(crate) struct Backoff {
    before: Option<Duration>,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let next = self.before.map_or(SHORTEST, |before| (before * 2).min(LONGEST));
        *self.before.insert(next)
    }
}

static CLOCK: Clock = Clock {
    pauses: Mutex::new(Pauses { wakers: BTreeMap::new(), begun: 0, runs: false }),
    changed: Condvar::new(),
};

struct Clock {
    pauses: Mutex<Pauses>,
    changed: Condvar,
}

struct Pauses {
    /// By when they are over.
    wakers: BTreeMap<(Instant, u64), Waker>,
    begun: u64,
    runs: bool,
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Pauses> {
        // Wakers may panic when they are cloned, and nothing is half done then.
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut pauses = self.lock();
        loop {
            let now = Instant::now();
            let next = pauses.wakers.first_key_value().map(|(&(at, _), _)| at);
            if next.is_some_and(|at| at <= now) {
                let over = pauses.wakers.pop_first();
                drop(pauses);
                // What a waker panics over is not the clock's.
                guard(|| over.map(|(_, waker)| waker.wake())).ok();
                pauses = self.lock();
                continue;
            }
            let time = next.map_or(IDLE, |at| at - now);
            let (woken, waited) =
                self.changed.wait_timeout(pauses, time).unwrap_or_else(PoisonError::into_inner);
            pauses = woken;
            if waited.timed_out() && next.is_none() && pauses.wakers.is_empty() {
                pauses.runs = false;
                return;
            }
        }
    }
}

/// A future that is ready after this time.
///
/// # Errors
/// There is no thread to be had that says so.
pub(crate) fn pause(time: Duration) -> Pause {
    Pause { over: Instant::now() + time, number: None }
}

/// Future of [`pause`]. Dropping it ends it.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Pause {
    over: Instant,
    number: Option<u64>,
}

impl Future for Pause {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if Instant::now() >= self.over {
            return Poll::Ready(Ok(()));
        }
        let waker = context.waker().clone();
        let mut pauses = CLOCK.lock();
        if !pauses.runs {
            let thread = thread::Builder::new().name("headwater-pause".into());
            if let Err(error) = thread.spawn(|| CLOCK.run()) {
                return Poll::Ready(Err(error));
            }
            pauses.runs = true;
        }
        let number = self.number.unwrap_or(pauses.begun);
        pauses.begun += u64::from(self.number.is_none());
        self.number = Some(number);
        let before = pauses.wakers.insert((self.over, number), waker);
        drop(pauses);
        // Foreign code, outside of the lock.
        drop(before);
        CLOCK.changed.notify_one();
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let waker = CLOCK.lock().wakers.remove(&(self.over, number));
        // As above.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::block::{block_on, block_on_until};
    use std::sync::Arc;
    use std::task::Wake;

    #[test]
    fn pauses_double_up_to_a_second() {
        let mut pauses = Backoff::default();
        let millis: Vec<_> = (0..8).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(millis, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn a_pause_lasts_as_long_as_it_should_and_then_is_over() {
        let begun = Instant::now();
        let threads: Vec<_> = (1..=20)
            .map(|n| thread::spawn(move || block_on(pause(Duration::from_millis(5 * n)))))
            .collect();
        for thread in threads {
            thread.join().expect("no panic").expect("a thread");
        }
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("this is what it does");
        }
    }

    #[test]
    fn who_panics_or_goes_away_keeps_nobody_else_waiting() {
        let mut panics = Box::pin(pause(Duration::from_millis(5)));
        let waker = Arc::new(Panics).into();
        assert!(panics.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let soon = Some(Instant::now() + Duration::from_millis(5));
        assert!(block_on_until(pause(Duration::from_hours(1)), soon).is_none());
        block_on(pause(Duration::from_millis(20))).expect("a thread");
        drop(panics);
        let last = Instant::now() + Duration::from_mins(30);
        assert!(CLOCK.lock().wakers.keys().all(|(at, _)| *at < last), "one is forgotten");
    }
}
