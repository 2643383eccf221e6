//! A client at the level of its socket: sends bytes, receives bytes, leaves in the ways a client can.

use super::{Answer, PATIENCE};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// The receive buffer of a client that is to be stuck soon.
const NARROW_BYTES: usize = 16 * 1024;

pub(crate) struct Peer {
    stream: TcpStream,
    /// Received, but not taken yet.
    buffer: Vec<u8>,
}

/// How the server ended a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With a FIN.
    Closed,
    /// With a reset: bytes may have been lost.
    Reset,
}

impl Peer {
    #[track_caller]
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::reach(addr).expect("the server listens")
    }

    /// Connects to a server that may be gone.
    pub(crate) fn reach(addr: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(addr).and_then(not_to_itself).map(Self::over)
    }

    /// Whether somebody listens there.
    pub(crate) fn try_connect(addr: SocketAddr) -> bool {
        Self::reach(addr).is_ok()
    }

    #[track_caller]
    pub(crate) fn connect_narrow(addr: SocketAddr) -> Self {
        Self::reach_narrow(addr).expect("the server listens")
    }

    /// As `connect_narrow`, to a server that may be gone.
    pub(crate) fn reach_narrow(addr: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(NARROW_BYTES).expect("before connecting");
        socket.connect(&addr.into())?;
        not_to_itself(socket.into()).map(Self::over)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an open socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("an open socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Its own address, which the server sees.
    #[track_caller]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("an open socket")
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes it");
    }

    /// Sends to a server that may be gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        // What became of it is seen by receiving.
        self.stream.write_all(bytes.as_ref()).ok();
    }

    /// Sends the same again and again until the server takes no more for a second, or has taken `most`
    /// bytes. Returns how many it took.
    pub(crate) fn send_until_held_back(&mut self, bytes: &[u8], most: usize) -> usize {
        self.stream.set_write_timeout(Some(Duration::from_secs(1))).expect("an open socket");
        let mut sent = 0;
        while sent < most {
            match self.stream.write(bytes) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        sent
    }

    /// Sends from a thread of its own, as one must who asks for more than the buffers on the way hold.
    pub(crate) fn send_aside(&self, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
        let mut sender = self.clone_to_send();
        std::thread::spawn(move || sender.send(bytes))
    }

    /// The same connection, for another thread to send on.
    pub(crate) fn clone_to_send(&self) -> Self {
        let stream = self.stream.try_clone().expect("a descriptor");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a GET.
    #[track_caller]
    pub(crate) fn ask(&mut self, path: &str) {
        self.send(get(path));
    }

    /// Says that nothing more will be sent, and goes on receiving.
    pub(crate) fn finish(&self) {
        assert!(self.try_finish(), "a connected socket");
    }

    /// The same to a server that may have broken the connection: false if it has.
    pub(crate) fn try_finish(&self) -> bool {
        self.stream.shutdown(Shutdown::Write).is_ok()
    }

    /// Sends its last bytes and says that nothing more will come, on Linux in one segment.
    #[track_caller]
    pub(crate) fn send_with_end(&mut self, bytes: impl AsRef<[u8]>) {
        #[cfg(target_os = "linux")]
        SockRef::from(&self.stream).set_tcp_cork(true).expect("an open socket");
        self.send(bytes);
        self.finish();
    }

    /// Leaves with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("an open socket");
    }

    /// Receives something.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Result<(), End> {
        let mut piece = [0; 16 * 1024];
        loop {
            return match self.stream.read(&mut piece) {
                Ok(0) => Err(End::Closed),
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    Ok(())
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Err(End::Reset),
                    _ => panic!("nothing received in {PATIENCE:?}: {error}"),
                },
            };
        }
    }

    /// Receives what is here already, and says how many bytes were not taken yet.
    pub(crate) fn try_receive(&mut self) -> usize {
        let mut piece = [0; 16 * 1024];
        self.stream.set_nonblocking(true).expect("an open socket");
        if let Ok(count) = self.stream.read(&mut piece) {
            self.buffer.extend_from_slice(&piece[..count]);
        }
        self.stream.set_nonblocking(false).expect("an open socket");
        self.buffer.len()
    }

    /// Takes everything up to and including `mark`.
    #[track_caller]
    pub(crate) fn take_until(&mut self, mark: &[u8]) -> Result<Vec<u8>, End> {
        let mut searched = 0;
        loop {
            let found = self.buffer[searched..].windows(mark.len()).position(|part| part == mark);
            if let Some(at) = found {
                return Ok(self.buffer.drain(..searched + at + mark.len()).collect());
            }
            searched = self.buffer.len().saturating_sub(mark.len() - 1);
            self.receive()?;
        }
    }

    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<u8>, End> {
        while self.buffer.len() < count {
            self.receive()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Whether something was received and not taken.
    pub(crate) fn has_received(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes what was received.
    pub(crate) fn take_received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Everything until the server ends the connection.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.receive() {
                return (self.take_received(), end);
            }
        }
    }

    /// The next answer to a request that was not HEAD.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        Answer::receive(self).expect("an answer comes before the end")
    }

    /// The server ends the connection in order, and sends nothing before.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let (bytes, end) = self.rest();
        assert_eq!((String::from_utf8_lossy(&bytes).as_ref(), end), ("", End::Closed));
    }
}

/// Where nobody listens, the system may give a client the very port that it wants to connect to, on the
/// loopback, and so connect it to itself.
fn not_to_itself(stream: TcpStream) -> io::Result<TcpStream> {
    // A peer that has left by now is another.
    let is_itself = stream.peer_addr().is_ok_and(|peer| Some(peer) == stream.local_addr().ok());
    if is_itself { Err(ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

/// A GET without anything that need not be.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}
