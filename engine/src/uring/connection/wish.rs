//! Which operations of a connection are to be begun or taken back, after what completions said and what the
//! worker wants. Does neither: see the driver.

use super::{Connection, End, Flow, LastPiece};
use crate::uring::tag::Watch;

/// Pieces of one connection that wait in the driver before its receive is taken back, so that one
/// flood does not fill all buffers while the worker is busy. One enter may add 32 more.
const MOST_PIECES: u16 = 32;

/// What the kernel is to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::uring) enum Wish {
    Begin(Watch),
    /// Takes it back.
    Cancel(Watch),
}

impl Connection {
    /// The next thing to ask the kernel for; from then on it counts as asked.
    pub(in crate::uring) fn next_wish(&mut self) -> Option<Wish> {
        let wish = match self.flow {
            Flow::Leaving => Watch::ALL.into_iter().find_map(|watch| self.cancel(watch)),
            _ => self.receiving_wish().or_else(|| self.room_wish()),
        };
        match wish? {
            Wish::Begin(watch) => {
                self.watches.begin(watch);
                // A receive that begins finds whatever there is.
                self.failing &= watch != Watch::Receive;
            }
            Wish::Cancel(watch) => self.cancelling.begin(watch),
        }
        wish
    }

    fn room_wish(&self) -> Option<Wish> {
        let waits = self.stalled && !self.writable && !self.watches.has(Watch::Room);
        waits.then_some(Wish::Begin(Watch::Room))
    }

    fn cancel(&self, watch: Watch) -> Option<Wish> {
        let cancel = self.watches.has(watch) && !self.cancelling.has(watch);
        cancel.then_some(Wish::Cancel(watch))
    }

    fn receiving_wish(&self) -> Option<Wish> {
        let receives = self.watches.has(Watch::Receive);
        let idle = |watch| !self.watches.has(watch);
        let begin = |watch| Some(Wish::Begin(watch));
        let cancel = || self.cancel(Watch::Receive);
        match self.flow {
            Flow::Receiving if receives && (self.failing || self.pieces >= MOST_PIECES) => cancel(),
            // A kernel may forget a reset that comes while a receive brings bytes (seen with 6.18), and
            // then nothing more is told of the connection.
            Flow::Receiving | Flow::Paused
                if receives && self.piece == LastPiece::Unanswered && idle(Watch::Reset) =>
            {
                begin(Watch::Reset)
            }
            Flow::Receiving if receives => None,
            Flow::Receiving if self.end == End::Open && self.pieces == 0 && !self.holds => {
                begin(Watch::Receive)
            }
            // As long as nothing comes, the receive may stay: it tells of a reset.
            Flow::Paused if receives => self.holds.then(cancel).flatten(),
            Flow::Paused if !self.is_failed() && idle(Watch::Reset) => begin(Watch::Reset),
            Flow::Detached if receives => cancel(),
            Flow::Detached if self.end == End::Open && !self.readable && idle(Watch::Detached) => {
                begin(Watch::Detached)
            }
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn receive_is_taken_back_at_the_limit_of_pieces_and_begun_again_at_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connection = Connection::new(socket);
        assert_eq!(connection.next_wish(), Some(Wish::Begin(Watch::Receive)));
        for _ in 1..MOST_PIECES {
            connection.piece_came();
        }
        assert_eq!(connection.next_wish(), None, "one below");
        connection.piece_came();
        assert_eq!(connection.next_wish(), Some(Wish::Cancel(Watch::Receive)), "at the limit");
        connection.piece_came();
        assert_eq!(connection.next_wish(), None, "one above, and asked already");
        connection.receive_ended(Err(libc::ECANCELED));
        connection.ended(Watch::Receive);
        for _ in 0..MOST_PIECES {
            connection.piece_left();
            assert_eq!(connection.next_wish(), None);
        }
        connection.piece_left();
        assert_eq!(connection.next_wish(), Some(Wish::Begin(Watch::Receive)));
    }
}
