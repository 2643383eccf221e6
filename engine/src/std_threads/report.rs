//! What goes through the one channel of a std driver.

use super::line::Lease;
use crate::driver::{Departure, Key};
use std::{io, net::TcpStream};

/// What the threads tell the worker.
#[derive(Debug)]
pub(super) enum Report {
    Connected(TcpStream),
    AcceptFailed(io::Error),
    Received(Key, Lease),
    Gone(Key, Departure),
    /// By the worker itself: what the reader had reported before has come.
    Left(Key),
    Woken,
}
