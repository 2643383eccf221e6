//! Settings of one broker.

use super::Broker;
use crate::hub::HubShared;
use std::sync::Arc;

/// Events that a slow subscriber may be owed.
const BUFFER_EVENTS: usize = 64;
/// Bytes that a slow subscriber may be owed.
const BUFFER_BYTES: usize = 1024 * 1024;

/// What becomes of a subscriber whose buffer is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// Newer events are dropped, and counted, until what is owed has left; then the subscriber goes
    /// on with the newest.
    #[default]
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) ids: bool,
}

/// Settings of a [`Broker`], from [`crate::Hub::broker`].
#[derive(Clone)]
#[must_use]
pub struct BrokerBuilder {
    hub: Arc<HubShared>,
    id: u64,
    name: Arc<str>,
    events: Option<usize>,
    bytes: Option<usize>,
    policy: SlowPolicy,
    ids: bool,
}

impl BrokerBuilder {
    pub(crate) fn new(hub: Arc<HubShared>, id: u64, name: Arc<str>) -> Self {
        Self { hub, id, name, events: None, bytes: None, policy: SlowPolicy::Drop, ids: true }
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
        self.policy = policy;
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
        let SlowPolicy::Drop = self.policy;
        let limits = Limits { events: self.events.unwrap_or(BUFFER_EVENTS), bytes, ids: self.ids };
        Broker::new(self.hub, self.id, self.name, limits)
    }
}
