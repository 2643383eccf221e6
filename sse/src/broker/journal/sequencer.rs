//! Gives a broker's events to a store that blocks, in batches, and sends them in the order of their ids: by a
//! thread of the broker's, which is started when there is something to do, and ends when there has been
//! nothing for a while, or with the broker, after the events that wait.

use super::Kept;
use super::outlet::Outlet;
use super::queue::{Closing, Outcome, Pending, QUEUE_BYTES, Queue, Running, Shared};
use super::queue::{Taken, Thread, Waiting, Work};
use crate::broker::{BrokerShared, PublishError, Refusal};
use crate::guard::guard;
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use crate::waiters::{Ticket, wake_all};
use futures_channel::oneshot;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, Weak};
use std::task::Poll;
use std::{io, thread};

pub(in crate::broker) struct Sequencer {
    shared: Arc<Shared>,
    kept: Arc<Kept>,
}

impl Sequencer {
    pub(super) fn new(kept: Arc<Kept>, most: usize) -> Self {
        Self { shared: Arc::new(Shared::new(most, QUEUE_BYTES)), kept }
    }

    /// Events that wait for the store, or for the ring behind it.
    pub(super) fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> bool {
        self.shared.lock().thread != Thread::None
    }

    /// Queues an event without waiting.
    pub(in crate::broker) fn enqueue(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<(), PublishError> {
        let queue = self.start(broker, event)?;
        if !self.shared.has_room(&queue, event) {
            return Err(PublishError::new(Refusal::Busy, event.clone()));
        }
        self.shared.push(queue, event.clone(), None);
        Ok(())
    }

    /// Queues an event once there is room, and waits for what becomes of it. Dropping the future takes it back,
    /// unless the store was given it.
    pub(in crate::broker) async fn publish(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Outcome {
        self.queue(broker, event).await?.outcome(event).await
    }

    /// Queues an event once there is room.
    pub(in crate::broker) async fn queue(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<Pending, PublishError> {
        let mut waiting = Waiting { shared: &self.shared, ticket: Ticket::default() };
        poll_fn(|context| {
            let mut queue = match self.start(broker, event) {
                Ok(queue) => queue,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if !self.shared.has_room(&queue, event) {
                let before = queue.room.wait(&mut waiting.ticket, context.waker());
                drop(queue);
                // Foreign code, outside of the lock.
                drop(before);
                return Poll::Pending;
            }
            let (reply, outcome) = oneshot::channel();
            let number = self.shared.push(queue, event.clone(), Some(reply));
            Poll::Ready(Ok(Pending { shared: self.shared.clone(), number, outcome }))
        })
        .await
    }

    /// Has the thread send what the store has and nobody was sent.
    pub(super) fn look(&self, broker: &Arc<BrokerShared>) -> io::Result<()> {
        self.running(broker).map(|queue| self.shared.look(queue))
    }

    /// Lets no more events in. Whether the thread ends the broker, once it has sent what it was given.
    pub(in crate::broker) fn close(&self) -> bool {
        self.shared.close()
    }

    fn start(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<MutexGuard<'_, Queue>, PublishError> {
        let queue = self.running(broker).map_err(|error| {
            let error = Arc::new(StoreError::unavailable(error, false));
            PublishError::of_store(error, event.clone())
        })?;
        match queue.closing {
            Closing::Open => Ok(queue),
            _ => Err(PublishError::new(Refusal::Closed, event.clone())),
        }
    }

    /// The queue, with a thread behind it.
    fn running(&self, broker: &Arc<BrokerShared>) -> io::Result<MutexGuard<'_, Queue>> {
        let mut queue = self.shared.lock();
        if queue.thread == Thread::None {
            let (shared, kept) = (self.shared.clone(), self.kept.clone());
            let broker = Arc::downgrade(broker);
            let thread = thread::Builder::new().name("headwater-store".into());
            thread.spawn(move || run(&shared, &kept, &broker))?;
            queue.thread = Thread::Idle;
        }
        Ok(queue)
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn run(shared: &Arc<Shared>, kept: &Arc<Kept>, broker: &Weak<BrokerShared>) {
    let mut running = Running { shared: shared.clone(), broker: broker.clone(), ended: false };
    let mut outlet = Outlet::new(kept.clone());
    loop {
        let work = shared.next(&outlet.pace, outlet.is_behind(), kept.times.idle);
        if matches!(work, Work::End) {
            running.ended = true;
            return;
        }
        // What panics in there is foreign, and costs what was at hand; who waits for that is told.
        guard(|| step(shared, kept, broker, &mut outlet, work)).ok();
        let waiting = kept.lock().end();
        wake_all(waiting);
    }
}

fn step(
    shared: &Shared,
    kept: &Kept,
    broker: &Weak<BrokerShared>,
    outlet: &mut Outlet,
    work: Work,
) {
    // Without a broker there is nobody left to be sent anything.
    let broker = broker.upgrade();
    match (work, &broker) {
        (Work::Batch(batch), broker) => give(kept, broker.as_ref(), outlet, batch),
        // Who waits for a look waits for all that there is. What is published next goes after it, too.
        (Work::Look, Some(broker)) => while outlet.look(broker) && !shared.is_pressing() {},
        (Work::Close, Some(broker)) => {
            guard(|| outlet.drain(broker)).ok();
            broker.end();
        }
        (Work::Look, None) => outlet.pace.slow_down(),
        (Work::Close, None) | (Work::End, _) => {}
    }
}

/// Gives the store a batch, and sends it.
fn give(kept: &Kept, broker: Option<&Arc<BrokerShared>>, outlet: &mut Outlet, batch: Vec<Taken>) {
    let events: Vec<PreparedEvent> = batch.iter().map(|taken| taken.event.clone()).collect();
    let stored = kept.keeper.append_all(&kept.scope, &events);
    for (taken, stored) in batch.into_iter().zip(stored) {
        let stored = stored.and_then(super::is_number);
        let refused = stored.as_ref().err().cloned();
        let outcome = kept.settle(stored, &taken.event).and_then(|settled| match broker {
            Some(broker) => {
                let sent = outlet.deliver(broker, settled);
                broker.counts.published.fetch_add(u64::from(sent.is_some()), Ordering::Relaxed);
                sent.ok_or_else(|| unsent(refused, &taken.event))
            }
            None => Ok(super::published(settled, 0)),
        });
        taken.answer(outcome);
    }
}

/// Why an event is not published that the store did not take, and that cannot be sent without an id: the store
/// may have it nevertheless, so that is what its publisher has to know.
fn unsent(refused: Option<Arc<StoreError>>, event: &PreparedEvent) -> PublishError {
    match refused {
        Some(error) => PublishError::of_store(error, event.clone()),
        None => PublishError::new(Refusal::Full, event.clone()),
    }
}
