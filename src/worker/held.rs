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

/// Looks at how long the calls of one handler take.
pub(super) struct Watch {
    /// The path of its request, and how long is too long.
    watched: Option<(Rc<str>, Duration)>,
    shared: Arc<Shared>,
    counts: Arc<WorkerCounts>,
}

impl Watch {
    pub(super) fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        let Some((path, limit)) = &self.watched else { return call() };
        let begun = Instant::now();
        let outcome = call();
        note(&self.shared, &self.counts, path, *limit, begun.elapsed());
        outcome
    }
}

fn note(shared: &Shared, counts: &WorkerCounts, path: &str, limit: Duration, held: Duration) {
    if held > limit {
        counts.slow_handlers.fetch_add(1, Ordering::Relaxed);
        // Looked up once more: it happens seldom, and nothing is kept for it.
        report::slow_handler(shared.router.pattern_of(path), path, held);
    }
}

impl Worker {
    /// Calls a handler for the first time.
    pub(super) fn first_call<T>(&self, call: impl FnOnce() -> T) -> T {
        let Some(limit) = self.shared.settings.slow_handler else { return call() };
        let begun = Instant::now();
        let outcome = call();
        note(&self.shared, &self.counts, &self.path, limit, begun.elapsed());
        outcome
    }

    /// Keeps the path of a request that is about to be handled. No allocation as a rule.
    pub(super) fn remember(&mut self, connection: &mut HttpConnection, path: &str) {
        connection.path = None;
        if self.shared.settings.slow_handler.is_some() {
            self.path.clear();
            self.path.push_str(path);
        }
    }

    /// Watches what is left of the handler of the connection's current request.
    pub(super) fn watch_handler(&self, connection: &mut HttpConnection) -> Watch {
        let watched = self.shared.settings.slow_handler.map(|limit| {
            let path = connection.path.get_or_insert_with(|| self.path.as_str().into());
            (path.clone(), limit)
        });
        Watch { watched, shared: self.shared.clone(), counts: self.counts.clone() }
    }
}
