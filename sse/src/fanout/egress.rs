//! The border between fan-out and sockets: what to send where, and what came of it. Which engine
//! runs, and what a socket is, stays on the other side.

use std::io::IoSlice;
use std::net::SocketAddr;

/// One attempt to send to one stream's socket: see [`Egress`].
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The socket, by the number that [`super::Fanout::open`] was given.
    pub to: u64,
    /// The bytes, in order: about 256 slices at most.
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
    /// Tries each attempt once, in order and without waiting, and writes its outcome. A batch is never
    /// empty, has 256 attempts at most, and no more than one for each socket.
    fn send(&mut self, batch: &mut [Attempt<'_>]);

    /// The address of a socket's peer. `None` where that cannot be known.
    fn peer_addr(&mut self, to: u64) -> Option<SocketAddr> {
        let _ = to;
        None
    }

    /// How many bytes the kernel has taken for a socket and the peer has not acknowledged. `None` where
    /// that cannot be known.
    fn unsent_bytes(&mut self, to: u64) -> Option<usize> {
        let _ = to;
        None
    }
}
