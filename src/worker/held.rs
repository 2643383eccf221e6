//! Notices handlers that hold their core for too long: everybody else on it waits meanwhile. Only counts
//! and reports; nothing can be done about one that does not return.

use super::connection::HttpConnection;
use super::{Shared, Worker};
use crate::report;
use crate::stats::WorkerCounts;
use headwater_engine::coarse_time;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Looks at all handlers of a worker.
pub(super) struct Overseer {
    pub(super) counts: Arc<WorkerCounts>,
    shared: Arc<Shared>,
    /// What a call takes is too long beyond this.
    limit: Option<Duration>,
    /// What the exact clock counts from, where it is needed.
    exact_since: Option<Instant>,
    /// When the last call ended, while nothing but HTTP was done since: the next begins there, and the
    /// clock is read once for each.
    last_end: Cell<Option<Duration>>,
}

/// From this limit on a few milliseconds make no difference, and the cheaper clock will do.
const COARSE_FROM: Duration = Duration::from_millis(50);

impl Overseer {
    pub(super) fn new(counts: Arc<WorkerCounts>, shared: Arc<Shared>) -> Rc<Self> {
        let limit = shared.settings.slow_handler;
        let exact_since = limit.is_some_and(|limit| limit < COARSE_FROM).then(Instant::now);
        Rc::new(Self { counts, shared, limit, exact_since, last_end: Cell::new(None) })
    }

    /// Something else is done before the next call.
    pub(super) fn interrupt(&self) {
        self.last_end.set(None);
    }

    /// Calls the handler of a request with this path.
    #[inline]
    pub(super) fn call<T>(&self, path: &[u8], call: impl FnOnce() -> T) -> T {
        let Some(limit) = self.limit else { return call() };
        let begun = self.last_end.get().unwrap_or_else(|| self.time());
        let outcome = call();
        let ended = self.time();
        self.last_end.set(Some(ended));
        let held = ended.saturating_sub(begun);
        if held > limit {
            self.report(path, held);
        }
        outcome
    }

    fn time(&self) -> Duration {
        self.exact_since.map_or_else(coarse_time, |start| start.elapsed())
    }

    #[cold]
    fn report(&self, path: &[u8], held: Duration) {
        self.counts.slow_handlers.fetch_add(1, Ordering::Relaxed);
        // Looked up once more: it happens seldom, and nothing is kept for it.
        let path = String::from_utf8_lossy(path);
        report::slow_handler(self.shared.router.pattern_of(&path), &path, held);
    }
}

impl Worker {
    /// Calls a handler for the first time.
    #[inline]
    pub(super) fn first_call<T>(&self, call: impl FnOnce() -> T) -> T {
        self.overseer.call(&self.path, call)
    }

    /// Keeps the path of a request that is about to be handled. No allocation as a rule.
    pub(super) fn remember(&mut self, connection: &mut HttpConnection, path: &[u8]) {
        connection.path = None;
        if self.overseer.limit.is_some() {
            self.path.clear();
            self.path.extend_from_slice(path);
        }
    }

    /// The path under which what is left of the handler of the connection's current request is watched,
    /// if it is.
    pub(super) fn watched_path(&mut self, connection: &mut HttpConnection) -> Option<Rc<[u8]>> {
        self.overseer.limit?;
        let path = connection.path.get_or_insert_with(|| {
            // Most are the same.
            if *self.watched != *self.path {
                self.watched = self.path.as_slice().into();
            }
            self.watched.clone()
        });
        Some(path.clone())
    }
}
