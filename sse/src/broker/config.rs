//! Settings of one broker.

use super::Broker;
use super::asker::{Asker, OnSlowSubscriber, Start, default_concurrency, start_thread};
use super::journal::{Journal, Times};
use crate::client::Client;
use crate::hub::HubShared;
use crate::keeper::{STORE_QUEUE, StoreFailure};
use crate::prepared::PreparedEvent;
use crate::replay::{ReplayStore, Scope};
use std::sync::Arc;
#[cfg(test)]
use std::time::Duration;

/// Events that a slow subscriber may be owed.
const BUFFER_EVENTS: usize = 64;
/// Bytes that a slow subscriber may be owed.
const BUFFER_BYTES: usize = 1024 * 1024;

/// What becomes of a subscriber whose buffer is full.
///
/// ```
/// use headwater_sse::{Hub, SlowPolicy};
///
/// let hub = Hub::new();
/// // Of positions the newest counts; who misses an order must start anew.
/// let positions = hub.broker("positions").slow_policy(SlowPolicy::DropOldest).build();
/// let orders = hub.broker("orders").slow_policy(SlowPolicy::Close).build();
/// # let _ = (positions, orders);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// Newer events are dropped, and counted, until what is owed has left; then the subscriber goes
    /// on with the newest.
    #[default]
    Drop,
    /// The oldest events that have not begun to leave are dropped, and counted, so that it is owed
    /// the newest.
    DropOldest,
    /// Its subscription ends; its client goes on, unless nothing else feeds it.
    Remove,
    /// Its stream ends, with [`crate::Disconnect::Slow`]: at once, as its socket takes no more.
    Close,
}

/// What decides about slow subscribers.
#[derive(Clone)]
pub(crate) enum OnSlow {
    Policy(SlowPolicy),
    Ask(Arc<Asker>),
}

pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) ids: bool,
    pub(crate) on_slow: OnSlow,
}

/// Settings of a [`Broker`], from [`crate::Hub::broker`].
///
/// ```
/// use headwater_sse::{Hub, SlowPolicy};
///
/// let prices = Hub::new()
///     .broker("prices")
///     .subscriber_buffer(256)
///     .subscriber_buffer_bytes(64 * 1024)
///     .slow_policy(SlowPolicy::Remove)
///     .ids(false)
///     .build();
/// assert_eq!(prices.name(), "prices");
/// ```
#[derive(Clone)]
#[must_use]
pub struct BrokerBuilder {
    hub: Arc<HubShared>,
    id: u64,
    name: Arc<str>,
    events: Option<usize>,
    bytes: Option<usize>,
    policy: Option<SlowPolicy>,
    callback: Option<Arc<OnSlowSubscriber>>,
    concurrency: Option<usize>,
    start: Start,
    ids: bool,
    store: Option<Arc<dyn ReplayStore>>,
    scope: Option<Scope>,
    store_failure: StoreFailure,
    store_queue: usize,
    times: Times,
}

impl BrokerBuilder {
    pub(crate) fn new(hub: Arc<HubShared>, id: u64, name: Arc<str>) -> Self {
        Self {
            hub,
            id,
            name,
            events: None,
            bytes: None,
            policy: None,
            callback: None,
            concurrency: Some(default_concurrency()),
            start: start_thread,
            ids: true,
            store: None,
            scope: None,
            store_failure: StoreFailure::default(),
            store_queue: STORE_QUEUE,
            times: Times::default(),
        }
    }

    /// How many events a subscriber may be owed once its socket has refused bytes; then the slow
    /// policy applies. Default 64. Setting it lifts the limit in bytes, unless that is set too.
    ///
    /// What was published before the socket refused is owed whole, unless the slow subscribers of
    /// its core are owed too much together (256 MiB); and one event is always let in when none is
    /// owed. These limits decide about what is published after that.
    pub fn subscriber_buffer(mut self, events: usize) -> Self {
        self.events = Some(events);
        self
    }

    /// How many bytes, frames included, a subscriber may be owed. Default 1 MiB.
    pub fn subscriber_buffer_bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// What becomes of a subscriber whose buffer is full. Default [`SlowPolicy::Drop`], and with a store
    /// [`SlowPolicy::Close`]: the client comes back and is given what it missed.
    pub fn slow_policy(mut self, policy: SlowPolicy) -> Self {
        (self.policy, self.callback) = (Some(policy), None);
        self
    }

    /// Asks `decide` about a subscriber whose buffer is full, in place of a policy: once for each
    /// time that it becomes so before it has caught up, on a thread for that. Neither publishers
    /// nor cores wait for it; until it answers, newer events are dropped for that subscriber.
    ///
    /// It sees the first event that is dropped as the subscriber would have seen it, with its id.
    /// What it answers is carried out even if the subscriber has caught up by then. If it panics,
    /// that is counted ([`Broker::callback_panics`]), and the subscriber stays as it is. Where no
    /// thread can be started, that is counted ([`Broker::callbacks_skipped`]), and events are dropped
    /// until the subscriber has caught up.
    ///
    /// ```
    /// use headwater_sse::{Hub, SlowPolicy};
    ///
    /// let news = Hub::new()
    ///     .broker("news")
    ///     .on_slow_subscriber(|client, _event| match client.dropped_events() {
    ///         1000.. => SlowPolicy::Close,
    ///         _ => SlowPolicy::DropOldest,
    ///     })
    ///     .build();
    /// # let _ = news;
    /// ```
    pub fn on_slow_subscriber(
        mut self,
        decide: impl Fn(&Client, &PreparedEvent) -> SlowPolicy + Send + Sync + 'static,
    ) -> Self {
        self.callback = Some(Arc::new(decide));
        self
    }

    /// How many calls of [`BrokerBuilder::on_slow_subscriber`] may run at a time, each on a thread
    /// of its own: 1 at least, `None` for as many as there are to make. Default four times the
    /// number of cores.
    pub fn slow_concurrency(mut self, calls: impl Into<Option<usize>>) -> Self {
        self.concurrency = calls.into().map(|calls| calls.max(1));
        self
    }

    /// Starts the threads of the callback in another way.
    #[cfg(test)]
    pub(crate) fn start_threads(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Whether events without an id of their own get one, their place in the hub's order.
    /// Default yes.
    pub fn ids(mut self, assign: bool) -> Self {
        self.ids = assign;
        self
    }

    /// Keeps every event in a store before it is sent, and sends it with the id that the store gave it in
    /// place of its own: clients that come back with that id are given what they missed
    /// ([`Broker::subscribe_from`]). The store is asked with the scope of
    /// [`replay_scope`](Self::replay_scope); one broker at a time should append to a scope, since what
    /// others append is replayed and not sent at once: it goes before what the broker appends next.
    ///
    /// A store in memory is asked in place, under a lock of the broker's. One that
    /// [blocks](ReplayStore::blocks) is asked on threads of the broker's, one that appends and up to two that
    /// read for streams that come back; they are started as they are needed, and end after 10 s without
    /// work. Publishing then waits for the store where a thread or a task does, and is
    /// [`Refusal::Busy`](super::Refusal::Busy) on a core. Such a store's ids have to be numbers: an event that
    /// gets another is one that the store did not take ([`StoreFailure`]), though it may be there.
    ///
    /// What such a store has taken is published. If the hub has no room for it, for 5 s in which no core
    /// makes any or for 20 s in all, it is sent from the store, in its place, once there is room. What the store no longer keeps by then, be
    /// it the broker's or what others appended, is passed over: live streams are not told, and go on with the
    /// oldest event that is kept; [`ReplayStats::passed_over`](crate::ReplayStats::passed_over) counts it.
    ///
    /// ```
    /// use headwater_sse::{Event, Hub, replay::RingBuffer};
    /// use std::sync::Arc;
    ///
    /// let chat = Hub::new().broker("chat").replay(Arc::new(RingBuffer::new(1000))).build();
    /// let published = chat.publish(Event::data("hello"))?;
    /// assert_eq!(published.event.id(), Some(published.id));
    /// # Ok::<(), headwater_sse::PublishError>(())
    /// ```
    pub fn replay(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// What the broker's events are kept under. Default [`Scope::topic`] of the broker's name.
    pub fn replay_scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// What becomes of events that the store does not take. Default [`StoreFailure::Refuse`].
    pub fn store_failure(mut self, then: StoreFailure) -> Self {
        self.store_failure = then;
        self
    }

    /// How many events may wait for a store that blocks: 1 at least, 1,024 by default; and 16 MiB of them, or
    /// one event. Past that, threads and tasks that publish wait for their turn, and
    /// [`Broker::publish_later`] is [`Refusal::Busy`](super::Refusal::Busy).
    pub fn store_queue(mut self, events: usize) -> Self {
        self.store_queue = events.max(1);
        self
    }

    /// Has patience for other times with a store that blocks.
    #[cfg(test)]
    pub(crate) fn patience(mut self, room: Duration, answer: Duration, idle: Duration) -> Self {
        self.times = Times { room, answer, idle };
        self
    }

    /// Makes the broker.
    pub fn build(self) -> Broker {
        let bytes = match (self.events, self.bytes) {
            (_, Some(bytes)) => bytes,
            (Some(_), None) => usize::MAX,
            (None, None) => BUFFER_BYTES,
        };
        let on_slow = match self.callback {
            Some(decide) => OnSlow::Ask(Arc::new(Asker::new(decide, self.concurrency, self.start))),
            None => OnSlow::Policy(self.policy.unwrap_or(match self.store {
                Some(_) => SlowPolicy::Close,
                None => SlowPolicy::Drop,
            })),
        };
        let events = self.events.unwrap_or(BUFFER_EVENTS);
        // Those of a store are the events' own.
        let ids = self.ids && self.store.is_none();
        let limits = Limits { events, bytes, ids, on_slow };
        let journal = self.store.map(|store| {
            let scope = self.scope.unwrap_or_else(|| Scope::topic(&self.name));
            Journal::new(store, scope, self.store_failure, self.store_queue, self.times)
        });
        Broker::new(self.hub, self.id, self.name, limits, journal)
    }
}
