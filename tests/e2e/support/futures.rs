//! Futures without a runtime: a gate that any thread opens, and waiting for a future on a thread.

use super::PATIENCE;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// Lets futures through once it is open.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Leaf>>);

#[derive(Default)]
struct Leaf {
    open: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    pub(crate) fn open(&self) {
        let mut leaf = self.0.lock().expect("nothing panics under the lock");
        leaf.open = true;
        let waiting = std::mem::take(&mut leaf.waiting);
        drop(leaf);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Those who come from now on wait.
    pub(crate) fn close(&self) {
        self.0.lock().expect("nothing panics under the lock").open = false;
    }

    pub(crate) async fn pass(&self) {
        poll_fn(|context| {
            let mut leaf = self.0.lock().expect("nothing panics under the lock");
            if leaf.open {
                return Poll::Ready(());
            }
            leaf.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Whether somebody waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.0.lock().expect("nothing panics under the lock").waiting.is_empty()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The outcome of a future, waited for on this thread.
#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return outcome;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "not in {PATIENCE:?}: the future is ready");
        thread::park_timeout(left);
    }
}
