//! The threads that ask a store that blocks for what streams have missed. They end with the broker.

use super::Kept;
use crate::id::EventId;
use crate::replay::{Page, StoreError};
use futures_channel::oneshot;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// Reads that may be under way at a time.
const THREADS: usize = 2;

pub(super) struct Reads {
    shared: Arc<Shared>,
    kept: Arc<Kept>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// At most one of each stream, which waits for it.
    reads: VecDeque<Read>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Read {
    after: Option<EventId>,
    reply: oneshot::Sender<Outcome>,
}

/// A page, where the end is for one who is given nothing, and how many events had been sent before.
type Outcome = Result<(Page, Option<EventId>, u64), StoreError>;

impl Reads {
    pub(super) fn new(kept: Arc<Kept>) -> Self {
        Self { shared: Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() }), kept }
    }

    /// Reads a page of what came after an id.
    pub(super) async fn read(&self, after: Option<EventId>) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        self.ask(Read { after, reply })?;
        // The threads answer as long as there is a broker.
        outcome.await.unwrap_or_else(|_| Err(StoreError::unavailable("the broker is gone", false)))
    }

    /// Queues a read for the threads.
    fn ask(&self, read: Read) -> Result<(), StoreError> {
        let mut queue = self.shared.lock();
        if queue.idle == 0 && queue.threads < THREADS {
            match self.start() {
                Ok(()) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    return Err(StoreError::unavailable(error, false));
                }
                // There are others.
                Err(_) => {}
            }
        }
        queue.reads.push_back(read);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        let (shared, kept) = (self.shared.clone(), self.kept.clone());
        let thread = thread::Builder::new().name("headwater-replay".into());
        thread.spawn(move || run(&shared, &kept)).map(drop)
    }
}

impl Drop for Reads {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.reads.clear();
        drop(queue);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Read> {
        let mut queue = self.lock();
        queue.idle += 1;
        let idle = |queue: &mut Queue| queue.reads.is_empty() && !queue.closed;
        let queue = self.changed.wait_while(queue, idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        queue.idle -= 1;
        queue.reads.pop_front()
    }
}

fn run(shared: &Shared, kept: &Kept) {
    while let Some(Read { after, reply }) = shared.take() {
        if reply.is_canceled() {
            // Its stream has ended.
            continue;
        }
        // Before it is read: what is sent from now on may be missing there.
        let mark = kept.lock().sent();
        let read = kept.read(after.as_ref()).map(|(page, tail)| (page, tail, mark));
        // As above.
        reply.send(read).ok();
    }
}
