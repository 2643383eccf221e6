//! One client of the crowd: how it comes, stays, is heard, is left alone, and leaves. What it does in
//! between is in `actions`.

use crate::crowd::Tally;
use crate::place::{Place, Site};
use crate::run::Shape;
use crate::support::{Answer, End, Ending, Numbers, PATIENCE, Peer};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) struct Client<'a> {
    pub(crate) place: &'a Place,
    /// Where the client went last.
    pub(crate) site: Site,
    pub(crate) shape: &'a Shape,
    pub(crate) numbers: Numbers,
    pub(crate) tally: &'a Tally,
}

impl<'a> Client<'a> {
    pub(crate) fn new(place: &'a Place, shape: &'a Shape, seed: u64, tally: &'a Tally) -> Self {
        Self { place, site: place.site(), shape, numbers: Numbers::new(seed), tally }
    }

    #[track_caller]
    pub(crate) fn connect(&mut self) -> Peer {
        self.reach(Peer::reach)
    }

    /// Takes few bytes while it does not read.
    #[track_caller]
    pub(crate) fn connect_narrow(&mut self) -> Peer {
        self.reach(Peer::reach_narrow)
    }

    /// Tries until there is a server, where servers are replaced.
    #[track_caller]
    fn reach(&mut self, reach: impl Fn(SocketAddr) -> std::io::Result<Peer>) -> Peer {
        loop {
            self.site = self.place.site();
            match reach(self.site.addr) {
                Ok(peer) => return peer,
                Err(error) if !self.shape.restarts => panic!("the server listens: {error}"),
                _ => self.place.leave(self.site),
            }
        }
    }

    /// Does nothing for a random time.
    pub(crate) fn stay(&mut self, most_millis: usize) {
        let millis = self.numbers.below(most_millis) as u64;
        std::thread::sleep(Duration::from_millis(millis));
    }

    /// Whether the server begins to answer. If not, the client had to give way: where there are too
    /// few descriptors, a server closes connections that have said nothing yet, and one that ends
    /// closes those that it has not heard.
    #[track_caller]
    pub(crate) fn is_heard(&self, peer: &mut Peer) -> bool {
        if peer.has_received() {
            return true;
        }
        match peer.receive() {
            Ok(()) => true,
            Err(_) if self.shape.restarts || self.shape.descriptors.is_some() => {
                self.count(|tally| &tally.gave_way, 1);
                false
            }
            Err(end) => panic!("an answer comes before the end, not {end:?}"),
        }
    }

    /// The next answer, or none if the server ends before it begins to give one.
    #[track_caller]
    pub(crate) fn answer(&self, peer: &mut Peer) -> Option<Answer> {
        // A server that ends answers what it has heard, and may not hear what follows.
        if self.shape.restarts && !self.is_heard(peer) {
            return None;
        }
        let answer = self.whole(Answer::receive(peer))?;
        self.count(|tally| &tally.answers, 1);
        Some(answer)
    }

    /// The head of a stream, or none if the server ends before it begins to give one.
    #[track_caller]
    pub(crate) fn head(&self, peer: &mut Peer) -> Option<Answer> {
        if !self.is_heard(peer) {
            return None;
        }
        self.whole(Answer::receive_head(peer))
    }

    #[track_caller]
    fn whole<T>(&self, received: Result<T, End>) -> Option<T> {
        match received {
            Ok(whole) => Some(whole),
            Err(_) if self.shape.restarts => {
                self.tally.cut.add(self.site);
                None
            }
            Err(end) => panic!("an answer is sent whole, not {end:?} in it"),
        }
    }

    /// A stream of which there was more to come has ended.
    #[track_caller]
    pub(crate) fn stream_ended(&self, ending: Ending, ends_slow: bool) {
        self.count(|tally| &tally.endings, 1);
        match ending {
            _ if ends_slow => self.count(|tally| &tally.too_slow, 1),
            Ending::Whole if self.shape.restarts => {}
            // Only a server that ends in a hurry may do that.
            Ending::Closed | Ending::Reset if self.shape.restarts => self.tally.cut.add(self.site),
            _ => panic!("the stream goes on, and has not ended: {ending:?}"),
        }
    }

    /// The server closes the connection, and sends nothing before.
    #[track_caller]
    pub(crate) fn expect_end(&self, peer: &mut Peer) {
        let (bytes, end) = peer.rest();
        assert_eq!(String::from_utf8_lossy(&bytes), "");
        assert!(end == End::Closed || self.shape.restarts, "{end:?}");
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

/// Receives so many bytes, or a few more, of what has begun to come, unless the end comes before.
#[track_caller]
pub(crate) fn receive_bytes(peer: &mut Peer, bytes: usize) -> Result<(), End> {
    let mut received = peer.take_received().len();
    while received < bytes {
        peer.receive()?;
        received += peer.take_received().len();
    }
    Ok(())
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
