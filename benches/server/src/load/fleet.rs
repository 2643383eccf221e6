//! All subscribers on one thread: connects them with bounded parallelism and reads them as they
//! become readable. Publishes nothing, and judges nothing itself: see `tally`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::subscriber::{Habit, Step, Subscriber};
use super::tally::Tally;

/// Connections that may be pending at once: below any usual listen backlog.
const PENDING_LIMIT: usize = 64;

/// Connecting is given up when nothing happened for this long.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Subscribers from one loopback address; each takes one of about 28,000 ephemeral ports.
const PER_SOURCE: usize = 20_000;

/// Bytes read at once. Shared by all subscribers.
const SCRATCH_BYTES: usize = 128 * 1024;

/// The longest the loop sleeps before it looks at its end condition.
const TICK: Duration = Duration::from_millis(50);

/// How many subscribers are in which condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    /// Got an open stream, whatever became of it.
    pub(crate) connected: usize,
    /// Got none.
    pub(crate) refused: usize,
    /// Had an open stream that ended.
    pub(crate) lost: usize,
    /// Connected, and never read.
    pub(crate) stuck: usize,
    /// Why the first refused one was.
    pub(crate) first_refusal: Option<String>,
    /// Why the first lost one was.
    pub(crate) first_loss: Option<String>,
}

/// All subscribers.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    target: SocketAddr,
    request: Vec<u8>,
    scratch: Vec<u8>,
    subscribers: Vec<Subscriber>,
    pending: usize,
    /// How many are in which condition.
    pub(crate) census: Census,
    /// What they received.
    pub(crate) tally: Tally,
}

impl Fleet {
    /// An empty fleet that will subscribe to `path` at `target`.
    pub(crate) fn new(target: SocketAddr, path: &str, tally: Tally) -> io::Result<Self> {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nAccept: text/event-stream\r\n\r\n");
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            target,
            request: request.into_bytes(),
            scratch: vec![0; SCRATCH_BYTES],
            subscribers: Vec::new(),
            pending: 0,
            census: Census::default(),
            tally,
        })
    }

    /// Connects `count` more subscribers of this habit; returns when each has a stream or a refusal.
    pub(crate) fn connect(&mut self, count: usize, habit: Habit) -> io::Result<()> {
        let mut goal = self.subscribers.len() + count;
        let mut last_change = Instant::now();
        let mut settled = 0;
        while self.pending > 0 || self.subscribers.len() < goal {
            while self.pending < PENDING_LIMIT && self.subscribers.len() < goal {
                if let Err(error) = self.open(habit) {
                    // Without a free file or port the next ones fail alike.
                    self.refused(goal - self.subscribers.len(), error.to_string());
                    goal = self.subscribers.len();
                }
            }
            self.turn(TICK)?;
            let now_settled = self.census.connected + self.census.refused + self.census.stuck;
            if now_settled > settled {
                (settled, last_change) = (now_settled, Instant::now());
            } else if last_change.elapsed() > CONNECT_PATIENCE {
                self.refuse_pending();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads until `until` says so, and at most until `deadline`.
    pub(crate) fn read_until(
        &mut self,
        deadline: Option<Instant>,
        mut until: impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        while !until(self) {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
            self.turn(left.map_or(TICK, |left| left.min(TICK)))?;
        }
        Ok(())
    }

    /// Whether every open stream has brought `count` events of this load.
    pub(crate) fn all_have(&self, count: u64) -> bool {
        self.subscribers
            .iter()
            .filter(|one| one.is_streaming())
            .all(|one| one.ledger.unique >= count)
    }

    /// Deliveries missing when each subscriber that ever connected should have `count` events.
    pub(crate) fn missing(&self, count: u64) -> u64 {
        let expected = count * self.census.connected as u64;
        let received = self.subscribers.iter().map(|one| one.ledger.unique.min(count)).sum();
        expected.saturating_sub(received)
    }

    /// Begins one connection.
    fn open(&mut self, habit: Habit) -> io::Result<()> {
        let index = self.subscribers.len();
        let source = source_of(index, self.target);
        let mut subscriber = Subscriber::connect(self.target, source, habit)?;
        if let Some(stream) = &mut subscriber.stream {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(stream, Token(index), interest)?;
        }
        self.subscribers.push(subscriber);
        self.pending += 1;
        Ok(())
    }

    /// Waits for readiness once, and serves everyone who is ready.
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        // Taken out for the loop, which changes the rest of `self`.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Some(subscriber) = self.subscribers.get_mut(event.token().0) else { continue };
            let ending = event.is_read_closed() || event.is_error();
            match subscriber.advance(&self.request, &mut self.scratch, &mut self.tally, ending) {
                Step::Same => {}
                Step::Connected => {
                    self.pending -= 1;
                    match subscriber.habit {
                        Habit::Reads => self.census.connected += 1,
                        Habit::Stuck => self.census.stuck += 1,
                    }
                }
                Step::Refused(reason) => {
                    self.pending -= 1;
                    self.refused(1, reason);
                }
                Step::Lost(reason) => {
                    self.census.lost += 1;
                    self.census.first_loss.get_or_insert(reason);
                }
            }
        }
        self.events = events;
        Ok(())
    }

    fn refused(&mut self, count: usize, reason: String) {
        self.census.refused += count;
        self.census.first_refusal.get_or_insert(reason);
    }

    fn refuse_pending(&mut self) {
        for subscriber in self.subscribers.iter_mut().filter(|one| one.is_pending()) {
            subscriber.end();
        }
        let reason = format!("no answer within {} s", CONNECT_PATIENCE.as_secs());
        let given_up = std::mem::take(&mut self.pending);
        self.refused(given_up, reason);
    }
}

/// The address to connect from: the kernel's choice, until the ephemeral ports of one loopback
/// address may run short.
fn source_of(index: usize, target: SocketAddr) -> Option<SocketAddr> {
    let source = u8::try_from(index / PER_SOURCE).ok().filter(|source| *source > 0)?;
    match target.ip() {
        IpAddr::V4(ip) if ip.is_loopback() && source < 254 => {
            Some(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1 + source), 0)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};

    use super::*;
    use crate::load::schedule::Clock;

    #[test]
    fn many_subscribers_come_from_several_loopback_addresses() {
        let target: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let source = |index| source_of(index, target).map(|source| source.ip().to_string());
        assert_eq!(source(PER_SOURCE - 1), None);
        assert_eq!(source(PER_SOURCE).as_deref(), Some("127.0.0.2"));
        assert_eq!(source(2 * PER_SOURCE).as_deref(), Some("127.0.0.3"));
        assert_eq!(source_of(PER_SOURCE, "192.0.2.1:80".parse().unwrap()), None);
    }

    #[test]
    fn an_end_that_comes_along_with_an_event_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            stream
        });
        let mut fleet = Fleet::new(target, "/", Tally::new(Clock::new())).unwrap();
        fleet.connect(1, Habit::Reads).unwrap();
        assert_eq!(fleet.census.connected, 1);

        // Both are in the subscriber's socket before the fleet looks at it.
        let mut stream = server.join().unwrap();
        stream.write_all(b"data: last\n\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        fleet.read_until(Some(deadline), |fleet| fleet.census.lost == 1).unwrap();
        assert_eq!((fleet.census.lost, fleet.tally.foreign), (1, 1));
    }
}
