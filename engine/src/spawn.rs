//! Starts worker threads: the one place where an engine's name becomes its driver.

use crate::{
    driver::Driver,
    engine::Engine,
    mailbox::{Mailbox, Remote},
    std_threads::StdThreads,
    worker::{App, run},
};
use std::{
    io,
    net::TcpListener,
    sync::mpsc,
    thread::{self, JoinHandle},
};

/// A worker that runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Spawned<M> {
    /// The way to reach it.
    pub remote: Remote<M>,
    /// Its thread, whose result is the error that ended it, if any.
    pub thread: JoinHandle<io::Result<()>>,
    /// What the system has granted its driver; see [`Driver::granted`].
    pub granted: String,
}

/// Starts a worker on this listener and engine, in a thread of this name. `make_app` is called on that
/// thread. The thread ends when the application stops, or with the panic of the application; either
/// way the listener and all connections are closed by then.
///
/// [`Engine::Auto`] is selected here; whoever starts several workers selects once, before.
///
/// # Errors
/// When the engine is not available, no thread can be started, or the driver or the application cannot
/// be made. Nothing is left running then.
pub fn spawn<A: App + 'static>(
    engine: Engine,
    listener: TcpListener,
    name: &str,
    make_app: impl FnOnce(Remote<A::Message>) -> A + Send + 'static,
) -> io::Result<Spawned<A::Message>> {
    let engine = match engine {
        Engine::Auto => {
            let unsupported = |error| io::Error::new(io::ErrorKind::Unsupported, error);
            engine.select().map_err(unsupported)?.engine
        }
        named => named,
    };
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The driver is made here since some engines belong to the thread that made them.
        match engine {
            #[cfg(all(feature = "io-uring", target_os = "linux"))]
            Engine::IoUring => work(crate::uring::Uring::new(listener), make_app, &tell),
            #[cfg(feature = "epoll")]
            Engine::Epoll => work(crate::epoll::Epoll::new(listener), make_app, &tell),
            Engine::Std => work(StdThreads::new(listener), make_app, &tell),
            other => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{other} is not part of this build"),
            )),
        }
    })?;
    match told.recv() {
        Ok((remote, granted)) => Ok(Spawned { remote, thread, granted }),
        // The thread ended without a word: its result says why.
        Err(mpsc::RecvError) => Err(match thread.join() {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => io::Error::other("the worker panicked while it started"),
        }),
    }
}

fn work<D: Driver, A: App>(
    driver: io::Result<D>,
    make_app: impl FnOnce(Remote<A::Message>) -> A,
    tell: &mpsc::SyncSender<(Remote<A::Message>, String)>,
) -> io::Result<()> {
    let driver = driver?;
    let mailbox = Mailbox::new(driver.waker());
    let app = make_app(mailbox.remote());
    // Fails only if the caller of `spawn` is gone, which waits for this.
    let _ = tell.send((mailbox.remote(), driver.granted()));
    run(driver, app, mailbox).map(drop)
}
