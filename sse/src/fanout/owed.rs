//! What one stream is owed: bytes its socket has not taken yet, in the order they must leave,
//! and which of them are events. Exists only while there is something to send; decides nothing
//! about slow streams (see `lag`).
//!
//! A unit (an event, the response head, a heartbeat, the terminal chunk) that was begun is always
//! finished first, because there is only this one queue.

mod compact;

use super::gap::Gap;
use super::topic::Topic;
use crate::id::EventId;
use bytes::Bytes;
use std::time::Instant;
use std::{collections::VecDeque, io::IoSlice};

/// Parts up to this size are copied out of the log instead of keeping a whole block alive.
const COPY_BELOW: usize = 4 * 1024;
/// Larger parts stay references even when the rest is compacted.
const KEEP_ABOVE: usize = 16 * 1024;
/// What is not in a log is in pieces of about this size, each freed with the last event of it that leaves.
pub(super) const RUN: usize = 16 * 1024;
/// Slices offered to one send.
const SLICES: usize = 64;

#[derive(Default)]
pub(super) struct Owed {
    parts: VecDeque<Bytes>,
    units: VecDeque<Unit>,
    /// Bytes of `units[0]` that have left already.
    begun: usize,
    bytes: usize,
    events: usize,
    /// Events that the client sends itself, and their bytes.
    own: usize,
    own_bytes: usize,
    /// Bytes that have left since the stream was last owed nothing.
    left_bytes: u64,
    /// Since when the socket has refused bytes, if it has since the stream was last owed nothing:
    /// before that it is not slow, only not served yet.
    pub(super) refused: Option<Instant>,
    /// Its place in the core's list of streams that were refused.
    pub(super) seat: u32,
    /// Of a stream that is ending: how much was owed when its time for that began anew.
    pub(super) mark: Option<usize>,
    memory: Memory,
}

/// Whose memory the parts are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Memory {
    /// Some may be blocks of a log.
    #[default]
    Shared,
    /// They are to become its own: none that is added is a block.
    Due,
    Own,
}

struct Unit {
    len: usize,
    of: Of,
    /// Of a broker's event, where the client is told of gaps: the id of the one before it.
    before: Option<EventId>,
}

/// What a unit is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Of {
    /// No event.
    Other,
    /// An event that the client sends itself.
    Own,
    /// An event of the broker with this number.
    Broker(u64),
    /// The notice of a gap.
    Notice(Box<Gap>),
}

/// Events that left completely.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Left {
    pub(super) events: usize,
    /// Of these, those that the client sent itself.
    pub(super) own: usize,
}

/// An event that was taken out.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Dropped {
    /// The id of the one before it, as far as that is known.
    pub(super) before: Option<EventId>,
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes not sent yet.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Events not sent completely.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Events that the client sends itself, not sent completely.
    pub(super) fn own_events(&self) -> usize {
        self.own
    }

    /// Whether an event is among them that the client sends itself.
    pub(super) fn has_own(&self) -> bool {
        self.own > 0
    }

    /// Events of brokers not sent completely.
    pub(super) fn broker_events(&self) -> usize {
        self.events - self.own
    }

    /// Bytes of the client's own events that are not sent yet.
    pub(super) fn bytes_of_own(&self) -> usize {
        let begun = self.units.front().filter(|unit| unit.of == Of::Own).map_or(0, |_| self.begun);
        self.own_bytes - begun
    }

    /// The other bytes not sent yet.
    pub(super) fn bytes_beside_own(&self) -> usize {
        self.bytes - self.bytes_of_own()
    }

    /// How many bytes will have left, since the stream was last owed nothing, when all of this has that
    /// is not dropped.
    pub(super) fn end(&self) -> u64 {
        self.left_bytes + self.bytes as u64
    }

    /// Bytes that have left since the stream was last owed nothing.
    pub(super) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Adds a whole unit.
    pub(super) fn push(&mut self, of: Of, bytes: Bytes) {
        self.push_unit(bytes.len(), of, None);
        self.push_part(bytes);
    }

    /// The same of bytes that were allocated for it, and keep nothing else alive.
    pub(super) fn push_allocated(&mut self, of: Of, bytes: Bytes) {
        self.push_unit(bytes.len(), of, None);
        self.push_allocated_part(bytes);
    }

    /// Adds events of the client's own, of these lengths, with bytes that were allocated for them.
    pub(super) fn push_own(&mut self, bytes: Bytes, lens: &[usize]) {
        debug_assert_eq!(bytes.len(), lens.iter().sum::<usize>(), "all of it is events");
        for &len in lens {
            self.push_unit(len, Of::Own, None);
        }
        self.push_allocated_part(bytes);
    }

    /// Adds something that is no event before all else, of which nothing has left yet.
    pub(super) fn push_front(&mut self, bytes: Bytes) {
        debug_assert_eq!(self.begun, 0, "a begun unit is finished first");
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.units.push_front(Unit { len: bytes.len(), of: Of::Other, before: None });
            self.parts.push_front(bytes);
        }
    }

    /// Says that the next `len` bytes of the parts to come are one unit.
    fn push_unit(&mut self, len: usize, of: Of, before: Option<EventId>) {
        if len > 0 {
            self.events += usize::from(matches!(of, Of::Own | Of::Broker(_)));
            if of == Of::Own {
                self.own += 1;
                self.own_bytes += len;
            }
            self.units.push_back(Unit { len, of, before });
        }
    }

    /// Adds bytes of the units announced.
    fn push_part(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len();
        let shares = self.memory == Memory::Shared;
        let copied = bytes.len() <= if shares { COPY_BELOW } else { KEEP_ABOVE };
        self.parts.push_back(if copied { Bytes::copy_from_slice(&bytes) } else { bytes });
    }

    fn push_allocated_part(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.parts.push_back(bytes);
        }
    }

    pub(super) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) -> usize {
        out.extend(self.parts.iter().take(SLICES).map(|part| IoSlice::new(part)));
        self.parts.iter().take(SLICES).map(Bytes::len).sum()
    }

    /// Takes `n` bytes off the front. Returns what left completely with them.
    pub(super) fn sent(&mut self, n: usize) -> Left {
        debug_assert!(n <= self.bytes, "a socket cannot take more than it was offered");
        self.bytes -= n;
        self.left_bytes += n as u64;
        let mut rest = n;
        while rest > 0 {
            let Some(part) = self.parts.front_mut() else { break };
            let cut = rest.min(part.len());
            bytes::Buf::advance(part, cut);
            rest -= cut;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
        self.begun += n;
        let mut left = Left::default();
        while let Some(unit) = self.units.front().filter(|unit| unit.len <= self.begun) {
            self.begun -= unit.len;
            left.events += usize::from(matches!(unit.of, Of::Own | Of::Broker(_)));
            if unit.of == Of::Own {
                left.own += 1;
                self.own_bytes -= unit.len;
            }
            self.units.pop_front();
        }
        self.own -= left.own;
        self.events -= left.events;
        left
    }

    /// Takes out the oldest event of a broker that has not begun to leave, if there is one.
    pub(super) fn drop_oldest(&mut self, broker: u64) -> Option<Dropped> {
        let at = self.find(|of| *of == Of::Broker(broker))?;
        self.events -= 1;
        Some(Dropped { before: self.take_out(at).before })
    }

    /// Puts the notice of a gap, which `write` spells, before all events of its broker that have not
    /// begun to leave, in one with the notice that is there already.
    pub(super) fn notice(&mut self, mut gap: Gap, write: impl Fn(&Gap) -> Option<Bytes>) {
        let broker = gap.broker;
        let noted = |of: &Of| matches!(of, Of::Notice(noted) if noted.broker == broker);
        let at = self.find(|of| noted(of) || *of == Of::Broker(broker));
        let at = at.unwrap_or(self.units.len());
        if self.units.get(at).is_some_and(|unit| noted(&unit.of))
            && let Of::Notice(earlier) = self.take_out(at).of
        {
            gap = Gap { missed: earlier.missed + gap.missed, ..*earlier };
        }
        let Some(bytes) = write(&gap) else { return };
        let part = self.part_at(self.offset(at));
        self.bytes += bytes.len();
        let of = Of::Notice(Box::new(gap));
        self.units.insert(at, Unit { len: bytes.len(), of, before: None });
        self.parts.insert(part, bytes);
    }

    /// The first unit like this of those that have not begun to leave.
    fn find(&self, wanted: impl Fn(&Of) -> bool) -> Option<usize> {
        let begun = usize::from(self.begun > 0);
        self.units.iter().skip(begun).position(|unit| wanted(&unit.of)).map(|at| at + begun)
    }

    /// How many bytes leave before a unit that has not begun.
    fn offset(&self, at: usize) -> usize {
        self.units.range(..at).map(|unit| unit.len).sum::<usize>() - self.begun
    }

    /// Takes a unit out that has not begun to leave, and its bytes.
    fn take_out(&mut self, at: usize) -> Unit {
        let offset = self.offset(at);
        // Whoever calls this has found it there.
        let unit = self.units.remove(at).expect("a unit that exists");
        let first = self.part_at(offset);
        let last = self.part_at(offset + unit.len);
        self.parts.drain(first..last);
        self.bytes -= unit.len;
        unit
    }

    /// The number of the part that begins at this offset; makes one begin there.
    fn part_at(&mut self, offset: usize) -> usize {
        let mut before = 0;
        for at in 0..self.parts.len() {
            if before == offset {
                return at;
            }
            let len = self.parts[at].len();
            if offset < before + len {
                let rest = self.parts[at].split_off(offset - before);
                self.parts.insert(at + 1, rest);
                return at + 1;
            }
            before += len;
        }
        self.parts.len()
    }
}

/// Adds the events of a topic from `from`, which may lie inside one, to `to`, which ends one.
/// Returns the number of bytes.
pub(super) fn owe(topic: &Topic, from: u64, to: u64, owed: &mut Owed, notice: bool) -> usize {
    let (before, log, broker) = (owed.bytes(), &topic.log, topic.broker.id);
    let mut at = from;
    let mut id = notice.then(|| topic.id_before(from)).flatten();
    for end in log.ends(from, to) {
        // Both offsets lie in a log that is in memory.
        let mut len = usize::try_from(end - at).expect("an event fits into memory");
        if at == from && owed.is_empty() {
            // An event of which a part has left is not to be dropped any more.
            owed.begun = usize::try_from(from - log.start_of(from)).expect("as above");
            len += owed.begun;
        }
        owed.push_unit(len, Of::Broker(broker), id.clone());
        if notice {
            id = log.id(log.start_of(at)..end, topic.framing).or(id);
        }
        at = end;
    }
    log.shared(from..to).for_each(|part| owed.push_part(part));
    owed.bytes() - before
}

#[cfg(test)]
mod tests;
