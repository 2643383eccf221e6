//! One connection of a guest: connects, sends what it is given as far as the socket takes it, and
//! reads. What is said on it, and when, is its owner's.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::load::sockets::{self, Buffers};

/// Guests spread over as many loopback addresses, so that those that come and go find free ports.
const SOURCES: usize = 16;
/// The first of them: those before are the subscribers'.
const FIRST_SOURCE: usize = 100;

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    connected: bool,
    out: Vec<u8>,
    sent: usize,
}

/// How a connection ended, where its owner did not end it.
#[derive(Debug)]
pub(crate) enum End {
    /// The server sent its FIN.
    Closed,
    /// The server reset it.
    Reset,
    /// It never came about, or something else.
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Reset,
            _ => Self::Failed(error),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => out.write_str("the server closed the connection"),
            Self::Reset => out.write_str("the server reset the connection"),
            Self::Failed(error) => write!(out, "{error}"),
        }
    }
}

impl Wire {
    /// Begins to connect, the `turn`th time; `registry` tells of the guest of this number.
    pub(super) fn open(
        target: SocketAddr,
        registry: &Registry,
        number: usize,
        turn: usize,
        buffers: Buffers,
    ) -> io::Result<Self> {
        let source = sockets::loopback(FIRST_SOURCE + turn % SOURCES, target);
        let mut stream = sockets::connect(target, source, buffers)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(number), interest)?;
        Ok(Self { stream, connected: false, out: Vec::new(), sent: 0 })
    }

    /// Sends these bytes behind those before.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
        self.out.extend_from_slice(bytes);
    }

    /// Connects and sends as far as that goes now; gives whether all of it is out.
    pub(super) fn advance(&mut self) -> Result<bool, End> {
        if !self.connected && !sockets::is_connected(&self.stream)? {
            return Ok(false);
        }
        self.connected = true;
        Ok(sockets::send_rest(&mut self.stream, &self.out, &mut self.sent)?)
    }

    /// Whether the connection is there.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Reads once; `None` where nothing is there now.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<Option<usize>, End> {
        loop {
            match self.stream.read(into) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Leaves by a reset.
    pub(super) fn reset(self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}
