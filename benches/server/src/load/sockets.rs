//! Sockets of clients that never block: how they are opened, from which address, and how what was not
//! taken at once is sent on. Knows nothing of what is said on them.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Buffers of a client that reads slowly or never, in bytes; the kernel rounds them up. With the usual
/// ones, which grow to megabytes, the server would not notice for long.
const SMALL_BUFFER: usize = 4 * 1024;

/// How much the kernel keeps for a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Buffers {
    /// As it likes.
    Usual,
    /// Little, so that the server's side fills soon.
    Small,
}

/// Begins to connect, from `source` if given.
pub(crate) fn connect(
    target: SocketAddr,
    source: Option<SocketAddr>,
    buffers: Buffers,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if buffers == Buffers::Small {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
        socket.set_send_buffer_size(SMALL_BUFFER)?;
    }
    if let Some(source) = source {
        socket.bind(&SockAddr::from(source))?;
    }
    match socket.connect(&SockAddr::from(target)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// Whether connecting is over, or how it failed.
pub(crate) fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sends what is left of `bytes`; gives whether all of it is out.
pub(crate) fn send_rest(
    stream: &mut TcpStream,
    bytes: &[u8],
    sent: &mut usize,
) -> io::Result<bool> {
    while *sent < bytes.len() {
        match stream.write(&bytes[*sent..]) {
            Ok(count) => *sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The loopback address of this number to connect from; `None` where the target is elsewhere, or the
/// number is 0: then the kernel chooses.
pub(crate) fn loopback(number: usize, target: SocketAddr) -> Option<SocketAddr> {
    let number = u8::try_from(number).ok().filter(|number| (1..254).contains(number))?;
    match target.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            Some(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1 + number), 0)))
        }
        _ => None,
    }
}
