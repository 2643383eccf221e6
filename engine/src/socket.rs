//! What the engines on plain sockets share: one non-blocking attempt to send, and what an error of
//! accept means. Keeps nothing.

use crate::driver::Outcome;
use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    os::fd::AsFd,
};

/// How much one receive takes at most.
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// How many slices one attempt looks at: Linux and the BSDs take no more per call.
pub(crate) const MAX_SLICES: usize = 1024;

/// Applies per call, so that it works on blocking sockets too; and no signal for a dead peer.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// One attempt, and whether `Writable` must follow because it did not take everything.
pub(crate) fn attempt(socket: &impl AsFd, slices: &[IoSlice<'_>]) -> (Outcome, bool) {
    let offered: usize = slices.iter().map(|slice| slice.len()).sum();
    if offered == 0 {
        return (Outcome::Sent(0), false);
    }
    let socket = SockRef::from(socket);
    loop {
        let sent = match slices {
            [slice] => socket.send_with_flags(slice, SEND_FLAGS),
            slices => {
                let slices = &slices[..slices.len().min(MAX_SLICES)];
                socket.send_vectored_with_flags(slices, SEND_FLAGS)
            }
        };
        match sent {
            Ok(sent) => return (Outcome::Sent(sent), sent < offered),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return (Outcome::Sent(0), true);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return (Outcome::Gone, false),
        }
    }
}

/// Whether an accept failed because of the one connection that it would have returned, or of a
/// network error that was pending on it. The next connection may be sound.
pub(crate) fn concerns_one_connection(error: &io::Error) -> bool {
    let Some(code) = error.raw_os_error() else { return false };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if code == libc::ENONET {
        return true;
    }
    [
        libc::ECONNABORTED,
        libc::ECONNRESET,
        libc::EINTR,
        libc::EPROTO,
        libc::EPERM,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENOPROTOOPT,
        libc::EOPNOTSUPP,
        libc::ETIMEDOUT,
    ]
    .contains(&code)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn transient_accept_error_is_told_from_a_shortage() {
        let concerns = |code| concerns_one_connection(&io::Error::from_raw_os_error(code));
        assert!(concerns(libc::ECONNABORTED));
        assert!(concerns(libc::EPERM));
        for shortage in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert!(!concerns(shortage));
        }
    }
}
