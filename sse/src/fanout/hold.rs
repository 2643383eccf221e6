//! Streams that wait to be admitted: their clients may be worked with, but nothing leaves, because the
//! head that comes before everything else is not known yet.

use super::stream::{Life, StreamId};
use super::{Fanout, Framing};
use crate::client::{ClientConfig, Origin};
use bytes::Bytes;
use std::sync::Arc;

/// The socket of a stream that has none yet.
pub(super) const NOWHERE: u64 = u64::MAX;

impl Fanout {
    /// A stream without a socket, to be given one by [`Fanout::admit`], or up by [`Fanout::gone`].
    /// What its client is sent waits, 64 KiB of it before what brokers deliver later, which has the
    /// limits of a slow stream; no send waits for room, and no flush for the kernel. The rest is as
    /// with [`Fanout::open`].
    pub fn hold(
        &mut self,
        framing: Framing,
        config: &Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> StreamId {
        let id = self.insert(NOWHERE, framing, config, origin);
        self.client(id).shared.hold(true);
        // As one whose socket is full: it is owed something, even if that is nothing yet.
        self.streams[id.index as usize].blocked = true;
        self.note_refused(id.index);
        self.push_preamble(id.index);
        id
    }

    /// Gives a held stream its socket. `head`, which has bytes, goes before what it is owed. False
    /// if the stream is over.
    pub fn admit(&mut self, id: StreamId, to: u64, head: Bytes) -> bool {
        debug_assert!(!head.is_empty(), "a head has bytes");
        if self.get(id).is_none_or(|stream| stream.to != NOWHERE) {
            return false;
        }
        // What its client was sent a moment ago, too.
        self.pull(id.index);
        let stream = &mut self.streams[id.index as usize];
        stream.to = to;
        stream.blocked = false;
        let bytes = head.len();
        stream.owed().push_front(head);
        if let Some(client) = &stream.client {
            client.hold(false);
        }
        self.owed_bytes += bytes;
        self.look_at(id);
        self.enqueue(id.index);
        true
    }

    /// Whether a stream waits for [`Fanout::admit`]. One whose client was too slow meanwhile is over.
    pub fn is_held(&mut self, id: StreamId) -> bool {
        self.get(id).is_some_and(|stream| stream.to == NOWHERE)
    }

    /// Whether a stream goes on, so that events may still reach it.
    pub fn is_open(&mut self, id: StreamId) -> bool {
        self.get(id).is_some_and(|stream| stream.life == Life::Open)
    }
}
