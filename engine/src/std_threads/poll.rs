//! poll(2): waits for one of two descriptors without receiving from either, for threads that must hear
//! both a socket and their owner. Other drivers ask it about a peer whose bytes they leave unread.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

#[cfg(any(target_os = "linux", target_os = "android"))]
const FINISHED: libc::c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FINISHED: libc::c_short = 0;

/// What to wait for on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interest {
    /// Something to accept or receive.
    Readable,
    /// A pending error alone; it is always told.
    Errors,
    /// A FIN, whatever is unread before it.
    Finish,
}

/// What there was.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(super) struct Found {
    pub(super) error: bool,
    /// Both directions of the socket are shut down: it tells this for ever.
    pub(super) hung_up: bool,
    /// The peer said its last word. Where the system cannot tell that: both directions are shut down.
    finished: bool,
    /// The owner rang.
    pub(super) bell: bool,
}

/// Waits until the socket has what is of interest, or the bell is readable or closed. Negative
/// `timeout_ms`: for ever. An interrupted wait finds nothing.
pub(super) fn poll(
    socket: BorrowedFd<'_>,
    interest: Interest,
    bell: Option<BorrowedFd<'_>>,
    timeout_ms: i32,
) -> io::Result<Found> {
    let events = match interest {
        Interest::Readable => libc::POLLIN,
        Interest::Errors => 0,
        Interest::Finish => FINISHED,
    };
    let bell = bell.map_or(-1, |bell| bell.as_raw_fd());
    let mut entries = [
        libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 },
        // A negative descriptor is ignored.
        libc::pollfd { fd: bell, events: libc::POLLIN, revents: 0 },
    ];
    // SAFETY: the pointer and the length are those of `entries`, which lives through the call; the
    // descriptors are borrowed, hence open.
    let found = unsafe { libc::poll(entries.as_mut_ptr(), 2, timeout_ms) };
    if found < 0 {
        let error = io::Error::last_os_error();
        let interrupted = error.kind() == io::ErrorKind::Interrupted;
        return if interrupted { Ok(Found::default()) } else { Err(error) };
    }
    let [socket, bell] = entries.map(|entry| entry.revents);
    Ok(Found {
        error: socket & libc::POLLERR != 0,
        hung_up: socket & libc::POLLHUP != 0,
        finished: socket & (FINISHED | libc::POLLHUP | libc::POLLERR) != 0,
        bell: bell != 0,
    })
}

/// Whether the peer has said its last word, although what it said before may be unread.
pub(crate) fn has_finished(socket: BorrowedFd<'_>) -> bool {
    // What cannot be asked is told by the next attempt to send or receive.
    poll(socket, Interest::Finish, None, 0).is_ok_and(|found| found.finished)
}
