//! A broker's journal: each event is in the store before it is sent, and its id there is its id on the
//! wire. Owns the order of both, and with that the moment in which a stream goes over from what is
//! replayed to what is sent. Who waits for a store that blocks is in `sequencer`.

use super::{BrokerShared, PublishError, Published, Refusal};
use crate::hub::Entry;
use crate::id::EventId;
use crate::keeper::{self, Keeper, ReplayStats, Settled, StoreFailure};
use crate::prepared::PreparedEvent;
use crate::replay::{Page, ReplayStore, Scope, StoreError};
use futures_channel::oneshot;
use recent::{Lacking, Recent, Turn};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

mod foreign;
mod recent;
mod sequencer;

pub(super) use sequencer::Sequencer;

/// Reads of a store that may be under way at a time.
const READERS: usize = 2;

/// The store of a broker.
pub(crate) struct Journal {
    kept: Arc<Kept>,
    /// Where the store blocks.
    threads: Option<Threads>,
}

struct Threads {
    sequencer: Sequencer,
    readers: keeper::Threads,
}

/// What the broker shares with the threads of its store.
pub(super) struct Kept {
    keeper: Keeper,
    scope: Scope,
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
        let keeper = Keeper::new(store, failure);
        let kept = Arc::new(Kept { keeper, scope, order: Mutex::default() });
        let threads = kept.keeper.blocks().then(|| Threads {
            sequencer: Sequencer::new(kept.clone(), queue),
            readers: keeper::Threads::new("headwater-replay", READERS),
        });
        Self { kept, threads }
    }

    /// Where the store blocks: who asks it.
    pub(super) fn sequencer(&self) -> Option<&Sequencer> {
        self.threads.as_ref().map(|threads| &threads.sequencer)
    }

    pub(super) fn stats(&self) -> ReplayStats {
        self.kept.keeper.stats(self.sequencer().map_or(0, Sequencer::waiting))
    }

    /// Publishes an event, of which the store, which does not block, is told first.
    pub(super) fn publish(
        &self,
        broker: &Arc<BrokerShared>,
        event: &PreparedEvent,
    ) -> Result<Published, PublishError> {
        let mut outcome = None;
        let order = self.kept.lock();
        broker.hub.ring.publish_with(broker.weight(event), |position| {
            let Kept { keeper, scope, .. } = &*self.kept;
            let settled = self.kept.settle(keeper.append_one(scope, event), event);
            let sent = settled
                .as_ref()
                .map_or_else(|_| PreparedEvent::nothing(), |settled| settled.event.clone());
            outcome = Some(settled.map(|settled| published(settled, position)));
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
            let (page, tail) = kept.keeper.read(&kept.scope, cursor.after.as_ref())?;
            cursor.after = cursor.after.or(tail);
            // Whatever is stored later has a later place.
            let position = (!page.more).then(|| broker.hub.ring.tail());
            (
                page.events.into_iter().map(|event| (event.id.clone(), event.with_id())).collect(),
                position,
            )
        };
        drop(order);
        kept.keeper.count_replayed(events.len());
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
        let (page, tail, mark) = self
            .ask(threads, cursor.after.clone())
            .await
            .inspect_err(|_| self.kept.keeper.count_read_failure())?;
        cursor.after = cursor.after.or(tail);
        cursor.mark = (!page.more).then_some(mark);
        let events: Vec<_> =
            page.events.into_iter().map(|event| (event.id.clone(), event.with_id())).collect();
        self.kept.keeper.count_replayed(events.len());
        cursor.passed(&events);
        Ok((events.into_iter().map(|(_, event)| event).collect(), cursor))
    }

    /// A page, where the end is for one who is given nothing, and how many events had been sent before.
    async fn ask(
        &self,
        threads: &Threads,
        after: Option<EventId>,
    ) -> Result<(Page, Option<EventId>, u64), StoreError> {
        let (reply, outcome) = oneshot::channel();
        let kept = self.kept.clone();
        threads.readers.run(Box::new(move || {
            if reply.is_canceled() {
                // Its stream has ended.
                return;
            }
            // Before it is read: what is sent from now on may be missing there.
            let mark = kept.lock().sent();
            let read = kept.keeper.read(&kept.scope, after.as_ref());
            // As above.
            reply.send(read.map(|(page, tail)| (page, tail, mark))).ok();
        }))?;
        // The threads answer as long as there is a broker.
        outcome.await.unwrap_or_else(|_| Err(StoreError::unavailable("the broker is gone", false)))
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Stores may panic, and are called under a guard: what is in there is whole.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of an event that the store was asked to take.
    fn settle(
        &self,
        stored: Result<EventId, Arc<StoreError>>,
        event: &PreparedEvent,
    ) -> Result<Settled, PublishError> {
        let settled = self.keeper.settle(stored, event);
        settled.map_err(|error| PublishError::of_store(error, event.clone()))
    }
}

fn published(settled: Settled, position: u64) -> Published {
    let id = settled.id.unwrap_or_else(|| EventId::number(position + 1));
    Published { id, event: settled.event }
}
