//! The listening half of the `io_uring` engine: when to accept, when to stand still, and what an
//! error of accept means. Where connections go is the driver's.

use super::{
    ring::{Operation, Ring},
    tag::Tag,
};
use crate::socket::concerns_one_connection;
use std::{io, net::TcpListener, os::fd::AsRawFd};

/// The listener, until it is closed.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Option<TcpListener>,
    mode: Mode,
    /// Its accept is queued or in the kernel.
    accepting: bool,
    /// Its poll is.
    polling: bool,
    /// The poll has told that somebody waits, and nobody was accepted since.
    somebody_waits: bool,
}

/// What is to be under way. The kernel looks for a free descriptor before it looks for a connection, so
/// a shortage counts only when somebody waits; until then the listener is polled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Accept,
    Look,
    /// Standing still until resumed.
    Failed,
    Stopping,
}

impl Acceptor {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self {
            listener: Some(listener),
            mode: Mode::Accept,
            accepting: false,
            polling: false,
            somebody_waits: false,
        }
    }

    /// Whether an accept is about to begin, for which a descriptor that a closed connection still
    /// holds should be free.
    pub(super) fn is_about_to_accept(&self) -> bool {
        self.listener.is_some() && self.mode == Mode::Accept && !self.accepting
    }

    /// Begins what is to be under way.
    pub(super) fn begin(&mut self, ring: &mut dyn Ring) {
        let Some(listener) = &self.listener else { return };
        let fd = listener.as_raw_fd();
        match self.mode {
            Mode::Accept if !self.accepting => {
                ring.push(Tag::Accept, Operation::Accept(fd));
                self.accepting = true;
            }
            Mode::Look if !self.polling => {
                #[allow(clippy::cast_sign_loss, reason = "flags")]
                ring.push(Tag::Listener, Operation::Poll(fd, libc::POLLIN as u32));
                self.polling = true;
            }
            _ => {}
        }
    }

    /// A connection was accepted.
    pub(super) const fn accepted(&mut self) {
        self.somebody_waits = false;
    }

    /// An accept had its last completion, with this error if it was one. Gives the error back if
    /// accepting stands still from now on.
    pub(super) fn ended(&mut self, error: Option<i32>) -> Option<io::Error> {
        self.accepting = false;
        let error = io::Error::from_raw_os_error(error?);
        if self.mode == Mode::Stopping || concerns_one_connection(&error) {
            return None;
        }
        match error.raw_os_error() {
            Some(libc::ECANCELED) => None,
            // Whoever shares the listener has made it non-blocking: accepting does not wait then.
            Some(libc::EAGAIN) => {
                self.mode = Mode::Look;
                None
            }
            _ if !self.somebody_waits => {
                self.mode = Mode::Look;
                None
            }
            _ => Some(self.fail(error)),
        }
    }

    /// The poll told of somebody, or was taken back.
    pub(super) fn polled(&mut self) {
        self.polling = false;
        if self.mode == Mode::Look {
            self.somebody_waits = true;
            self.mode = Mode::Accept;
        }
    }

    /// Stands still until resumed.
    pub(super) fn fail(&mut self, error: io::Error) -> io::Error {
        if self.mode != Mode::Stopping {
            self.mode = Mode::Failed;
        }
        error
    }

    /// Goes on after a failure.
    pub(super) fn resume(&mut self) {
        if self.mode == Mode::Failed {
            self.somebody_waits = false;
            self.mode = Mode::Accept;
        }
    }

    /// Takes back what is under way; it holds the listener open.
    pub(super) fn stop(&mut self, ring: &mut dyn Ring) {
        self.mode = Mode::Stopping;
        if self.accepting {
            ring.push(Tag::Cancel, Operation::Cancel(Tag::Accept));
        }
        if self.polling {
            ring.push(Tag::Cancel, Operation::Cancel(Tag::Listener));
        }
    }

    /// Whether the kernel still holds the listener.
    pub(super) const fn is_held(&self) -> bool {
        self.accepting || self.polling
    }

    /// Gives the listener up, to be closed. `None`: it was before.
    pub(super) const fn close(&mut self) -> Option<TcpListener> {
        self.listener.take()
    }
}
