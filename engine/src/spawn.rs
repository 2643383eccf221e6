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

/// A way to reach a worker, and its thread. The thread's result is the error that ended it, if any.
pub type Spawned<M> = (Remote<M>, JoinHandle<io::Result<()>>);

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
    let selected =
        engine.select().map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The driver is made here since some engines belong to the thread that made them.
        match selected.engine {
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
        Ok(remote) => Ok((remote, thread)),
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
    tell: &mpsc::SyncSender<Remote<A::Message>>,
) -> io::Result<()> {
    let driver = driver?;
    let mailbox = Mailbox::new(driver.waker());
    let app = make_app(mailbox.remote());
    // Fails only if the caller of `spawn` is gone, which waits for this.
    let _ = tell.send(mailbox.remote());
    run(driver, app, mailbox).map(drop)
}
