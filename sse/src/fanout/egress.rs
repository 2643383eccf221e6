//! The border between fan-out and sockets: what to send where, and what came of it. Which engine
//! runs, and what a socket is, stays on the other side.

use std::io::IoSlice;

/// One attempt to send to one stream's socket: see [`Egress`].
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The socket, by the number that [`super::Fanout::open`] was given.
    pub to: u64,
    /// The bytes, in order.
    pub slices: &'a [IoSlice<'a>],
    /// Filled in by [`Egress::send`].
    pub outcome: Outcome,
}

/// What came of an attempt: see [`Egress`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The socket took this many bytes. Fewer than offered: full, and a call of
    /// [`super::Fanout::writable`] follows when there is room.
    Sent(usize),
    /// The socket is broken.
    Gone,
}

/// Whatever owns the sockets. See the [crate's example](crate).
pub trait Egress {
    /// Tries each attempt once, without waiting, and writes its outcome.
    fn send(&mut self, batch: &mut [Attempt<'_>]);
}
