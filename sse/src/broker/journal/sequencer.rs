//! The thread that gives a broker's events to a store that blocks, in batches, and sends them in the order
//! of their ids. Ends with the broker, after the events that wait.

use super::{Kept, foreign, published};
use crate::broker::{BrokerShared, PublishError, Published, Refusal};
use crate::hub::Entry;
use crate::keeper::{Settled, batch_of};
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use crate::waiters::{Ticket, Waiters};
use futures_channel::oneshot;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::thread;

pub(in crate::broker) struct Sequencer {
    shared: Arc<Shared>,
    kept: Arc<Kept>,
}

struct Shared {
    most: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    /// Those that the thread has taken and not answered.
    taken: usize,
    room: Waiters,
    /// Somebody wants to know what the store has that others gave it.
    looks: bool,
    started: bool,
    closed: bool,
}

struct Request {
    event: PreparedEvent,
    /// Whoever waits for the outcome.
    reply: Option<oneshot::Sender<Outcome>>,
}

type Outcome = Result<Published, PublishError>;

/// An event that waits for the store.
pub(in crate::broker) struct Pending(oneshot::Receiver<Outcome>);

/// A place among those who wait for room.
struct Waiting<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl Sequencer {
    pub(super) fn new(kept: Arc<Kept>, most: usize) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { most, queue, changed }), kept }
    }

    /// Events that wait for the store, or for the ring behind it.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting()
    }

    /// Queues an event without waiting.
    pub(in crate::broker) fn enqueue(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<(), PublishError> {
        let queue = self.start(broker, event)?;
        if queue.waiting() >= self.shared.most {
            return Err(PublishError::new(Refusal::Busy, event.clone()));
        }
        self.shared.push(queue, Request { event: event.clone(), reply: None });
        Ok(())
    }

    /// Queues an event once there is room, and waits for what becomes of it. Dropping the future after it
    /// was queued does not take it back.
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
        let (reply, outcome) = oneshot::channel();
        let mut request = Some(Request { event: event.clone(), reply: Some(reply) });
        let mut waiting = Waiting { shared: &self.shared, ticket: Ticket::default() };
        poll_fn(|context| {
            let mut queue = match self.start(broker, event) {
                Ok(queue) => queue,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if queue.waiting() >= self.shared.most {
                queue.room.wait(&mut waiting.ticket, context.waker());
                return Poll::Pending;
            }
            if let Some(request) = request.take() {
                self.shared.push(queue, request);
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        Ok(Pending(outcome))
    }

    /// Has the thread send what the store has and nobody was sent. False if there is no thread to be had.
    pub(super) fn look(&self, broker: &Arc<BrokerShared>) -> bool {
        let Ok(mut queue) = self.running(broker) else { return false };
        queue.looks = true;
        drop(queue);
        self.shared.changed.notify_one();
        true
    }

    fn start(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<MutexGuard<'_, Queue>, PublishError> {
        self.running(broker).map_err(|error| {
            let error = Arc::new(StoreError::unavailable(error, false));
            PublishError::of_store(error, event.clone())
        })
    }

    /// The queue, with a thread behind it.
    fn running(&self, broker: &Arc<BrokerShared>) -> io::Result<MutexGuard<'_, Queue>> {
        let mut queue = self.shared.lock();
        if !queue.started {
            let (shared, kept) = (self.shared.clone(), self.kept.clone());
            let broker = Arc::downgrade(broker);
            let thread = thread::Builder::new().name("headwater-store".into());
            thread.spawn(move || run(&shared, &kept, &broker))?;
            queue.started = true;
        }
        Ok(queue)
    }
}

impl Pending {
    pub(in crate::broker) async fn outcome(self, event: &PreparedEvent) -> Outcome {
        // The thread answers everybody before it ends.
        let lost = |_| Err(PublishError::new(Refusal::Closed, event.clone()));
        self.0.await.unwrap_or_else(lost)
    }
}

impl Drop for Sequencer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Queue {
    fn waiting(&self) -> usize {
        self.requests.len() + self.taken
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, request: Request) {
        queue.requests.push_back(request);
        drop(queue);
        self.changed.notify_one();
    }

    /// The next batch, once there is one, or an empty one for who wants a look; `None` when nobody can publish
    /// any more and all is done.
    fn take(&self) -> Option<Vec<Request>> {
        let idle = |queue: &mut Queue| queue.requests.is_empty() && !queue.looks && !queue.closed;
        let queue = self.changed.wait_while(self.lock(), idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        let many = batch_of(queue.requests.iter().map(|request| request.event.len()));
        let batch: Vec<Request> = queue.requests.drain(..many).collect();
        queue.taken = many;
        let looks = std::mem::take(&mut queue.looks);
        (looks || !batch.is_empty()).then_some(batch)
    }

    fn answered(&self) {
        let mut queue = self.lock();
        queue.taken -= 1;
        let room = queue.room.take();
        drop(queue);
        room.for_each(Waker::wake);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.lock().room.forget(self.ticket);
    }
}

fn run(shared: &Shared, kept: &Kept, broker: &Weak<BrokerShared>) {
    while let Some(batch) = shared.take() {
        let events: Vec<PreparedEvent> =
            batch.iter().map(|request| request.event.clone()).collect();
        let stored = kept.keeper.append_all(&kept.scope, &events);
        // Without a broker there is nobody left to be sent anything.
        let broker = broker.upgrade();
        if let Some(broker) = &broker {
            let first = stored.iter().find_map(|stored| stored.as_ref().ok()?.as_number());
            foreign::send_foreign(kept, broker, first);
        }
        for (request, stored) in batch.into_iter().zip(stored) {
            let settled = kept.settle(stored, &request.event);
            let outcome = settled.and_then(|settled| match &broker {
                Some(broker) => {
                    let sent = send(kept, broker, settled)?;
                    broker.counts.published.fetch_add(1, Ordering::Relaxed);
                    Ok(sent)
                }
                None => Ok(published(settled, 0)),
            });
            shared.answered();
            if let Some(reply) = request.reply {
                // Whoever asked may have stopped waiting.
                reply.send(outcome).ok();
            }
        }
        let waiting = kept.lock().end();
        waiting.for_each(Waker::wake);
    }
}

/// Sends an event that the store has, or that goes without.
pub(super) fn send(kept: &Kept, broker: &Arc<BrokerShared>, settled: Settled) -> Outcome {
    let ring = &broker.hub.ring;
    let weight = broker.weight(&settled.event);
    loop {
        let mut order = kept.lock();
        let entry = || Entry { broker: broker.clone(), event: settled.event.clone() };
        if let Some(position) = ring.publish_with(weight, |_| entry()) {
            if let Some(id) = &settled.id {
                order.push(id.clone(), settled.event.clone());
            }
            return Ok(published(settled, position));
        }
        drop(order);
        let closed = || broker.closed.load(Ordering::Acquire);
        ring.wait_for_room_unless(closed, weight, None);
        if closed() {
            return Err(PublishError::new(Refusal::Closed, settled.event));
        }
    }
}
