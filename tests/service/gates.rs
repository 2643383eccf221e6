//! Handlers that wait until the test lets them go on.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Where handlers wait. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Gates {
    /// Waits from its first poll on.
    pub(crate) fn wait(&self) -> Wait {
        Wait { gates: self.clone(), number: None }
    }

    /// How many wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().wakers.len()
    }

    /// Lets those go on that wait now.
    pub(crate) fn open(&self) {
        let waiting = std::mem::take(&mut self.lock().wakers);
        waiting.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Gates::wait`].
pub(crate) struct Wait {
    gates: Gates,
    number: Option<u64>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let gates = self.gates.clone();
        let mut waiting = gates.lock();
        let number = match self.number {
            Some(number) if !waiting.wakers.contains_key(&number) => return Poll::Ready(()),
            Some(number) => number,
            None => {
                waiting.next += 1;
                *self.number.insert(waiting.next)
            }
        };
        waiting.wakers.insert(number, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.gates.lock().wakers.remove(&number);
            // Outside of the lock: it may be the last of its task.
            drop(waker);
        }
    }
}
