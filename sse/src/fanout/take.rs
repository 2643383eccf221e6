//! From the hubs' rings into the logs: takes events in the hub's order, leaves those of brokers
//! without a subscriber here, and writes each topic's share in one piece. Bounded per call, and
//! stands still while the logs are full: then the ring fills, and publishers are told.

use super::stream::{Stream, number};
use super::subscribe::SubscribeError;
use super::topic::Topic;
use super::{Blocks, Fanout, Framing};
use crate::broker::BrokerShared;
use crate::hub::{Entry, Hub, HubShared};
use crate::prepared::PreparedEvent;
use crate::ring::{Reader, Ring};
use slab::Slab;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Events taken from one hub in one go.
const TAKE_EVENTS: usize = 1024;
/// Bytes of them.
const TAKE_BYTES: usize = 256 * 1024;
/// Bytes in all logs together above which nothing is taken.
const LOG_BYTES: u64 = 4 * 1024 * 1024;
/// A topic of no more subscribers than this has its events sent from their own bytes: the copy would be
/// made for nobody else.
const FEW: usize = 2;
/// As long as there are no more events than this at a time: each is two pieces more for a system call.
const FEW_EVENTS: u32 = 3;
/// No topic.
pub(super) const NONE: u32 = u32::MAX;

/// One hub that this core reads.
pub(super) struct Joined {
    pub(super) hub: Arc<HubShared>,
    pub(super) reader: Reader<Entry>,
    /// The hub's count of closings that was looked at.
    pub(super) closings: u64,
    /// Closed brokers with topics here whose last events are still to be read.
    pub(super) ending: Vec<u64>,
}

/// Which topics a broker has here, one per framing, by the broker's number.
pub(super) type Index = HashMap<u64, [u32; 2], BuildHasherDefault<Spread>>;

/// Numbers of brokers are handed out in sequence: spreading them is all the hashing they need.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        // 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// Events on their way from ring to logs, chained per topic.
#[derive(Default)]
pub(super) struct Scratch {
    taken: Vec<Taken>,
    topics: Vec<u32>,
}

/// A topic's events in the list: the first, the last, and how many.
pub(super) struct Chain {
    first: u32,
    last: u32,
    len: u32,
}

struct Taken {
    position: u64,
    event: PreparedEvent,
    next: u32,
}

impl Fanout {
    /// Reads a hub from now on. Hubs are joined when their first stream subscribes, too.
    ///
    /// # Errors
    /// [`SubscribeError::TooManyCores`]: as many cores as a hub can serve read it already.
    pub fn join(&mut self, hub: &Hub) -> Result<(), SubscribeError> {
        self.join_shared(&hub.shared).map(drop)
    }

    /// Reads the hub of this broker from now on.
    ///
    /// # Errors
    /// As [`Fanout::join`].
    pub fn join_hub_of(&mut self, broker: &crate::Broker) -> Result<(), SubscribeError> {
        self.join_shared(&broker.shared.hub).map(drop)
    }

    /// Which of `hubs` it is.
    pub(super) fn join_shared(&mut self, hub: &Arc<HubShared>) -> Result<usize, SubscribeError> {
        if let Some(at) = self.hubs.iter().position(|joined| Arc::ptr_eq(&joined.hub, hub)) {
            return Ok(at);
        }
        let closings = hub.closings.load(Ordering::Acquire);
        let reader =
            Ring::join(&hub.ring, self.wake.clone()).map_err(|_| SubscribeError::TooManyCores)?;
        hub.watch(&self.snapshot);
        self.hubs.push(Joined { hub: hub.clone(), reader, closings, ending: Vec::new() });
        Ok(self.hubs.len() - 1)
    }

    /// Takes published events into the logs. Returns how many were looked at.
    pub fn absorb(&mut self) -> usize {
        let mut seen = 0;
        for at in 0..self.hubs.len() {
            if self.log_bytes < LOG_BYTES {
                seen += self.take(at);
                self.write_taken();
            }
            self.end_closed(at);
        }
        if self.hubs.len() > 1 {
            // Another hub is first next time: a busy one may leave the logs no room for others.
            self.hubs.rotate_left(1);
        }
        seen
    }

    /// The last look before sleeping: false if a hub has something. After it, publishers wake the
    /// core until [`Fanout::awake`].
    pub fn prepare_sleep(&mut self) -> bool {
        self.tell_stalled_changes();
        self.hubs.iter_mut().all(|joined| {
            // In this order: a broker closed after the look wakes a reader that is asleep.
            joined.reader.prepare_sleep()
                && joined.hub.closings.load(Ordering::Acquire) == joined.closings
        })
    }

    /// Ends what [`Fanout::prepare_sleep`] began.
    pub fn awake(&mut self) {
        self.hubs.iter_mut().for_each(|joined| joined.reader.awake());
    }

    fn take(&mut self, at: usize) -> usize {
        let Self { hubs, topics, index, scratch, .. } = self;
        let mut bytes = 0;
        hubs[at].reader.take(TAKE_EVENTS, |position, entry| {
            let pair = index.get(&entry.broker.id).filter(|_| !entry.event.is_empty());
            // Nobody's, or the place of an event that a store refused.
            let Some(&pair) = pair else { return ControlFlow::Continue(()) };
            for topic in pair.into_iter().filter(|&topic| topic != NONE) {
                scratch.add(topic, &mut topics[topic as usize], position, &entry.event);
            }
            bytes += entry.event.len();
            if bytes < TAKE_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }

    fn write_taken(&mut self) {
        let Self { topics, streams, scratch, blocks, ready, log_bytes, .. } = self;
        for index in scratch.topics.drain(..) {
            let topic = &mut topics[index as usize];
            let before = topic.log.len();
            let events = write_topic(index, topic, &scratch.taken, blocks, streams);
            let missed = events * topic.dropping.len() as u64;
            if missed > 0 {
                topic.broker.counts.dropped.fetch_add(missed, Ordering::Relaxed);
            }
            if topic.live.is_empty() {
                topic.release(topic.log.tail());
            } else if !topic.circle.queued {
                topic.circle.queued = true;
                topic.circle.begin(topic.log.tail(), topic.live.len());
                ready.push_back(index);
            }
            *log_bytes = *log_bytes + topic.log.len() - before;
        }
        scratch.taken.clear();
    }

    /// The topic of a broker for streams framed so, made if need be for events from `since` on.
    pub(super) fn topic(
        &mut self,
        broker: &Arc<BrokerShared>,
        framing: Framing,
        since: u64,
    ) -> u32 {
        let pair = self.index.entry(broker.id).or_insert([NONE; 2]);
        let known = &mut pair[framing as usize];
        if *known == NONE {
            *known = number(self.topics.insert(Topic::new(broker.clone(), framing, since)));
        }
        *known
    }

    /// The topic of a broker, if it has one here.
    pub(super) fn known_topic(&self, broker: &BrokerShared, framing: Framing) -> Option<u32> {
        let index = self.index.get(&broker.id)?[framing as usize];
        (index != NONE).then_some(index)
    }

    /// Forgets a topic without subscribers. One that waits for its turn in a round is forgotten
    /// then, so that the list of those never names another.
    pub(super) fn drop_topic_if_unused(&mut self, index: u32) {
        let topic = &self.topics[index as usize];
        if !topic.is_unused() || topic.circle.queued {
            return;
        }
        let topic = self.topics.remove(index as usize);
        if let Some(pair) = self.index.get_mut(&topic.broker.id) {
            pair[topic.framing as usize] = NONE;
            if *pair == [NONE; 2] {
                self.index.remove(&topic.broker.id);
            }
        }
        self.log_bytes -= topic.log.len();
    }
}

impl Scratch {
    fn add(&mut self, index: u32, topic: &mut Topic, position: u64, event: &PreparedEvent) {
        if position < topic.since {
            return;
        }
        let at = number(self.taken.len());
        self.taken.push(Taken { position, event: event.clone(), next: NONE });
        match &mut topic.taken {
            Some(Chain { last, len, .. }) => {
                self.taken[*last as usize].next = at;
                *last = at;
                *len += 1;
            }
            none => {
                *none = Some(Chain { first: at, last: at, len: 1 });
                self.topics.push(index);
            }
        }
    }
}

/// Writes a topic's share of what was taken. Returns how many events that was.
fn write_topic(
    index: u32,
    topic: &mut Topic,
    taken: &[Taken],
    blocks: &mut Blocks,
    streams: &Slab<Stream>,
) -> u64 {
    let Some(Chain { first: mut at, len, .. }) = topic.taken.take() else { return 0 };
    let direct = topic.live.len() <= FEW && len <= FEW_EVENTS;
    while let Some(Taken { position, event, next }) = taken.get(at as usize) {
        if topic.is_awaited(*position) {
            // The log's tail must be where this event begins.
            blocks.finish(&mut topic.log);
            topic.begin_late(index, *position, streams);
        }
        let id = (topic.broker.limits.ids && !event.has_id()).then_some(position + 1);
        blocks.event(&mut topic.log, topic.framing, id, event, direct);
        at = *next;
    }
    blocks.finish(&mut topic.log);
    u64::from(len)
}
