//! One keep-alive connection: what is still to be written, and which requests wait for their answers.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::sample::Sample;

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    connected: bool,
    out: Vec<u8>,
    written: usize,
    /// An answer, as far as it has come.
    partial: Vec<u8>,
    /// When those that wait for their answers were due.
    open: VecDeque<u64>,
}

impl Client {
    /// Begins to connect.
    pub(super) fn open(addr: SocketAddr, registry: &Registry, number: usize) -> io::Result<Self> {
        let mut stream = TcpStream::connect(addr)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(number), interest)?;
        Ok(Self {
            stream,
            connected: false,
            out: Vec::new(),
            written: 0,
            partial: Vec::new(),
            open: VecDeque::new(),
        })
    }

    /// Requests that wait for their answers.
    pub(super) fn open_requests(&self) -> usize {
        self.open.len()
    }

    /// Sends so many requests of these bytes, as soon as there is room.
    pub(super) fn ask(&mut self, request: &[u8], times: usize, due: u64) -> io::Result<()> {
        self.out.extend_from_slice(&request.repeat(times));
        self.open.extend(std::iter::repeat_n(due, times));
        self.write()
    }

    /// Writes what there is room for.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if !self.connected {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            match self.stream.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
            self.stream.set_nodelay(true)?;
            self.connected = true;
        }
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads what has come; `answered` is told when each request that was answered was due.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        sample: &Sample,
        mut answered: impl FnMut(u64),
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::Error::other("the server closed the connection")),
                Ok(count) => count,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
                    ) =>
                {
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.take(&scratch[..count], sample, &mut answered)?;
            // A short read emptied the socket, and readiness will tell of more.
            if count < scratch.len() {
                return Ok(());
            }
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        sample: &Sample,
        answered: &mut impl FnMut(u64),
    ) -> io::Result<()> {
        let Self { partial, open, .. } = self;
        let mut rest = bytes;
        if !partial.is_empty() {
            let (missing, after) = rest.split_at(rest.len().min(sample.length() - partial.len()));
            partial.extend_from_slice(missing);
            rest = after;
            if partial.len() < sample.length() {
                return Ok(());
            }
            take_one(partial, sample, open, answered)?;
            partial.clear();
        }
        let answers = rest.chunks_exact(sample.length());
        partial.extend_from_slice(answers.remainder());
        for answer in answers {
            take_one(answer, sample, open, answered)?;
        }
        Ok(())
    }
}

fn take_one(
    answer: &[u8],
    sample: &Sample,
    open: &mut VecDeque<u64>,
    answered: &mut impl FnMut(u64),
) -> io::Result<()> {
    let due =
        open.pop_front().ok_or_else(|| io::Error::other("an answer that nobody asked for"))?;
    if !sample.is_like(answer) {
        // It counts among those that got no answer.
        open.push_front(due);
        let first = String::from_utf8_lossy(answer);
        let line = first.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("an answer differs from the first: {line:?}")));
    }
    answered(due);
    Ok(())
}
