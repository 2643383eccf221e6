//! Sockets in memory for the tests of the fan-out: each takes as much as a test allows it, and keeps
//! what it took.

use crate::fanout::{Attempt, Egress, Outcome};
use std::collections::HashMap;
use std::net::SocketAddr;

#[derive(Clone, Debug)]
pub(super) struct Socket {
    /// Bytes it still takes; `usize::MAX` never runs out.
    pub(super) room: usize,
    /// Bytes it takes at a time.
    pub(super) most: usize,
    pub(super) broken: bool,
    /// What it took.
    pub(super) bytes: Vec<u8>,
    /// The last attempt got less than it offered: `writable` is due once there is room.
    pub(super) short: bool,
    /// It refused bytes at some time.
    pub(super) ever_short: bool,
    pub(super) attempts: usize,
    /// What its peer has not acknowledged.
    pub(super) unsent: Option<usize>,
}

impl Default for Socket {
    fn default() -> Self {
        Self {
            room: usize::MAX,
            most: usize::MAX,
            broken: false,
            bytes: Vec::new(),
            short: false,
            ever_short: false,
            attempts: 0,
            unsent: None,
        }
    }
}

#[derive(Default)]
pub(super) struct TestSockets {
    pub(super) all: HashMap<u64, Socket>,
    /// Whom each batch was for.
    pub(super) batches: Vec<Vec<u64>>,
    /// How often it was asked what the kernel has.
    pub(super) looks: usize,
}

impl TestSockets {
    pub(super) fn at(&mut self, to: u64) -> &mut Socket {
        self.all.entry(to).or_default()
    }
}

impl Egress for TestSockets {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        assert!(!batch.is_empty(), "an empty batch is no work for an engine");
        let mut all: Vec<u64> = batch.iter().map(|attempt| attempt.to).collect();
        self.batches.push(all.clone());
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), batch.len(), "a socket is tried again before its answer is known");
        for attempt in batch {
            let socket = self.all.entry(attempt.to).or_default();
            attempt.outcome = socket.take(attempt.slices);
        }
    }

    fn peer_addr(&mut self, to: u64) -> Option<SocketAddr> {
        // A different one for each, below the ephemeral ones.
        u16::try_from(to % 30_000).ok().map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
    }

    fn unsent_bytes(&mut self, to: u64) -> Option<usize> {
        self.looks += 1;
        self.at(to).unsent
    }
}

impl Socket {
    fn take(&mut self, slices: &[std::io::IoSlice<'_>]) -> Outcome {
        assert!(!self.short, "an attempt on a socket that is known to be full");
        assert!(slices.len() <= 1024, "more slices than a system call takes");
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        assert!(offered > 0, "an attempt to send nothing");
        self.attempts += 1;
        if self.broken {
            return Outcome::Gone;
        }
        let taken = offered.min(self.room).min(self.most);
        let mut left = taken;
        for slice in slices {
            let part = left.min(slice.len());
            self.bytes.extend_from_slice(&slice[..part]);
            left -= part;
        }
        if self.room != usize::MAX {
            self.room -= taken;
        }
        self.short = taken < offered;
        self.ever_short |= self.short;
        Outcome::Sent(taken)
    }
}
