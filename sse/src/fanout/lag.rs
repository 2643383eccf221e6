//! Decides what becomes of a subscriber that cannot be served at once.
//!
//! A subscriber lags only once its socket has refused bytes. What that attempt left over is owed
//! whole (a short send is normal on a real network); what is published after that is owed within
//! the broker's limits, and past them the slow policy applies, once per episode (see `slow`). A
//! stream that is owed something but was not refused is only waiting for its turn.

use super::Fanout;
use super::gap::Gap;
use super::log::Log;
use super::owed::{Owed, owe};
use super::stream::{Asked, Place};
use super::topic::Topic;
use crate::broker::{Limits, OnSlow, SlowPolicy};
use std::sync::atomic::Ordering;

/// Bytes copied in one round, about, for streams that stay stuck.
const COMPACT_BYTES: usize = 1024 * 1024;

impl Fanout {
    /// A subscriber that is owed something gets the news of a topic added, within its limits.
    pub(super) fn owe_news(&mut self, index: u32, stream: u32) {
        // It may have ended a moment ago, as a subscriber of another topic.
        let Some(stood) = self.streams.get(stream as usize) else { return };
        let Some(place) = stood.subscriptions.find(index) else { return };
        let missed = self.owe_log(stream, place);
        if missed > 0 {
            self.past_limits(stream, place, missed);
        }
    }

    /// Moves what the log has for a live subscriber into what its stream is owed. Returns how many
    /// of the newest events were dropped instead.
    pub(super) fn owe_log(&mut self, stream: u32, place: Place) -> u64 {
        let topic = &mut self.topics[place.topic as usize];
        let live = &mut topic.live[place.position as usize];
        let (from, tail) = (live.cursor(), topic.log.tail());
        // A late subscriber's cursor is past any tail.
        if from >= tail {
            return 0;
        }
        live.move_to(tail);
        let topic = &self.topics[place.topic as usize];
        let index = stream;
        let stream = &mut self.streams[index as usize];
        let notice = stream.config.gap_notice.is_some();
        let owed = stream.owed.get_or_insert_default();
        let mut stays_stuck = false;
        if owed.refused.is_none() {
            self.owed_bytes += owe(topic, from, tail, owed, notice);
            return 0;
        }
        let limits = &topic.broker.limits;
        let others = self.owed_bytes - owed.bytes();
        let brokers = self.owed_bytes - self.own_bytes - owed.bytes_beside_own();
        let room = self.owed_limit.saturating_sub(brokers);
        let drops_oldest = matches!(limits.on_slow, OnSlow::Policy(SlowPolicy::DropOldest));
        let (from, to, missed) = if drops_oldest || place.asked == Asked::DropOldest {
            let (from, gap) = thin_out(topic, from, owed, room, notice);
            if let Some(gap) = gap {
                topic.broker.counts.dropped.fetch_add(gap.missed, Ordering::Relaxed);
                if let Some(client) = &stream.client {
                    client.count_dropped(gap.missed);
                }
                stays_stuck = owed.is_to_compact();
                owed.notice(gap, |gap| gap.framed(stream.framing, &stream.config));
            }
            (from, tail, 0)
        } else {
            let (to, missed) = admit(&topic.log, from, owed, limits, room);
            (from, to, missed)
        };
        owe(topic, from, to, owed, notice);
        if missed > 0 {
            stays_stuck = owed.is_to_compact();
            topic.broker.counts.dropped.fetch_add(missed, Ordering::Relaxed);
        }
        self.owed_bytes = others + owed.bytes();
        if stays_stuck {
            self.compacting.push_back(index);
        }
        missed
    }

    /// Gives some of the streams that stay stuck memory of their own. True if there are more: many get
    /// stuck with the same event, and copying what all of them are owed would keep everybody waiting.
    pub(super) fn compact_some(&mut self) -> bool {
        let mut left = COMPACT_BYTES;
        while left > 0 {
            let Some(stream) = self.compacting.pop_front() else { return false };
            // It may have ended, or be owed nothing any more; another in its place has a turn of its own.
            let owed = self.streams.get_mut(stream as usize).and_then(|stood| stood.owed.as_mut());
            left = left.saturating_sub(owed.map_or(0, |owed| owed.compact()));
        }
        !self.compacting.is_empty()
    }

    /// The socket of a live subscriber took its log up to `reached`, of an attempt up to `offered`.
    /// True if the rest is too much for the core, and the limits are to decide about it.
    #[cold]
    pub(super) fn refused(
        &mut self,
        stream: u32,
        place: Place,
        reached: u64,
        offered: u64,
    ) -> bool {
        let topic = &mut self.topics[place.topic as usize];
        let tail = topic.log.tail();
        let room = self.owed_limit.saturating_sub(self.owed_bytes - self.own_bytes) as u64;
        let to = if tail - reached <= room { tail } else { offered };
        topic.live[place.position as usize].move_to(to);
        let refusing = &mut self.streams[stream as usize];
        refusing.blocked = true;
        let notice = refusing.config.gap_notice.is_some();
        let owed = refusing.owed.get_or_insert_default();
        self.owed_bytes += owe(&self.topics[place.topic as usize], reached, to, owed, notice);
        self.note_refused(stream);
        to < tail
    }
}

/// Up to where a log's events from `from` on may be owed, and how many may not. The oldest go
/// first; one event is always let in where none is owed. Clients' own events, which have limits
/// of their own, take no broker's room.
fn admit(log: &Log, from: u64, owed: &Owed, limits: &Limits, room: usize) -> (u64, u64) {
    let (mut to, mut events, mut bytes) = (from, owed.broker_events(), owed.bytes_beside_own());
    let mut ends = log.ends(from, log.tail());
    while let Some(end) = ends.next() {
        // `to` is below `end`, and both are in a log of this process's memory.
        let len = usize::try_from(end - to).expect("an event fits into memory");
        bytes = bytes.saturating_add(len);
        let fits = events < limits.events && bytes <= limits.bytes && bytes <= room;
        if !fits && events > 0 {
            return (to, 1 + ends.len() as u64);
        }
        (to, events) = (end, events + 1);
    }
    (to, 0)
}

/// Drops a topic's oldest events, of what is owed first and then of its log from `from` on, until
/// the rest may be owed. Returns where that begins, and what is missing then.
fn thin_out(
    topic: &Topic,
    mut from: u64,
    owed: &mut Owed,
    room: usize,
    notice: bool,
) -> (u64, Option<Gap>) {
    let (log, limits, broker) = (&topic.log, &topic.broker.limits, topic.broker.id);
    let mut ends = log.ends(from, log.tail());
    let mut gap: Option<Gap> = None;
    loop {
        // In a log of this process's memory.
        let new = usize::try_from(log.tail() - from).expect("a log fits into memory");
        let events = owed.broker_events() + ends.len();
        let bytes = owed.bytes_beside_own().saturating_add(new);
        let fits = events <= limits.events && bytes <= limits.bytes && bytes <= room;
        // One is always let in where none is owed.
        if fits || events <= 1 {
            return (from, gap);
        }
        let last = if let Some(dropped) = owed.drop_oldest(broker) {
            dropped.before
        } else {
            let Some(end) = ends.next() else { return (from, gap) };
            let first = notice && gap.is_none();
            let before = first.then(|| topic.id_before(from)).flatten();
            from = end;
            before
        };
        match &mut gap {
            Some(gap) => gap.missed += 1,
            none => *none = Some(Gap { broker, missed: 1, last }),
        }
    }
}
