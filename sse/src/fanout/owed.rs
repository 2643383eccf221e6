//! What one stream is owed: bytes its socket has not taken yet, in the order they must leave,
//! and which of them are events. Exists only while there is something to send; decides nothing
//! about slow streams (see `lag`).
//!
//! A unit (an event, the response head, a heartbeat, the terminal chunk) that was begun is always
//! finished first, because there is only this one queue.

use super::log::Log;
use bytes::{Bytes, BytesMut};
use std::{collections::VecDeque, io::IoSlice};

/// Parts up to this size are copied out of the log instead of keeping a whole block alive.
const COPY_BELOW: usize = 4 * 1024;
/// Larger parts stay references even when the rest is compacted.
const KEEP_ABOVE: usize = 16 * 1024;
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
    refused: bool,
}

struct Unit {
    len: usize,
    event: bool,
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

    /// Whether the socket refused bytes since the stream was last owed nothing: before that it is
    /// not slow, only not served yet.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Notes that the socket refused bytes.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Adds something that is not an event.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.push_unit(bytes.len(), false);
        self.push_part(bytes);
    }

    /// Adds something that is not an event before all the rest, of which nothing has left yet.
    pub(super) fn push_front(&mut self, bytes: Bytes) {
        debug_assert!(self.begun == 0, "what was begun is finished first");
        self.bytes += bytes.len();
        self.units.push_front(Unit { len: bytes.len(), event: false });
        self.parts.push_front(bytes);
    }

    /// Says that the next `len` bytes of the parts to come are one unit.
    pub(super) fn push_unit(&mut self, len: usize, event: bool) {
        if len > 0 {
            self.units.push_back(Unit { len, event });
            self.events += usize::from(event);
        }
    }

    /// Adds bytes of the units announced.
    pub(super) fn push_part(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len();
        let small = bytes.len() <= COPY_BELOW;
        self.parts.push_back(if small { Bytes::copy_from_slice(&bytes) } else { bytes });
    }

    pub(super) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) -> usize {
        out.extend(self.parts.iter().take(SLICES).map(|part| IoSlice::new(part)));
        self.parts.iter().take(SLICES).map(Bytes::len).sum()
    }

    /// Takes `n` bytes off the front. Returns how many events left completely.
    pub(super) fn sent(&mut self, n: usize) -> usize {
        debug_assert!(n <= self.bytes, "a socket cannot take more than it was offered");
        self.bytes -= n;
        let mut left = n;
        while left > 0 {
            let Some(part) = self.parts.front_mut() else { break };
            let cut = left.min(part.len());
            bytes::Buf::advance(part, cut);
            left -= cut;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
        self.begun += n;
        let mut events = 0;
        while let Some(unit) = self.units.front().filter(|unit| unit.len <= self.begun) {
            self.begun -= unit.len;
            events += usize::from(unit.event);
            self.units.pop_front();
        }
        self.events -= events;
        events
    }

    /// Copies what is left into memory of its own, so that a stream that stays stuck does not keep
    /// blocks of the log alive. Large parts are shared with other streams anyway and stay.
    pub(super) fn compact(&mut self) {
        let mut parts = VecDeque::new();
        let mut run = BytesMut::new();
        for part in self.parts.drain(..) {
            if part.len() <= KEEP_ABOVE {
                run.extend_from_slice(&part);
                continue;
            }
            if !run.is_empty() {
                parts.push_back(run.split().freeze());
            }
            parts.push_back(part);
        }
        if !run.is_empty() {
            parts.push_back(run.freeze());
        }
        self.parts = parts;
    }
}

/// Adds the events of a log from `from`, which may lie inside one, to `to`, which ends one.
/// Returns the number of bytes.
pub(super) fn owe(log: &Log, from: u64, to: u64, owed: &mut Owed) -> usize {
    let before = owed.bytes();
    let mut at = from;
    for end in log.ends(from, to) {
        // Both offsets lie in a log that is in memory.
        owed.push_unit(usize::try_from(end - at).expect("an event fits into memory"), true);
        at = end;
    }
    log.shared(from..to).for_each(|part| owed.push_part(part));
    owed.bytes() - before
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_owed_leaves_in_order_however_it_is_cut(
            units in prop::collection::vec((1usize..6000, any::<bool>()), 1..30),
            cuts in prop::collection::vec(1usize..9000, 1..60),
            compact_at in 0usize..60,
        ) {
            let mut owed = Owed::default();
            let mut plain = Vec::new();
            for (i, &(len, event)) in units.iter().enumerate() {
                let body: Vec<u8> = (0u8..=255).cycle().skip(i).take(len).collect();
                plain.extend_from_slice(&body);
                owed.push_unit(len, event);
                owed.push_part(Bytes::from(body));
            }
            let all_events = units.iter().filter(|u| u.1).count();
            let (mut out, mut events) = (Vec::new(), 0);
            for (i, cut) in cuts.into_iter().cycle().enumerate() {
                if i == compact_at { owed.compact(); }
                let mut slices = Vec::new();
                let offered = owed.slices(&mut slices);
                if offered == 0 { break; }
                let n = cut.min(offered);
                out.extend(slices.iter().flat_map(|s| s.to_vec()).take(n));
                drop(slices);
                events += owed.sent(n);
                prop_assert_eq!(owed.bytes(), plain.len() - out.len());
                prop_assert_eq!(owed.events(), all_events - events);
            }
            prop_assert_eq!(out, plain);
            prop_assert_eq!(events, all_events);
            prop_assert!(owed.is_empty());
        }
    }
}
