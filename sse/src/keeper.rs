//! A store as brokers and clients use it: asked in place or on threads of its own, with what becomes of
//! events that it does not take, and what is counted of both. Never decides an order: that is the business of
//! whoever asks.

use crate::guard::guard;
use crate::id::EventId;
use crate::pause::pause;
use crate::prepared::PreparedEvent;
use crate::replay::{Ids, Page, ReplayStore, Scope, Since, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

mod threads;

pub(crate) use threads::{IDLE, Threads};

/// Events that are read at a time for a stream that is being given what it missed.
const PAGE_EVENTS: usize = 256;
/// Bytes that an id line has at most.
pub(crate) const ID_LINE_BYTES: usize = 25;
/// Events that may wait for a store that blocks, unless it is set.
pub(crate) const STORE_QUEUE: usize = 1024;
/// Events that a store is given at a time.
pub(crate) const BATCH_EVENTS: usize = 256;
/// Bytes of them, or one event.
pub(crate) const BATCH_BYTES: usize = 1024 * 1024;

/// What becomes of an event that a store does not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum StoreFailure {
    /// It is refused, with [`Refusal::Store`](crate::Refusal::Store) or
    /// [`SendRefusal::Store`](crate::SendRefusal::Store), and sent to nobody. If the error is one for which
    /// [`may_have_written`](StoreError::may_have_written) holds, because the connection broke before the store
    /// had answered, the store may have it all the same: then it is sent in its place, or replayed.
    #[default]
    Refuse,
    /// It is sent without an id, and counted: who is there gets it, and nobody later. Where a connection breaks
    /// before the store has answered, and the store has it after all, it comes a second time, with its id.
    SendWithoutId,
}

/// What has become of events and their store: a broker's, or that of [`ClientReplay`](crate::ClientReplay).
///
/// ```
/// use headwater_sse::{Event, Hub, replay::RingBuffer};
/// use std::sync::Arc;
///
/// let chat = Hub::new().broker("chat").replay(Arc::new(RingBuffer::new(8))).build();
/// chat.publish(Event::data("hello"))?;
/// let stats = chat.replay_stats().expect("it has a store");
/// assert_eq!((stats.stored, stats.refused, stats.without_id), (1, 0, 0));
/// # Ok::<(), headwater_sse::PublishError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ReplayStats {
    /// Events that the store took.
    pub stored: u64,
    /// Events that it did not take, and that were refused.
    pub refused: u64,
    /// Events that it did not take, and that were sent without an id.
    pub without_id: u64,
    /// Events that wait for it now.
    pub waiting: usize,
    /// Places of events that a broker, whose store blocks, could not send in their turn: the store kept what
    /// came next no longer, up to the oldest that it has, or had nothing there for 5 s more than in which it
    /// [settles](ReplayStore::settles_within). There may have been no events; what is in there later is given
    /// to those that come back. Where the store has nothing more of what the broker had to send, or has lost
    /// all it had, that counts as one: nobody knows how many there were. Live streams are not told of it.
    pub passed_over: u64,
    /// Events that streams were given because they had missed them.
    pub replayed: u64,
    /// Times that it could not be asked for what streams had missed.
    pub read_failures: u64,
    /// Events that it gave ids and could not keep afterwards, of all that use it
    /// ([`ReplayStore::lost`](crate::replay::ReplayStore::lost)).
    pub lost: u64,
}

#[derive(Default)]
struct Counts {
    stored: AtomicU64,
    refused: AtomicU64,
    without_id: AtomicU64,
    passed_over: AtomicU64,
    replayed: AtomicU64,
    read_failures: AtomicU64,
}

pub(crate) struct Keeper {
    store: Arc<dyn ReplayStore>,
    failure: StoreFailure,
    counts: Counts,
}

/// An event as it is sent.
pub(crate) struct Settled {
    pub(crate) event: PreparedEvent,
    /// What the store gave it.
    pub(crate) id: Option<EventId>,
}

/// What a store has after an id.
pub(crate) enum Read {
    /// A page, and, for one who has no id and is given nothing, where the end is.
    Page(Page, Option<EventId>),
    /// An event may be under way: after how long to ask again.
    Later(Duration),
}

impl Keeper {
    pub(crate) fn new(store: Arc<dyn ReplayStore>, failure: StoreFailure) -> Self {
        Self { store, failure, counts: Counts::default() }
    }

    pub(crate) fn blocks(&self) -> bool {
        self.store.blocks()
    }

    pub(crate) fn failure(&self) -> StoreFailure {
        self.failure
    }

    pub(crate) fn stats(&self, waiting: usize) -> ReplayStats {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ReplayStats {
            stored: of(&self.counts.stored),
            refused: of(&self.counts.refused),
            without_id: of(&self.counts.without_id),
            waiting,
            passed_over: of(&self.counts.passed_over),
            replayed: of(&self.counts.replayed),
            read_failures: of(&self.counts.read_failures),
            lost: guard(|| self.store.lost()).unwrap_or_default(),
        }
    }

    pub(crate) fn count_replayed(&self, events: usize) {
        self.counts.replayed.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_passed_over(&self, places: u64) {
        self.counts.passed_over.fetch_add(places, Ordering::Relaxed);
    }

    /// An event that was to go without an id is refused after all.
    pub(crate) fn take_back_without_id(&self) {
        self.counts.without_id.fetch_sub(1, Ordering::Relaxed);
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what became of a read, if it failed: that an event is unknown is an answer.
    pub(crate) fn count_read<T>(&self, read: &Result<T, StoreError>) {
        if read.as_ref().is_err_and(|error| !matches!(error, StoreError::Unknown { .. })) {
            self.count_read_failure();
        }
    }

    /// How long after an id was given its event may still be written.
    pub(crate) fn settles_within(&self) -> Duration {
        guard(|| self.store.settles_within()).unwrap_or_default()
    }

    pub(crate) fn count_read_failure(&self) {
        self.counts.read_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether what followed this event can be read.
    pub(crate) fn is_known(&self, scope: &Scope, after: &EventId) -> Result<bool, StoreError> {
        let read = guard(|| self.store.since(scope, Some(after), 1));
        match read.unwrap_or_else(|_| Err(panicked())) {
            Ok(_) => Ok(true),
            Err(StoreError::Unknown { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where a scope's events end.
    pub(crate) fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        guard(|| self.store.tail(scope)).unwrap_or_else(|_| Err(panicked()))
    }

    /// Gives the store a batch.
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        guard(|| self.store.append(scope, events)).unwrap_or_else(|_| Err(panicked()))
    }

    /// Gives the store one event.
    pub(crate) fn append_one(
        &self,
        scope: &Scope,
        event: &PreparedEvent,
    ) -> Result<EventId, Arc<StoreError>> {
        let stored = self.append(scope, std::slice::from_ref(event));
        stored.and_then(|ids| ids.get(0).ok_or_else(too_few_ids)).map_err(Arc::new)
    }

    /// Gives the store a batch. What it cannot take keeps nothing else out.
    pub(crate) fn append_all(
        &self,
        scope: &Scope,
        events: &[PreparedEvent],
    ) -> Vec<Result<EventId, Arc<StoreError>>> {
        let mut outcomes = Vec::with_capacity(events.len());
        let mut rest = events;
        while !rest.is_empty() {
            let mut batch = rest;
            loop {
                match self.append(scope, batch) {
                    Ok(ids) => {
                        let id = |at| ids.get(at).ok_or_else(|| Arc::new(too_few_ids()));
                        outcomes.extend((0..batch.len()).map(id));
                        break;
                    }
                    Err(StoreError::TooLarge { at, .. } | StoreError::Empty { at })
                        if at > 0 && at < batch.len() =>
                    {
                        // Those before it, and then it.
                        batch = &batch[..at];
                    }
                    Err(error @ (StoreError::TooLarge { .. } | StoreError::Empty { .. })) => {
                        batch = &batch[..1];
                        outcomes.push(Err(Arc::new(error)));
                        break;
                    }
                    Err(error) => {
                        let error = Arc::new(error);
                        outcomes.extend(batch.iter().map(|_| Err(error.clone())));
                        break;
                    }
                }
            }
            rest = &rest[batch.len()..];
        }
        outcomes
    }

    /// A page of what came after an id. Waits for nothing that may be under way.
    pub(crate) fn read_now(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
    ) -> Result<Read, StoreError> {
        let read = || {
            let page = match self.store.since_now(scope, after, PAGE_EVENTS)? {
                Since::Page(page) => page,
                Since::Later(pause) => return Ok(Read::Later(pause)),
            };
            let ends = after.is_none() && page.events.is_empty();
            let tail = if ends { Some(self.store.tail(scope)?) } else { None };
            Ok(Read::Page(page, tail))
        };
        guard(read).unwrap_or_else(|_| Err(panicked()))
    }

    /// As [`read_now`](Self::read_now), for threads that may sleep.
    pub(crate) fn read(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
    ) -> Result<(Page, Option<EventId>), StoreError> {
        loop {
            match self.read_now(scope, after)? {
                Read::Page(page, tail) => return Ok((page, tail)),
                Read::Later(pause) => thread::sleep(pause),
            }
        }
    }

    /// What becomes of an event that the store was asked to take.
    pub(crate) fn settle(
        &self,
        stored: Result<EventId, Arc<StoreError>>,
        event: &PreparedEvent,
    ) -> Result<Settled, Arc<StoreError>> {
        let count = |count: &AtomicU64| _ = count.fetch_add(1, Ordering::Relaxed);
        match (stored, self.failure) {
            (Ok(id), _) => {
                count(&self.counts.stored);
                Ok(Settled { event: event.with_id(&id), id: Some(id) })
            }
            (Err(_), StoreFailure::SendWithoutId) => {
                count(&self.counts.without_id);
                Ok(Settled { event: event.without_id(), id: None })
            }
            (Err(error), StoreFailure::Refuse) => {
                count(&self.counts.refused);
                Err(error)
            }
        }
    }
}

/// Before a store is asked again, as a task: no thread waits that others need.
pub(crate) async fn pause_for_store(time: Duration) -> Result<(), StoreError> {
    pause(time).await.map_err(|error| StoreError::unavailable(error, false))
}

/// How many of these events a store is given next, by their bytes.
pub(crate) fn batch_of(bytes: impl Iterator<Item = usize>) -> usize {
    let (mut many, mut all) = (0, 0);
    for bytes in bytes.take(BATCH_EVENTS) {
        all += bytes;
        if many > 0 && all > BATCH_BYTES {
            break;
        }
        many += 1;
    }
    many
}

fn panicked() -> StoreError {
    StoreError::refused("it panicked")
}

fn too_few_ids() -> StoreError {
    StoreError::refused("it gave fewer ids than it was given events")
}
