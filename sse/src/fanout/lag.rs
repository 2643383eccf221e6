//! Decides what becomes of a subscriber that cannot be served at once.
//!
//! A subscriber lags only once its socket has refused bytes. What that attempt left over is owed
//! whole (a short send is normal on a real network); what is published after that is owed within
//! the broker's limits, and past them the slow policy applies, once per episode. A stream that is
//! owed something but was not refused is only waiting for its turn.

use super::Fanout;
use super::log::Log;
use super::owed::{Owed, owe};
use super::stream::Place;
use crate::broker::Limits;
use std::sync::atomic::Ordering;

impl Fanout {
    /// A subscriber that is owed something gets the news of a topic added, within its limits.
    pub(super) fn owe_news(&mut self, index: u32, stream: u32) {
        let Some(place) = self.streams[stream as usize].subscriptions.find(index) else { return };
        let missed = self.owe_log(stream, place);
        if missed > 0 {
            let topic = &mut self.topics[index as usize];
            topic.start_dropping(place, topic.log.events() - missed, &mut self.streams);
        }
    }

    /// Moves what the log has for a live subscriber into what its stream is owed. Returns how many
    /// events were dropped instead.
    pub(super) fn owe_log(&mut self, stream: u32, place: Place) -> u64 {
        let topic = &mut self.topics[place.topic as usize];
        let live = &mut topic.live[place.position as usize];
        let (from, tail) = (live.cursor, topic.log.tail());
        // A late subscriber's cursor is past any tail.
        if from >= tail {
            return 0;
        }
        live.cursor = tail;
        let owed = self.streams[stream as usize].owed();
        let limits = &topic.broker.limits;
        let room = self.owed_limit.saturating_sub(self.owed_bytes);
        let (to, missed) =
            if owed.is_refused() { admit(&topic.log, from, owed, limits, room) } else { (tail, 0) };
        self.owed_bytes += owe(&topic.log, from, to, owed);
        if missed > 0 {
            owed.compact();
            topic.broker.counts.dropped.fetch_add(missed, Ordering::Relaxed);
        }
        missed
    }

    /// The socket of a live subscriber took its log up to `reached`, of an attempt up to `offered`.
    /// True if the rest is too much for the core, and the limits are to decide about it.
    pub(super) fn refused(
        &mut self,
        stream: u32,
        place: Place,
        reached: u64,
        offered: u64,
    ) -> bool {
        let topic = &mut self.topics[place.topic as usize];
        let tail = topic.log.tail();
        let room = self.owed_limit.saturating_sub(self.owed_bytes) as u64;
        let to = if tail - reached <= room { tail } else { offered };
        topic.live[place.position as usize].cursor = to;
        let stream = &mut self.streams[stream as usize];
        stream.blocked = true;
        let owed = stream.owed();
        self.owed_bytes += owe(&topic.log, reached, to, owed);
        owed.refuse();
        to < tail
    }
}

/// Up to where a log's events from `from` on may be owed, and how many may not. The oldest go
/// first; one event is always let in where none is owed.
fn admit(log: &Log, from: u64, owed: &Owed, limits: &Limits, room: usize) -> (u64, u64) {
    let (mut to, mut taken) = (from, 0usize);
    let (mut events, mut bytes) = (owed.events(), owed.bytes());
    let mut ends = log.ends(from, log.tail());
    while let Some(end) = ends.next() {
        // `to` is below `end`, and both are in a log of this process's memory.
        let len = usize::try_from(end - to).expect("an event fits into memory");
        let fits = events < limits.events
            && bytes.saturating_add(len) <= limits.bytes
            && taken.saturating_add(len) <= room;
        if !fits && events > 0 {
            return (to, 1 + ends.len() as u64);
        }
        (to, events, bytes, taken) = (end, events + 1, bytes + len, taken + len);
    }
    (to, 0)
}
