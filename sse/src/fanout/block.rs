//! Frames events into the core's blocks: the id line of an id that the broker assigned, the chunk
//! header of HTTP/1.1, and the event's own bytes, which were formatted once by whoever published it.
//! One copy per core and event; large events, and those of few subscribers, are referenced instead.

use super::Framing;
use super::log::Log;
use super::short::Short;
use crate::prepared::PreparedEvent;
use bytes::{Bytes, BytesMut};

/// Size of a block.
const BLOCK: usize = 64 * 1024;
/// Events above this many bytes are not copied.
const COPY_UP_TO: usize = 16 * 1024;

/// The last chunk of an HTTP/1.1 body (RFC 9112 §7.1).
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const ID: &[u8] = b"id: ";
/// After a chunk, and after its length.
const CHUNK_END: &[u8] = b"\r\n";
/// Longest line with the length of a chunk.
const HEADER: usize = 16 + CHUNK_END.len();
/// Longest decimal of a `u64`.
const DECIMAL: usize = 20;

#[derive(Default)]
pub(super) struct Blocks {
    open: BytesMut,
}

impl Blocks {
    /// Makes room for `len` more bytes in the open block. What `log` was promised so far is handed
    /// over first when a new block begins.
    fn reserve(&mut self, len: usize, log: &mut Log) {
        if self.open.capacity() - self.open.len() < len {
            self.finish(log);
            // Takes the old allocation back when nobody refers to it any more.
            if !self.open.try_reclaim(len.max(BLOCK)) {
                self.open = BytesMut::with_capacity(len.max(BLOCK));
            }
        }
    }

    /// Hands the bytes written since the last call to the log as one segment.
    pub(super) fn finish(&mut self, log: &mut Log) {
        if !self.open.is_empty() {
            log.append(self.open.split().freeze());
        }
    }

    /// Writes one event. The log has it only after [`Blocks::finish`]. Its own bytes are not copied if
    /// it is large, or to go `direct`.
    pub(super) fn event(
        &mut self,
        log: &mut Log,
        framing: Framing,
        id: Option<u64>,
        event: &PreparedEvent,
        direct: bool,
    ) {
        let body = event.bytes();
        let head = head(framing, id, body.len());
        let end = match framing {
            Framing::Chunked => CHUNK_END,
            Framing::Plain => &[],
        };
        if direct || body.len() > COPY_UP_TO {
            // What was written for this topic so far, then the event's own memory.
            self.finish(log);
            log.append_short(head.as_slice());
            log.append(body.clone());
            log.append_short(end);
        } else {
            let len = head.as_slice().len() + body.len() + end.len();
            self.reserve(len, log);
            self.open.extend_from_slice(head.as_slice());
            self.open.extend_from_slice(body);
            self.open.extend_from_slice(end);
        }
        log.end_event(log.tail() + self.open.len() as u64);
    }
}

/// One unit of a stream outside the log (a heartbeat, a client's own event), framed.
pub(super) fn frame(framing: Framing, body: &[u8]) -> Bytes {
    // Exactly as much: what is owed is counted by its bytes.
    let mut out = Vec::with_capacity(framed_len(framing, body.len()));
    put(&mut out, framing, body);
    out.into()
}

/// Many of them, one behind the other, in pieces of about `piece` bytes, each with the lengths of what is
/// in it: what is owed to one stream is freed piece by piece.
pub(super) fn frames(
    framing: Framing,
    events: &[PreparedEvent],
    piece: usize,
    mut each: impl FnMut(Bytes, &[usize]),
) {
    let mut lens = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut bytes = 0;
        lens.clear();
        for event in rest {
            let len = framed_len(framing, event.len());
            if !lens.is_empty() && bytes + len > piece {
                break;
            }
            bytes += len;
            lens.push(len);
        }
        let (now, later) = rest.split_at(lens.len());
        let mut out = Vec::with_capacity(bytes);
        for event in now {
            put(&mut out, framing, event.bytes());
        }
        each(out.into(), &lens);
        rest = later;
    }
}

fn framed_len(framing: Framing, body: usize) -> usize {
    match framing {
        Framing::Plain => body,
        Framing::Chunked => chunk_header(body).1 + body + CHUNK_END.len(),
    }
}

fn put(out: &mut Vec<u8>, framing: Framing, body: &[u8]) {
    let (header, len) = chunk_header(body.len());
    let (header, end) = match framing {
        Framing::Plain => (&[][..], &[][..]),
        Framing::Chunked => (&header[..len], CHUNK_END),
    };
    out.extend_from_slice(header);
    out.extend_from_slice(body);
    out.extend_from_slice(end);
}

/// What goes before an event's own bytes: the length of its chunk, and the line of its id.
fn head(framing: Framing, id: Option<u64>, body: usize) -> Short {
    let mut digits = [0; DECIMAL];
    let id = id.map_or(&[][..], |id| decimal(id, &mut digits));
    let mut head = Short::EMPTY;
    let line = if id.is_empty() { 0 } else { ID.len() + id.len() + 1 };
    let mut room = framing == Framing::Plain || {
        let (hex, len) = chunk_header(line + body);
        head.push(&hex[..len])
    };
    if line > 0 {
        room &= head.push(ID) && head.push(id) && head.push(b"\n");
    }
    debug_assert!(room, "see its capacity");
    head
}

/// The line before a chunk of `len` bytes, and how long it is.
fn chunk_header(len: usize) -> ([u8; HEADER], usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut line = [0; HEADER];
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1) as usize;
    for (at, digit) in line[..digits].iter_mut().rev().enumerate() {
        *digit = HEX[len >> (at * 4) & 0xf];
    }
    line[digits..digits + CHUNK_END.len()].copy_from_slice(CHUNK_END);
    (line, digits + CHUNK_END.len())
}

fn decimal(mut n: u64, buffer: &mut [u8; DECIMAL]) -> &[u8] {
    let mut at = DECIMAL;
    loop {
        at -= 1;
        // A remainder of ten is below ten.
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &buffer[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn written(framing: Framing, id: Option<u64>, data: &str) -> Vec<u8> {
        let (mut blocks, mut log) = (Blocks::default(), Log::default());
        blocks.event(&mut log, framing, id, &PreparedEvent::new(&Event::data(data)), false);
        blocks.finish(&mut log);
        log.shared(0..log.tail()).flatten().collect()
    }

    #[test]
    fn an_event_is_one_chunk_with_its_id_line() {
        assert_eq!(written(Framing::Chunked, Some(7), "hi"), b"10\r\nid: 7\ndata: hi\n\n\r\n");
        assert_eq!(written(Framing::Chunked, None, "hi"), b"a\r\ndata: hi\n\n\r\n");
    }

    #[test]
    fn an_http_1_0_stream_carries_no_chunk_frames() {
        assert_eq!(
            written(Framing::Plain, Some(u64::MAX), "x"),
            b"id: 18446744073709551615\ndata: x\n\n"
        );
    }

    #[test]
    fn a_large_event_is_not_copied() {
        let event = PreparedEvent::new(&Event::data("y".repeat(COPY_UP_TO)));
        let (mut blocks, mut log) = (Blocks::default(), Log::default());
        blocks.event(&mut log, Framing::Chunked, Some(1), &event, false);
        blocks.finish(&mut log);
        assert_eq!(log.events(), 1);
        let parts: Vec<Bytes> = log.shared(0..log.tail()).collect();
        assert!(parts.iter().any(|part| part.as_ptr() == event.bytes().as_ptr()));
        assert_eq!(log.count(0, log.tail()), 1);
    }

    #[test]
    fn many_events_are_framed_as_each_would_be_alone() {
        const PIECE: usize = 1_000;
        let event = |bytes: usize| PreparedEvent::new(&Event::data("z".repeat(bytes)));
        let sizes = [0, 1, 9, 10, 250, 300, 980, 5, 1_001, 7, 3_000, 1];
        let events: Vec<PreparedEvent> = sizes.into_iter().map(event).collect();
        for framing in [Framing::Plain, Framing::Chunked] {
            let (mut all, mut lens, mut pieces) = (Vec::new(), Vec::new(), 0);
            frames(framing, &events, PIECE, |bytes, of| {
                assert_eq!(bytes.len(), of.iter().sum::<usize>());
                assert!(bytes.len() <= PIECE || of.len() == 1, "{of:?}");
                all.extend_from_slice(&bytes);
                lens.extend_from_slice(of);
                pieces += 1;
            });
            let alone: Vec<Bytes> =
                events.iter().map(|event| frame(framing, event.bytes())).collect();
            assert_eq!(all, alone.concat());
            assert_eq!(lens, alone.iter().map(Bytes::len).collect::<Vec<_>>());
            assert!(pieces < events.len());
        }
        frames(Framing::Plain, &[], PIECE, |_, _| panic!("there is none"));
    }

    #[test]
    fn chunk_lengths_are_shortest_hexadecimal() {
        for len in [0usize, 1, 15, 16, 255, 256, 4096, usize::MAX] {
            let (line, written) = chunk_header(len);
            assert_eq!(&line[..written], format!("{len:x}\r\n").as_bytes());
        }
    }

    #[test]
    fn blocks_are_used_again_when_nobody_refers_to_them() {
        let (mut blocks, mut log) = (Blocks::default(), Log::default());
        let event = PreparedEvent::new(&Event::data("z".repeat(1000)));
        let mut places = std::collections::HashSet::new();
        for _ in 0..1000 {
            blocks.event(&mut log, Framing::Plain, None, &event, false);
            blocks.finish(&mut log);
            places.extend(log.shared(log.head()..log.tail()).map(|part| part.as_ptr()));
            log.release(log.tail());
        }
        assert!(places.len() <= 2 * BLOCK / 1000, "{} places", places.len());
    }
}
