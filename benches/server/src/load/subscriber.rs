//! One subscriber: its socket from connect to the end of its stream.
//! Decides nothing about the others: the `fleet` connects, polls and counts.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::decode::{Decoder, Progress};
use super::tally::{Ledger, Tally};

/// Receive buffer of a subscriber that never reads, in bytes; the kernel rounds it up.
const STUCK_RECEIVE_BUFFER: usize = 4 * 1024;

/// Whether a subscriber reads what it is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Habit {
    Reads,
    Stuck,
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

/// One subscriber.
#[derive(Debug)]
pub(crate) struct Subscriber {
    /// `None` once the connection is over.
    pub(crate) stream: Option<TcpStream>,
    /// Whether it reads.
    pub(crate) habit: Habit,
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
    /// Begins to connect, from `source` if given.
    pub(crate) fn connect(
        target: SocketAddr,
        source: Option<SocketAddr>,
        habit: Habit,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if habit == Habit::Stuck {
            socket.set_recv_buffer_size(STUCK_RECEIVE_BUFFER)?;
        }
        if let Some(source) = source {
            socket.bind(&SockAddr::from(source))?;
        }
        match socket.connect(&SockAddr::from(target)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        Ok(Self {
            stream: Some(TcpStream::from_std(socket.into())),
            habit,
            state: State::Connecting,
            decoder: Decoder::new(),
            ledger: Ledger::default(),
        })
    }

    /// Whether its stream is open and read.
    pub(crate) fn is_streaming(&self) -> bool {
        self.state == State::Streaming
    }

    /// Whether it has neither a stream nor a refusal yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Connecting | State::Requesting { .. } | State::AwaitingHead)
    }

    /// Does what the socket allows now: connect, send the request, read until nothing is left. With
    /// `ending` the end of the stream is among what is left.
    pub(crate) fn advance(
        &mut self,
        request: &[u8],
        scratch: &mut [u8],
        tally: &mut Tally,
        ending: bool,
    ) -> Step {
        let pending = self.is_pending();
        match self.try_advance(request, scratch, tally, ending) {
            Ok(()) if pending && !self.is_pending() => Step::Connected,
            Ok(()) => Step::Same,
            Err(reason) => {
                self.end();
                if pending { Step::Refused(reason) } else { Step::Lost(reason) }
            }
        }
    }

    /// Gives up the connection.
    pub(crate) fn end(&mut self) {
        self.stream = None;
        self.state = State::Over;
    }

    fn try_advance(
        &mut self,
        request: &[u8],
        scratch: &mut [u8],
        tally: &mut Tally,
        ending: bool,
    ) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if self.state == State::Connecting {
            if !is_connected(stream).map_err(|error| error.to_string())? {
                return Ok(());
            }
            self.state = State::Requesting { sent: 0 };
        }
        if let State::Requesting { sent } = &mut self.state {
            if !send_rest(stream, request, sent).map_err(|error| error.to_string())? {
                return Ok(());
            }
            self.state = match self.habit {
                Habit::Reads => State::AwaitingHead,
                Habit::Stuck => State::Stuck,
            };
        }
        match self.state {
            State::AwaitingHead | State::Streaming => self.read_all(scratch, tally, ending),
            _ => Ok(()),
        }
    }

    fn read_all(
        &mut self,
        scratch: &mut [u8],
        tally: &mut Tally,
        ending: bool,
    ) -> Result<(), String> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        loop {
            let count = match stream.read(scratch) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            let (now, ledger) = (tally.now(), &mut self.ledger);
            let progress = self
                .decoder
                .receive(&scratch[..count], &mut |block| tally.record(ledger, block, now))
                .map_err(|malformed| malformed.to_string())?;
            match progress {
                Progress::Head => {}
                Progress::Streaming => self.state = State::Streaming,
                Progress::Ended => return Err("the server ended the stream".to_owned()),
            }
            // A short read emptied the socket, and edge-triggered readiness will tell of more. It
            // told already of an end that came along with these bytes.
            if count < scratch.len() && !ending {
                return Ok(());
            }
        }
    }
}

fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sends what is left of `request`; gives whether all of it is out.
fn send_rest(stream: &mut TcpStream, request: &[u8], sent: &mut usize) -> io::Result<bool> {
    while *sent < request.len() {
        match stream.write(&request[*sent..]) {
            Ok(count) => *sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
