//! One broker on one core: its log, and who gets it. Holds the lists of subscribers and keeps every
//! stream's note of its place in them true. What is sent when is decided in `round`.

use super::Framing;
use super::gap::Gap;
use super::log::Log;
use super::stream::{List, Place, Stream, number};
use super::take::Chain;
use crate::broker::BrokerShared;
use crate::id::EventId;
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;

/// The cursor of a subscriber whose first event is still in the ring, behind others.
pub(super) const LATE: u64 = u64::MAX;

/// A subscriber that gets events.
pub(super) struct Live {
    pub(super) stream: u32,
    /// In two halves, since it would have to be padded as one.
    cursor: [u32; 2],
}

impl Live {
    fn new(stream: u32, cursor: u64) -> Self {
        let mut live = Self { stream, cursor: [0; 2] };
        live.move_to(cursor);
        live
    }

    /// Everything before this offset was sent to it, or is in what its stream is owed.
    pub(super) fn cursor(&self) -> u64 {
        let [low, high] = self.cursor;
        u64::from(high) << 32 | u64::from(low)
    }

    #[allow(clippy::cast_possible_truncation, reason = "each half is one")]
    pub(super) fn move_to(&mut self, cursor: u64) {
        self.cursor = [cursor as u32, (cursor >> 32) as u32];
    }
}

/// A subscriber that gets nothing until what its stream was owed then has left.
pub(super) struct Dropping {
    pub(super) stream: u32,
    /// The end of that, in bytes that have left.
    pub(super) until: u64,
    /// The first event it did not get.
    pub(super) since_event: u64,
    /// The id of the last event before, if the client is told of gaps.
    pub(super) last_id: Option<EventId>,
    /// What it missed before this event is in its client's count.
    pub(super) counted: u64,
}

/// A live subscriber that came while earlier events were still in the ring.
struct Late {
    stream: u32,
    /// Its first event is the first from this position of the ring on.
    position: u64,
}

pub(super) struct Topic {
    pub(super) broker: Arc<BrokerShared>,
    pub(super) framing: Framing,
    pub(super) log: Log,
    pub(super) live: Vec<Live>,
    pub(super) dropping: Vec<Dropping>,
    /// By position.
    late: VecDeque<Late>,
    /// Events before this position of the ring are from before all subscriptions.
    pub(super) since: u64,
    pub(super) circle: Circle,
    /// Events taken from the ring in this phase.
    pub(super) taken: Option<Chain>,
    /// How many subscribers are told of gaps.
    pub(super) noticing: u32,
    /// The last id of an event that the log has released, while anybody is to be told.
    released_id: Option<Box<EventId>>,
}

/// One way around the live subscribers. It is over when all were looked at and none moved.
#[derive(Default)]
pub(super) struct Circle {
    /// Waiting in the core's list of topics with something to send.
    pub(super) queued: bool,
    /// The next subscriber to look at.
    pub(super) position: usize,
    /// How many were looked at.
    pub(super) visited: usize,
    /// Somebody left or was not served to the end: look at all again.
    pub(super) disturbed: bool,
    /// The tail when the circle began: all of the log before it may go when it is over.
    pub(super) target: u64,
}

impl Circle {
    /// Starts to look at everybody, `len` of them. Not where the last circle started, or the same
    /// would always be last: about the golden section further on spreads the starts evenly.
    pub(super) fn begin(&mut self, tail: u64, len: usize) {
        self.target = tail;
        // Odd: with as many as a power of two, too, each is first at times.
        let step = (len * 5 / 8) | 1;
        self.position = (self.position + step) % len.max(1);
        self.again();
    }

    /// Looks at everybody once more.
    pub(super) fn again(&mut self) {
        self.visited = 0;
        self.disturbed = false;
    }
}

impl Topic {
    pub(super) fn new(broker: Arc<BrokerShared>, framing: Framing, since: u64) -> Self {
        Self {
            broker,
            framing,
            log: Log::default(),
            live: Vec::new(),
            dropping: Vec::new(),
            late: VecDeque::new(),
            since,
            circle: Circle::default(),
            taken: None,
            noticing: 0,
            released_id: None,
        }
    }

    pub(super) fn is_unused(&self) -> bool {
        self.live.is_empty() && self.dropping.is_empty()
    }

    /// Forgets the log before `offset`, which ends an event.
    pub(super) fn release(&mut self, offset: u64) {
        // While nobody is to be told, it is not kept up, and is none that anybody may be told later.
        let last_id = if self.noticing > 0 { self.id_before(offset) } else { None };
        self.released_id = last_id.map(Box::new);
        self.log.release(offset);
    }

    /// The id of the last event that ends at `offset` or before, as far as that is known.
    pub(super) fn id_before(&self, offset: u64) -> Option<EventId> {
        self.log.id_before(offset, self.framing).or_else(|| self.released_id.as_deref().cloned())
    }

    /// Adds a subscriber that gets what is appended from now on.
    pub(super) fn join(&mut self, me: u32, stream: u32) -> Place {
        let place = Place::new(me, self.live.len(), List::Live);
        self.live.push(Live::new(stream, self.log.tail()));
        place
    }

    /// Adds a subscriber that gets what has this position in the ring, or a later one. Earlier
    /// events are still to be appended.
    pub(super) fn join_late(&mut self, me: u32, stream: u32, position: u64) -> Place {
        let place = self.join(me, stream);
        self.live[place.position as usize].move_to(LATE);
        let at = self.late.partition_point(|late| late.position <= position);
        self.late.insert(at, Late { stream, position });
        self.since = self.since.min(position);
        place
    }

    /// Whether somebody's first event is the one at `position`, which is appended next.
    pub(super) fn is_awaited(&self, position: u64) -> bool {
        self.late.front().is_some_and(|late| late.position <= position)
    }

    /// Gives those who wait for `position` the next event as their first.
    pub(super) fn begin_late(&mut self, me: u32, position: u64, streams: &Slab<Stream>) {
        while let Some(late) = self.late.pop_front_if(|late| late.position <= position) {
            if let Some(place) = streams[late.stream as usize].subscriptions.find(me) {
                self.live[place.position as usize].move_to(self.log.tail());
            }
        }
        if self.late.is_empty() {
            self.late = VecDeque::new();
        }
    }

    /// Takes the subscriber at `place` out. Returns what it is missing.
    pub(super) fn leave(&mut self, place: Place, streams: &mut Slab<Stream>) -> Option<Gap> {
        let at = place.position as usize;
        match place.list {
            List::Live => {
                let left = self.live.swap_remove(at);
                if left.cursor() == LATE {
                    self.late.retain(|late| late.stream != left.stream);
                }
                self.circle.disturbed = true;
                if let Some(moved) = self.live.get(at) {
                    note(streams, moved.stream, place);
                }
                None
            }
            List::Dropping => {
                let missed = self.count_missed(at, streams);
                let left = self.dropping.swap_remove(at);
                if let Some(moved) = self.dropping.get(at) {
                    note(streams, moved.stream, place);
                }
                Some(Gap { broker: self.broker.id, missed, last: left.last_id })
            }
        }
    }

    /// The subscriber gets nothing from the last `missed` events of the log on.
    pub(super) fn start_dropping(&mut self, place: Place, missed: u64, streams: &mut Slab<Stream>) {
        let stream = self.live[place.position as usize].stream;
        self.leave(place, streams);
        let since_event = self.log.events() - missed;
        let notice = streams[stream as usize].config.gap_notice.is_some();
        let first = self.log.event(since_event).filter(|_| notice);
        let last_id = first.and_then(|first| self.id_before(first.start));
        let position = number(self.dropping.len());
        let until = streams[stream as usize].owed().end();
        self.dropping.push(Dropping { stream, until, since_event, last_id, counted: since_event });
        note(streams, stream, Place { position, list: List::Dropping, ..place });
    }

    /// The subscriber goes on at the tail. Returns what it missed.
    pub(super) fn stop_dropping(
        &mut self,
        place: Place,
        streams: &mut Slab<Stream>,
    ) -> Option<Gap> {
        let stream = self.dropping[place.position as usize].stream;
        let gap = self.leave(place, streams);
        let joined = self.join(place.topic, stream);
        note(streams, stream, joined);
        gap
    }

    /// Brings the count of a dropping subscriber's client up to date. Returns how many events the
    /// subscriber has missed since it began to drop.
    pub(super) fn count_missed(&mut self, at: usize, streams: &Slab<Stream>) -> u64 {
        let (events, dropping) = (self.log.events(), &mut self.dropping[at]);
        if let Some(client) = &streams[dropping.stream as usize].client {
            client.count_dropped(events - dropping.counted);
            dropping.counted = events;
        }
        events - dropping.since_event
    }
}

/// Corrects a stream's note of where it stands in a topic.
fn note(streams: &mut Slab<Stream>, stream: u32, place: Place) {
    if let Some(noted) =
        streams.get_mut(stream as usize).and_then(|s| s.subscriptions.get_mut(place.topic))
    {
        (noted.position, noted.list) = (place.position, place.list);
    }
}
