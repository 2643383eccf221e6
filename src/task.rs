//! Futures of one core: runs what handlers left pending. A task is woken from its own core without
//! an atomic operation on the queue, from elsewhere through the core's mailbox, which wakes a core that
//! sleeps. Tasks never leave their core.

use crate::blocking::pool::{Full, Job, Pool};
use crate::stats::WorkerCounts;
use crate::tokio::{Entered, Runtime};
use crate::worker::{Message, Shared};
use async_task::{Runnable, Task};
use headwater_engine::Remote;
use headwater_sse::{Command, Home};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

thread_local! {
    static CORE: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// Tells cores apart, also those of different servers.
static CORES: AtomicU64 = AtomicU64::new(0);

/// What a core does for itself, without its mailbox.
struct Local {
    core: u64,
    runnable: RefCell<VecDeque<Woken>>,
    commands: RefCell<VecDeque<Command>>,
    /// Futures that exist.
    live: Cell<usize>,
    /// Jobs that were given to the pool and are not done.
    jobs: Cell<usize>,
    pools: [Arc<Pool>; 2],
    runtime: Runtime,
    remote: Remote<Message>,
    counts: Arc<WorkerCounts>,
}

/// Where to run a blocking job.
#[derive(Clone, Copy)]
pub(crate) enum Aside {
    /// Among those of requests.
    Request,
    /// Among those of streams, which live long.
    Stream,
}

/// A task that was woken, on its way to its core. A future may be dropped on its own thread only, so one
/// that is lost elsewhere, because its core failed at that moment, is forgotten.
pub(crate) struct Woken {
    runnable: Option<Runnable>,
    home: ThreadId,
}

impl Woken {
    fn new(runnable: Runnable, home: ThreadId) -> Self {
        Self { runnable: Some(runnable), home }
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        if self.home != thread::current().id() {
            std::mem::forget(self.runnable.take());
        }
    }
}

/// The tasks of one core.
pub(crate) struct Executor {
    local: Rc<Local>,
    home: Arc<CoreHome>,
}

impl Executor {
    /// Makes this thread a core, whose blocking jobs go to the server's pools, and whose futures find its
    /// runtime.
    pub(crate) fn enter(
        remote: Remote<Message>,
        shared: &Shared,
        counts: Arc<WorkerCounts>,
    ) -> Self {
        let local = Rc::new(Local {
            core: CORES.fetch_add(1, Ordering::Relaxed),
            runnable: RefCell::default(),
            commands: RefCell::default(),
            live: Cell::new(0),
            jobs: Cell::new(0),
            pools: [shared.pool.clone(), shared.stream_pool.clone()],
            runtime: shared.runtime.clone(),
            remote,
            counts,
        });
        CORE.with(|core| core.replace(Some(local.clone())));
        let remote = local.remote.clone();
        let home = CoreHome { core: local.core, thread: thread::current().id(), remote };
        Self { local, home: Arc::new(home) }
    }

    /// Starts a future. Dropping the task cancels it.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Unpin + 'static) -> Task<()> {
        let future = Counted { future, _live: Live::new(self.local.clone()) };
        let home = self.home.clone();
        let schedule = move |runnable| home.schedule(Woken::new(runnable, home.thread));
        let (runnable, task) = async_task::spawn_local(future, schedule);
        runnable.schedule();
        task
    }

    /// Polls up to `most` tasks that were woken.
    pub(crate) fn run(&self, most: usize) {
        let _entered = self.local.runtime.enter();
        for _ in 0..most {
            let Some(mut woken) = self.local.runnable.borrow_mut().pop_front() else { break };
            woken.runnable.take().map(Runnable::run);
        }
    }

    /// What `run` enters around each poll, for calls of handlers elsewhere.
    pub(crate) fn surround(&self) -> Surroundings {
        Surroundings(self.local.clone())
    }

    /// Takes a task that another thread woke.
    pub(crate) fn woken(&self, woken: Woken) {
        self.local.runnable.borrow_mut().push_back(woken);
    }

    /// The next wish of a client's handle that was used on this core.
    pub(crate) fn next_command(&self) -> Option<Command> {
        self.local.commands.borrow_mut().pop_front()
    }

    /// Whether there is something to run now.
    pub(crate) fn is_busy(&self) -> bool {
        !self.local.runnable.borrow().is_empty() || !self.local.commands.borrow().is_empty()
    }

    /// Whether any future exists, running or waiting.
    pub(crate) fn has_futures(&self) -> bool {
        self.local.live.get() > 0
    }

    /// Whether any future exists, running or waiting, or any blocking job.
    pub(crate) fn has_tasks(&self) -> bool {
        self.local.live.get() > 0 || self.local.jobs.get() > 0
    }

    /// A blocking job of this core is done.
    pub(crate) fn job_done(&self) {
        self.local.jobs.set(self.local.jobs.get() - 1);
    }

    /// Where handles of this core's clients post to.
    pub(crate) fn home(&self) -> Arc<dyn Home> {
        self.home.clone()
    }
}

/// Where handlers are called; to be entered around each call.
pub(crate) struct Surroundings(Rc<Local>);

impl Surroundings {
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.runtime.enter()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        CORE.with(|core| core.replace(None));
    }
}

/// Runs a blocking job on a thread of this core's server, or here if this is no core.
pub(crate) fn run_aside(aside: Aside, job: Job) -> Result<(), Full> {
    let Some(local) = CORE.with(|core| core.borrow().clone()) else {
        job();
        return Ok(());
    };
    let (runtime, busy) = (local.runtime.clone(), Busy::new(&local));
    let pool = match aside {
        Aside::Request => &local.pools[0],
        Aside::Stream => &local.pools[1],
    };
    pool.run(Box::new(move || {
        let _busy = busy;
        let _entered = runtime.enter();
        job();
    }))
}

/// Counts a job until it is done, or dropped.
struct Busy(Remote<Message>);

impl Busy {
    fn new(local: &Local) -> Self {
        local.jobs.set(local.jobs.get() + 1);
        Self(local.remote.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // A core that is gone waits for nothing.
        self.0.post(Message::JobDone).ok();
    }
}

/// Counts a panic of users' code that was caught, if this is a core.
pub(crate) fn count_panic() {
    let count = |core: &RefCell<Option<Rc<Local>>>| {
        if let Some(local) = &*core.borrow() {
            local.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
        }
    };
    // A thread that is ending is no core any more.
    CORE.try_with(count).ok();
}

/// Whether this thread is the core of a server.
pub(crate) fn is_core() -> bool {
    CORE.with(|core| core.borrow().is_some())
}

fn with_local<T>(core: u64, value: T, here: impl FnOnce(&Local, T)) -> Option<T> {
    CORE.with(|local| match &*local.borrow() {
        Some(local) if local.core == core => {
            here(local, value);
            None
        }
        _ => Some(value),
    })
}

/// A core, from any thread: where its tasks are scheduled and its clients' handles post to. One for all of
/// them, since tasks are what a handler costs in memory.
struct CoreHome {
    core: u64,
    thread: ThreadId,
    remote: Remote<Message>,
}

impl CoreHome {
    fn schedule(&self, woken: Woken) {
        let push = |local: &Local, woken| local.runnable.borrow_mut().push_back(woken);
        if let Some(woken) = with_local(self.core, woken, push) {
            // A core that is gone has cancelled its tasks.
            self.remote.post(Message::Run(woken)).ok();
        }
    }
}

impl Home for CoreHome {
    fn post(&self, command: Command) {
        let push = |local: &Local, command| local.commands.borrow_mut().push_back(command);
        if let Some(command) = with_local(self.core, command, push) {
            // A core that is gone has ended all its streams.
            self.remote.post(Message::Stream(command)).ok();
        }
    }
}

/// A future that is counted while it exists. Not an async block, which would hold it twice.
struct Counted<F> {
    future: F,
    _live: Live,
}

impl<F: Future<Output = ()> + Unpin> Future for Counted<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.future).poll(context)
    }
}

/// Counts a future while it exists.
struct Live(Rc<Local>);

impl Live {
    fn new(local: Rc<Local>) -> Self {
        local.live.set(local.live.get() + 1);
        Self(local)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.set(self.0.live.get() - 1);
    }
}
