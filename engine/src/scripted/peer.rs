//! One fake connection: what its peer sent and still takes, and what the worker did to it. Queueing is
//! the driver's.

use crate::driver::{Completion, Departure, Key, Outcome};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
};

/// What is done with bytes from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Flow {
    /// Connected, but not accepted yet.
    #[default]
    Queued,
    Receiving,
    Paused,
    Detached,
    /// The end was reported.
    Departed,
    /// On its way to another worker.
    Leaving,
}

/// How far the peer's side has ended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum End {
    #[default]
    Open,
    Finished,
    Reset,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact about the peer")]
pub(super) struct Peer {
    pub(super) flow: Flow,
    pub(super) end: End,
    /// What the peer sent and was not received; each feed is received on its own.
    pub(super) inbound: VecDeque<Bytes>,
    /// What the peer got.
    pub(super) sent: Vec<u8>,
    /// How many more bytes it takes; `None`: any number.
    pub(super) room: Option<usize>,
    /// How many it takes of one attempt; `None`: any number.
    pub(super) most_per_send: Option<usize>,
    pub(super) attempts: usize,
    pub(super) shut_down: bool,
    stalled: bool,
    lent: bool,
    queued: bool,
}

impl Peer {
    pub(super) fn accept(&mut self) {
        self.flow = Flow::Receiving;
    }

    pub(super) fn lease_returned(&mut self) {
        self.lent = false;
    }

    pub(super) fn pause(&mut self) {
        if self.flow == Flow::Receiving {
            self.flow = Flow::Paused;
        }
    }

    pub(super) fn resume(&mut self) {
        if self.flow == Flow::Paused {
            self.flow = Flow::Receiving;
        }
    }

    pub(super) fn detach(&mut self) {
        if matches!(self.flow, Flow::Receiving | Flow::Paused) {
            self.flow = Flow::Detached;
        }
    }

    /// False: there is nothing to release.
    pub(super) fn leave(&mut self) -> bool {
        let leaves = !matches!(self.flow, Flow::Queued | Flow::Departed);
        if leaves {
            self.flow = Flow::Leaving;
        }
        leaves
    }

    /// With another driver it begins again.
    pub(super) fn arrive(&mut self) {
        self.flow = Flow::Receiving;
        self.queued = false;
    }

    pub(super) fn has_left(&self) -> bool {
        self.flow == Flow::Leaving && !self.lent
    }

    pub(super) fn shutdown(&mut self) {
        self.shut_down = true;
    }

    /// Whether there is something to do and it does not stand in the queue yet; from now on it does.
    pub(super) fn enqueue(&mut self) -> bool {
        let enqueue = !self.queued && self.has_work();
        self.queued |= enqueue;
        enqueue
    }

    fn has_work(&self) -> bool {
        let receive = match self.flow {
            Flow::Receiving => !self.lent && (!self.inbound.is_empty() || self.end != End::Open),
            Flow::Detached => !self.inbound.is_empty() || self.end != End::Open,
            Flow::Paused => self.end == End::Reset,
            Flow::Queued | Flow::Departed => false,
            Flow::Leaving => return self.has_left(),
        };
        receive || self.writable()
    }

    fn writable(&self) -> bool {
        self.stalled
            && !matches!(self.flow, Flow::Queued | Flow::Leaving)
            && (self.room != Some(0) || self.end == End::Reset)
    }

    /// One turn, as of the epoll engine.
    pub(super) fn step(&mut self, key: Key) -> Option<Completion<Bytes>> {
        self.queued = false;
        if self.writable() {
            self.stalled = false;
            return Some(Completion::Writable(key));
        }
        if !self.has_work() {
            return None;
        }
        match self.flow {
            Flow::Detached => self.inbound.clear(),
            Flow::Receiving => {
                if let Some(bytes) = self.inbound.pop_front() {
                    self.lent = true;
                    return Some(Completion::Received(key, bytes));
                }
            }
            _ => {}
        }
        let departure = match self.end {
            End::Open => return None,
            End::Finished => Departure::Finished,
            End::Reset => Departure::Failed(io::ErrorKind::ConnectionReset.into()),
        };
        self.flow = Flow::Departed;
        Some(Completion::Gone(key, departure))
    }

    /// What the kernel would take of an attempt.
    pub(super) fn take(&mut self, slices: &[IoSlice<'_>]) -> Outcome {
        self.attempts += 1;
        if self.end == End::Reset || self.shut_down {
            return Outcome::Gone;
        }
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.room.unwrap_or(usize::MAX).min(self.most_per_send.unwrap_or(usize::MAX));
        let taken = offered.min(room);
        let mut left = taken;
        for slice in slices {
            let part = &slice[..slice.len().min(left)];
            self.sent.extend_from_slice(part);
            left -= part.len();
        }
        self.room = self.room.map(|room| room - taken);
        self.stalled |= taken < offered;
        Outcome::Sent(taken)
    }
}
