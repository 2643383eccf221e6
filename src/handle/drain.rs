//! The end of a server, for those who wait for it. It is brought about elsewhere: by the workers, and told
//! to the state of the server by the threads that watch them.

use super::{Inner, State};
use crate::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

/// The end of a server, to be awaited or waited for.
///
/// ```
/// use headwater::{Error, Router, Server, ServerHandle};
/// use std::time::Duration;
///
/// /// Where there is a runtime; where there is none, `wait` does the same.
/// async fn end(server: &ServerHandle) -> Result<(), Error> {
///     let drained = server.drain(Duration::from_secs(2)).await?;
///     println!("{} connections had to be cut", drained.cut);
///     Ok(())
/// }
///
/// let server = Server::builder().bind("127.0.0.1:0").serve(Router::new())?;
/// let drain = server.drain(Duration::from_secs(2));
/// assert_eq!(drain.wait()?.cut, 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
#[must_use = "draining goes on anyway, but this tells when it is over"]
pub struct Drain {
    pub(super) state: Arc<State>,
}

/// How a server ended: see [`Drain`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were cut at the deadline with something still to be sent or answered.
    pub cut: usize,
}

impl Drain {
    /// Blocks this thread until the server has ended.
    ///
    /// # Errors
    /// [`Error::WorkerFailed`] if a worker ended by itself.
    pub fn wait(self) -> Result<Drained, Error> {
        let mut inner = self.state.lock();
        while inner.alive > 0 {
            inner = self.state.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        outcome(&inner)
    }
}

impl Future for Drain {
    type Output = Result<Drained, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.state.lock();
        if inner.alive == 0 {
            return Poll::Ready(outcome(&inner));
        }
        if !inner.wakers.iter().any(|known| known.will_wake(context.waker())) {
            inner.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drain")
    }
}

fn outcome(inner: &Inner) -> Result<Drained, Error> {
    if let Some((worker, reason)) = &inner.failure {
        return Err(Error::WorkerFailed { worker: *worker, reason: reason.clone() });
    }
    let cut = inner.workers.iter().map(|(_, counts)| counts.cut.load(Ordering::Relaxed)).sum();
    Ok(Drained { cut })
}
