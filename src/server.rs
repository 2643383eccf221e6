//! Builds a server: settings, listeners, workers. What the workers do is in `worker`; what can be done
//! with a running server is in `handle`.

mod start;
mod timeouts;

pub use timeouts::Timeouts;

use crate::blocking::pool::PoolLimits;
use crate::error::Error;
use crate::handle::ServerHandle;
use crate::router::Router;
use crate::tokio::Runtime;
use headwater_engine::{Engine, SocketOptions};
use headwater_http::Limits;
use headwater_sse::Hub;
use std::net::TcpListener;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Connections that one worker holds at most.
const CONNECTIONS_PER_WORKER: usize = 16 * 1024;
/// A handler that holds its core for longer is noticed.
const SLOW_HANDLER: Duration = Duration::from_millis(100);
/// Threads of blocking streams.
const STREAM_THREADS: usize = 256;
/// When clients of streams are to come back after a drain.
const RECONNECT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);

/// Where servers come from.
///
/// ```
/// use headwater::{Router, Server, routing::get};
/// use std::time::Duration;
///
/// let app = Router::new().route("/", get(|| "hello"));
/// let server = Server::builder().bind("127.0.0.1:0").serve(app)?;
/// println!("{server}"); // listening on http://127.0.0.1:40123 engine=io_uring workers=2 (…)
/// server.drain(Duration::from_secs(1)).wait()?;
/// # Ok::<(), headwater::Error>(())
/// ```
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
                slow_handler: Some(SLOW_HANDLER),
                reconnect: Some(RECONNECT),
                balances: true,
            },
            blocking: PoolLimits::default(),
            streams: PoolLimits { threads: STREAM_THREADS, queue: 0 },
            runtime: Runtime::default(),
        }
    }

    /// A server on a socket that listens already: for tests, and for sockets handed over by a
    /// supervisor.
    ///
    /// ```
    /// use headwater::{Router, Server};
    /// use std::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let addr = listener.local_addr()?;
    /// // Who connects from here on waits for the server.
    /// let server = Server::from_listener(listener).serve(Router::new())?;
    /// assert_eq!(server.local_addrs(), [addr]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_listener(listener: TcpListener) -> ServerBuilder {
        let mut builder = Self::builder();
        builder.source = Some(Source::Listener(listener));
        builder
    }
}

pub(crate) struct Settings {
    pub(crate) http: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) connections_per_worker: usize,
    pub(crate) slow_handler: Option<Duration>,
    /// When clients of streams are to come back after a drain.
    pub(crate) reconnect: Option<RangeInclusive<Duration>>,
    /// Whether streams are spread over the workers.
    pub(crate) balances: bool,
}

enum Source {
    Addr(String),
    Listener(TcpListener),
}

/// Settings of a server. All have defaults but the address.
///
/// ```
/// use headwater::{HttpLimits, Hub, Router, Server, routing::post};
///
/// let hub = Hub::new();
/// let app = Router::new().route("/photos", post(|photo: bytes::Bytes| photo.len().to_string()));
/// let server = Server::builder()
///     .bind("127.0.0.1:0")
///     .hub(&hub)
///     .workers(2)
///     .connections_per_worker(50_000)
///     .http_limits(HttpLimits::default().with_body_bytes(8 * 1024 * 1024))
///     .stream_threads(32)
///     .serve(app)?;
/// assert_eq!(server.workers(), 2);
/// # Ok::<(), headwater::Error>(())
/// ```
#[must_use]
pub struct ServerBuilder {
    hubs: Vec<Hub>,
    source: Option<Source>,
    engine: Engine,
    workers: Option<usize>,
    sockets: SocketOptions,
    settings: Settings,
    blocking: PoolLimits,
    streams: PoolLimits,
    pub(crate) runtime: Runtime,
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
    /// longest time, and for a second at least, is closed for a new one; if there is none, the new one is
    /// closed itself. Default 16,384. Counted in [`Stats::closed_for_room`](crate::Stats::closed_for_room).
    pub fn connections_per_worker(mut self, connections: usize) -> Self {
        self.settings.connections_per_worker = connections;
        self
    }

    /// How long a handler may hold its core in one go, without awaiting anything, before it is counted in
    /// [`Stats::slow_handlers`](crate::Stats::slow_handlers) and, with the feature `tracing`, reported with
    /// the route and the path of its request. Everybody else on that core waits meanwhile: what takes
    /// long belongs into [`blocking`](crate::blocking()). `None` for never. Default 100 milliseconds.
    /// It is measured in ticks of the kernel's clock, of 1 to 10 ms; exactly where it is less than 50 ms.
    ///
    /// ```
    /// use headwater::Server;
    /// use std::time::Duration;
    ///
    /// let strict = Server::builder().slow_handler(Duration::from_millis(5));
    /// let careless = Server::builder().slow_handler(None);
    /// ```
    pub fn slow_handler(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.settings.slow_handler = after.into();
        self
    }

    /// How many threads run [`blocking`](crate::blocking()) handlers, all workers together. They are started
    /// when they are needed, and end after 10 seconds without work. Default 64.
    ///
    /// ```
    /// use headwater::Server;
    ///
    /// // Four at work, eight waiting; the thirteenth is answered with 503.
    /// let server = Server::builder().blocking_threads(4).blocking_queue(8);
    /// ```
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking.threads = threads;
        self
    }

    /// How many requests wait for a blocking thread when all are at work; the next is answered with 503.
    /// Default 1,024.
    pub fn blocking_queue(mut self, requests: usize) -> Self {
        self.blocking.queue = requests;
        self
    }

    /// How many [blocking streams](crate::sse::blocking_endpoint) there may be, each with a thread of its
    /// own; past it a request for one is answered with 503. Default 256.
    pub fn stream_threads(mut self, threads: usize) -> Self {
        self.streams.threads = threads;
        self
    }

    /// Whether a stream begins on the worker that has fewest. The kernel spreads connections over workers by
    /// chance, and streams stay where they are for hours. So a worker that has noticeably more of them than
    /// another one (four, and a 64th of the other's) hands the connection over when its request for a stream
    /// is complete: [middleware](Router::with), `on_connect` and the handler are called by the other worker
    /// then. Default true.
    ///
    /// Only streams of routes whose handlers are made by [`sse`](crate::sse) are handed over: what a handler
    /// answers with [`sse::stream`](crate::sse::stream()) has begun on its core, and stays there. Nothing is
    /// handed over while the server drains, to a worker that has
    /// [`connections_per_worker`](Self::connections_per_worker), and for clients that have sent their FIN,
    /// or several requests at once.
    ///
    /// ```
    /// use headwater::Server;
    ///
    /// // Each stream stays where the kernel put its connection.
    /// let server = Server::builder().balance_streams(false);
    /// ```
    pub fn balance_streams(mut self, balance: bool) -> Self {
        self.settings.balances = balance;
        self
    }

    /// When the clients of event streams are to come back after a drain: each is told a time of its own
    /// from this range, by a last `retry:` on its stream, so that they do not all come in the same moment.
    /// `None` tells them nothing. Default 1 to 5 seconds.
    ///
    /// ```
    /// use headwater::Server;
    /// use std::time::Duration;
    ///
    /// let seconds = Duration::from_secs;
    /// let server = Server::builder().reconnect_after(seconds(10)..=seconds(30));
    /// ```
    pub fn reconnect_after(mut self, within: impl Into<Option<RangeInclusive<Duration>>>) -> Self {
        self.settings.reconnect = within.into();
        self
    }

    /// Starts the workers. Returns once all of them listen.
    ///
    /// # Errors
    /// [`Error::Config`] without an address, with zero workers, more than [`Hub::MAX_CORES`], no
    /// connections per worker, or no blocking thread, or if a handler takes what the router does not have;
    /// [`Error::Bind`] when the address is taken or not ours; [`Error::EngineUnavailable`];
    /// [`Error::Start`], and then the workers that were started end by themselves.
    pub fn serve(self, router: Router) -> Result<ServerHandle, Error> {
        self.start(router)
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder").field("engine", &self.engine).finish_non_exhaustive()
    }
}
