//! What a stuck stream is owed moves out of the blocks of the log, which it would keep alive.

use super::{KEEP_ABOVE, Memory, Owed, RUN};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

impl Owed {
    /// It is to be compacted, since its stream stays stuck. True if that is new.
    pub(in crate::fanout) fn is_to_compact(&mut self) -> bool {
        let new = self.memory == Memory::Shared;
        if new {
            self.memory = Memory::Due;
        }
        new
    }

    /// Copies what is left into memory of its own, if that is due, so that it keeps no blocks of the log
    /// alive. Large parts are shared with other streams anyway and stay. Returns about how many bytes.
    pub(in crate::fanout) fn compact(&mut self) -> usize {
        if self.memory != Memory::Due {
            return 0;
        }
        self.memory = Memory::Own;
        let mut parts = VecDeque::new();
        let mut run = BytesMut::new();
        let lens = self.parts.iter().map(Bytes::len);
        let mut left: usize = lens.filter(|len| *len <= KEEP_ABOVE).sum();
        for part in self.parts.drain(..) {
            if part.len() <= KEEP_ABOVE {
                if run.capacity() - run.len() < part.len() {
                    if !run.is_empty() {
                        parts.push_back(run.freeze());
                    }
                    run = BytesMut::with_capacity(left.min(RUN).max(part.len()));
                }
                left -= part.len();
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
        self.bytes
    }
}
