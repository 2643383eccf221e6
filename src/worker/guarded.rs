//! Futures of handlers. Whatever one of them panics over, polled or dropped, ends here.

use crate::stats::WorkerCounts;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// A handler's future. Its panics are caught and counted, also those of being dropped unfinished, where
/// the executor would abort the process.
pub(super) struct Guarded<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    counts: Arc<WorkerCounts>,
}

/// The handler did, and has no outcome.
pub(super) struct Panicked;

impl<T> Guarded<T> {
    pub(super) fn new(future: Pin<Box<dyn Future<Output = T>>>, counts: Arc<WorkerCounts>) -> Self {
        Self { future: Some(future), counts }
    }

    fn guard<O>(&mut self, call: impl FnOnce(&mut Self) -> O) -> Result<O, Panicked> {
        catch_unwind(AssertUnwindSafe(|| call(self))).map_err(|_| {
            self.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
            Panicked
        })
    }

    fn discard(&mut self) {
        // Counted, and there is nobody left to be told.
        self.guard(|this| drop(this.future.take())).ok();
    }
}

impl<T> Future for Guarded<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = self.guard(|this| match &mut this.future {
            Some(future) => future.as_mut().poll(context).map(Ok),
            // It was polled again after its end.
            None => Poll::Ready(Err(Panicked)),
        });
        let poll = poll.unwrap_or(Poll::Ready(Err(Panicked)));
        if poll.is_ready() {
            self.discard();
        }
        poll
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        self.discard();
    }
}
