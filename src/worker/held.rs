//! Notices handlers that hold their core for too long: everybody else on it waits meanwhile. Only counts
//! and reports; nothing can be done about one that does not return.

use super::connection::HttpConnection;
use super::{Shared, Worker};
use crate::report;
use crate::stats::WorkerCounts;
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
}

impl Overseer {
    pub(super) fn new(counts: Arc<WorkerCounts>, shared: Arc<Shared>) -> Rc<Self> {
        let limit = shared.settings.slow_handler;
        Rc::new(Self { counts, shared, limit })
    }

    /// Calls the handler of a request with this path.
    pub(super) fn call<T>(&self, path: &str, call: impl FnOnce() -> T) -> T {
        let Some(limit) = self.limit else { return call() };
        let begun = Instant::now();
        let outcome = call();
        let held = begun.elapsed();
        if held > limit {
            self.counts.slow_handlers.fetch_add(1, Ordering::Relaxed);
            // Looked up once more: it happens seldom, and nothing is kept for it.
            report::slow_handler(self.shared.router.pattern_of(path), path, held);
        }
        outcome
    }
}

impl Worker {
    /// Calls a handler for the first time.
    pub(super) fn first_call<T>(&self, call: impl FnOnce() -> T) -> T {
        self.overseer.call(&self.path, call)
    }

    /// Keeps the path of a request that is about to be handled. No allocation as a rule.
    pub(super) fn remember(&mut self, connection: &mut HttpConnection, path: &str) {
        connection.path = None;
        if self.overseer.limit.is_some() {
            self.path.clear();
            self.path.push_str(path);
        }
    }

    /// The path under which what is left of the handler of the connection's current request is watched,
    /// if it is.
    pub(super) fn watched_path(&mut self, connection: &mut HttpConnection) -> Option<Rc<str>> {
        self.overseer.limit?;
        let path = connection.path.get_or_insert_with(|| {
            // Most are the same.
            if *self.watched != *self.path {
                self.watched = self.path.as_str().into();
            }
            self.watched.clone()
        });
        Some(path.clone())
    }
}
