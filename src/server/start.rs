//! Starts a server: checks what was set, listens, and starts a worker on each listener, on the next engine
//! where the first cannot.

use super::{ServerBuilder, Source};
use crate::blocking::pool::Pool;
use crate::error::Error;
use crate::handle::{Running, ServerHandle};
use crate::memory::MemoryLimits;
use crate::router::Router;
use crate::stats::WorkerCounts;
use crate::worker::{Shared, Worker};
use headwater_engine::{Engine, SocketOptions, listener};
use headwater_sse::Hub;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

impl ServerBuilder {
    pub(super) fn start(self, router: Router) -> Result<ServerHandle, Error> {
        let workers = self.worker_count()?;
        router.check().map_err(Error::Config)?;
        if self.settings.connections_per_worker == 0 {
            return Err(Error::Config("a worker needs room for at least one connection".into()));
        }
        if self.blocking.threads == 0 {
            return Err(Error::Config("blocking handlers need at least one thread".into()));
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
        let pool = Arc::new(Pool::new(self.blocking));
        let stream_pool = Arc::new(Pool::new(self.streams));
        let (mut settings, hubs, runtime) = (self.settings, self.hubs, self.runtime);
        settings.balances &= listeners.len() > 1;
        let memory = MemoryLimits::of(&settings, &router, &hubs);
        let workers = OnceLock::new();
        let shared = Shared { router, settings, hubs, pool, stream_pool, runtime, workers };
        let shared = Arc::new(shared);
        loop {
            let mut running = Running::new(addr, selected, memory);
            // Dropping `running` on the way out ends the workers that were started.
            let Err(error) = start_workers(&mut running, &shared, &listeners) else {
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

/// Starts a worker on each listener, which stays ours as well.
fn start_workers(
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
            move |remote| Worker::new(number, shared, its_counts, remote),
        )?;
        running.add(worker, counts)?;
    }
    shared.workers.get_or_init(|| running.workers());
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
