//! Futures of handlers. Whatever one of them panics over, polled or dropped, ends here.

use super::Worker;
use super::held::Overseer;
use crate::guard::{Panicked, guard};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// A handler's future. Its panics are caught and counted, also those of being dropped unfinished, where
/// the executor would abort the process.
pub(super) struct Guarded<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    overseer: Rc<Overseer>,
    /// Of its request, if it is watched.
    path: Option<Rc<[u8]>>,
}

impl<T> Guarded<T> {
    pub(super) fn new(future: Pin<Box<dyn Future<Output = T>>>, overseer: &Rc<Overseer>) -> Self {
        Self { future: Some(future), overseer: overseer.clone(), path: None }
    }

    /// From now on it is noticed when it holds its core for too long.
    pub(super) fn watched(mut self, path: Option<Rc<[u8]>>) -> Self {
        self.path = path;
        self
    }

    /// Hands the outcome on.
    pub(super) fn then<D: FnOnce(Result<T, Panicked>) + Unpin>(self, done: D) -> Then<T, D> {
        Then { guarded: self, done: Some(done) }
    }

    fn guard<O>(&mut self, call: impl FnOnce(&mut Self) -> O) -> Result<O, Panicked> {
        guard(|| call(self)).inspect_err(|Panicked| {
            self.overseer.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
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
        let poll = self.guard(|this| {
            // It was polled again after its end.
            let Some(future) = &mut this.future else { return Poll::Ready(Err(Panicked)) };
            let mut poll = || future.as_mut().poll(context).map(Ok);
            match &this.path {
                Some(path) => {
                    this.overseer.interrupt();
                    this.overseer.call(path, poll)
                }
                None => poll(),
            }
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

/// A future of a handler, and what is done with its outcome.
pub(super) struct Then<T, D> {
    guarded: Guarded<T>,
    done: Option<D>,
}

impl<T, D: FnOnce(Result<T, Panicked>) + Unpin> Future for Then<T, D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        Pin::new(&mut this.guarded).poll(context).map(|outcome| {
            if let Some(done) = this.done.take() {
                done(outcome);
            }
        })
    }
}

impl Worker {
    /// Drops what users made and nobody has seen. Their panics are counted and go no further.
    pub(super) fn discard<T>(&self, value: T) {
        if guard(|| drop(value)).is_err() {
            self.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
