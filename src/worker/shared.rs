//! What the workers of a server share, and what they and other threads tell each other.

use super::handing_over::Arrival;
use crate::blocking::pool::Pool;
use crate::router::Router;
use crate::server::Settings;
use crate::stats::WorkerCounts;
use crate::task::Woken;
use crate::tokio::Runtime;
use headwater_engine::Remote;
use headwater_sse::{Command, Hub};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What other threads tell a worker.
pub(crate) enum Message {
    /// A task was woken.
    Run(Woken),
    /// A client's handle wants something of its stream.
    Stream(Command),
    /// A blocking job is done.
    JobDone,
    /// Finish until then.
    Drain(Instant),
    /// The worker of this number needs a descriptor.
    MakeRoom(usize),
    /// A connection that was promised to this worker.
    Arrival(Box<Arrival>),
}

/// What the workers of a server share.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) settings: Settings,
    pub(crate) hubs: Vec<Hub>,
    /// Threads of blocking handlers, shared by their requests.
    pub(crate) pool: Arc<Pool>,
    /// Threads of blocking streams, one for each.
    pub(crate) stream_pool: Arc<Pool>,
    pub(crate) runtime: Runtime,
    /// By number, once all have started.
    pub(crate) workers: OnceLock<Vec<Colleague>>,
}

/// A worker as the others see it.
pub(crate) struct Colleague {
    pub(crate) remote: Remote<Message>,
    pub(crate) counts: Arc<WorkerCounts>,
}
