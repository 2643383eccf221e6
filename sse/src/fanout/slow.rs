//! Carries out what a broker's slow policy says about a subscriber past its limits, or asks the
//! broker's callback, which answers from a thread that is no core. Until then events are dropped.

use super::owed::Of;
use super::stream::{Asked, Life, List, Place, Stream, StreamId};
use super::{Disconnect, Fanout};
use crate::broker::{Ask, BrokerShared, OnSlow, SlowPolicy};
use crate::prepared::PreparedEvent;
use bytes::Bytes;
use std::sync::Arc;

impl Fanout {
    /// A live subscriber misses the last `missed` events of its log, for which it has no room.
    pub(super) fn past_limits(&mut self, stream: u32, place: Place, missed: u64) {
        let Self { topics, streams, .. } = self;
        let topic = &mut topics[place.topic as usize];
        topic.start_dropping(place, missed, streams);
        match &topic.broker.limits.on_slow {
            &OnSlow::Policy(policy) => {
                self.apply(stream, place.topic, policy);
            }
            OnSlow::Ask(asker) if place.asked == Asked::No => {
                let (asker, broker, log) = (asker.clone(), topic.broker.clone(), &topic.log);
                // What was just read from the ring is in the log.
                let event = log.event(log.events() - missed).expect("an event that was just read");
                let event: Bytes = log.unframed(event, topic.framing).collect();
                let client = self.client(self.id(stream));
                let (event, first) = (PreparedEvent::from_bytes(event), place.first);
                if asker.ask(Ask { client, event, broker, first }) {
                    self.place_mut(stream, place.topic, |place| place.asked = Asked::Waiting);
                }
            }
            OnSlow::Ask(_) => {}
        }
    }

    /// The callback of a broker has answered.
    pub(super) fn answer(
        &mut self,
        id: StreamId,
        broker: &BrokerShared,
        first: u32,
        policy: SlowPolicy,
    ) {
        let Some(stream) = self.get(id).filter(|stream| stream.life == Life::Open) else { return };
        let framing = stream.framing;
        let Some(topic) = self.known_topic(broker, framing) else { return };
        let place = self.streams[id.index as usize].subscriptions.find(topic);
        // It may have left in the meantime, and joined again.
        if place.is_some_and(|place| place.first == first && place.asked == Asked::Waiting) {
            self.place_mut(id.index, topic, |place| place.asked = Asked::No);
            self.apply(id.index, topic, policy);
        }
    }

    /// Does with a subscriber what the policy says.
    fn apply(&mut self, stream: u32, topic: u32, policy: SlowPolicy) {
        match policy {
            SlowPolicy::Drop => {}
            SlowPolicy::DropOldest => {
                let place = self.streams[stream as usize].subscriptions.find(topic);
                if let Some(place) = place.filter(|place| place.list == List::Dropping) {
                    self.resume(stream, place);
                    self.place_mut(stream, topic, |place| place.asked = Asked::DropOldest);
                }
            }
            SlowPolicy::Remove => {
                let broker: Arc<BrokerShared> = self.topics[topic as usize].broker.clone();
                self.unsubscribe_index(stream, &broker);
                let removed = &self.streams[stream as usize];
                if removed.config.ends_with_brokers && removed.subscriptions.as_slice().is_empty() {
                    self.end_slow(stream);
                }
            }
            SlowPolicy::Close => self.end_slow(stream),
        }
    }

    /// The stream has caught up: an episode of slowness is over.
    pub(super) fn end_episodes(&mut self, stream: u32) {
        let places = self.streams[stream as usize].subscriptions.as_slice();
        let slow =
            |place: &&Place| place.list == List::Dropping || place.asked == Asked::DropOldest;
        let slow: Vec<Place> = places.iter().filter(slow).copied().collect();
        for place in slow {
            if place.list == List::Dropping {
                self.resume(stream, place);
            }
            if place.asked == Asked::DropOldest {
                self.place_mut(stream, place.topic, |place| place.asked = Asked::No);
            }
        }
    }

    /// Some of what a stream is owed has left. Subscribers go on for which that was all that it was owed
    /// when they began to drop: what others have sent it since may go on without end.
    pub(super) fn end_drops(&mut self, stream: u32) {
        let Stream { subscriptions, owed: Some(owed), .. } = &self.streams[stream as usize] else {
            return;
        };
        let has_ended = |place: &&Place| {
            let topic = &self.topics[place.topic as usize];
            place.list == List::Dropping
                && topic.dropping[place.position as usize].until <= owed.left_bytes()
        };
        let ended: Vec<Place> =
            subscriptions.as_slice().iter().filter(has_ended).copied().collect();
        for place in ended {
            self.resume(stream, place);
        }
    }

    /// A subscriber that dropped events goes on at the tail, and is told what it missed.
    fn resume(&mut self, stream: u32, place: Place) {
        let gap = self.topics[place.topic as usize].stop_dropping(place, &mut self.streams);
        let resumed = &mut self.streams[stream as usize];
        if let Some(gap) = gap
            && let Some(notice) = gap.framed(resumed.framing, &resumed.config)
        {
            self.owed_bytes += notice.len();
            resumed.owed().push(Of::Notice(Box::new(gap)), notice);
            self.enqueue(stream);
        }
    }

    /// Ends the stream of a client that is too slow: in order where its socket takes bytes,
    /// otherwise at once, because that order would never come.
    pub(super) fn end_slow(&mut self, stream: u32) {
        if self.streams[stream as usize].blocked {
            self.finish(stream, Disconnect::Slow, true);
        } else {
            self.close_stream(stream, Disconnect::Slow);
        }
    }

    fn place_mut(&mut self, stream: u32, topic: u32, change: impl FnOnce(&mut Place)) {
        self.streams[stream as usize].subscriptions.get_mut(topic).map(change);
    }
}
