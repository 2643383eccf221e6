//! The wake handle: an event descriptor that the ring polls. Ends a wait from any thread.

use crate::driver::Wake;
use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

/// A counter of the kernel's; raising it completes the poll.
#[derive(Debug)]
pub(super) struct EventFd(File);

impl EventFd {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: takes plain numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(fd.into()))
    }

    pub(super) fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Sets the counter back, so that a fresh poll does not tell of old wakes.
    pub(super) fn reset(&self) {
        // Fails only when it is zero.
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl Wake for EventFd {
    fn wake(&self) {
        let one = 1_u64.to_ne_bytes();
        while let Err(error) = (&self.0).write(&one) {
            match error.kind() {
                ErrorKind::Interrupted => {}
                // 2⁶⁴ − 2 wakes: start again from zero.
                ErrorKind::WouldBlock => self.reset(),
                // Only a broken descriptor, which is our own.
                _ => return,
            }
        }
    }
}
