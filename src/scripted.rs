//! One worker of a server over sockets in memory and a clock that is moved by hand: every byte, every lack
//! of room and every moment is the test's. For this crate's tests and fuzz targets, behind the feature
//! `scripted`; no part of what the crate promises. What the peers do is said to the engine's [`Script`].

use crate::blocking::pool::{Pool, PoolLimits};
use crate::server::{Settings, Timeouts};
use crate::stats::WorkerCounts;
use crate::worker::{Message, Shared, Worker};
use crate::{HttpLimits, Router, Stats};
pub use headwater_engine::Key;
pub use headwater_engine::scripted::Script;
use headwater_engine::scripted::{self, Scripted};
use headwater_engine::{Clock, Driver, Mailbox, ManualClock};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// More turns than any work that is there at once takes.
const MOST_TURNS: usize = 100_000;
/// Connections that the worker holds.
const CONNECTIONS: usize = 100;

/// The worker, turned by hand on this thread, on which there may be no other.
pub struct Stage {
    worker: headwater_engine::Worker<Scripted, Worker>,
    script: Script,
    clock: ManualClock,
    counts: Arc<WorkerCounts>,
    running: bool,
}

impl Stage {
    /// A worker with default limits and time-outs.
    pub fn new(router: Router) -> Self {
        Self::with_timeouts(router, Timeouts::default())
    }

    /// A worker with these time-outs.
    pub fn with_timeouts(router: Router, timeouts: Timeouts) -> Self {
        let (driver, script) = scripted::pair();
        let mailbox = Mailbox::new(driver.waker());
        let settings = Settings {
            http: HttpLimits::default(),
            timeouts,
            connections_per_worker: CONNECTIONS,
            slow_handler: None,
            balances: false,
            reconnect: None,
        };
        let pool = || Arc::new(Pool::new(PoolLimits::default()));
        let shared = Shared {
            router,
            settings,
            hubs: Vec::new(),
            pool: pool(),
            stream_pool: pool(),
            runtime: crate::tokio::Runtime::default(),
            workers: OnceLock::new(),
        };
        let (clock, counts) = (ManualClock::new(), Arc::<WorkerCounts>::default());
        let app = Worker::new(0, Arc::new(shared), counts.clone(), mailbox.remote());
        let on = Clock::Manual(clock.clone());
        let worker = headwater_engine::Worker::with_clock(driver, app, mailbox, on);
        Self { worker, script, clock, counts, running: true }
    }

    /// Steers the peers.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// What the worker has counted.
    pub fn stats(&self) -> Stats {
        Stats::sum(std::iter::once(&self.counts))
    }

    /// Whether it has not stopped.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// One turn.
    pub fn turn(&mut self) {
        let turned = self.worker.turn_once().expect("sockets in memory do not fail");
        self.running = turned.is_continue();
    }

    /// Does all that is to be done now.
    ///
    /// # Panics
    /// If that has no end.
    pub fn settle(&mut self) {
        for _ in 0..MOST_TURNS {
            let quiet = self.script.is_quiet();
            self.turn();
            // It wanted to sleep, and nothing came: there is nothing left.
            if !self.running || (quiet && self.script.last_wait() != Some(Duration::ZERO)) {
                return;
            }
        }
        panic!("the worker never comes to rest");
    }

    /// Lets time pass, and does all that is to be done at each moment that something is planned for.
    pub fn pass(&mut self, time: Duration) {
        let mut left = time;
        loop {
            self.settle();
            if left.is_zero() || !self.running {
                return;
            }
            let step = self.next_deadline().map_or(left, |next| next.min(left));
            self.clock.advance(step);
            left -= step;
        }
    }

    /// Lets time pass in one go, as for a thread that is given no core meanwhile, then does all that is due.
    pub fn jump(&mut self, time: Duration) {
        self.clock.advance(time);
        self.settle();
    }

    /// After settling: how long until the worker does something by itself; `None`: for ever.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.script.last_wait()
    }

    /// Has the worker finish within this time.
    ///
    /// # Panics
    /// If it has ended.
    pub fn drain(&mut self, within: Duration) {
        let message = Message::Drain(self.clock.now() + within);
        assert!(self.worker.remote().post(message).is_ok(), "it has ended");
    }

    /// What the worker holds beside the open connections, in words: nothing, unless something was
    /// forgotten.
    pub fn leftovers(&self) -> Vec<String> {
        let mut left = self.worker.app().leftovers();
        if let Some(deadline) = self.next_deadline().filter(|_| self.running) {
            left.push(format!("a deadline in {deadline:?}"));
        }
        left
    }

    #[cfg(test)]
    pub(crate) fn app_mut(&mut self) -> &mut Worker {
        self.worker.app_mut()
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("script", &self.script).finish_non_exhaustive()
    }
}
