//! One connection of the bare loop: what it received, and what its socket did not take.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::request::{self, Request};

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

/// What became of an event for one subscriber.
pub(crate) enum Sent {
    /// The kernel has it, or has its beginning and the rest is owed.
    Whole,
    /// The kernel took nothing: dropped.
    Refused,
    /// The subscriber is owed the rest of an earlier one: dropped without a call.
    Stalled,
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    owed: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new(), owed: Vec::new() }
    }

    /// Reads all there is; gives whether more can come.
    pub(crate) fn receive(&mut self) -> bool {
        let mut bytes = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// The next request among what was received, if it is whole.
    pub(crate) fn next_request(&mut self) -> Option<Result<Request, httparse::Error>> {
        match request::parse(&self.received).transpose()? {
            Ok((request, used)) => {
                self.received.drain(..used);
                Some(Ok(request))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Sends an answer; what the kernel does not take is owed.
    pub(crate) fn send_all(&mut self, bytes: &[u8]) {
        let sent = if self.owed.is_empty() { self.send(bytes) } else { 0 };
        self.owed.extend_from_slice(&bytes[sent..]);
    }

    /// Sends an event by one call, or drops it.
    pub(crate) fn send_event(&mut self, chunk: &[u8]) -> Sent {
        if !self.owed.is_empty() {
            return Sent::Stalled;
        }
        let sent = self.send(chunk);
        if sent == 0 {
            return Sent::Refused;
        }
        self.owed.extend_from_slice(&chunk[sent..]);
        Sent::Whole
    }

    /// Sends what is owed, as far as the kernel takes it. Gives whether the connection stands.
    pub(crate) fn flush(&mut self) -> bool {
        while !self.owed.is_empty() {
            match self.stream.write(&self.owed) {
                Ok(count) => drop(self.owed.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// One call. A connection that is gone takes nothing, and is found out by reading it.
    fn send(&mut self, bytes: &[u8]) -> usize {
        self.stream.write(bytes).unwrap_or(0)
    }
}
