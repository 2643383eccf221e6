//! A broker's journal: each event is in the store before it is sent, and its id there is its id on the
//! wire. Owns the order of both, and with that the moment in which a stream goes over from what is
//! replayed to what is sent. Who waits for a store that blocks is in `sequencer` and `reads`.

use super::{BrokerShared, PublishError, Published, Refusal};
use crate::guard::guard;
use crate::hub::Entry;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::replay::{Page, ReplayStore, Scope, StoreError};
use recent::{Lacking, Recent, Turn};
use std::future::poll_fn;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

mod foreign;
mod reads;
mod recent;
mod sequencer;

use reads::Reads;
pub(super) use sequencer::Sequencer;

/// Events that are read at a time for a stream that is being given what it missed.
const PAGE_EVENTS: usize = 256;
/// Bytes that an id line has at most.
const ID_LINE_BYTES: u64 = 25;

/// What becomes of an event that its broker's store does not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum StoreFailure {
    /// It is refused, with [`Refusal::Store`], and sent to nobody.
    #[default]
    Refuse,
    /// It is sent without an id, and counted: who is there gets it, and nobody later.
    SendWithoutId,
}

/// What a broker and its store have done together.
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
    /// Events that streams were given because they had missed them.
    pub replayed: u64,
    /// Times that it could not be asked for what streams had missed.
    pub read_failures: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) stored: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) without_id: AtomicU64,
    replayed: AtomicU64,
    pub(super) read_failures: AtomicU64,
}

/// The store of a broker.
pub(crate) struct Journal {
    kept: Arc<Kept>,
    /// Where the store blocks.
    threads: Option<Threads>,
}

struct Threads {
    sequencer: Sequencer,
    reads: Reads,
}

/// What the broker shares with the threads of its store.
pub(super) struct Kept {
    pub(super) store: Arc<dyn ReplayStore>,
    pub(super) scope: Scope,
    failure: StoreFailure,
    pub(super) counts: Counts,
    /// Held while events get their places in the ring, in the order of their ids. What is in there is only
    /// kept where the store blocks, since others can be asked under the lock.
    order: Mutex<Recent>,
}

/// How far a stream is that is being given what it missed.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// The last event that it has; `None` for one that is new.
    pub(crate) after: Option<EventId>,
    /// The store was read to its end when so many events had been sent: what it lacks was sent since.
    pub(crate) mark: Option<u64>,
    /// It was new, so that it is to be told where it begins.
    pub(crate) tells_begin: bool,
}

/// What a stream is to be sent, and what then.
pub(crate) enum Splice {
    /// There is more after these.
    More(Vec<PreparedEvent>, Cursor),
    /// Then what has this position in the ring or a later one.
    Live(Vec<PreparedEvent>, u64),
    /// A thread has to ask the store.
    Ask,
    /// What the stream has is about to be sent to others.
    Wait,
}

impl Cursor {
    pub(crate) fn new(after: Option<EventId>) -> Self {
        Self { tells_begin: after.is_none(), after, mark: None }
    }

    /// How far it is with these.
    fn passed(&mut self, events: &[(EventId, PreparedEvent)]) {
        if let Some((id, _)) = events.last() {
            self.after = Some(id.clone());
            self.tells_begin = false;
        }
    }

    /// The event that only says where the stream begins, if the client does not know.
    fn begin(&self) -> Option<PreparedEvent> {
        let at = self.after.as_ref().filter(|_| self.tells_begin)?;
        Some(PreparedEvent::id_alone(at))
    }
}

impl Journal {
    pub(super) fn new(
        store: Arc<dyn ReplayStore>,
        scope: Scope,
        failure: StoreFailure,
        queue: usize,
    ) -> Self {
        let blocks = store.blocks();
        let (counts, order) = (Counts::default(), Mutex::default());
        let kept = Arc::new(Kept { store, scope, failure, counts, order });
        let threads = blocks.then(|| Threads {
            sequencer: Sequencer::new(kept.clone(), queue),
            reads: Reads::new(kept.clone()),
        });
        Self { kept, threads }
    }

    /// Where the store blocks: who asks it.
    pub(super) fn sequencer(&self) -> Option<&Sequencer> {
        self.threads.as_ref().map(|threads| &threads.sequencer)
    }

    pub(super) fn stats(&self) -> ReplayStats {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.kept.counts;
        ReplayStats {
            stored: of(&counts.stored),
            refused: of(&counts.refused),
            without_id: of(&counts.without_id),
            waiting: self.sequencer().map_or(0, Sequencer::waiting),
            replayed: of(&counts.replayed),
            read_failures: of(&counts.read_failures),
        }
    }

    /// Publishes an event, of which the store, which does not block, is told first.
    pub(super) fn publish(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<Published, PublishError> {
        let mut outcome = None;
        let order = self.kept.lock();
        broker.hub.ring.publish_with(event.len() as u64 + ID_LINE_BYTES, |position| {
            let stored = self.kept.append(slice::from_ref(event));
            let id = stored.and_then(|ids| ids.get(0).ok_or_else(too_few_ids));
            let settled = self.kept.settle(id.map_err(Arc::new), event);
            let sent = settled.as_ref().map_or_else(|_| PreparedEvent::nothing(), Settled::sent);
            outcome = Some(settled.map(|settled| settled.published(position)));
            broker.counts.published.fetch_add(u64::from(!sent.is_empty()), Ordering::Relaxed);
            Entry { broker: broker.clone(), event: sent }
        });
        drop(order);
        outcome.unwrap_or_else(|| Err(PublishError::new(Refusal::Full, event.clone())))
    }

    /// What comes next for a stream, as far as that can be said without waiting for a store.
    pub(crate) fn splice(
        &self,
        broker: &BrokerShared,
        cursor: &Cursor,
    ) -> Result<Splice, StoreError> {
        let (kept, mut cursor) = (&self.kept, cursor.clone());
        let order = kept.lock();
        let (events, position) = if self.threads.is_some() {
            match order.since(&cursor) {
                Lacking::Events(events) => (events, Some(broker.hub.ring.tail())),
                Lacking::Unknown => return Ok(Splice::Ask),
                Lacking::Ahead => return Ok(Splice::Wait),
            }
        } else {
            let (page, tail) = kept.read(cursor.after.as_ref())?;
            cursor.after = cursor.after.or(tail);
            // Whatever is stored later has a later place.
            let position = (!page.more).then(|| broker.hub.ring.tail());
            (
                page.events.into_iter().map(|event| (event.id.clone(), event.with_id())).collect(),
                position,
            )
        };
        drop(order);
        kept.counts.replayed.fetch_add(events.len() as u64, Ordering::Relaxed);
        cursor.passed(&events);
        let mut events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
        Ok(match position {
            Some(position) => {
                events.extend(cursor.begin());
                Splice::Live(events, position)
            }
            None => Splice::More(events, cursor),
        })
    }

    /// Waits until what the store has was sent.
    pub(crate) async fn sent(&self, broker: &Arc<BrokerShared>) {
        /// Gives the place back.
        struct Waiting<'a>(&'a Kept, Turn);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.lock().forget(self.1);
            }
        }
        let Some(sequencer) = self.sequencer() else { return };
        let mut waiting = Waiting(&self.kept, Turn::default());
        poll_fn(|context| {
            let Waiting(kept, turn) = &mut waiting;
            if kept.lock().is_over(turn, context.waker()) {
                return Poll::Ready(());
            }
            // Without a thread nothing is sent: the stream asks again, and again for a thread.
            if sequencer.look(broker) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Has a thread ask the store for the next page.
    pub(crate) async fn read(
        &self,
        mut cursor: Cursor,
    ) -> Result<(Vec<PreparedEvent>, Cursor), StoreError> {
        let Some(threads) = &self.threads else { return Ok((Vec::new(), cursor)) };
        let (page, tail, mark) =
            threads.reads.read(cursor.after.clone()).await.inspect_err(|_| {
                self.kept.counts.read_failures.fetch_add(1, Ordering::Relaxed);
            })?;
        cursor.after = cursor.after.or(tail);
        cursor.mark = (!page.more).then_some(mark);
        let events: Vec<_> =
            page.events.into_iter().map(|event| (event.id.clone(), event.with_id())).collect();
        self.kept.counts.replayed.fetch_add(events.len() as u64, Ordering::Relaxed);
        cursor.passed(&events);
        Ok((events.into_iter().map(|(_, event)| event).collect(), cursor))
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Stores may panic, and are called under a guard: what is in there is whole.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn append(
        &self,
        events: &[PreparedEvent],
    ) -> Result<crate::replay::Ids, StoreError> {
        guard(|| self.store.append(&self.scope, events)).unwrap_or_else(|_| Err(panicked()))
    }

    /// A page of what came after an id, and, for one who has none and is given nothing, where the end is.
    fn read(&self, after: Option<&EventId>) -> Result<(Page, Option<EventId>), StoreError> {
        let read = || {
            let page = self.store.since(&self.scope, after, PAGE_EVENTS)?;
            let ends = after.is_none() && page.events.is_empty();
            let tail = if ends { Some(self.store.tail(&self.scope)?) } else { None };
            Ok((page, tail))
        };
        guard(read).unwrap_or_else(|_| Err(panicked()))
    }

    /// What becomes of an event that the store was asked to take.
    pub(super) fn settle(
        &self,
        stored: Result<EventId, Arc<StoreError>>,
        event: &PreparedEvent,
    ) -> Result<Settled, PublishError> {
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
                Err(PublishError::of_store(error, event.clone()))
            }
        }
    }
}

/// An event as it is sent.
pub(super) struct Settled {
    pub(super) event: PreparedEvent,
    /// What the store gave it.
    pub(super) id: Option<EventId>,
}

impl Settled {
    pub(super) fn sent(&self) -> PreparedEvent {
        self.event.clone()
    }

    pub(super) fn published(self, position: u64) -> Published {
        let id = self.id.unwrap_or_else(|| EventId::number(position + 1));
        Published { id, event: self.event }
    }
}

fn panicked() -> StoreError {
    StoreError::refused("it panicked")
}

fn too_few_ids() -> StoreError {
    StoreError::refused("it gave fewer ids than it was given events")
}
