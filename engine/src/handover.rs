//! A connection on its way from one worker to another: what [`Sockets::release`] gives out and
//! [`Sockets::adopt`] takes in. Says nothing about when and where to: that is the application's part.
//!
//! [`Sockets::release`]: crate::Sockets::release
//! [`Sockets::adopt`]: crate::Sockets::adopt

use std::{error, fmt, io};

/// A connection that belongs to no worker: its socket, what was received and not delivered, its end if
/// that was seen, and whether a send had fallen short. For a driver of the same engine, on any thread.
/// Dropping it closes the connection.
#[must_use = "dropping it closes the connection"]
pub struct Handover(pub(crate) Carried);

/// Each engine's own.
#[derive(Debug)]
pub(crate) enum Carried {
    #[cfg(all(feature = "io-uring", target_os = "linux"))]
    Uring(crate::uring::Carried),
    #[cfg(feature = "epoll")]
    Epoll(crate::epoll::Carried),
    Std(crate::std_threads::Carried),
    Scripted(crate::scripted::Carried),
}

/// A driver did not take a connection; here it is back.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotAdopted {
    /// Still whole: another driver may take it.
    pub handover: Handover,
    /// Why not.
    pub error: io::Error,
}

impl NotAdopted {
    pub(crate) const fn new(carried: Carried, error: io::Error) -> Self {
        Self { handover: Handover(carried), error }
    }

    pub(crate) fn of_another_engine(carried: Carried) -> Self {
        let error = io::Error::new(io::ErrorKind::Unsupported, "it comes from another engine");
        Self::new(carried, error)
    }
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handover").field(&self.0).finish()
    }
}

impl fmt::Display for NotAdopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection was not taken over: {}", self.error)
    }
}

impl error::Error for NotAdopted {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Completion, Driver, Sockets, scripted};

    #[test]
    fn connection_of_another_engine_is_handed_back_whole() {
        let (mut driver, script) = scripted::pair();
        let peer = script.connect();
        assert!(matches!(driver.next(), Some(Completion::Accepted(_))));
        assert!(driver.release(peer));
        driver.wait(None).expect("never fails");
        let Some(Completion::Released(_, handover)) = driver.next() else { panic!("not released") };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut other = crate::std_threads::StdThreads::new(listener).expect("threads can be had");
        let refused = other.adopt(handover).expect_err("the engines differ");
        assert!(refused.to_string().contains("another engine"), "{refused}");
        assert_eq!(other.open(), 0);
        assert!(driver.adopt(refused.handover).is_ok());
    }

    #[test]
    fn connection_may_travel_between_threads() {
        fn travels<T: Send>() {}
        travels::<Handover>();
    }
}
