//! Where the server listens, for all clients: it moves when the server is replaced by another.

use crate::support::PATIENCE;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, PoisonError};

pub(crate) struct Place {
    addr: Mutex<SocketAddr>,
    moved: Condvar,
}

impl Place {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr: Mutex::new(addr), moved: Condvar::new() }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        // An address is whole whoever panics.
        *self.addr.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn move_to(&self, addr: SocketAddr) {
        *self.addr.lock().unwrap_or_else(PoisonError::into_inner) = addr;
        self.moved.notify_all();
    }

    /// Waits until the server listens elsewhere.
    #[track_caller]
    pub(crate) fn leave(&self, left: SocketAddr) {
        let addr = self.addr.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_timeout_while(addr, PATIENCE, |addr| *addr == left);
        let waited = waited.unwrap_or_else(PoisonError::into_inner).1;
        assert!(!waited.timed_out(), "not in {PATIENCE:?}: another server than at {left}");
    }
}
