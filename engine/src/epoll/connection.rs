//! One connection of the epoll engine: what the edges said, what the worker wants, and one turn of
//! work from both. Queueing is the driver's.

use super::{Lease, buffer};
use crate::{driver::Departure, socket::RECEIVE_BUFFER_BYTES};
use mio::{event::Event, net::TcpStream};
use std::io::{self, Read};

/// How many buffers of a detached connection's bytes are thrown away per turn.
const DISCARDS_PER_TURN: usize = 4;

/// What is done with bytes from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Receiving,
    Paused,
    Detached,
    /// The end was reported; there is nothing to receive any more.
    Departed,
    /// On its way to another worker, and out of the poll object.
    Leaving,
}

/// A socket with its flags. Kept small: there may be very many.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact about the socket")]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) flow: Flow,
    /// Bytes or the end may be there.
    readable: bool,
    /// The end is there, behind whatever bytes are left: receive until it shows.
    ending: bool,
    /// An error is pending, so far unseen.
    failing: bool,
    /// There may be room again.
    pub(super) writable: bool,
    /// A send fell short since `Writable` was last reported.
    pub(super) stalled: bool,
    /// A lease is out.
    pub(super) lent: bool,
    queued: bool,
}

/// What a turn found.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    Writable,
    Received(Lease),
    Gone(Departure),
    Released,
}

impl Connection {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            flow: Flow::Receiving,
            readable: false,
            ending: false,
            failing: false,
            writable: false,
            stalled: false,
            lent: false,
            queued: false,
        }
    }

    /// Keeps what an edge said, whatever is done with bytes now: it is not told again on resume.
    pub(super) fn note(&mut self, event: &Event) {
        let ending = event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || ending;
        self.ending |= ending;
        self.failing |= event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed();
    }

    /// Whether there is something to do and it does not stand in the queue yet; from now on it does.
    pub(super) const fn enqueue(&mut self) -> bool {
        let enqueue = !self.queued && self.has_work();
        self.queued |= enqueue;
        enqueue
    }

    pub(super) const fn dequeue(&mut self) {
        self.queued = false;
    }

    /// With another driver it begins again: that one's poll object tells everything anew.
    pub(super) fn arrived(self) -> Self {
        let stalled = self.stalled;
        Self { stalled, ..Self::new(self.stream) }
    }

    const fn has_work(&self) -> bool {
        let receive = match self.flow {
            Flow::Receiving => self.readable && !self.lent,
            Flow::Detached => self.readable,
            Flow::Paused => self.failing,
            Flow::Departed => false,
            Flow::Leaving => return !self.lent,
        };
        receive || (self.stalled && self.writable)
    }

    /// One turn: one completion at most, one buffer at most (a few if thrown away).
    pub(super) fn step(&mut self, spare: &mut Option<Box<[u8]>>) -> Step {
        if self.flow == Flow::Leaving {
            return if self.lent { Step::Nothing } else { Step::Released };
        }
        if self.writable {
            // Without a stall this is only the room that was there all along.
            self.writable = false;
            if std::mem::take(&mut self.stalled) {
                return Step::Writable;
            }
        }
        match self.flow {
            Flow::Receiving if self.readable && !self.lent => self.receive(spare),
            Flow::Detached if self.readable => self.discard(spare),
            Flow::Paused if self.failing => self.look_for_reset(),
            _ => Step::Nothing,
        }
    }

    fn receive(&mut self, spare: &mut Option<Box<[u8]>>) -> Step {
        let mut buffer = spare.take().unwrap_or_else(buffer);
        match self.read(&mut buffer) {
            Ok(Some(len)) if len > 0 => {
                self.lent = true;
                Step::Received(Lease { buffer, len })
            }
            end => {
                *spare = Some(buffer);
                self.end(end)
            }
        }
    }

    fn discard(&mut self, spare: &mut Option<Box<[u8]>>) -> Step {
        let scratch = spare.get_or_insert_with(buffer);
        for _ in 0..DISCARDS_PER_TURN {
            match self.read(scratch) {
                Ok(Some(len)) if len > 0 && self.readable => {}
                Ok(Some(len)) if len > 0 => break,
                end => return self.end(end),
            }
        }
        Step::Nothing
    }

    /// Receives once. `None`: nothing there.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(len) => {
                    // A short read has drained the socket: bytes and ends that come later give a new
                    // edge. An end that an edge has told already gives none.
                    self.readable = len == RECEIVE_BUFFER_BYTES || self.ending;
                    return Ok(Some(len));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn end(&mut self, end: io::Result<Option<usize>>) -> Step {
        let departure = match end {
            Ok(None) => return Step::Nothing,
            Ok(Some(_)) => Departure::Finished,
            Err(error) => Departure::Failed(error),
        };
        self.flow = Flow::Departed;
        Step::Gone(departure)
    }

    /// A paused connection is not received from, but asked for its error.
    fn look_for_reset(&mut self) -> Step {
        self.failing = false;
        match self.stream.take_error() {
            Ok(Some(error)) | Err(error) => self.end(Err(error)),
            Ok(None) => Step::Nothing,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_is_small() {
        // 4 bytes in release builds; mio adds checks to debug builds.
        let stream = size_of::<TcpStream>();
        assert!(size_of::<Connection>() <= stream + 12, "{}", size_of::<Connection>());
    }
}
