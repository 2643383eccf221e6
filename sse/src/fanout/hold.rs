//! Streams that wait to be admitted: their clients may be worked with, but nothing leaves, because the head
//! that comes before everything else is not known yet.

use super::stream::{Stream, StreamId};
use super::{Fanout, Framing};
use crate::client::{ClientConfig, Origin};
use bytes::Bytes;
use std::sync::Arc;

/// Where a held stream leads.
const NOWHERE: u64 = u64::MAX;

impl Stream {
    pub(super) fn is_held(&self) -> bool {
        self.to == NOWHERE
    }
}

impl Fanout {
    /// A stream without a socket, to be given one by [`Fanout::admit`], or up by [`Fanout::gone`].
    /// What is sent to it waits, within the limits of a slow stream. The rest is as with
    /// [`Fanout::open`].
    pub fn hold(
        &mut self,
        framing: Framing,
        config: &Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> StreamId {
        let id = self.open(NOWHERE, framing, Bytes::new(), config, origin);
        let stream = &mut self.streams[id.index as usize];
        // As one whose socket is full: it is owed something, even if that is nothing yet.
        stream.blocked = true;
        stream.owed().refuse();
        id
    }

    /// Gives a held stream its socket. `head`, which is not empty, goes before what it is owed.
    pub fn admit(&mut self, id: StreamId, to: u64, head: Bytes) {
        let Some(stream) = self.get(id) else { return };
        stream.to = to;
        stream.blocked = false;
        let bytes = head.len();
        stream.owed().push_front(head);
        self.owed_bytes += bytes;
        self.enqueue(id.index);
    }
}
