//! Publishing into a hub's ring, from any thread, without a lock and without waiting for any subscriber.
//! Formats each event once. What a store is asked before is in `journal`.

use super::journal::{Journal, Sequencer};
use super::{Broker, PublishError, Published, Refusal};
use crate::client::block::{block_on, block_on_until};
use crate::event::Event;
use crate::fanout::on_core;
use crate::hub::Entry;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::ring::Full;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

impl Broker {
    /// Publishes an event to all present subscribers. Never waits, whatever they do; but with a store that
    /// blocks it waits for that.
    ///
    /// # Errors
    /// [`Refusal::Store`] if the broker has a store and that does not take it, and [`Refusal::Busy`] on a
    /// core if it would have to be waited for.
    /// [`Refusal::Full`] if a core is so far behind that the hub's ring is full; not with a store that blocks:
    /// what that took is sent from there when there is room, and for what it did not take, and for which there
    /// is no room [without an id](crate::StoreFailure::SendWithoutId) either, it is [`Refusal::Store`];
    /// [`Refusal::Closed`] after [`Broker::close`], [`Refusal::Empty`] for an event without bytes.
    /// Each gives the event back.
    pub fn publish(&self, event: impl Into<Event>) -> Result<Published, PublishError> {
        self.publish_prepared(&PreparedEvent::new(&event.into()))
    }

    /// Publishes an event that is formatted already.
    ///
    /// # Errors
    /// As [`Broker::publish`].
    pub fn publish_prepared(&self, event: &PreparedEvent) -> Result<Published, PublishError> {
        match self.try_publish(event) {
            // A core that publishes and is itself the one behind reads first.
            Err(error) if error.refusal() == Refusal::Full && on_core::catch_up() => {
                self.try_publish(event)
            }
            result => result,
        }
    }

    /// Who asks the broker's store, where that blocks.
    fn sequencer(&self) -> Option<&Sequencer> {
        self.shared.journal.as_ref().and_then(Journal::sequencer)
    }

    /// Whether an event may be published at all.
    fn check(&self, event: &PreparedEvent) -> Result<(), PublishError> {
        match () {
            () if event.is_empty() => Err(PublishError::new(Refusal::Empty, event.clone())),
            () if self.is_closed() => Err(PublishError::new(Refusal::Closed, event.clone())),
            () => Ok(()),
        }
    }

    fn try_publish(&self, event: &PreparedEvent) -> Result<Published, PublishError> {
        let refuse = |refusal| Err(PublishError::new(refusal, event.clone()));
        self.check(event)?;
        if let Some(journal) = &self.shared.journal {
            return match journal.sequencer() {
                None => journal.publish(&self.shared, event),
                Some(_) if on_core::is_core() => refuse(Refusal::Busy),
                Some(sequencer) => block_on(sequencer.publish(&self.shared, event)),
            };
        }
        let entry = Entry { broker: self.shared.clone(), event: event.clone() };
        match self.shared.hub.ring.publish(entry, self.shared.weight(event)) {
            Ok(position) => {
                self.shared.counts.published.fetch_add(1, Ordering::Relaxed);
                Ok(Published { id: EventId::number(position + 1), event: event.clone() })
            }
            Err(Full(_)) => refuse(Refusal::Full),
        }
    }

    /// Publishes an event, and waits for room in the ring until `deadline`, or, with `None`, as long as
    /// the core that has to make it is stuck: until it reads or ends, or the broker is closed. For
    /// threads; on a core it would wait for itself.
    ///
    /// With a store that blocks, it waits for that. If the store has not been given the event by the deadline,
    /// the event is taken back; otherwise it is under way, and what becomes of it is waited for: as long as the
    /// store takes to answer, and then up to 5 s for a ring that is stuck, or 20 s for one that moves and has no
    /// room for the event.
    ///
    /// # Errors
    /// As [`Broker::publish`], with [`Refusal::Full`] only once the deadline has passed, and then it is not
    /// stored; [`Refusal::Busy`] at once where waiting would block a core.
    ///
    /// ```
    /// use headwater_sse::{Event, Hub};
    /// use std::time::{Duration, Instant};
    ///
    /// let news = Hub::new().broker("news").build();
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// let published = news.publish_wait(Event::data("hello"), Some(deadline))?;
    /// assert_eq!(published.event.len(), "data: hello\n\n".len());
    /// # Ok::<(), headwater_sse::PublishError>(())
    /// ```
    pub fn publish_wait(
        &self,
        event: impl Into<Event>,
        deadline: Option<Instant>,
    ) -> Result<Published, PublishError> {
        let event = PreparedEvent::new(&event.into());
        if let Some(sequencer) = self.sequencer().filter(|_| !on_core::is_core()) {
            self.check(&event)?;
            let full = || Err(PublishError::new(Refusal::Full, event.clone()));
            let queued = block_on_until(sequencer.queue(&self.shared, &event), deadline);
            let Some(queued) = queued else { return full() };
            let mut queued = queued?;
            let outcome = block_on_until(queued.outcome(&event), deadline);
            return match outcome {
                Some(outcome) => outcome,
                None if queued.take_back() => full(),
                None => block_on(queued.outcome(&event)),
            };
        }
        loop {
            match self.publish_prepared(&event) {
                Err(error) if error.refusal() == Refusal::Full => {
                    if on_core::is_core() {
                        return Err(PublishError::new(Refusal::Busy, event));
                    }
                    let (ring, weight) = (&self.shared.hub.ring, self.shared.weight(&event));
                    if !ring.wait_for_room_unless(|| self.is_closed(), weight, deadline) {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// Publishes an event, and waits for room in the ring, as [`Broker::publish_wait`] does. For tasks;
    /// on a core, too. Dropping the future ends the wait, and publishes nothing, unless a store that blocks was
    /// given the event already.
    ///
    /// # Errors
    /// As [`Broker::publish`], with [`Refusal::Full`] only where 4,096 tasks wait already.
    ///
    /// ```
    /// use headwater_sse::{Broker, Event, PublishError};
    ///
    /// /// However fast the lines come, the slowest core has room for each.
    /// async fn publish_all(news: &Broker, lines: Vec<String>) -> Result<(), PublishError> {
    ///     for line in lines {
    ///         news.publish_async(Event::data(line)).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn publish_async(&self, event: impl Into<Event>) -> Result<Published, PublishError> {
        let event = PreparedEvent::new(&event.into());
        if let Some(sequencer) = self.sequencer() {
            self.check(&event)?;
            return sequencer.publish(&self.shared, &event).await;
        }
        loop {
            match self.publish_prepared(&event) {
                Err(error) if error.refusal() == Refusal::Full => {
                    let mut room = pin!(self.shared.hub.ring.room(self.shared.weight(&event)));
                    let room = poll_fn(|context| match room.as_mut().poll(context) {
                        // After it is among those who are told of it.
                        Poll::Pending if self.is_closed() => Poll::Ready(Ok(())),
                        polled => polled,
                    });
                    if room.await.is_err() {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// Publishes an event without waiting for anything, and without being told its id where the broker has
    /// a store that blocks. An event that is refused by that store later is counted
    /// ([`ReplayStats::refused`](crate::ReplayStats::refused)).
    ///
    /// # Errors
    /// As [`Broker::publish`], and [`Refusal::Busy`] only if too many wait for the store.
    pub fn publish_later(&self, event: impl Into<Event>) -> Result<(), PublishError> {
        let event = PreparedEvent::new(&event.into());
        if let Some(sequencer) = self.sequencer() {
            self.check(&event)?;
            return sequencer.enqueue(&self.shared, &event);
        }
        self.publish_prepared(&event).map(drop)
    }
}
