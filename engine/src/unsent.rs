//! Asks the kernel how many of a socket's bytes its peer has not acknowledged. Only the worker that owns the
//! socket may ask, since nobody else knows whose a descriptor is.

use std::os::fd::BorrowedFd;

/// Bytes that were sent and are not acknowledged (tcp(7), `SIOCOUTQ`).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unsent_bytes(socket: BorrowedFd<'_>) -> Option<usize> {
    use std::os::fd::AsRawFd;

    let mut bytes: libc::c_int = 0;
    // SAFETY: this request, which has the same number as SIOCOUTQ, writes one `c_int` through the pointer,
    // which is that of `bytes`; the descriptor is borrowed, hence open.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    // A socket that cannot say it, because it is broken, has nothing that will be acknowledged.
    if failed == 0 { usize::try_from(bytes).ok() } else { None }
}

/// Elsewhere nobody knows.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unsent_bytes(_: BorrowedFd<'_>) -> Option<usize> {
    None
}
