//! A running server: what it is, what it counts, and how its end begins. The end itself, to be waited
//! for, is in `handle/drain`.

mod drain;
#[cfg(feature = "metrics")]
mod weak;

pub use drain::{Drain, Drained};
#[cfg(feature = "metrics")]
pub(crate) use weak::WeakHandle;

use crate::error::Error;
use crate::memory::{MemoryBound, MemoryLimits};
use crate::stats::{Stats, WorkerCounts};
use crate::worker::{Colleague, Message};
use headwater_engine::{Engine, Remote, Selected, Spawned};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};
use std::{fmt, io, iter};

/// As good as never: 30 years.
const NEVER: Duration = Duration::from_hours(30 * 365 * 24);

/// A running server, for any thread. Cheap to clone. When the last handle is dropped, the server drains
/// for a second in the background.
///
/// ```
/// use headwater::{Router, Server, ServerHandle, routing::get};
/// use std::time::Duration;
///
/// let app = Router::new().route("/", get(|| "hello"));
/// let server: ServerHandle = Server::builder().bind("127.0.0.1:0").serve(app)?;
/// println!("{} on {:?}: {}", server.engine(), server.local_addrs(), server.engine_reason());
/// // Any thread may ask.
/// let asked = server.clone();
/// let connections = std::thread::spawn(move || asked.stats().connections).join();
/// assert_eq!(connections.expect("it counts"), 0);
/// server.drain(Duration::from_secs(2)).wait()?;
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    running: Arc<Running>,
}

/// The server itself.
pub(crate) struct Running {
    addr: SocketAddr,
    started: SystemTime,
    selected: Selected,
    memory: MemoryLimits,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    workers: Vec<(Remote<Message>, Arc<WorkerCounts>)>,
    /// Workers that have not ended.
    alive: usize,
    failure: Option<(usize, String)>,
    /// When draining must be over.
    drain_until: Option<Instant>,
    signalled: bool,
    /// Of the thread that catches them.
    signals: Option<signal_hook::iterator::Handle>,
    wakers: Vec<Waker>,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic runs under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.lock();
        change(&mut inner);
        let wakers = std::mem::take(&mut inner.wakers);
        drop(inner);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn drain(&self, within: Duration) {
        let now = Instant::now();
        // A deadline that the clock cannot name is as good as never.
        let until = now.checked_add(within).unwrap_or(now + NEVER);
        let mut inner = self.lock();
        let until = inner.drain_until.map_or(until, |earlier| earlier.min(until));
        inner.drain_until = Some(until);
        for (remote, _) in &inner.workers {
            // A worker that has ended needs no telling.
            remote.post(Message::Drain(until)).ok();
        }
    }
}

impl Running {
    pub(crate) fn new(addr: SocketAddr, selected: Selected, memory: MemoryLimits) -> Self {
        Self { addr, started: SystemTime::now(), selected, memory, state: Arc::default() }
    }

    pub(crate) fn engine(&self) -> Engine {
        self.selected.engine
    }

    /// Adds a started worker, and watches for its end.
    pub(crate) fn add(
        &mut self,
        worker: Spawned<Message>,
        counts: Arc<WorkerCounts>,
    ) -> io::Result<()> {
        let Spawned { remote, thread, granted, .. } = worker;
        // Nearly always the same for all; a worker that got less is told of by itself.
        if !granted.is_empty() && !self.selected.reason.contains(&granted) {
            self.selected.reason.push_str("; ");
            self.selected.reason.push_str(&granted);
        }
        let mut inner = self.state.lock();
        let number = inner.workers.len();
        inner.workers.push((remote, counts));
        inner.alive += 1;
        drop(inner);
        let state = self.state.clone();
        let watch = move || {
            let failure = match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(panic) => Some(last_words(&*panic)),
            };
            state.change(|inner| {
                inner.alive -= 1;
                if let Some(reason) = failure {
                    inner.failure.get_or_insert((number, reason));
                }
            });
        };
        std::thread::Builder::new()
            .name(format!("headwater-watch-{number}"))
            .stack_size(64 * 1024)
            .spawn(watch)
            .map(drop)
    }

    /// Those that were added, in their order.
    pub(crate) fn workers(&self) -> Vec<Colleague> {
        let inner = self.state.lock();
        let workers = inner.workers.iter();
        workers
            .map(|(remote, counts)| Colleague { remote: remote.clone(), counts: counts.clone() })
            .collect()
    }

    /// Ends the workers that were started, as dropping does, and waits until they have ended.
    pub(crate) fn end(self) {
        let state = self.state.clone();
        drop(self);
        // How they ended is no news: the error at hand is why they had to.
        Drain { state }.wait().ok();
    }

    pub(crate) fn into_handle(self) -> ServerHandle {
        ServerHandle { running: Arc::new(self) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.state.drain(Duration::from_secs(1));
        if let Some(signals) = self.state.lock().signals.take() {
            signals.close();
        }
    }
}

fn last_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.map_or_else(|| "it panicked".to_owned(), |text| format!("it panicked: {text}"))
}

impl ServerHandle {
    /// Where the server listens.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        vec![self.running.addr]
    }

    /// The engine that runs.
    pub fn engine(&self) -> Engine {
        self.running.selected.engine
    }

    /// Why this engine, and what the system has granted to its workers: one line.
    pub fn engine_reason(&self) -> &str {
        &self.running.selected.reason
    }

    /// When the server was started, by the clock of the system.
    pub fn started(&self) -> SystemTime {
        self.running.started
    }

    /// How many workers were started.
    pub fn workers(&self) -> usize {
        self.running.state.lock().workers.len()
    }

    /// How much memory clients can make this server hold, by its limits; [`MemoryBound`] has an example.
    pub fn memory_bound(&self) -> MemoryBound {
        self.running.memory.bound(self.engine(), self.workers())
    }

    /// What the server has counted.
    ///
    /// ```
    /// # let server = headwater::Server::builder().bind("127.0.0.1:0").serve(headwater::Router::new())?;
    /// let before = server.stats();
    /// // Some time later:
    /// let requests = server.stats().requests - before.requests;
    /// println!("{requests} requests meanwhile");
    /// # Ok::<(), headwater::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        Stats::sum(self.running.state.lock().workers.iter().map(|(_, counts)| counts))
    }

    /// What each worker has counted, in the order of their numbers: how evenly streams and requests are
    /// spread.
    ///
    /// ```no_run
    /// # fn look(server: &headwater::ServerHandle) {
    /// for (number, worker) in server.worker_stats().iter().enumerate() {
    ///     println!("worker {number}: {} streams", worker.streams);
    /// }
    /// # }
    /// ```
    pub fn worker_stats(&self) -> Vec<Stats> {
        let inner = self.running.state.lock();
        inner.workers.iter().map(|(_, counts)| Stats::sum(iter::once(counts))).collect()
    }

    /// Ends the server: it stops listening, ends every stream with its terminal chunk, answers the
    /// requests that have begun, closes idle connections (those that never sent a request after a
    /// second, since one may be on its way), and after `within` cuts what is left. Begins at once;
    /// await it or [`Drain::wait`] for the end. The earliest of several deadlines counts.
    ///
    /// Connections that the kernel had queued when the listener closes are served; one that arrives in the
    /// instant between the last look and the close is reset by the kernel.
    ///
    /// ```
    /// use headwater::{Router, Server};
    /// use std::time::Duration;
    ///
    /// let server = Server::builder().bind("127.0.0.1:0").serve(Router::new())?;
    /// let drain = server.drain(Duration::from_secs(60));
    /// // Somebody is in a hurry.
    /// let sooner = server.drain(Duration::from_secs(1));
    /// assert_eq!(drain.wait()?, sooner.wait()?);
    /// # Ok::<(), headwater::Error>(())
    /// ```
    pub fn drain(&self, within: Duration) -> Drain {
        self.running.state.drain(within);
        Drain { state: self.running.state.clone() }
    }

    /// Catches SIGTERM and SIGINT from now on: they no longer end the process, but wait for
    /// [`ServerHandle::wait_for_signal`]. To be called before anybody is told that the server is ready, who
    /// may want its end at once. Does nothing when called again.
    ///
    /// ```
    /// use headwater::{Router, Server};
    /// use std::time::Duration;
    ///
    /// let server = Server::builder().bind("127.0.0.1:0").serve(Router::new())?;
    /// server.catch_signals()?;
    /// // Whoever reads this line may send SIGTERM at once.
    /// println!("{server}");
    /// # let own = std::process::id().to_string();
    /// # assert!(std::process::Command::new("kill").arg(own).status().expect("kill").success());
    /// server.wait_for_signal(Duration::from_secs(2))?;
    /// # Ok::<(), headwater::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Signal`] when signals cannot be caught.
    pub fn catch_signals(&self) -> Result<(), Error> {
        let mut inner = self.running.state.lock();
        if inner.signals.is_some() {
            return Ok(());
        }
        let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(Error::Signal)?;
        let handle = signals.handle();
        let state = self.running.state.clone();
        std::thread::Builder::new()
            .name("headwater-signals".to_owned())
            .spawn(move || {
                for (earlier, _) in signals.forever().enumerate() {
                    state.change(|inner| inner.signalled = true);
                    if earlier > 0 {
                        state.drain(Duration::ZERO);
                    }
                }
            })
            .map_err(Error::Signal)?;
        inner.signals = Some(handle);
        Ok(())
    }

    /// Waits for SIGTERM or SIGINT, then drains. A signal since [`ServerHandle::catch_signals`] counts. A
    /// second signal ends the drain at once.
    ///
    /// ```no_run
    /// # let server = headwater::Server::builder().bind("127.0.0.1:0").serve(headwater::Router::new())?;
    /// // The last line of `main`: until somebody ends the program, and then for 2 seconds at most.
    /// server.wait_for_signal(std::time::Duration::from_secs(2))?;
    /// # Ok::<(), headwater::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WorkerFailed`] as soon as a worker ends by itself; [`Error::Signal`] when signals
    /// cannot be waited for.
    pub fn wait_for_signal(&self, drain_within: Duration) -> Result<(), Error> {
        self.catch_signals()?;
        let mut inner = self.running.state.lock();
        while !inner.signalled && inner.alive > 0 && inner.failure.is_none() {
            let waited = self.running.state.changed.wait(inner);
            inner = waited.unwrap_or_else(PoisonError::into_inner);
        }
        drop(inner);
        self.drain(drain_within).wait().map(drop)
    }
}

impl fmt::Display for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (addr, engine) = (self.running.addr, self.engine());
        let workers = self.workers();
        write!(f, "listening on http://{addr} engine={engine} workers={workers}")?;
        write!(f, " ({})", self.engine_reason())
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerHandle({self})")
    }
}
