//! One client of the crowd: how it comes, stays, is heard, and leaves. What it does in between is in
//! `actions`.

use crate::crowd::Tally;
use crate::support::{End, Numbers, PATIENCE, Peer};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) struct Client<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) numbers: Numbers,
    pub(crate) tally: &'a Tally,
    /// Where there are too few descriptors, a server closes connections that have said nothing yet.
    pub(crate) may_give_way: bool,
}

impl Client<'_> {
    pub(crate) fn connect(&self) -> Peer {
        Peer::connect(self.addr)
    }

    /// Takes few bytes while it does not read.
    pub(crate) fn connect_narrow(&self) -> Peer {
        Peer::connect_narrow(self.addr)
    }

    /// Does nothing for a random time.
    pub(crate) fn stay(&mut self, most_millis: usize) {
        let millis = self.numbers.below(most_millis) as u64;
        std::thread::sleep(Duration::from_millis(millis));
    }

    /// Whether the server begins to answer. If not, the client had to give way.
    #[track_caller]
    pub(crate) fn is_heard(&self, peer: &mut Peer) -> bool {
        match peer.receive() {
            Ok(()) => true,
            Err(_) if self.may_give_way => {
                self.count(|tally| &tally.gave_way, 1);
                false
            }
            Err(end) => panic!("an answer comes before the end, not {end:?}"),
        }
    }

    /// Leaves with a FIN, a reset, or a FIN and a while later the rest.
    pub(crate) fn leave(&mut self, peer: Peer) {
        match self.numbers.below(3) {
            0 => drop(peer),
            1 => peer.reset(),
            _ => {
                peer.try_finish();
                self.stay(50);
            }
        }
    }

    pub(crate) fn count(&self, of: impl Fn(&Tally) -> &AtomicU64, more: u64) {
        of(self.tally).fetch_add(more, Ordering::Relaxed);
    }
}

/// Receives so many bytes, or a few more, of what has begun to come.
#[track_caller]
pub(crate) fn receive_bytes(peer: &mut Peer, bytes: usize) {
    let mut received = peer.take_received().len();
    while received < bytes {
        peer.receive().expect("there is more than that");
        received += peer.take_received().len();
    }
}

/// Receives whatever comes before the end, which must come although the other side has more to say.
#[track_caller]
pub(crate) fn read_out(peer: &mut Peer) -> End {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Err(end) = peer.receive() {
            return end;
        }
        peer.take_received();
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: the end of the stream");
    }
}
