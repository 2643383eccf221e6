//! Bytes that were received and cannot be delivered now, copied so that the kernel has its buffers back:
//! what had come when a receive was taken back, 256 KiB per connection at the very most. Kept apart from the
//! connections, of which hardly any has some, and which say themselves whether they do.

use crate::driver::Key;
use std::collections::{HashMap, VecDeque};

/// Pieces of one connection, oldest first.
pub(super) type Pieces = VecDeque<Box<[u8]>>;

/// Those of all connections of a driver. None has an empty queue.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Key, Pieces>);

impl Held {
    pub(super) fn push(&mut self, key: Key, bytes: &[u8]) {
        self.0.entry(key).or_default().push_back(bytes.into());
    }

    /// The oldest piece, and whether there are others.
    pub(super) fn pop(&mut self, key: Key) -> Option<(Box<[u8]>, bool)> {
        let pieces = self.0.get_mut(&key)?;
        let oldest = pieces.pop_front()?;
        let others = !pieces.is_empty();
        if !others {
            self.0.remove(&key);
        }
        Some((oldest, others))
    }

    /// Everything that a connection has, or nothing.
    pub(super) fn take(&mut self, key: Key) -> Pieces {
        self.0.remove(&key).unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: Key, pieces: Pieces) {
        if !pieces.is_empty() {
            self.0.insert(key, pieces);
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
