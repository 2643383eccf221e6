//! Builds a server: settings, listeners, workers. What the workers do is in `worker`; what can be done
//! with a running server is in `handle`.

use crate::error::Error;
use crate::handle::{Running, ServerHandle};
use crate::router::Router;
use crate::stats::WorkerCounts;
use crate::worker::{Shared, Worker};
use headwater_engine::{Engine, SocketOptions, listener};
use headwater_http::Limits;
use headwater_sse::Hub;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

/// Connections that one worker holds at most.
const CONNECTIONS_PER_WORKER: usize = 16 * 1024;

/// Where servers come from.
#[derive(Debug)]
pub struct Server(());

impl Server {
    /// A server with default settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            hubs: Vec::new(),
            source: None,
            engine: Engine::Auto,
            workers: None,
            sockets: SocketOptions::default(),
            settings: Settings {
                http: Limits::default(),
                timeouts: Timeouts::default(),
                connections_per_worker: CONNECTIONS_PER_WORKER,
            },
        }
    }

    /// A server on a socket that listens already: for tests, and for sockets handed over by a
    /// supervisor.
    pub fn from_listener(listener: TcpListener) -> ServerBuilder {
        let mut builder = Self::builder();
        builder.source = Some(Source::Listener(listener));
        builder
    }
}

/// How long a connection may take for what. A stream has none of these: it ends when the client leaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a request's head to its last. Default 10 seconds; then 408.
    pub header: Duration,
    /// Between two pieces of a request's body. Default 30 seconds; then 408.
    pub body: Duration,
    /// Before a request begins. Default 60 seconds; then the connection is closed.
    pub idle: Duration,
    /// Without progress in sending a response that is not a stream. Default 30 seconds; then the
    /// connection is closed.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { header: seconds(10), body: seconds(30), idle: seconds(60), write: seconds(30) }
    }
}

impl Timeouts {
    /// Sets [`Timeouts::header`].
    #[must_use]
    pub fn with_header(mut self, limit: Duration) -> Self {
        self.header = limit;
        self
    }

    /// Sets [`Timeouts::body`].
    #[must_use]
    pub fn with_body(mut self, limit: Duration) -> Self {
        self.body = limit;
        self
    }

    /// Sets [`Timeouts::idle`].
    #[must_use]
    pub fn with_idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets [`Timeouts::write`].
    #[must_use]
    pub fn with_write(mut self, limit: Duration) -> Self {
        self.write = limit;
        self
    }
}

pub(crate) struct Settings {
    pub(crate) http: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) connections_per_worker: usize,
}

enum Source {
    Addr(String),
    Listener(TcpListener),
}

/// Settings of a server. All have defaults but the address.
#[must_use]
pub struct ServerBuilder {
    hubs: Vec<Hub>,
    source: Option<Source>,
    engine: Engine,
    workers: Option<usize>,
    sockets: SocketOptions,
    settings: Settings,
}

impl ServerBuilder {
    /// A hub that the workers read from the start. Others are joined when a stream first subscribes to
    /// one of their brokers.
    pub fn hub(mut self, hub: &Hub) -> Self {
        self.hubs.push(hub.clone());
        self
    }

    /// Where to listen: `host:port`. Port 0 takes a free one, see [`ServerHandle::local_addrs`].
    pub fn bind(mut self, addr: impl Into<String>) -> Self {
        self.source = Some(Source::Addr(addr.into()));
        self
    }

    /// How to talk to the kernel. [`Engine::Auto`], the default, takes the first that passes its
    /// self-test and starts; a named one is never replaced by another.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// How many worker threads, at most [`Hub::MAX_CORES`]. Default: one per core that this process may
    /// use.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Limits of requests.
    pub fn http_limits(mut self, limits: Limits) -> Self {
        self.settings.http = limits;
        self
    }

    /// Time limits of connections.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// How many connections one worker holds. Past it, the connection that has sent nothing for the
    /// longest time is closed for a new one. Default 16,384.
    pub fn connections_per_worker(mut self, connections: usize) -> Self {
        self.settings.connections_per_worker = connections;
        self
    }

    /// Starts the workers. Returns once all of them listen.
    ///
    /// # Errors
    /// [`Error::Config`] without an address, with zero workers, more than [`Hub::MAX_CORES`], or no
    /// connections per worker; [`Error::Bind`] when the address is taken or not ours;
    /// [`Error::EngineUnavailable`]; [`Error::Start`], and then the workers that were started end by
    /// themselves.
    pub fn serve(self, router: Router) -> Result<ServerHandle, Error> {
        let workers = self.worker_count()?;
        if self.settings.connections_per_worker == 0 {
            return Err(Error::Config("a worker needs room for at least one connection".into()));
        }
        let mut selected = self.engine.select().map_err(|unavailable| {
            Error::EngineUnavailable { engine: unavailable.engine, reason: unavailable.reason }
        })?;
        let listeners = match self.source {
            Some(Source::Addr(addr)) => bind(&addr, workers, &self.sockets)?,
            Some(Source::Listener(given)) => {
                listener::from_listener(given, workers).map_err(Error::Start)?
            }
            None => return Err(Error::Config("no address to listen on: call bind()".into())),
        };
        let addr = listeners[0].local_addr().map_err(Error::Start)?;
        let shared = Arc::new(Shared { router, settings: self.settings, hubs: self.hubs });
        loop {
            let mut running = Running::new(addr, selected);
            // Dropping `running` on the way out ends the workers that were started.
            let Err(error) = start(&mut running, &shared, &listeners) else {
                return Ok(running.into_handle());
            };
            // The system may have had enough for the self-test and not for all workers.
            match Engine::fall_back(running.engine(), &error) {
                Ok(next) if self.engine == Engine::Auto => selected = next,
                _ => return Err(Error::Start(error)),
            }
            running.end();
        }
    }

    fn worker_count(&self) -> Result<usize, Error> {
        match self.workers {
            Some(0) => Err(Error::Config("a server needs at least one worker".into())),
            Some(workers) if workers > Hub::MAX_CORES => {
                let most = Hub::MAX_CORES;
                Err(Error::Config(format!("{workers} workers are more than the {most} possible")))
            }
            Some(workers) => Ok(workers),
            // Where the system does not say, one core is there for sure.
            None => Ok(available_parallelism().map_or(1, usize::from).min(Hub::MAX_CORES)),
        }
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Starts a worker on each listener, which stays ours as well.
fn start(
    running: &mut Running,
    shared: &Arc<Shared>,
    listeners: &[TcpListener],
) -> std::io::Result<()> {
    for (number, listener) in listeners.iter().enumerate() {
        let counts = Arc::new(WorkerCounts::default());
        let (shared, its_counts) = (shared.clone(), counts.clone());
        let worker = headwater_engine::spawn(
            running.engine(),
            listener.try_clone()?,
            &format!("headwater-{number}"),
            move |remote| Worker::new(shared, its_counts, remote),
        )?;
        running.add(worker, counts)?;
    }
    Ok(())
}

/// Listens on the first of the addresses that a name stands for.
fn bind(addr: &str, workers: usize, options: &SocketOptions) -> Result<Vec<TcpListener>, Error> {
    let failed = |source| Error::Bind { addr: addr.to_owned(), source };
    let resolved: Vec<SocketAddr> = addr.to_socket_addrs().map_err(failed)?.collect();
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for candidate in resolved {
        match listener::bind(candidate, workers, options) {
            Ok(listeners) => return Ok(listeners),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}
