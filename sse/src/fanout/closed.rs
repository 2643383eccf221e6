//! How brokers end on this core: the streams of a closed broker get what was published before the
//! close, and are then let go. Costs nothing for brokers that have no streams here.

use super::stream::Life;
use super::take::NONE;
use super::{Disconnect, Fanout};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Fanout {
    /// Ends the topics of closed brokers, once the events from before the close are in the logs.
    pub(super) fn end_closed(&mut self, at: usize) {
        self.note_closings(at);
        if self.hubs[at].ending.is_empty() {
            return;
        }
        let position = self.hubs[at].reader.position();
        for broker in std::mem::take(&mut self.hubs[at].ending) {
            let pair = self.index.get(&broker).copied().unwrap_or([NONE; 2]);
            let mut later = false;
            for topic in pair.into_iter().filter(|&topic| topic != NONE) {
                let end = self.topics[topic as usize].broker.closed_at();
                if end.is_some_and(|end| end <= position) {
                    self.end_topic(topic);
                } else {
                    later = true;
                }
            }
            if later {
                self.hubs[at].ending.push(broker);
            }
        }
    }

    /// Learns which brokers with a topic here were closed since the last look.
    fn note_closings(&mut self, at: usize) {
        let joined = &mut self.hubs[at];
        if joined.hub.closings.load(Ordering::Acquire) == joined.closings {
            return;
        }
        let (closings, brokers) = joined.hub.closed_since(joined.closings);
        joined.closings = closings;
        if let Some(mut brokers) = brokers {
            brokers.retain(|broker| self.index.contains_key(broker));
            joined.ending.append(&mut brokers);
        } else {
            // Too many to have been remembered: look at all topics.
            let closed = self.topics.iter().map(|(_, topic)| &topic.broker).filter(|broker| {
                Arc::ptr_eq(&broker.hub, &joined.hub) && broker.closed_at().is_some()
            });
            joined.ending = closed.map(|broker| broker.id).collect();
        }
    }

    fn end_topic(&mut self, index: u32) {
        let topic = &self.topics[index as usize];
        let broker = topic.broker.clone();
        let streams: Vec<u32> = (topic.live.iter().map(|s| s.stream))
            .chain(topic.dropping.iter().map(|s| s.stream))
            .collect();
        for stream in streams {
            self.unsubscribe_index(stream, &broker);
            let ended = &self.streams[stream as usize];
            if ended.config.ends_with_brokers
                && ended.life == Life::Open
                && ended.subscriptions.as_slice().is_empty()
            {
                self.close_stream(stream, Disconnect::BrokerClosed);
            }
        }
    }
}
