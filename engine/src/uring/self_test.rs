//! Tries the engine once over the loopback before it is chosen: accept, receive, send, and a batch.

use super::{Uring, kernel::KernelRing, setup};
use crate::{
    driver::{Attempt, Completion, Driver, Outcome, Sockets},
    listener::{self, SocketOptions},
};
use std::{
    io::{self, IoSlice, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the engine works on this machine.
///
/// # Errors
/// One line that says what does not.
pub(crate) fn self_test() -> io::Result<()> {
    // On a thread of its own: when a ring goes, the kernel interrupts whoever used it, and the caller
    // may by then be in a read that signals never interrupted before.
    let test = thread::Builder::new().name("headwater-test".into()).spawn(|| {
        // Small: its locked memory may not be free again when the workers' rings are made.
        exchange(setup::small_ring()?)
    })?;
    test.join().unwrap_or_else(|_| Err(io::Error::other("panicked")))
}

/// Accepts a connection, receives from it and answers it, on this ring.
pub(super) fn exchange(ring: KernelRing) -> io::Result<()> {
    let listener = listener()?;
    let addr = listener.local_addr()?;
    let mut driver = Uring::with_ring(ring, listener)?;
    let mut peer = TcpStream::connect_timeout(&addr, PATIENCE)?;
    peer.set_read_timeout(Some(PATIENCE))?;
    peer.write_all(b"ping")?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was received"));
        }
        driver.wait(Some(left))?;
        while let Some(completion) = driver.next() {
            match completion {
                Completion::Received(key, lease) => {
                    let whole = &*lease == b"ping";
                    driver.recycle(key, lease);
                    let slices = [IoSlice::new(b"po"), IoSlice::new(b"ng")];
                    let mut batch =
                        [Attempt::new(key, &slices[..1]), Attempt::new(key, &slices[1..])];
                    driver.send(&mut batch);
                    let sent = batch.iter().all(|attempt| attempt.outcome == Outcome::Sent(2));
                    let mut answer = [0; 4];
                    if !(whole && sent)
                        || peer.read_exact(&mut answer).is_err()
                        || &answer != b"pong"
                    {
                        return Err(io::Error::other("other bytes arrived than were sent"));
                    }
                    return Ok(());
                }
                Completion::AcceptFailed(error) => return Err(error),
                _ => {}
            }
        }
    }
}

/// A machine has at least one of the two loopbacks.
fn listener() -> io::Result<TcpListener> {
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let options = SocketOptions::default();
    let listeners = listener::bind(v4, 1, &options).or_else(|_| listener::bind(v6, 1, &options));
    listeners?.pop().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_is_not_interrupted_by_what_is_left_of_it() {
        let listener = listener().expect("the loopback");
        let addr = listener.local_addr().expect("it is bound");
        let mut peer = TcpStream::connect(addr).expect("it listens");
        peer.set_read_timeout(Some(Duration::from_millis(20))).expect("an open socket");
        for _ in 0..20 {
            let Ok(()) = self_test() else { return };
            let ended = peer.read(&mut [0]).expect_err("nothing comes");
            assert_eq!(ended.kind(), io::ErrorKind::WouldBlock, "{ended}");
        }
    }
}
