//! A broker's journal: each event is in the store before it is sent, and its id there is its id on the
//! wire. Owns the order of both, and with that the moment in which a stream goes over from what is
//! replayed to what is sent. A store that blocks is asked by `sequencer`, for those in `queue`, and what it has
//! goes into the ring through `outlet`.

use super::{BrokerShared, PublishError, Published, Refusal};
use crate::hub::Entry;
use crate::id::EventId;
use crate::keeper::{self, Keeper, ReplayStats, Settled, StoreFailure};
use crate::prepared::PreparedEvent;
use crate::replay::{Page, ReplayStore, Scope, StoreError};
use futures_channel::oneshot;
pub(crate) use recent::Mark;
use recent::{Lacking, Recent, Turn};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

#[cfg(test)]
mod model;
mod outlet;
mod queue;
mod recent;
mod sequencer;

pub(super) use sequencer::Sequencer;

/// Reads of a store that may be under way at a time.
const READERS: usize = 2;

/// How long a broker with a store that blocks has patience.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// With a ring that is full and makes no progress; a few times as much with one that does.
    pub(super) room: Duration,
    /// With a place where the store has no event, besides the time in which it settles: as long as somebody who
    /// writes there may wait for its answer.
    pub(super) answer: Duration,
    /// With a thread that has nothing to do.
    pub(super) idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { room: Duration::from_secs(5), answer: Duration::from_secs(5), idle: keeper::IDLE }
    }
}

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
    /// How long after the store gave an id its event may still be written.
    settles: Duration,
    times: Times,
}

/// How far a stream is that is being given what it missed.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// The last event that it has; `None` for one that is new.
    pub(crate) after: Option<EventId>,
    /// The store was read to its end, from this moment on: what it lacks was sent since.
    pub(crate) mark: Option<Mark>,
    /// It was new, so that it is to be told where it begins.
    pub(crate) tells_begin: bool,
    /// The store cannot be asked, and the stream begins all the same.
    begins_anyway: bool,
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
        Self { tells_begin: after.is_none(), after, mark: None, begins_anyway: false }
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
        times: Times,
    ) -> Self {
        let keeper = Keeper::new(store, failure);
        let settles = keeper.settles_within();
        let kept = Arc::new(Kept { keeper, scope, order: Mutex::default(), settles, times });
        let threads = kept.keeper.blocks().then(|| Threads {
            sequencer: Sequencer::new(kept.clone(), queue),
            readers: keeper::Threads::new("headwater-replay", READERS).idle(times.idle),
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

    /// Whether the thread runs that gives events to the store.
    #[cfg(test)]
    pub(crate) fn runs(&self) -> bool {
        self.sequencer().is_some_and(Sequencer::runs)
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
        let live = || broker.hub.ring.tail();
        let (events, position) = if self.threads.is_some() {
            match order.since(&cursor) {
                _ if cursor.begins_anyway => return Ok(Splice::Live(Vec::new(), live())),
                Lacking::Events(events, more) => (events, (!more).then(live)),
                Lacking::Unknown => return Ok(Splice::Ask),
                Lacking::Ahead => return Ok(Splice::Wait),
            }
        } else {
            let read = kept.keeper.read(&kept.scope, cursor.after.as_ref());
            kept.keeper.count_read(&read);
            let (page, tail) = match read {
                Err(error) if self.begins_without(&cursor, &error) => {
                    return Ok(Splice::Live(Vec::new(), live()));
                }
                read => read?,
            };
            cursor.after = cursor.after.or(tail);
            // Whatever is stored later has a later place.
            let position = (!page.more).then(live);
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
                let waker = self.0.lock().forget(self.1);
                // Foreign code, outside of the lock.
                drop(waker);
            }
        }
        let Some(sequencer) = self.sequencer() else { return };
        let mut waiting = Waiting(&self.kept, Turn::default());
        poll_fn(|context| {
            let Waiting(kept, turn) = &mut waiting;
            let mut order = kept.lock();
            if order.is_over(turn) {
                return Poll::Ready(());
            }
            let before = order.wait(turn, context.waker());
            drop(order);
            // As above.
            drop(before);
            // Without a thread nothing is sent: the stream asks again later, and again for a thread.
            if sequencer.look(broker).is_ok() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Has a thread ask the store for the next page.
    pub(crate) async fn read(
        &self,
        mut cursor: Cursor,
    ) -> Result<(Vec<PreparedEvent>, Cursor), StoreError> {
        let Some(threads) = &self.threads else { return Ok((Vec::new(), cursor)) };
        let read = self.ask(threads, cursor.after.clone()).await;
        self.kept.keeper.count_read(&read);
        let (page, tail, mark) = match read {
            Err(error) if self.begins_without(&cursor, &error) => {
                cursor.begins_anyway = true;
                return Ok((Vec::new(), cursor));
            }
            read => read?,
        };
        cursor.after = cursor.after.or(tail);
        cursor.mark = (!page.more).then_some(mark);
        let events: Vec<_> =
            page.events.into_iter().map(|event| (event.id.clone(), event.with_id())).collect();
        self.kept.keeper.count_replayed(events.len());
        cursor.passed(&events);
        Ok((events.into_iter().map(|(_, event)| event).collect(), cursor))
    }

    /// Whether a stream begins although the store cannot be asked: one that is new misses nothing then, where
    /// events go without ids.
    fn begins_without(&self, cursor: &Cursor, error: &StoreError) -> bool {
        cursor.tells_begin
            && self.kept.keeper.failure() == StoreFailure::SendWithoutId
            && matches!(error, StoreError::Unavailable { .. } | StoreError::Refused { .. })
    }

    /// A page, where the end is for one who is given nothing, and the moment before it was read.
    async fn ask(
        &self,
        threads: &Threads,
        after: Option<EventId>,
    ) -> Result<(Page, Option<EventId>, Mark), StoreError> {
        let (reply, outcome) = oneshot::channel();
        let kept = self.kept.clone();
        threads.readers.run(Box::new(move || {
            if reply.is_canceled() {
                // Its stream has ended.
                return;
            }
            let mark = kept.lock().mark(Instant::now());
            let read = kept.keeper.read(&kept.scope, after.as_ref()).and_then(|(page, tail)| {
                let mut ids = page.events.iter().map(|event| &event.id).chain(&tail).chain(&after);
                let ordered = ids.all(|id| id.as_number().is_some());
                if ordered { Ok((page, tail, mark)) } else { Err(no_number()) }
            });
            // As above.
            reply.send(read).ok();
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

/// An id of a store that blocks: streams are spliced by their order.
fn is_number(id: EventId) -> Result<EventId, Arc<StoreError>> {
    if id.as_number().is_some() { Ok(id) } else { Err(Arc::new(no_number())) }
}

/// What was stored under one is there, and nobody can be told what comes after it.
fn no_number() -> StoreError {
    let why = "its ids are not numbers, as those of a store that blocks have to be for a broker";
    StoreError::unavailable(why, true)
}

fn published(settled: Settled, position: u64) -> Published {
    let id = settled.id.unwrap_or_else(|| EventId::number(position + 1));
    Published { id, event: settled.event }
}
