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

    /// One that was used just now, or answers. One that does not answer is closed with the others, which
    /// have rested longer and lead to the same server: a call never waits for more than one of them.
    fn kept(&self) -> Option<L> {
        let (mut link, used) = self.lock().pop()?;
        if used.elapsed() < FRESH || link.answers() {
            return Some(link);
        }
        let closed = std::mem::take(&mut *self.lock());
        drop((closed, link));
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(L, Instant)>> {
        // Nothing panics while it is held.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Server {
        tried: AtomicUsize,
        connected: AtomicUsize,
    }

    struct Fake<'s> {
        server: &'s Server,
        answers: bool,
    }

    impl Link for Fake<'_> {
        fn answers(&mut self) -> bool {
            self.server.tried.fetch_add(1, Ordering::Relaxed);
            self.answers
        }
    }

    /// A pool of as many as are kept, after one more was used.
    fn used(server: &Server, rested: Duration, answers: bool) -> usize {
        let pool = Pool::new();
        let at = Instant::now().checked_sub(rested).expect("the machine runs for longer");
        pool.lock().extend((0..IDLE).map(|_| (Fake { server, answers }, at)));
        let connect = || {
            server.connected.fetch_add(1, Ordering::Relaxed);
            Ok(Fake { server, answers: true })
        };
        pool.run(connect, false, |_| Ok(())).expect("it works");
        pool.lock().len()
    }

    #[test]
    fn one_that_was_used_just_now_is_not_tried() {
        let server = Server::default();
        assert_eq!(used(&server, Duration::ZERO, false), IDLE);
        assert_eq!(server.tried.into_inner() + server.connected.into_inner(), 0);
    }

    #[test]
    fn one_that_has_rested_is_tried_and_with_it_all_others_are_found_dead() {
        let server = Server::default();
        assert_eq!(used(&server, 2 * FRESH, true), IDLE);
        assert_eq!(
            (server.tried.load(Ordering::Relaxed), server.connected.load(Ordering::Relaxed)),
            (1, 0)
        );
        assert_eq!(used(&server, 2 * FRESH, false), 1, "the new one");
        assert_eq!((server.tried.into_inner(), server.connected.into_inner()), (2, 1));
    }
}
