//! Gives clients' events to a store that blocks: those of one scope in their order and in batches, those of
//! several at the same time. A bounded number of events waits; a thread takes one batch of a scope and then
//! lets others go first.

use super::enter::Place;
use super::queue::ClientShared;
use super::replay::Shared;
use crate::keeper::{Settled, Threads, batch_of};
use crate::prepared::PreparedEvent;
use crate::replay::{Scope, StoreError};
use crate::waiters::{Ticket, Waiters};
use futures_channel::oneshot;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Scopes whose events may be given to the store at a time.
const THREADS: usize = 4;

pub(super) struct Writers {
    most: usize,
    queue: Mutex<Queue>,
    threads: Threads,
}

#[derive(Default)]
struct Queue {
    /// Those that a thread serves, or will.
    scopes: HashMap<Scope, VecDeque<Request>>,
    /// Events that wait, those among them that the store has been given.
    waiting: usize,
    room: Waiters,
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

    /// Gives an event a place, if there is one.
    pub(super) fn place(
        &self,
        scope: &Scope,
        make: impl FnOnce() -> Request,
        waits: Option<(&mut Ticket, &Waker)>,
    ) -> Placed {
        let mut queue = self.lock();
        if queue.waiting >= self.most {
            if let Some((ticket, waker)) = waits {
                queue.room.wait(ticket, waker);
            }
            return Placed::Full;
        }
        queue.waiting += 1;
        if let Some(requests) = queue.scopes.get_mut(scope) {
            requests.push_back(make());
            return Placed::Waits;
        }
        queue.scopes.insert(scope.clone(), VecDeque::from([make()]));
        Placed::First
    }

    /// Gives a place among those who wait for room back.
    pub(super) fn forget(&self, ticket: Ticket) {
        self.lock().room.forget(ticket);
    }

    /// Has a thread serve a scope. Where there is none to be had, its events are refused.
    pub(super) fn serve(&self, shared: &Arc<Shared>, scope: &Scope) {
        let (its, served) = (shared.clone(), scope.clone());
        let Err(error) = self.threads.run(Box::new(move || serve(&its, &served))) else { return };
        let error = Arc::new(error);
        let requests = self.lock().scopes.remove(scope).unwrap_or_default();
        for request in requests {
            let outcome = shared.keeper.settle(Err(error.clone()), &request.event);
            self.answer(request, outcome);
        }
    }

    /// The next batch of a scope, which it keeps on being served.
    fn take(&self, scope: &Scope) -> Vec<Request> {
        let mut queue = self.lock();
        let Some(requests) = queue.scopes.get_mut(scope) else { return Vec::new() };
        let many = batch_of(requests.iter().map(|request| request.event.len()));
        requests.drain(..many).collect()
    }

    /// Whether a scope has more. Otherwise it is served no longer.
    fn has_more(&self, scope: &Scope) -> bool {
        let mut queue = self.lock();
        let has_more = queue.scopes.get(scope).is_some_and(|requests| !requests.is_empty());
        if !has_more {
            queue.scopes.remove(scope);
        }
        has_more
    }

    /// Tells everybody what becomes of an event, its sender last: that has room for the next then.
    fn answer(&self, request: Request, outcome: Result<Settled, Arc<StoreError>>) {
        let Request { event, client, reply } = request;
        let outcome = client.settled(&event, outcome);
        let mut queue = self.lock();
        queue.waiting -= 1;
        let room = queue.room.take();
        drop(queue);
        room.for_each(Waker::wake);
        let refused = outcome.is_err();
        let told = reply.is_some_and(|reply| reply.send(outcome).is_ok());
        if refused && !told {
            // Nobody hears of it otherwise.
            client.drop_one();
        }
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
    if writers.has_more(scope) {
        writers.serve(shared, scope);
    }
}
