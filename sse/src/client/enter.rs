//! The way of an event into its client's queue: past the limits and, where the client's events are kept, past
//! the store, which gives it its id. Who waits, and for what, is in `send`.

use super::config::{ClientPolicy, Slow};
use super::kept::{Keeping, Phase, bytes_with_id};
use super::line::Spot;
use super::queue::{ClientShared, Queue, Waiting};
use super::writers::{Outcome, Placed, Request, Writers};
use super::{Client, SendError, SendRefusal};
use crate::fanout::Disconnect;
use crate::prepared::PreparedEvent;
use futures_channel::oneshot;
use std::sync::MutexGuard;
use std::task::Waker;

/// The place of an event in its client's queue.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u64,
    /// It is in the store: not lost, whatever becomes of the stream.
    pub(super) stored: bool,
}

/// What became of an event.
pub(super) enum Entered {
    Queued(Place),
    /// With the store, which will say.
    Asked(oneshot::Receiver<Outcome>),
    /// Dropped, and counted; or with the store, and nobody waits for what that says.
    Done,
}

/// How its sender goes about it.
pub(super) enum How<'a, 'c> {
    /// It gives up without a place.
    Offers,
    /// The same, but waits for what the store says.
    OffersOnce,
    /// It would wait for a place, if that were not in vain.
    Insists,
    /// It waits for one.
    Waits(&'a mut Places<'c>, &'a Waker),
}

/// The places of a sender among those who wait.
pub(super) struct Places<'c> {
    room: Waiting<'c>,
    client: &'c ClientShared,
    store: Spot,
}

impl<'c> Places<'c> {
    pub(super) fn new(client: &'c ClientShared) -> Self {
        let room = Waiting::new(client, |queue| &mut queue.room);
        Self { room, client, store: Spot::default() }
    }
}

impl Places<'_> {
    /// Gives the place among those who wait for the store back, so that the next gets what was meant for it.
    fn leave_store(&mut self) {
        if self.store.is_none() {
            return;
        }
        if let Some(writers) = self.client.keeping.get().and_then(|its| its.replay.writers()) {
            writers.forget(&mut self.store);
        }
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        self.leave_store();
    }
}

impl How<'_, '_> {
    /// Whether it is told what the store says.
    fn is_told(&self) -> bool {
        matches!(self, Self::OffersOnce | Self::Waits(..))
    }
}

impl Client {
    /// Queues an event if there is room, and asks the policy if there is none.
    pub(super) fn offer(
        &self,
        event: PreparedEvent,
        how: How<'_, '_>,
    ) -> Result<Entered, SendError> {
        let full = match self.enter(event, how) {
            Err(error) if error.refusal() == SendRefusal::Full => error,
            outcome => return outcome,
        };
        let event = full.into_event();
        match self.policy(&event) {
            ClientPolicy::Drop => {
                self.shared.drop_one();
                Ok(Entered::Done)
            }
            ClientPolicy::Close => {
                self.shared.drop_one();
                self.shared.close(Disconnect::Slow);
                Err(SendError::new(SendRefusal::Closed, event))
            }
            ClientPolicy::Block => Err(SendError::new(SendRefusal::Full, event)),
        }
    }

    /// Queues an event; without room, its sender waits for it, unless a policy that is to be asked says otherwise.
    pub(super) fn offer_or_wait(
        &self,
        event: PreparedEvent,
        asks: bool,
        places: &mut Places<'_>,
        waker: &Waker,
    ) -> Result<Entered, SendError> {
        let event = if asks {
            match self.offer(event, How::OffersOnce) {
                Err(error) if error.may_wait() => error.into_event(),
                outcome => return outcome,
            }
        } else {
            event
        };
        let entered = self.enter(event, How::Waits(places, waker));
        if entered.as_ref().is_err_and(|error| error.refusal() != SendRefusal::Busy) {
            // It waits for something else now, or for nothing.
            places.leave_store();
        }
        entered
    }

    fn policy(&self, event: &PreparedEvent) -> ClientPolicy {
        match &self.shared.config.slow {
            // Without a queue, all wait.
            _ if self.shared.config.queue_events.is_none() => ClientPolicy::Block,
            Slow::Policy(policy) => *policy,
            Slow::Ask(decide) => decide(self, event),
        }
    }

    /// Gives an event its place, or a sender that waits for one a place among those who do:
    /// [`SendRefusal::Full`] or [`SendRefusal::Busy`] then.
    pub(super) fn enter(
        &self,
        event: PreparedEvent,
        how: How<'_, '_>,
    ) -> Result<Entered, SendError> {
        match self.shared.keeping.get() {
            // Without data it is nothing that a client could miss (WHATWG HTML §9.2.6).
            Some(keeping) if event.has_data() => self.enter_kept(keeping, event, how),
            keeping => self.enter_queue(event, keeping.is_some(), how),
        }
    }

    /// Why an event would have to be waited for, or cannot be sent at all, because a store that blocks has to
    /// be asked.
    pub(super) fn refusal_where_none_waits(&self, event: &PreparedEvent) -> Option<SendRefusal> {
        let keeping = self.shared.keeping.get().filter(|_| event.has_data())?;
        keeping.replay.writers()?;
        let queue = self.shared.lock();
        if queue.phase() == Phase::Greeted {
            return None;
        }
        let refusal = queue.refusal(bytes_with_id(event), &self.shared.config);
        Some(refusal.filter(|&refusal| refusal == SendRefusal::Closed).unwrap_or(SendRefusal::Busy))
    }

    /// The way of an event that is not kept.
    fn enter_queue(
        &self,
        event: PreparedEvent,
        among_kept: bool,
        how: How<'_, '_>,
    ) -> Result<Entered, SendError> {
        let queue = self.shared.lock();
        let config = &self.shared.config;
        let refusal = match how {
            How::Offers | How::OffersOnce => queue.refusal(event.len(), config),
            How::Insists | How::Waits(..) => queue.lasting_refusal(event.len(), config),
        };
        let refusal = match refusal {
            // What was missed is no reason to ask a policy.
            Some(SendRefusal::Full) if queue.phase() == Phase::Replayed => SendRefusal::Busy,
            Some(refusal) => refusal,
            None => {
                // Ids are the store's where it keeps the others.
                let event = if among_kept { event.without_id() } else { event };
                let number = self.shared.push(queue, event);
                return Ok(Entered::Queued(Place { number, stored: false }));
            }
        };
        Err(refuse(queue, refusal, event, how))
    }

    /// The way of an event that is kept.
    fn enter_kept(
        &self,
        keeping: &Keeping,
        event: PreparedEvent,
        how: How<'_, '_>,
    ) -> Result<Entered, SendError> {
        let replay = &keeping.replay.shared;
        // From the moment that it has room until it has its id and its place.
        let _order = replay.writers.is_none().then(|| keeping.lock());
        let queue = self.shared.lock();
        let phase = queue.phase();
        if phase == Phase::Greeted {
            drop(queue);
            return self.enter_queue(event, true, how);
        }
        let bytes = bytes_with_id(&event);
        let refusal = match queue.refusal(bytes, &self.shared.config) {
            // What was missed comes before.
            None | Some(SendRefusal::Full) if phase == Phase::Replayed => Some(SendRefusal::Busy),
            refusal => refusal,
        };
        if let Some(refusal) = refusal {
            return Err(refuse(queue, refusal, event, how));
        }
        if let Some(writers) = &replay.writers {
            return self.ask(writers, keeping, queue, event, how);
        }
        drop(queue);
        let stored = replay.keeper.append_one(&keeping.scope, &event);
        match replay.keeper.settle(stored, &event) {
            Ok(settled) => Ok(Entered::Queued(self.shared.push_settled(settled))),
            Err(error) => Err(SendError::of_store(error, event)),
        }
    }

    /// Gives an event that has room in the queue to the threads of the store.
    fn ask(
        &self,
        writers: &Writers,
        keeping: &Keeping,
        mut queue: MutexGuard<'_, Queue>,
        event: PreparedEvent,
        how: How<'_, '_>,
    ) -> Result<Entered, SendError> {
        let told = how.is_told();
        let (reply, outcome) = oneshot::channel();
        let reply = told.then_some(reply);
        let waits = match how {
            How::Waits(places, waker) => Some((&mut places.store, waker)),
            _ => None,
        };
        let client = self.shared.clone();
        let placed = writers.place(
            &keeping.scope,
            event.len(),
            || Request { event: event.clone(), client, reply },
            waits,
        );
        if matches!(placed, Placed::Full) {
            return Err(SendError::new(SendRefusal::Busy, event));
        }
        if let Some(store) = &mut queue.with_store {
            store.enter(bytes_with_id(&event));
        }
        drop(queue);
        if matches!(placed, Placed::First) {
            writers.serve(&keeping.replay.shared, &keeping.scope);
        }
        Ok(if told { Entered::Asked(outcome) } else { Entered::Done })
    }
}

/// Gives an event back, and its sender a place among those who wait for room, if it does.
fn refuse(
    mut queue: MutexGuard<'_, Queue>,
    refusal: SendRefusal,
    event: PreparedEvent,
    how: How<'_, '_>,
) -> SendError {
    let error = SendError::new(refusal, event);
    if let How::Waits(places, waker) = how
        && error.may_wait()
    {
        let before = queue.room.wait(&mut places.room.ticket, waker);
        drop(queue);
        // Foreign code, outside of the lock.
        drop(before);
    }
    error
}
