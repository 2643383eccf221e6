//! poll(2): waits for one of two descriptors without receiving from either, for threads that must hear
//! both a socket and their owner.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// What to wait for on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interest {
    /// Something to accept or receive.
    Readable,
    /// A pending error alone; it is always told.
    Errors,
}

/// What there was.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Found {
    pub(super) error: bool,
    /// Both directions of the socket are shut down: it tells this for ever.
    pub(super) hung_up: bool,
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
    let events = if interest == Interest::Readable { libc::POLLIN } else { 0 };
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
        bell: bell != 0,
    })
}
