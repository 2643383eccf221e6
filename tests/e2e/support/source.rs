//! A stream of bytes that a test feeds, and whose other end it watches.

use bytes::Bytes;
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Hands out streams that all yield what is put in here.
#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: VecDeque<Next>,
    /// Yielded again and again once `next` is empty.
    forever: Option<Bytes>,
    ended: bool,
    wakers: Vec<Waker>,
    polls: usize,
    yielded_bytes: usize,
    open: usize,
}

enum Next {
    Piece(Bytes),
    Error,
    Panic,
}

impl Source {
    pub(crate) fn push(&self, piece: impl Into<Bytes>) {
        self.add(Next::Piece(piece.into()));
    }

    pub(crate) fn fail(&self) {
        self.add(Next::Error);
    }

    pub(crate) fn panic(&self) {
        self.add(Next::Panic);
    }

    /// From now on there is no end of this piece.
    pub(crate) fn repeat(&self, piece: impl Into<Bytes>) {
        self.change(|state| state.forever = Some(piece.into()));
    }

    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    fn add(&self, next: Next) {
        self.change(|state| state.next.push_back(next));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics under the lock")
    }

    pub(crate) fn stream(&self) -> Pieces {
        self.lock().open += 1;
        Pieces { source: self.clone() }
    }

    /// How often a stream was polled.
    pub(crate) fn polls(&self) -> usize {
        self.lock().polls
    }

    pub(crate) fn yielded_bytes(&self) -> usize {
        self.lock().yielded_bytes
    }

    /// Streams that exist.
    pub(crate) fn open(&self) -> usize {
        self.lock().open
    }
}

pub(crate) struct Pieces {
    source: Source,
}

impl Stream for Pieces {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.source.lock();
        state.polls += 1;
        let next = state.next.pop_front();
        let next = next.or_else(|| state.forever.clone().map(Next::Piece));
        match next {
            Some(Next::Piece(piece)) => {
                state.yielded_bytes += piece.len();
                Poll::Ready(Some(Ok(piece)))
            }
            Some(Next::Error) => Poll::Ready(Some(Err("on purpose: a source fails"))),
            Some(Next::Panic) => {
                drop(state);
                panic!("on purpose: a source panics");
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.source.lock().open -= 1;
    }
}
