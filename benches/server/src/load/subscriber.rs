//! One subscriber: its socket from connect to the end of its stream.
//! Decides nothing about the others: the `fleet` connects, polls and counts.

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use mio::net::TcpStream;
use socket2::SockRef;

use super::answered::Shared;
use super::decode::{Decoder, Progress};
use super::ledger::Ledger;
use super::sockets::{self, Buffers, is_connected, send_rest};
use super::tally::Tally;

/// Linux drops what is received with this flag instead of copying it. Elsewhere it is copied.
const DISCARD: libc::c_int = if cfg!(target_os = "linux") { libc::MSG_TRUNC } else { 0 };

/// What a subscriber does with what it is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Habit {
    /// Reads everything at once, and checks it.
    Reads,
    /// Reads everything at once, and counts the bytes only.
    Counts,
    /// Reads at the pace of the fleet, and checks it.
    Slow,
    /// Never reads.
    Stuck,
}

/// Why a subscriber connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// It is one of those that are there from the beginning.
    First,
    /// It comes in place of one that left.
    Churn,
    /// It returns after a storm.
    Storm,
}

/// What became of a subscriber when its socket was looked at.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing that concerns the fleet.
    Same,
    /// Its stream has opened; or, if stuck, its request is sent.
    Connected,
    /// It got no stream, for this reason.
    Refused(String),
    /// Its open stream ended, for this reason.
    Lost(String),
}

/// What subscribers of one habit share while they are looked at.
pub(crate) struct Means<'f> {
    pub(crate) request: &'f Request,
    pub(crate) scratch: &'f mut [u8],
    pub(crate) unread: &'f mut [MaybeUninit<u8>],
    pub(crate) tally: &'f mut Tally,
    pub(crate) shared: &'f Shared,
}

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: SocketAddr,
    pub(crate) path: String,
}

impl Request {
    fn bytes(&self, last_event_id: Option<u64>) -> Vec<u8> {
        let Self { target, path } = self;
        let id = last_event_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nAccept: text/event-stream\r\n{id}\r\n")
            .into_bytes()
    }
}

/// One subscriber.
#[derive(Debug)]
pub(crate) struct Subscriber {
    /// `None` once the connection is over.
    pub(crate) stream: Option<TcpStream>,
    /// What it does with what it is sent.
    pub(crate) habit: Habit,
    /// Why it connects, or did.
    pub(crate) cause: Cause,
    /// When it was to connect.
    pub(crate) since: u64,
    state: State,
    decoder: Decoder,
    /// What it has received.
    pub(crate) ledger: Ledger,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Connecting,
    Requesting { sent: usize },
    AwaitingHead,
    Streaming,
    Stuck,
    Over,
}

impl Subscriber {
    /// A subscriber without a connection.
    pub(crate) fn new(habit: Habit) -> Self {
        Self {
            stream: None,
            habit,
            cause: Cause::First,
            since: 0,
            state: State::Over,
            decoder: Decoder::new(),
            ledger: Ledger::new(),
        }
    }

    /// Begins to connect, from `source` if given.
    pub(crate) fn connect(
        &mut self,
        target: SocketAddr,
        source: Option<SocketAddr>,
    ) -> io::Result<&mut TcpStream> {
        let buffers = match self.habit {
            Habit::Slow | Habit::Stuck => Buffers::Small,
            Habit::Reads | Habit::Counts => Buffers::Usual,
        };
        let stream = sockets::connect(target, source, buffers)?;
        self.state = State::Connecting;
        self.decoder = Decoder::new();
        Ok(self.stream.insert(stream))
    }

    /// Whether its stream is open and read.
    pub(crate) fn is_streaming(&self) -> bool {
        self.state == State::Streaming
    }

    /// Whether it has neither a stream nor a refusal yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Connecting | State::Requesting { .. } | State::AwaitingHead)
    }

    /// Bytes of the stream received so far.
    pub(crate) fn stream_bytes(&self) -> u64 {
        self.decoder.stream_bytes()
    }

    /// Does what the socket allows now: connect, send the request, read until nothing is left. With
    /// `ending` the end of the stream is among what is left. Who is slow reads its head only.
    pub(crate) fn advance(&mut self, means: &mut Means<'_>, ending: bool) -> Step {
        self.step(|subscriber| subscriber.try_advance(means, ending))
    }

    /// Reads up to this many bytes.
    pub(crate) fn read_some(&mut self, means: &mut Means<'_>, bytes: usize) -> Step {
        self.step(|subscriber| subscriber.read(means, false, bytes))
    }

    /// Gives up the connection.
    pub(crate) fn end(&mut self) {
        self.stream = None;
        self.state = State::Over;
    }

    /// Gives up waiting for a stream; gives whether it did wait.
    pub(crate) fn stop_waiting(&mut self) -> bool {
        let pending = self.is_pending();
        if pending {
            self.end();
            self.ledger.refused();
        }
        pending
    }

    fn step(&mut self, act: impl FnOnce(&mut Self) -> Result<(), String>) -> Step {
        let pending = self.is_pending();
        match act(self) {
            Ok(()) if pending && !self.is_pending() => Step::Connected,
            Ok(()) => Step::Same,
            Err(reason) => {
                self.end();
                if !pending {
                    return Step::Lost(reason);
                }
                self.ledger.refused();
                Step::Refused(reason)
            }
        }
    }

    fn try_advance(&mut self, means: &mut Means<'_>, ending: bool) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if self.state == State::Connecting {
            if !is_connected(stream).map_err(|error| error.to_string())? {
                return Ok(());
            }
            self.state = State::Requesting { sent: 0 };
        }
        if let State::Requesting { sent } = &mut self.state {
            let request = means.request.bytes(self.ledger.return_id());
            if !send_rest(stream, &request, sent).map_err(|error| error.to_string())? {
                return Ok(());
            }
            self.state = match self.habit {
                Habit::Stuck => State::Stuck,
                _ => State::AwaitingHead,
            };
        }
        match (self.state, self.habit) {
            (State::Streaming, Habit::Slow) => Ok(()),
            (State::Streaming, Habit::Counts) => self.count(means, ending),
            (State::AwaitingHead | State::Streaming, _) => self.read(means, ending, usize::MAX),
            // The end of a stream that is full comes as a reset, before anything was read.
            (State::Stuck, _) if ending => Err(CLOSED.to_owned()),
            _ => Ok(()),
        }
    }

    /// Reads up to `most` bytes.
    fn read(&mut self, means: &mut Means<'_>, ending: bool, most: usize) -> Result<(), String> {
        let mut left = most;
        while left > 0 {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            let room = left.min(means.scratch.len());
            let count = match stream.read(&mut means.scratch[..room]) {
                Ok(0) => return Err(CLOSED.to_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            left -= count;
            self.receive(means, count)?;
            // A short read emptied the socket, and edge-triggered readiness will tell of more. It
            // told already of an end that came along with these bytes.
            if count < room && !ending {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decodes the first `count` bytes of the scratch buffer.
    fn receive(&mut self, means: &mut Means<'_>, count: usize) -> Result<(), String> {
        if self.state == State::AwaitingHead {
            self.ledger.opened(means.shared.sent() + 1);
        }
        let (tally, ledger) = (&mut *means.tally, &mut self.ledger);
        let (now, counts) = (tally.now(), self.habit == Habit::Counts);
        let mut on_block = |block| {
            if !counts {
                tally.record(ledger, block, now);
            }
        };
        let progress = self.decoder.receive(&means.scratch[..count], &mut on_block);
        match progress.map_err(|malformed| malformed.to_string())? {
            Progress::Head => {}
            Progress::Streaming => self.state = State::Streaming,
            Progress::Ended => return Err("the server ended the stream".to_owned()),
        }
        Ok(())
    }

    /// Takes what is there from the kernel without looking at it.
    fn count(&mut self, means: &mut Means<'_>, ending: bool) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        loop {
            let count = match SockRef::from(&*stream).recv_with_flags(means.unread, DISCARD) {
                Ok(0) => return Err(CLOSED.to_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            self.decoder.skip(count);
            means.tally.counted(count);
            if count < means.unread.len() && !ending {
                return Ok(());
            }
        }
    }
}

const CLOSED: &str = "the server closed the connection";
