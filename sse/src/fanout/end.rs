//! How streams end: at once when the peer is gone, otherwise in order, with all that is owed and the
//! end of the body. How brokers end is in `closed`.

use super::block::{LAST_CHUNK, frame};
use super::hold::NOWHERE;
use super::stream::{Life, Stream, StreamId, number};
use super::take::Joined;
use super::{Disconnect, Fanout, Framing};
use crate::prepared::PreparedEvent;
use bytes::Bytes;
use std::sync::atomic::Ordering;

/// Less than this is no progress: whoever takes a byte now and then is as slow as one who takes none.
const MIN_PROGRESS_BYTES: usize = 4 * 1024;

/// A stream that has ended by itself: its socket is the owner's again. From [`Fanout::next_over`].
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// The number given to [`Fanout::open`].
    pub to: u64,
    /// Why it ended.
    pub why: Disconnect,
    /// The socket failed. Otherwise the peer has everything, the end of the body included.
    pub broken: bool,
}

impl Fanout {
    /// The peer left, or the owner gives up on it: the stream is over at once.
    pub fn gone(&mut self, id: StreamId, why: Disconnect) {
        if self.get(id).is_some() {
            self.remove(id.index, why);
        }
    }

    /// Ends the stream in order: what is queued and owed leaves, then the end of the body, then
    /// [`Fanout::next_over`] names it. Events that this core has not absorbed yet are not owed.
    pub fn close(&mut self, id: StreamId, why: Disconnect) {
        if self.get(id).is_some_and(|stream| stream.life == Life::Open) {
            self.close_stream(id.index, why);
        }
    }

    /// As [`Fanout::close`], with `last` as the last that leaves before the end of the body.
    pub fn close_with(&mut self, id: StreamId, why: Disconnect, last: &PreparedEvent) {
        if self.is_open(id) {
            self.end_input(id.index, why);
            let last = frame(self.streams[id.index as usize].framing, last.bytes());
            self.push(id.index, last);
            self.end_body(id.index, why);
        }
    }

    /// Ends all streams in order, with what was published before, as far as the logs have room.
    pub fn close_all(&mut self, why: Disconnect) {
        self.absorb_all();
        let open = self.streams.iter().filter(|(_, stream)| stream.life == Life::Open);
        let open: Vec<u32> = open.map(|(index, _)| number(index)).collect();
        for index in open {
            self.close_stream(index, why);
        }
    }

    /// Takes in all that was published before, as far as the logs have room.
    pub fn absorb_all(&mut self) {
        let unread =
            |joined: &Joined| joined.hub.ring.tail().saturating_sub(joined.reader.position());
        let mut unread: u64 = self.hubs.iter().map(unread).sum();
        while unread > 0 {
            match self.absorb() {
                0 => break,
                seen => unread = unread.saturating_sub(seen as u64),
            }
        }
    }

    /// The next stream, by its socket, that is ending and finds the socket full. It is to be given a time
    /// for its end, from now on each time that it is named, which is again when 4 KiB have left; then
    /// [`Fanout::cut`].
    pub fn next_stuck_end(&mut self) -> Option<u64> {
        self.stuck_ends.pop_front()
    }

    /// Ends a stream at once that is ending, with the reason that it has. False for any other.
    pub fn cut(&mut self, id: StreamId) -> bool {
        let Some(&mut Stream { life: Life::Closing(why), .. }) = self.get(id) else { return false };
        self.remove(id.index, why);
        true
    }

    /// The socket of a stream that is ending is full.
    pub(super) fn note_stuck_end(&mut self, index: u32) {
        let stream = &mut self.streams[index as usize];
        let to = stream.to;
        let Some(owed) = stream.owed.as_mut().filter(|_| to != NOWHERE) else { return };
        // Nothing is added any more.
        if owed.mark.is_none_or(|mark| mark - owed.bytes() >= MIN_PROGRESS_BYTES) {
            owed.mark = Some(owed.bytes());
            self.stuck_ends.push_back(to);
        }
    }

    /// The next stream that ended by itself.
    pub fn next_over(&mut self) -> Option<Over> {
        self.over.pop_front()
    }

    pub(super) fn close_stream(&mut self, index: u32, why: Disconnect) {
        self.end_input(index, why);
        self.end_body(index, why);
    }

    /// Lets nothing more in; what was let in before is owed.
    fn end_input(&mut self, index: u32, why: Disconnect) {
        self.unsubscribe_all(index);
        let stream = &mut self.streams[index as usize];
        stream.life = Life::Closing(why);
        if let Some(client) = stream.client.clone() {
            // Everything that was queued before the close still goes out.
            for queued in client.end(why) {
                self.push_queued(index, &queued);
            }
        }
    }

    /// The end of the body leaves last.
    fn end_body(&mut self, index: u32, why: Disconnect) {
        if self.streams[index as usize].framing == Framing::Chunked {
            self.push(index, Bytes::from_static(LAST_CHUNK));
        }
        if self.streams[index as usize].owed.is_none() {
            return self.finish(index, why, false);
        }
        if self.streams[index as usize].blocked {
            self.note_stuck_end(index);
        }
        self.enqueue(index);
    }

    /// Forgets a stream and tells the owner of its socket.
    pub(super) fn finish(&mut self, index: u32, why: Disconnect, broken: bool) {
        let to = self.streams[index as usize].to;
        if to != NOWHERE {
            self.over.push_back(Over { to, why, broken });
        }
        self.remove(index, why);
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, index: u32, why: Disconnect) {
        while let Some(&place) = self.streams[index as usize].subscriptions.as_slice().last() {
            self.leave(index, place);
        }
        let stream = self.streams.remove(index as usize);
        if let Some(owed) = &stream.owed {
            self.owed_bytes -= owed.bytes();
            self.own_bytes -= owed.bytes_of_own();
            self.forget_owed(owed);
        }
        self.counts.owed_bytes.store(self.owed_bytes, Ordering::Relaxed);
        self.counts.streams.fetch_sub(1, Ordering::Relaxed);
        if let Some(client) = stream.client {
            client.over(why);
        }
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        let all: Vec<u32> = self.streams.iter().map(|(index, _)| number(index)).collect();
        for index in all {
            self.remove(index, Disconnect::Drain);
        }
        self.tell_stalled_changes();
    }
}
