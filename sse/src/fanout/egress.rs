//! The border between fan-out and sockets: what to send where, and what came of it. Which engine
//! runs, and what a socket is, stays on the other side.

use std::io::IoSlice;

/// One attempt to send to one stream's socket.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The socket, by the number that [`super::Fanout::open`] was given.
    pub to: u64,
    /// The bytes, in order: about 256 slices at most.
    pub slices: &'a [IoSlice<'a>],
    /// Filled in by [`Egress::send`].
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The socket took this many bytes. Fewer than offered: full, and a call of
    /// [`super::Fanout::writable`] follows when there is room.
    Sent(usize),
    /// The socket is broken.
    Gone,
}

/// Whatever owns the sockets.
pub trait Egress {
    /// Tries each attempt once, in order and without waiting, and writes its outcome. A batch is never
    /// empty, has 256 attempts at most, and no more than one for each socket.
    fn send(&mut self, batch: &mut [Attempt<'_>]);
}
