//! How many items a Memcached server has dropped: the one thing that the client does not ask for.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How many items were dropped for want of memory since the server was started.
pub(super) fn evictions(addr: &str, timeout: Duration) -> io::Result<u64> {
    let deadline = Instant::now() + timeout;
    let no_address = || io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addr = addr.to_socket_addrs()?.next().ok_or_else(no_address)?;
    let mut stream = TcpStream::connect_timeout(&addr, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(b"stats\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(number) = line.strip_prefix("STAT evictions ") {
            return number.parse().map_err(|_| io::ErrorKind::InvalidData.into());
        }
        if line == "END" || Instant::now() >= deadline {
            break;
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not say what it dropped"))
}
