//! Joining and leaving topics. A subscriber's first event is decided here, by its place in the ring;
//! what was appended while it was subscribed stays owed to it, also when it leaves in the middle of
//! a round.

use super::Fanout;
use super::stream::{Life, List, Place, StreamId};
use crate::broker::{Broker, BrokerShared};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A stream cannot receive a broker's events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The stream has ended.
    StreamOver,
    /// The broker was closed.
    BrokerClosed,
    /// More cores than a hub can serve read it already.
    TooManyCores,
}

impl std::fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::StreamOver => "the stream has ended",
            Self::BrokerClosed => "the broker is closed",
            Self::TooManyCores => "too many cores read this hub already",
        })
    }
}

impl std::error::Error for SubscribeError {}

impl Fanout {
    /// Lets the stream receive what is published from now on, and nothing from before. Events come
    /// once, however often it is subscribed.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe(&mut self, id: StreamId, broker: &Broker) -> Result<(), SubscribeError> {
        self.subscribe_shared(id, &broker.shared, None, 0)
    }

    /// Subscribes to what has this position in the ring, or a later one; by default, to what is
    /// published from now on. What the core has read already is past. `number` counts the client's
    /// subscriptions.
    pub(super) fn subscribe_shared(
        &mut self,
        id: StreamId,
        broker: &Arc<BrokerShared>,
        position: Option<u64>,
        number: u32,
    ) -> Result<(), SubscribeError> {
        let open = self.get(id).filter(|stream| stream.life == Life::Open);
        let framing = open.ok_or(SubscribeError::StreamOver)?.framing;
        let at = self.join_shared(&broker.hub)?;
        // After joining: a close that this look misses is one that the core has yet to notice.
        if broker.closed_at().is_some() {
            return Err(SubscribeError::BrokerClosed);
        }
        let position = position.unwrap_or_else(|| broker.hub.ring.tail());
        let topic = self.topic(broker, framing, position);
        let stream = &mut self.streams[id.index as usize];
        if let Some(place) = stream.subscriptions.get_mut(topic) {
            place.times = place.times.saturating_add(1);
        } else {
            let joined = &mut self.topics[topic as usize];
            joined.noticing += u32::from(stream.config.gap_notice.is_some());
            let place = if self.hubs[at].reader.position() < position {
                joined.join_late(topic, id.index, position)
            } else {
                joined.join(topic, id.index)
            };
            stream.subscriptions.push(Place { first: number, ..place });
            broker.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes back one subscription.
    pub(super) fn unsubscribe(&mut self, id: StreamId, broker: &BrokerShared, number: u32) {
        let Some(framing) = self.get(id).map(|stream| stream.framing) else { return };
        let Some(topic) = self.known_topic(broker, framing) else { return };
        let subscriptions = &mut self.streams[id.index as usize].subscriptions;
        match subscriptions.get_mut(topic) {
            // The broker has ended that membership, and this one is another. Numbers may wrap.
            Some(place) if number.wrapping_sub(place.first) > u32::MAX / 2 => {}
            Some(place) if place.times > 1 => place.times -= 1,
            Some(_) => self.unsubscribe_index(id.index, broker),
            None => {}
        }
    }

    /// Ends all subscriptions to one broker.
    pub(super) fn unsubscribe_index(&mut self, index: u32, broker: &BrokerShared) {
        let stream = &self.streams[index as usize];
        let topic = self.known_topic(broker, stream.framing);
        if let Some(place) = topic.and_then(|topic| stream.subscriptions.find(topic)) {
            self.owe_the_rest(index, place);
            self.leave(index, place);
        }
    }

    pub(super) fn unsubscribe_all(&mut self, index: u32) {
        while let Some(&place) = self.streams[index as usize].subscriptions.as_slice().last() {
            self.owe_the_rest(index, place);
            self.leave(index, place);
        }
    }

    /// What the log still has for a live subscriber becomes owed.
    fn owe_the_rest(&mut self, index: u32, place: Place) {
        if place.list == List::Live {
            let missed = self.owe_log(index, place);
            if let Some(client) = &self.streams[index as usize].client {
                client.count_dropped(missed);
            }
            self.enqueue(index);
        }
    }

    /// Takes the stream out of a topic, whatever the log still has for it.
    pub(super) fn leave(&mut self, index: u32, place: Place) {
        let topic = &mut self.topics[place.topic as usize];
        topic.leave(place, &mut self.streams);
        let left = &self.streams[index as usize];
        topic.noticing -= u32::from(left.config.gap_notice.is_some());
        topic.broker.counts.subscribers.fetch_sub(1, Ordering::Relaxed);
        self.streams[index as usize].subscriptions.remove(place.topic);
        self.drop_topic_if_unused(place.topic);
    }
}
