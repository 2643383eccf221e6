//! One connection of the `io_uring` engine: what completions said, what the worker wants, and one turn of
//! work from both. Which operation is to be begun or taken back is in `wish`.

mod wish;

use super::{
    events,
    tag::{Watch, Watches},
};
use crate::{driver::Departure, socket::RECEIVE_BUFFER_BYTES};
use socket2::SockRef;
use std::{io, mem::MaybeUninit, net::TcpStream};
pub(super) use wish::Wish;

/// What is done with bytes from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Receiving,
    Paused,
    Detached,
    /// The end was reported; there is nothing to receive any more.
    Departed,
    /// On its way to another worker: kept until nothing is under way on it.
    Leaving,
}

/// How far the peer's side has ended, as the kernel told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Open,
    Finished,
    /// The number of an error.
    Failed(u16),
}

/// What became of the piece that was delivered last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LastPiece {
    /// On loan; something was sent since, or not.
    Lent,
    LentAndAnswered,
    Answered,
    /// Given back, and nothing was sent since.
    Unanswered,
}

/// How many buffers of a detached connection's bytes are thrown away per turn.
const DISCARDS_PER_TURN: usize = 4;

/// A socket with its flags. Kept small: there may be very many.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact about the socket")]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) watches: Watches,
    pub(super) flow: Flow,
    end: End,
    /// Pieces that wait in the driver.
    pieces: u16,
    /// Pieces are held for it, which were received while it was paused or lent.
    holds: bool,
    /// What is being taken back of it.
    cancelling: Watches,
    /// A detached connection has bytes, or its end.
    readable: bool,
    /// An error is pending, so far unseen: told once, whatever is done with bytes then.
    failing: bool,
    /// There may be room again.
    writable: bool,
    /// A send fell short since `Writable` was last reported.
    stalled: bool,
    piece: LastPiece,
    /// It stands in the driver's queue.
    queued: bool,
}

/// What a turn found.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    Writable,
    /// The oldest piece that is held, which is lent from now on.
    Held,
    Gone(Departure),
    Released,
}

impl Connection {
    pub(super) const fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            watches: Watches::NONE,
            flow: Flow::Receiving,
            end: End::Open,
            pieces: 0,
            holds: false,
            cancelling: Watches::NONE,
            readable: false,
            failing: false,
            writable: false,
            stalled: false,
            piece: LastPiece::Answered,
            queued: false,
        }
    }

    const fn is_failed(&self) -> bool {
        matches!(self.end, End::Failed(_))
    }

    /// An operation had its last completion.
    pub(super) fn ended(&mut self, watch: Watch) {
        self.watches.end(watch);
        self.cancelling.end(watch);
    }

    /// A receive brought a piece, which now waits in the driver.
    pub(super) const fn piece_came(&mut self) {
        self.pieces += 1;
    }

    /// A piece is taken out of the driver's queue.
    pub(super) const fn piece_left(&mut self) {
        self.pieces -= 1;
    }

    /// A receive found the peer's end or broke.
    pub(super) fn receive_ended(&mut self, result: Result<u32, i32>) {
        match result {
            Ok(_) => self.end = End::Finished,
            // Out of buffers, taken back, or interrupted: no end.
            Err(libc::ENOBUFS | libc::ECANCELED | libc::EINTR | libc::EAGAIN | libc::ENOMEM) => {}
            Err(error) => self.end = failed(error),
        }
    }

    /// A poll told of these events, or was refused, which is a reason to look as well.
    pub(super) fn polled(&mut self, watch: Watch, result: Result<u32, i32>) {
        let told = match result {
            Ok(told) => told,
            Err(libc::ECANCELED) => return,
            Err(_) => u32::MAX,
        };
        match watch {
            Watch::Room => self.writable |= told & (events::ROOM | events::BROKEN) != 0,
            Watch::Detached => self.readable = true,
            Watch::Reset => self.failing |= told & events::BROKEN != 0,
            Watch::Receive => {}
        }
    }

    /// A send fell short. Unless the socket still has room, the poll will tell when it has again.
    pub(super) const fn stall(&mut self, has_room: bool) {
        self.stalled = true;
        self.writable = has_room;
    }

    /// A piece is delivered.
    pub(super) const fn lend(&mut self) {
        self.piece = LastPiece::Lent;
    }

    const fn is_lent(&self) -> bool {
        matches!(self.piece, LastPiece::Lent | LastPiece::LentAndAnswered)
    }

    /// Its piece is given back.
    pub(super) const fn give_back(&mut self) {
        self.piece = match self.piece {
            LastPiece::Lent | LastPiece::Unanswered => LastPiece::Unanswered,
            LastPiece::LentAndAnswered | LastPiece::Answered => LastPiece::Answered,
        };
    }

    /// Something is sent: that finds out by itself whether the peer is there.
    pub(super) const fn answer(&mut self) {
        self.piece = match self.piece {
            LastPiece::Lent | LastPiece::LentAndAnswered => LastPiece::LentAndAnswered,
            LastPiece::Unanswered | LastPiece::Answered => LastPiece::Answered,
        };
    }

    /// Whether bytes can be delivered at once.
    pub(super) fn takes_bytes(&self) -> bool {
        self.flow == Flow::Receiving && !self.is_lent() && !self.holds
    }

    /// Whether bytes that cannot be delivered now are to be held; from now on some are.
    pub(super) fn hold(&mut self) -> bool {
        let hold = matches!(self.flow, Flow::Receiving | Flow::Paused | Flow::Leaving);
        self.holds |= hold;
        hold
    }

    /// Whether pieces are held for it.
    pub(super) const fn holds(&self) -> bool {
        self.holds
    }

    /// The last piece was taken out.
    pub(super) const fn held_left(&mut self) {
        self.holds = false;
    }

    pub(super) fn detach(&mut self) {
        self.flow = Flow::Detached;
        self.holds = false;
        // The poll for it, unless it has told already.
        self.readable = false;
    }

    /// From now on everything that is under way on it is taken back.
    pub(super) const fn leave(&mut self) {
        self.flow = Flow::Leaving;
    }

    /// Whether it has left: nothing is under way on it, nor lent, and its pieces are held.
    fn has_left(&self) -> bool {
        self.watches.is_empty() && self.pieces == 0 && !self.is_lent()
    }

    /// With another driver it begins again, its turn in whose queue comes first.
    pub(super) const fn arrive(&mut self) {
        self.flow = Flow::Receiving;
        self.queued = true;
    }

    /// Whether there is something to do and it does not stand in the queue yet; from now on it does.
    pub(super) fn enqueue(&mut self) -> bool {
        let enqueue = !self.queued && self.has_work();
        self.queued |= enqueue;
        enqueue
    }

    fn has_work(&self) -> bool {
        let receive = match self.flow {
            Flow::Receiving => {
                !self.is_lent() && (self.holds || (self.pieces == 0 && self.end != End::Open))
            }
            Flow::Detached => self.readable || self.end != End::Open,
            Flow::Paused => self.is_failed() || self.failing,
            Flow::Departed => false,
            Flow::Leaving => return self.has_left(),
        };
        receive || (self.stalled && self.writable)
    }

    /// One turn: one thing to report at most.
    pub(super) fn step(&mut self, scratch: &mut Vec<u8>) -> Step {
        self.queued = false;
        if self.flow == Flow::Leaving {
            return if self.has_left() { Step::Released } else { Step::Nothing };
        }
        if self.writable {
            // Without a stall this is only the room that was there all along.
            self.writable = false;
            if std::mem::take(&mut self.stalled) {
                return Step::Writable;
            }
        }
        if !self.has_work() {
            return Step::Nothing;
        }
        if self.flow == Flow::Receiving && self.holds {
            self.lend();
            return Step::Held;
        }
        if self.flow == Flow::Detached && self.end == End::Open {
            self.discard(scratch);
        }
        if self.flow == Flow::Paused && std::mem::take(&mut self.failing) {
            self.look_for_reset();
        }
        self.depart_if_ended()
    }

    fn discard(&mut self, scratch: &mut Vec<u8>) {
        scratch.reserve(RECEIVE_BUFFER_BYTES);
        let room: &mut [MaybeUninit<u8>] =
            &mut scratch.spare_capacity_mut()[..RECEIVE_BUFFER_BYTES];
        for _ in 0..DISCARDS_PER_TURN {
            match SockRef::from(&self.socket).recv_with_flags(room, libc::MSG_DONTWAIT) {
                Ok(0) => self.end = End::Finished,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) => self.end = failed(error.raw_os_error().unwrap_or(libc::ECONNRESET)),
            }
            return;
        }
    }

    /// Takes the error off the socket: whoever receives is to find it there, so only while paused.
    fn look_for_reset(&mut self) {
        if let Some(error) = self.socket.take_error().unwrap_or_else(Some) {
            self.end = failed(error.raw_os_error().unwrap_or(libc::ECONNRESET));
        }
    }

    fn depart_if_ended(&mut self) -> Step {
        let departure = match self.end {
            // A paused connection reports no FIN before it is resumed.
            End::Finished if self.flow == Flow::Paused => return Step::Nothing,
            End::Open => return Step::Nothing,
            End::Finished => Departure::Finished,
            End::Failed(error) => Departure::Failed(io::Error::from_raw_os_error(error.into())),
        };
        self.flow = Flow::Departed;
        self.holds = false;
        Step::Gone(departure)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers of errors end at 4,095"
)]
const fn failed(error: i32) -> End {
    End::Failed(error as u16)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 20, "{}", size_of::<Connection>());
    }
}
