//! Lets handlers use what belongs to a tokio runtime. Handlers stay on headwater's cores: the runtime
//! only drives its own timers, sockets and tasks, and wakes them from its threads.

use crate::server::ServerBuilder;
use tokio::runtime::Handle;

/// The runtime that handlers find, if any.
#[derive(Clone, Default)]
pub(crate) struct Runtime(Option<Handle>);

pub(crate) type Entered<'a> = tokio::runtime::EnterGuard<'a>;

impl Runtime {
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(Handle::enter)
    }
}

impl ServerBuilder {
    /// Handlers find this tokio runtime: `tokio::time`, `tokio::net` and `tokio::spawn` work in them, in
    /// streamed bodies and event streams, and [`blocking`](crate::blocking()) handlers may use
    /// [`Handle::current`] and its `block_on`. They are still polled by headwater's workers; the runtime's
    /// threads drive its timers, sockets and spawned tasks, and must outlive the server. A runtime with one
    /// thread does so only while that thread is inside `block_on`.
    ///
    /// Without this, such types panic in a handler, which is answered with 500: "there is no reactor
    /// running, must be called from the context of a Tokio 1.x runtime". What needs no runtime, such as
    /// `tokio::sync`, works in any case.
    ///
    /// ```
    /// use headwater::{Router, Server, routing::get};
    /// use std::time::Duration;
    ///
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let app = Router::new().route(
    ///     "/slow",
    ///     get(async || {
    ///         tokio::time::sleep(Duration::from_millis(10)).await;
    ///         "at last"
    ///     }),
    /// );
    /// let server = Server::builder().tokio(runtime.handle()).bind("127.0.0.1:0").serve(app)?;
    /// # server.drain(Duration::ZERO).wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tokio(mut self, runtime: &Handle) -> Self {
        self.runtime = Runtime(Some(runtime.clone()));
        self
    }
}
