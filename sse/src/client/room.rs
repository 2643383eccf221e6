//! Whether an event has a place in a client's queue. What is done without one is decided in `enter`.

use super::SendRefusal;
use super::config::ClientConfig;
use super::queue::Queue;

/// Bytes that may wait for a held stream to begin, where its client's queue has no room for as many.
pub(crate) const HELD_BYTES: usize = 1024 * 1024;

impl Queue {
    /// Events and bytes that wait, those with the store among them.
    pub(super) fn depth(&self) -> (usize, usize) {
        let (events, bytes) = self.with_store.as_ref().map_or((0, 0), |store| store.depth());
        (self.events.len() + events, self.bytes + bytes)
    }

    /// Why an event of so many bytes cannot be queued now, if so.
    pub(super) fn refusal(&self, bytes: usize, config: &ClientConfig) -> Option<SendRefusal> {
        let (events, waiting) = self.depth();
        let all = waiting.saturating_add(bytes);
        let has_room = match config.queue_events {
            Some(most) => events == 0 || events < most && all <= config.queue_bytes,
            None => self.flushed == self.sent && events == 0 || self.has_held_room(bytes),
        };
        if bytes == 0 {
            // As a chunk it would end the body.
            Some(SendRefusal::Empty)
        } else if self.is_ended() {
            Some(SendRefusal::Closed)
        } else {
            (!has_room).then_some(SendRefusal::Full)
        }
    }

    /// Whether an event that is taken would have to be waited for where there is no queue.
    pub(super) fn waits_for_kernel(&self, bytes: usize) -> bool {
        !self.held && bytes > 0 && !self.is_ended()
    }

    /// Why an event cannot be queued by a sender who would wait for room, if so: while the stream is
    /// held, that would be in vain.
    pub(super) fn lasting_refusal(
        &self,
        bytes: usize,
        config: &ClientConfig,
    ) -> Option<SendRefusal> {
        match self.refusal(bytes, config)? {
            SendRefusal::Full if self.has_held_room(bytes) => None,
            SendRefusal::Full if self.held => Some(SendRefusal::NotBegun),
            refusal => Some(refusal),
        }
    }

    /// Whether an event that has no place in the queue may wait for the beginning of the stream.
    fn has_held_room(&self, bytes: usize) -> bool {
        let all = self.bytes.saturating_add(bytes);
        self.held && (self.events.is_empty() || all <= HELD_BYTES)
    }
}
