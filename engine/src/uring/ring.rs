//! What the driver asks of the kernel and what it is told: the contract of one ring. `kernel` fulfils
//! it with `io_uring`, `tests` with a script that replays completions in any order.

use super::tag::Tag;
use std::{
    fmt::Debug,
    io::{self, IoSlice},
    net::TcpStream,
    os::fd::RawFd,
    time::Duration,
};

/// One operation. A descriptor in it must stay open until the final completion: the driver sees to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    /// Accepts until it fails, one completion per connection.
    Accept(RawFd),
    /// Receives into provided buffers until it fails, one completion per buffer.
    Receive(RawFd),
    /// Tells once that one of these `poll(2)` events is there, or an error or a hang-up.
    Poll(RawFd, u32),
    /// The same, each time one of them comes.
    PollMulti(RawFd, u32),
    /// Takes an operation back. That one still completes, with whatever it did before.
    Cancel(Tag),
}

/// What came of an operation.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) tag: Tag,
    /// Non-negative, or the number of an error.
    pub(super) result: Result<u32, i32>,
    /// The operation goes on. Without it this is its last completion.
    pub(super) more: bool,
    pub(super) brought: Brought,
}

/// What a completion hands over.
#[derive(Debug)]
pub(super) enum Brought {
    Nothing,
    /// By an accept.
    Socket(TcpStream),
    /// By a receive.
    Piece(Piece),
}

/// A provided buffer that the kernel has filled, to be given back.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) buffer: Box<[u8]>,
    pub(super) len: usize,
    pub(super) id: u16,
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

/// One attempt of a batch.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) fd: RawFd,
    pub(super) slices: &'a [IoSlice<'a>],
    /// How many bytes the socket took, or the number of an error.
    pub(super) result: Result<u32, i32>,
}

/// How long to wait for a completion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Patience {
    /// Not at all.
    None,
    AtMost(Duration),
    Endless,
}

/// The kernel's side of one driver.
pub(super) trait Ring: Debug {
    /// Queues an operation for the next `enter`. None is ever lost.
    fn push(&mut self, tag: Tag, operation: Operation);

    /// Hands over what is queued, and waits for completions.
    ///
    /// # Errors
    /// When the ring is of no use any more.
    fn enter(&mut self, patience: Patience) -> io::Result<()>;

    /// The next completion.
    fn reap(&mut self) -> Option<Completed>;

    /// Makes each attempt once, in order. Other operations may complete meanwhile, and are reaped
    /// later.
    fn send(&mut self, batch: &mut [Outgoing<'_>]);

    /// Gives a buffer back to the kernel.
    fn recycle(&mut self, piece: Piece);

    /// The kernel ran out of buffers: provides more, within the limit.
    fn grow(&mut self);
}
