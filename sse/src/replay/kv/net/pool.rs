//! Connections of one kind to one server, each used by one thread at a time.

use super::Backoff;
use crate::replay::StoreError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A connection.
pub(crate) trait Link: Sized {
    /// Whether it still answers.
    fn answers(&mut self) -> bool;
}

/// A connection that was not used for so long is tried before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// How many connections are kept that nobody uses.
const IDLE: usize = 8;

pub(crate) struct Pool<L> {
    idle: Mutex<Vec<(L, Instant)>>,
    backoff: Backoff,
}

impl<L: Link> Pool<L> {
    pub(crate) fn new() -> Self {
        Self { idle: Mutex::default(), backoff: Backoff::default() }
    }

    /// Lets `work` use a connection, which is closed if it fails. Where that does no harm (`again`),
    /// work that failed on an old connection is done once more on a new one: the server may have been
    /// restarted.
    pub(crate) fn run<T>(
        &self,
        connect: impl Fn() -> Result<L, StoreError>,
        again: bool,
        mut work: impl FnMut(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.kept();
        let old = kept.is_some();
        let link = kept.map_or_else(|| self.backoff.attempt(&connect), Ok)?;
        match self.on(link, &mut work) {
            Err(StoreError::Unavailable { .. }) if old && again => {
                let link = self.backoff.attempt(&connect)?;
                self.on(link, &mut work)
            }
            done => done,
        }
    }

    fn on<T>(
        &self,
        mut link: L,
        work: &mut impl FnMut(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = work(&mut link);
        let mut idle = self.lock();
        if let Err(StoreError::Unavailable { .. }) = done {
            // The others lead to the same server. They are closed without the lock.
            let closed = std::mem::take(&mut *idle);
            drop(idle);
            drop((closed, link));
        } else if idle.len() < IDLE {
            idle.push((link, Instant::now()));
        }
        done
    }

    /// One that was used just now, or answers.
    fn kept(&self) -> Option<L> {
        loop {
            let (mut link, used) = self.lock().pop()?;
            if used.elapsed() < FRESH || link.answers() {
                return Some(link);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(L, Instant)>> {
        // Nothing panics while it is held.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
