//! What lives in the server's process beside what the server itself counts: handlers, streams that are
//! forwarded, and streams that were admitted.

use headwater::sse::Disconnect;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what has begun and was neither finished nor dropped.
#[derive(Clone, Default)]
pub(super) struct Lives(Arc<AtomicU64>);

/// One of them.
pub(super) struct Life(Lives);

impl Lives {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) -> Life {
        self.0.fetch_add(1, Ordering::Relaxed);
        Life(self.clone())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All that is counted.
#[derive(Clone, Default)]
pub(super) struct Watch {
    /// Futures of handlers.
    pub(super) tasks: Lives,
    /// Handlers on threads.
    pub(super) threads: Lives,
    /// Streams that handlers pass on.
    pub(super) forwarded: Lives,
    /// Streams between `on_connect` and `on_disconnect`.
    pub(super) admitted: Arc<AtomicU64>,
    /// Of the calls of `on_disconnect`, those for clients that were too slow.
    pub(super) slow_ends: Arc<AtomicU64>,
    /// Calls of the callback that decides about slow subscribers.
    pub(super) asked: Arc<AtomicU64>,
    /// Events dropped by clients' queues.
    pub(super) unqueued: Arc<AtomicU64>,
}

impl Watch {
    pub(super) fn admit(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dismiss(&self, why: Disconnect) {
        // A second call for one stream would leave this below 0, and nothing would be at rest again.
        self.admitted.fetch_sub(1, Ordering::Relaxed);
        if why == Disconnect::Slow {
            self.slow_ends.fetch_add(1, Ordering::Relaxed);
        }
    }
}
