//! What can go wrong with a server as a whole. Each error is one line that says what to change.

use headwater_engine::Engine;
use std::fmt;
use std::io;

/// A server could not be started, or not go on.
///
/// ```
/// use headwater::{Error, Router, Server};
///
/// let first = Server::builder().bind("127.0.0.1:0").serve(Router::new())?;
/// let taken = first.local_addrs()[0].to_string();
/// match Server::builder().bind(taken).serve(Router::new()) {
///     Err(Error::Bind { addr, source }) => println!("{addr} is not free: {source}"),
///     other => panic!("two servers on one port: {other:?}"),
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No address was given, or the same server was asked for in two ways.
    Config(String),
    /// The address could not be listened on.
    Bind {
        /// The address as it was given.
        addr: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The engine that was asked for by name cannot run here. There is no fall-back.
    EngineUnavailable {
        /// The engine.
        engine: Engine,
        /// Why.
        reason: String,
    },
    /// A worker could not be started.
    Start(io::Error),
    /// Signals could not be waited for.
    Signal(io::Error),
    /// A worker ended that should not have.
    WorkerFailed {
        /// The number of the worker, from 0.
        worker: usize,
        /// Its last words.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(what) => f.write_str(what),
            Self::Bind { addr, source } => write!(f, "cannot listen on {addr}: {source}"),
            Self::EngineUnavailable { engine, reason } => {
                write!(f, "engine {engine} is not available: {reason}")
            }
            Self::Start(source) => write!(f, "cannot start a worker: {source}"),
            Self::Signal(source) => write!(f, "cannot wait for signals: {source}"),
            Self::WorkerFailed { worker, reason } => write!(f, "worker {worker} failed: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Start(source) | Self::Signal(source) => Some(source),
            _ => None,
        }
    }
}
