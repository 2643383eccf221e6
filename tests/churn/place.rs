//! Where the server is, for all clients: it moves when it is replaced by another.

use crate::support::PATIENCE;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// One of the servers that replace each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Site {
    /// Counts servers: a later one may listen where an earlier one did.
    pub(crate) number: u32,
    pub(crate) addr: SocketAddr,
}

pub(crate) struct Place {
    site: Mutex<Site>,
    moved: Condvar,
}

impl Place {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { site: Mutex::new(Site { number: 0, addr }), moved: Condvar::new() }
    }

    pub(crate) fn site(&self) -> Site {
        *self.lock()
    }

    pub(crate) fn move_to(&self, addr: SocketAddr) {
        let mut site = self.lock();
        *site = Site { number: site.number + 1, addr };
        self.moved.notify_all();
    }

    /// Waits until there is another server.
    #[track_caller]
    pub(crate) fn leave(&self, left: Site) {
        let waited = self.moved.wait_timeout_while(self.lock(), PATIENCE, |site| *site == left);
        let waited = waited.unwrap_or_else(PoisonError::into_inner).1;
        assert!(!waited.timed_out(), "not in {PATIENCE:?}: another server than {left:?}");
    }

    fn lock(&self) -> MutexGuard<'_, Site> {
        // A site is whole whoever panics.
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
