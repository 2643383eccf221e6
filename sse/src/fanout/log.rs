//! The bytes of one broker on one core: framed events in publishing order, with an index of where
//! each ends. Offsets count bytes since the topic began and never wrap (2^64 bytes). Knows nothing of
//! subscribers: the topic says what may be released.
//!
//! Bytes live in segments that share the core's blocks, or an event's own bytes, so that whoever still
//! owes a part of them to a stalled stream keeps that part alive, and the log itself can forget it.

use super::Framing;
use super::short::Short;
use crate::format::ID;
use crate::id::EventId;
use bytes::Bytes;
use std::{collections::VecDeque, io::IoSlice, ops::Range};

/// A queue longer than this when it runs empty gives its memory back: that of one event, which most
/// logs never have more of.
const KEEP_CAPACITY: usize = 3;
/// Slices after which an attempt ends with the event it is in. A system call takes 1024.
const SLICES: usize = 256;

#[derive(Default)]
pub(super) struct Log {
    segments: VecDeque<Segment>,
    /// Offset of each retained event's end.
    ends: VecDeque<u64>,
    /// How many events ended before `ends[0]`.
    released_events: u64,
    /// Where the last of them ended.
    released: u64,
    tail: u64,
}

struct Segment {
    start: u64,
    part: Part,
}

enum Part {
    Shared(Bytes),
    /// What frames an event whose own bytes are beside it.
    Short(Short),
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes().len() as u64
    }

    fn bytes(&self) -> &[u8] {
        match &self.part {
            Part::Shared(bytes) => bytes,
            Part::Short(short) => short.as_slice(),
        }
    }

    fn share(&self, cut: Range<usize>) -> Bytes {
        match &self.part {
            Part::Shared(bytes) => bytes.slice(cut),
            Part::Short(short) => Bytes::copy_from_slice(&short.as_slice()[cut]),
        }
    }
}

impl Log {
    /// Where the next event will begin.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// Where the oldest retained byte is.
    pub(super) fn head(&self) -> u64 {
        self.segments.front().map_or(self.tail, |s| s.start)
    }

    /// Bytes retained.
    pub(super) fn len(&self) -> u64 {
        self.tail - self.head()
    }

    /// Events ever appended.
    pub(super) fn events(&self) -> u64 {
        self.released_events + self.ends.len() as u64
    }

    /// Appends bytes; events in them are marked by [`Log::end_event`].
    pub(super) fn append(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.push(bytes.len(), Part::Shared(bytes));
        }
    }

    /// Appends a few bytes that a [`Short`] has room for, in one segment with those before if possible.
    pub(super) fn append_short(&mut self, bytes: &[u8]) {
        if let Some(Segment { part: Part::Short(short), .. }) = self.segments.back_mut()
            && short.push(bytes)
        {
            self.tail += bytes.len() as u64;
        } else if !bytes.is_empty() {
            self.push(bytes.len(), Part::Short(Short::new(bytes)));
        }
    }

    fn push(&mut self, len: usize, part: Part) {
        if self.segments.capacity() == 0 {
            // Left to itself, a queue begins with room for more.
            self.segments.reserve_exact(KEEP_CAPACITY);
        }
        self.segments.push_back(Segment { start: self.tail, part });
        self.tail += len as u64;
    }

    /// Notes that an event ends at `offset`, at or before what the next `append` reaches.
    pub(super) fn end_event(&mut self, offset: u64) {
        if self.ends.capacity() == 0 {
            self.ends.reserve_exact(1);
        }
        self.ends.push_back(offset);
    }

    /// Forgets what lies before `offset`, which must be the end of an event.
    pub(super) fn release(&mut self, offset: u64) {
        while self.segments.front().is_some_and(|segment| segment.end() <= offset) {
            self.segments.pop_front();
        }
        while let Some(&end) = self.ends.front().filter(|&&end| end <= offset) {
            self.ends.pop_front();
            self.released = end;
            self.released_events += 1;
        }
        if self.segments.is_empty() && self.segments.capacity() > KEEP_CAPACITY {
            self.segments = VecDeque::new();
            self.ends = VecDeque::new();
        }
    }

    /// The bytes from `from` on, at most about `max` of them: an event is never cut, because what
    /// follows on a stream that took them all need not come from this log. Returns how many were
    /// pushed.
    pub(super) fn slices<'a>(&'a self, from: u64, max: usize, out: &mut Vec<IoSlice<'a>>) -> usize {
        let most = self.segments.get(self.first(from) + SLICES).map_or(u64::MAX, |s| s.start);
        let to = self.end_near(from.saturating_add(max as u64).min(most));
        let mut pushed = 0;
        for part in self.parts(from..to) {
            pushed += part.len();
            out.push(IoSlice::new(part));
        }
        pushed
    }

    /// The number of the segment that `offset` lies in. Mostly it is the first.
    fn first(&self, offset: u64) -> usize {
        if self.segments.front().is_some_and(|first| offset < first.end()) {
            return 0;
        }
        self.segments.partition_point(|segment| segment.end() <= offset)
    }

    /// The end of the event that `offset` lies in, at most the tail.
    fn end_near(&self, offset: u64) -> u64 {
        if offset >= self.tail {
            return self.tail;
        }
        let at = self.ends.partition_point(|&end| end < offset);
        self.ends.get(at).copied().unwrap_or(self.tail)
    }

    /// The same bytes as handles that outlive the log's own interest in them.
    pub(super) fn shared(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + '_ {
        self.cut(range).map(|(segment, cut)| segment.share(cut))
    }

    fn parts(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        self.cut(range).map(|(segment, cut)| &segment.bytes()[cut])
    }

    #[allow(clippy::cast_possible_truncation, reason = "a range inside one segment is a usize")]
    fn cut(&self, range: Range<u64>) -> impl Iterator<Item = (&Segment, Range<usize>)> {
        let first = self.first(range.start);
        self.segments.range(first..).take_while(move |s| s.start < range.end).map(move |s| {
            let begin = range.start.saturating_sub(s.start) as usize;
            let end = (range.end.min(s.end()) - s.start) as usize;
            (s, begin..end)
        })
    }

    /// Where the event begins that `offset` lies in, or begins at.
    pub(super) fn start_of(&self, offset: u64) -> u64 {
        self.start(self.ends.partition_point(|&end| end <= offset))
    }

    /// Where the event with this number lies, counted from the first ever, if it is retained.
    pub(super) fn event(&self, number: u64) -> Option<Range<u64>> {
        let at = usize::try_from(number.checked_sub(self.released_events)?).ok()?;
        Some(self.start(at)..*self.ends.get(at)?)
    }

    /// The bytes of the event at this place, without their frame.
    pub(super) fn unframed(&self, event: Range<u64>, framing: Framing) -> impl Iterator<Item = u8> {
        // In memory, as the log is.
        let mut len = usize::try_from(event.end - event.start).unwrap_or(usize::MAX);
        let mut bytes = self.parts(event).flatten().copied();
        if framing == Framing::Chunked {
            // The line with the chunk's length, and the line end after the chunk.
            len -= bytes.by_ref().take_while(|&byte| byte != b'\n').count() + 1 + 2;
        }
        bytes.take(len)
    }

    /// The id of the event at this place, if it has one.
    pub(super) fn id(&self, event: Range<u64>, framing: Framing) -> Option<EventId> {
        let mut bytes = self.unframed(event, framing);
        if !ID.bytes().all(|byte| bytes.next() == Some(byte)) {
            return None;
        }
        let id: Vec<u8> = bytes.take_while(|&byte| byte != b'\n').collect();
        // An empty one makes a client forget its last.
        EventId::from_header(&id).ok()
    }

    /// The id of the last retained event that ends at `offset` or before and has one.
    pub(super) fn id_before(&self, offset: u64, framing: Framing) -> Option<EventId> {
        let count = self.ends.partition_point(|&end| end <= offset);
        (0..count).rev().find_map(|at| self.id(self.start(at)..self.ends[at], framing))
    }

    /// Where the event begins that is at this place in `ends`.
    fn start(&self, at: usize) -> u64 {
        at.checked_sub(1).map_or(self.released, |before| self.ends[before])
    }

    /// Ends of the events that end after `from`, up to and including `to`.
    pub(super) fn ends(&self, from: u64, to: u64) -> impl ExactSizeIterator<Item = u64> + '_ {
        let first = self.ends.partition_point(|&end| end <= from);
        let last = self.ends.partition_point(|&end| end <= to);
        self.ends.range(first..last.max(first)).copied()
    }

    /// How many events end in `(from, to]`.
    pub(super) fn count(&self, from: u64, to: u64) -> usize {
        if (from, to) == (self.released, self.tail) {
            return self.ends.len();
        }
        self.ends(from, to).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_of(log: &Log, from: u64) -> Vec<u8> {
        let mut out = Vec::new();
        log.slices(from, usize::MAX, &mut out);
        out.iter().flat_map(|s| s.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn a_log_returns_what_was_appended_from_any_offset(
            events in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..40),
            per_segment in 1usize..8,
            released in 0usize..40,
        ) {
            let (mut log, mut plain, mut ends) = (Log::default(), Vec::new(), Vec::new());
            for group in events.chunks(per_segment) {
                for event in group {
                    plain.extend_from_slice(event);
                    ends.push(plain.len() as u64);
                    log.end_event(plain.len() as u64);
                }
                let start = usize::try_from(log.tail()).unwrap();
                log.append(Bytes::copy_from_slice(&plain[start..]));
            }
            let released = released.min(ends.len());
            let head = if released == 0 { 0 } else { ends[released - 1] };
            log.release(head);
            prop_assert_eq!(log.events(), ends.len() as u64);
            prop_assert!(log.head() <= head);
            for from in head..=plain.len() as u64 {
                let at = usize::try_from(from).unwrap();
                prop_assert_eq!(bytes_of(&log, from), plain[at..].to_vec());
                let later = ends.iter().filter(|&&e| e > from).count();
                prop_assert_eq!(log.count(from, log.tail()), later);
                let shared: Vec<u8> = log.shared(from..log.tail()).flatten().collect();
                prop_assert_eq!(shared, plain[at..].to_vec());
            }
        }
    }

    #[test]
    fn an_idle_log_keeps_no_memory() {
        let mut log = Log::default();
        for i in 1..=1000 {
            log.end_event(i);
            log.append(Bytes::from_static(b"x"));
        }
        log.release(log.tail());
        assert_eq!((log.len(), log.segments.capacity(), log.ends.capacity()), (0, 0, 0));
    }
}
