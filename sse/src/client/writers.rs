//! Gives clients' events to a store that blocks: those of one scope in their order and in batches, those of
//! several at the same time. A bounded number of events waits; a thread takes one batch of a scope and then
//! lets others go first.

use super::enter::Place;
use super::line::{Line, Spot};
use super::queue::ClientShared;
use super::replay::Shared;
use crate::guard::guard;
use crate::keeper::{Settled, Threads, batch_of};
use crate::prepared::PreparedEvent;
use crate::replay::{Scope, StoreError};
use crate::waiters::{Ticket, Waiters, wake_all};
use futures_channel::oneshot;
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Scopes whose events may be given to the store at a time.
const THREADS: usize = 4;
/// Bytes of the events that wait for it, or one event.
const QUEUE_BYTES: usize = 16 << 20;

pub(super) struct Writers {
    most: usize,
    queue: Mutex<Queue>,
    threads: Threads,
}

#[derive(Default)]
struct Queue {
    /// Those that a thread serves, or will.
    scopes: HashMap<Scope, Lane>,
    /// Lanes that were ever made.
    lanes: u64,
    /// Events that wait, those among them that the store has been given.
    waiting: usize,
    bytes: usize,
    room: Line,
}

/// The events of one scope, in their order.
struct Lane {
    /// No other lane has this number.
    number: u64,
    requests: VecDeque<Request>,
    /// Events that ever had a place in it, and of these the ones that are settled.
    entered: u64,
    settled: u64,
    settling: Waiters,
}

/// A place among those who wait for events of a scope to be settled, given back when it is dropped.
struct Settling<'w> {
    writers: &'w Writers,
    scope: &'w Scope,
    /// The number of its lane.
    lane: u64,
    ticket: Ticket,
}

pub(super) struct Request {
    pub(super) event: PreparedEvent,
    pub(super) client: Arc<ClientShared>,
    /// Whoever waits for the outcome.
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
}

/// Where the event is in the client's queue.
pub(super) type Outcome = Result<Place, Arc<StoreError>>;

/// What follows when an event has its place.
pub(super) enum Placed {
    /// Its scope is being served.
    Waits,
    /// Its scope is to be [served](Writers::serve), without a lock.
    First,
    /// There is no room. Who waits for it is told.
    Full,
}

impl Writers {
    pub(super) fn new(most: usize) -> Self {
        Self { most, queue: Mutex::default(), threads: Threads::new("headwater-store", THREADS) }
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an event of so many bytes a place, if there is one.
    pub(super) fn place(
        &self,
        scope: &Scope,
        bytes: usize,
        make: impl FnOnce() -> Request,
        waits: Option<(&mut Spot, &Waker)>,
    ) -> Placed {
        let mut queue = self.lock();
        match (queue.has_room(bytes, self.most), waits) {
            (true, Some((spot, _))) => queue.room.leave(spot),
            (true, None) => {}
            (false, waits) => {
                if let Some((spot, waker)) = waits {
                    queue.room.wait(spot, waker);
                }
                return Placed::Full;
            }
        }
        queue.waiting += 1;
        queue.bytes += bytes;
        if let Some(lane) = queue.scopes.get_mut(scope) {
            lane.entered += 1;
            lane.requests.push_back(make());
            return Placed::Waits;
        }
        queue.lanes += 1;
        let lane = Lane {
            number: queue.lanes,
            requests: VecDeque::from([make()]),
            entered: 1,
            settled: 0,
            settling: Waiters::default(),
        };
        queue.scopes.insert(scope.clone(), lane);
        Placed::First
    }

    /// Waits until the store has said what becomes of the events of this scope that have a place now.
    pub(super) async fn settled(&self, scope: &Scope) {
        let now = self.lock().scopes.get(scope).map(|lane| (lane.number, lane.entered));
        let Some((lane, entered)) = now else { return };
        let mut settling = Settling { writers: self, scope, lane, ticket: Ticket::default() };
        poll_fn(|context| {
            let mut queue = self.lock();
            match queue.lane(scope, lane).filter(|lane| lane.settled < entered) {
                Some(lane) => {
                    let before = lane.settling.wait(&mut settling.ticket, context.waker());
                    drop(queue);
                    // Foreign code, outside of the lock.
                    drop(before);
                    Poll::Pending
                }
                None => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Gives a place among those who wait for room back, and room that was meant for it to the next.
    pub(super) fn forget(&self, spot: &mut Spot) {
        let mut queue = self.lock();
        queue.room.leave(spot);
        let next = queue.next_in_line(self.most);
        drop(queue);
        wake_all(next.into_iter());
    }

    /// Has a thread serve a scope. Where there is none to be had, its events are refused.
    pub(super) fn serve(&self, shared: &Arc<Shared>, scope: &Scope) {
        let (its, served) = (shared.clone(), scope.clone());
        let Err(error) = self.threads.run(Box::new(move || serve(&its, &served))) else { return };
        let error = Arc::new(error);
        loop {
            let batch = self.take(scope);
            let many = batch.len();
            for request in batch {
                let outcome = shared.keeper.settle(Err(error.clone()), &request.event);
                self.answer(request, outcome);
            }
            if !self.goes_on(scope, many) {
                return;
            }
        }
    }

    /// The next batch of a scope, which it keeps on being served.
    fn take(&self, scope: &Scope) -> Vec<Request> {
        let mut queue = self.lock();
        let Some(lane) = queue.scopes.get_mut(scope) else { return Vec::new() };
        let many = batch_of(lane.requests.iter().map(|request| request.event.len()));
        lane.requests.drain(..many).collect()
    }

    /// After so many of a scope's events were settled: whether it has more. Otherwise it is served no longer.
    fn goes_on(&self, scope: &Scope, settled: usize) -> bool {
        let mut queue = self.lock();
        let Some(lane) = queue.scopes.get_mut(scope) else { return false };
        lane.settled += settled as u64;
        let goes_on = !lane.requests.is_empty();
        let told = lane.settling.take();
        if !goes_on {
            queue.scopes.remove(scope);
        }
        drop(queue);
        wake_all(told);
        goes_on
    }

    /// Tells everybody what becomes of an event, its sender last: that has room for the next then.
    fn answer(&self, request: Request, outcome: Result<Settled, Arc<StoreError>>) {
        let Request { event, client, reply } = request;
        let outcome = client.settled(&event, outcome);
        let mut queue = self.lock();
        queue.waiting -= 1;
        queue.bytes -= event.len();
        let next = queue.next_in_line(self.most);
        drop(queue);
        wake_all(next.into_iter());
        let refused = outcome.is_err();
        // It is told before its waker can panic.
        let tell =
            |reply: oneshot::Sender<_>| guard(|| reply.send(outcome).is_ok()).unwrap_or(true);
        let told = reply.is_some_and(tell);
        if refused && !told {
            // Nobody hears of it otherwise.
            client.drop_one();
        }
    }
}

impl Queue {
    fn has_room(&self, bytes: usize, most: usize) -> bool {
        self.waiting == 0 || self.waiting < most && self.bytes.saturating_add(bytes) <= QUEUE_BYTES
    }

    /// Those who wait for room, as many as there is room for; all of them when the store has nothing any more, which
    /// would tell others later: nobody depends on whether another task looks at what it was told.
    fn next_in_line(&mut self, most: usize) -> Vec<Waker> {
        let mut next = Vec::new();
        while (self.waiting == 0
            || self.waiting + self.room.woken() < most && self.bytes < QUEUE_BYTES)
            && let Some(waker) = self.room.next()
        {
            next.push(waker);
        }
        next
    }

    /// The lane of a scope, if it is the one with this number.
    fn lane(&mut self, scope: &Scope, number: u64) -> Option<&mut Lane> {
        self.scopes.get_mut(scope).filter(|lane| lane.number == number)
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        let mut queue = self.writers.lock();
        let lane = queue.lane(self.scope, self.lane);
        let waker = lane.and_then(|lane| lane.settling.forget(self.ticket));
        drop(queue);
        // As above.
        drop(waker);
    }
}

fn serve(shared: &Arc<Shared>, scope: &Scope) {
    let Some(writers) = &shared.writers else { return };
    let batch = writers.take(scope);
    let events: Vec<PreparedEvent> = batch.iter().map(|request| request.event.clone()).collect();
    let stored = shared.keeper.append_all(scope, &events);
    for (request, stored) in batch.into_iter().zip(stored) {
        let outcome = shared.keeper.settle(stored, &request.event);
        writers.answer(request, outcome);
    }
    if writers.goes_on(scope, events.len()) {
        writers.serve(shared, scope);
    }
}
