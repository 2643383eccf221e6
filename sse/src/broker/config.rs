//! Settings of one broker.

use super::Broker;
use super::asker::{Asker, OnSlowSubscriber, Start, default_concurrency, start_thread};
use crate::client::Client;
use crate::hub::HubShared;
use crate::prepared::PreparedEvent;
use std::sync::Arc;

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
    policy: SlowPolicy,
    callback: Option<Arc<OnSlowSubscriber>>,
    concurrency: Option<usize>,
    start: Start,
    ids: bool,
}

impl BrokerBuilder {
    pub(crate) fn new(hub: Arc<HubShared>, id: u64, name: Arc<str>) -> Self {
        Self {
            hub,
            id,
            name,
            events: None,
            bytes: None,
            policy: SlowPolicy::Drop,
            callback: None,
            concurrency: Some(default_concurrency()),
            start: start_thread,
            ids: true,
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

    /// What becomes of a subscriber whose buffer is full. Default [`SlowPolicy::Drop`].
    pub fn slow_policy(mut self, policy: SlowPolicy) -> Self {
        (self.policy, self.callback) = (policy, None);
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

    /// Makes the broker.
    pub fn build(self) -> Broker {
        let bytes = match (self.events, self.bytes) {
            (_, Some(bytes)) => bytes,
            (Some(_), None) => usize::MAX,
            (None, None) => BUFFER_BYTES,
        };
        let on_slow = match self.callback {
            Some(decide) => OnSlow::Ask(Arc::new(Asker::new(decide, self.concurrency, self.start))),
            None => OnSlow::Policy(self.policy),
        };
        let events = self.events.unwrap_or(BUFFER_EVENTS);
        let limits = Limits { events, bytes, ids: self.ids, on_slow };
        Broker::new(self.hub, self.id, self.name, limits)
    }
}
