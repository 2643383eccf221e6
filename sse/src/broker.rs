//! Brokers: what they are, who is subscribed, what they count, how they end. Publishing is in `publish`;
//! delivery is the fan-out's business.

use crate::client::{Client, Subscription};
use crate::fanout::Laggard;
use crate::hub::HubShared;
use crate::id::EventId;
use crate::keeper::{ID_LINE_BYTES, ReplayStats};
use crate::prepared::PreparedEvent;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

mod asker;
mod config;
mod error;
mod journal;
mod publish;

pub(crate) use asker::Ask;
pub use config::{BrokerBuilder, SlowPolicy};
pub(crate) use config::{Limits, OnSlow};
pub use error::{PublishError, Refusal};
use journal::Sequencer;
pub(crate) use journal::{Cursor, Journal, Splice};

/// Fans events out to its subscribers. Cheap to clone; all clones are the same broker.
///
/// ```
/// use headwater_sse::{Event, Hub};
///
/// let news = Hub::new().broker("news").build();
/// let published = news.publish(Event::data("hello"))?;
/// assert_eq!(published.id.to_string(), "1");
/// assert_eq!(news.subscriber_count(), 0);
/// # Ok::<(), headwater_sse::PublishError>(())
/// ```
#[derive(Clone)]
pub struct Broker {
    pub(crate) shared: Arc<BrokerShared>,
}

pub(crate) struct BrokerShared {
    pub(crate) id: u64,
    pub(crate) hub: Arc<HubShared>,
    pub(crate) name: Arc<str>,
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    pub(crate) journal: Option<Journal>,
    closed: AtomicBool,
    /// Events before this position of the ring are still delivered after the close.
    closed_at: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) subscribers: AtomicUsize,
    pub(crate) published: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// An event that was taken.
///
/// ```
/// use headwater_sse::{Event, Hub};
///
/// let hub = Hub::new();
/// let (news, archive) = (hub.broker("news").build(), hub.broker("archive").build());
/// let published = news.publish(Event::data("hello"))?;
/// let again = archive.publish_prepared(&published.event)?;
/// assert_eq!((published.id, again.id), (1.into(), 2.into()));
/// # Ok::<(), headwater_sse::PublishError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Published {
    /// The id that the broker gave it: its place in the order of the hub, from 1. An event that
    /// brought an id of its own keeps that on the wire.
    ///
    /// Of a broker with a store, the id that the store gave it, on the wire, too; its place in the order of
    /// the hub, and none on the wire, if it was [sent without](crate::StoreFailure::SendWithoutId).
    pub id: EventId,
    /// The event, to publish again elsewhere without formatting it again.
    pub event: PreparedEvent,
}

impl Broker {
    pub(crate) fn new(
        hub: Arc<HubShared>,
        id: u64,
        name: Arc<str>,
        limits: Limits,
        journal: Option<Journal>,
    ) -> Self {
        let shared = BrokerShared {
            id,
            hub,
            name,
            limits,
            counts: Counts::default(),
            journal,
            closed: AtomicBool::new(false),
            closed_at: AtomicU64::new(u64::MAX),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The name given to [`crate::Hub::broker`].
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether both are the same broker: one is a clone of the other. Names need not be unique.
    ///
    /// ```
    /// # let hub = headwater_sse::Hub::new();
    /// let (news, more) = (hub.broker("news").build(), hub.broker("news").build());
    /// assert!(news.same_broker(&news.clone()) && !news.same_broker(&more));
    /// ```
    pub fn same_broker(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// What became of events and the broker's store, if it has one.
    pub fn replay_stats(&self) -> Option<ReplayStats> {
        self.shared.journal.as_ref().map(Journal::stats)
    }

    /// Lets a client receive what is published from now on, until the subscription is dropped.
    /// A client that is subscribed more than once gets each event once, until the last of its
    /// subscriptions is dropped. Subscribing to a closed broker, or a client that left, does nothing.
    ///
    /// On the client's own core, where its handler runs, this holds for every event. A subscription
    /// from another thread begins when that core hears of it.
    ///
    /// ```
    /// use headwater_sse::{Broker, Client, Disconnect, Event};
    ///
    /// async fn follow(client: Client, news: Broker) -> Disconnect {
    ///     let _subscribed = news.subscribe(&client);
    ///     client.closed().await
    /// }
    /// ```
    pub fn subscribe(&self, client: &Client) -> Subscription {
        client.subscribe(self)
    }

    /// Streams subscribed at this moment.
    pub fn subscriber_count(&self) -> usize {
        self.shared.counts.subscribers.load(Ordering::Relaxed)
    }

    /// Events taken so far.
    pub fn published(&self) -> u64 {
        self.shared.counts.published.load(Ordering::Relaxed)
    }

    /// Events that slow subscribers did not get so far, counted once per subscriber.
    pub fn dropped_events(&self) -> u64 {
        self.shared.counts.dropped.load(Ordering::Relaxed)
    }

    /// Whether it keeps its events in a store, so that clients can be given what they missed.
    pub fn has_store(&self) -> bool {
        self.shared.journal.is_some()
    }

    /// Whether a callback decides about slow subscribers, so that their streams should know whose they are.
    pub fn has_slow_callback(&self) -> bool {
        matches!(self.shared.limits.on_slow, OnSlow::Ask(_))
    }

    /// Panics of the callback that decides about slow subscribers.
    pub fn callback_panics(&self) -> u64 {
        match &self.shared.limits.on_slow {
            OnSlow::Ask(asker) => asker.panics(),
            OnSlow::Policy(_) => 0,
        }
    }

    /// How often the callback that decides about slow subscribers could not be asked, because no thread
    /// could be started for it: events were dropped then.
    pub fn callbacks_skipped(&self) -> u64 {
        match &self.shared.limits.on_slow {
            OnSlow::Ask(asker) => asker.skipped(),
            OnSlow::Policy(_) => 0,
        }
    }

    /// The `n` subscribers that lag most: those with the most events missed and owed come first.
    /// Read from what the cores noted a moment ago, without stopping them. Streams without a handler
    /// that were first refused bytes less than a second ago are not noted.
    ///
    /// ```
    /// # let news = headwater_sse::Hub::new().broker("news").build();
    /// for who in news.slowest(10) {
    ///     let (missed, since) = (who.missed, who.since.elapsed());
    ///     println!("{:?} has missed {missed} events in {since:?}", who.client.peer_addr());
    /// }
    /// ```
    pub fn slowest(&self, n: usize) -> Vec<Laggard> {
        let mut all = Vec::new();
        self.for_each_laggard(|who| all.push(who.clone()));
        all.sort_by_key(|who| {
            let events = who.missed.saturating_add(who.owed_events as u64);
            Reverse((events, who.owed_bytes))
        });
        all.truncate(n);
        all
    }

    /// Shows all subscribers that lag, in no order and without copying them, from what
    /// [`slowest`](Broker::slowest) reads: for figures over all of them. No core waits meanwhile, but none
    /// of those shown can note anything new, so `look` should be quick. It must not ask this broker who lags.
    ///
    /// ```
    /// # let news = headwater_sse::Hub::new().broker("news").build();
    /// let mut owed_bytes = 0;
    /// news.for_each_laggard(|who| owed_bytes += who.owed_bytes);
    /// assert_eq!(owed_bytes, 0, "nobody lags");
    /// ```
    pub fn for_each_laggard(&self, look: impl FnMut(&Laggard)) {
        self.shared.hub.show_laggards(self.shared.id, look);
    }

    /// Events of its hub, of all brokers there, that some core has still to read: see [`crate::Hub::backlog`].
    pub fn hub_backlog(&self) -> usize {
        self.shared.hub.ring.len()
    }

    /// Ends every subscription once what was published before has been delivered, and refuses new
    /// events and subscribers. Closing twice does nothing.
    ///
    /// With a store that blocks, events that wait for it were published before: they are stored and delivered
    /// still, and whoever waits for their outcome is told it. Until then streams go on. If the hub has no room
    /// for one of them for 5 s, because a core is stuck, or for 20 s in all, or the store cannot be read again
    /// then, the streams end without those that could not be sent, which are in the store.
    ///
    /// ```
    /// use headwater_sse::{Event, Hub, Refusal};
    ///
    /// let news = Hub::new().broker("news").build();
    /// news.publish(Event::data("goodbye"))?;
    /// news.close();
    /// let late = news.publish(Event::data("one more thing")).unwrap_err();
    /// assert_eq!(late.refusal(), Refusal::Closed);
    /// # Ok::<(), headwater_sse::PublishError>(())
    /// ```
    pub fn close(&self) {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let sequencer = self.shared.journal.as_ref().and_then(Journal::sequencer);
        // Otherwise that does it, when it has sent what it was given.
        if !sequencer.is_some_and(Sequencer::close) {
            self.shared.end();
        }
    }

    /// Whether [`Broker::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
}

impl BrokerShared {
    /// Ends its subscriptions with what is in the ring now.
    fn end(&self) {
        self.closed_at.store(self.hub.ring.tail(), Ordering::Release);
        self.hub.note_closing(self.id);
    }

    /// What an event takes of the ring: with the id of a store, where there is one. Whoever waits for room
    /// waits for as much as is claimed then.
    pub(crate) fn weight(&self, event: &PreparedEvent) -> u64 {
        let id_line = if self.journal.is_some() { ID_LINE_BYTES } else { 0 };
        (event.len() + id_line) as u64
    }

    /// Where in the ring the broker ended: `None` while it is open.
    pub(crate) fn closed_at(&self) -> Option<u64> {
        Some(self.closed_at.load(Ordering::Acquire)).filter(|&at| at != u64::MAX)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("name", &self.name())
            .field("subscribers", &self.subscriber_count())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
