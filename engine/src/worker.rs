//! The loop of one worker: waits for sockets, messages and deadlines, and hands each to the [`App`],
//! bounded per turn so that none of them starves the others. Decides nothing about connections: that
//! is the application's part.

mod clock;
mod core;

use crate::{
    driver::{Completion, Departure, Driver, Key},
    handover::Handover,
    mailbox::{Mailbox, Remote},
    timer::Class,
};
pub use clock::{Clock, ManualClock, coarse_time};
use core::Timers;
pub use core::{Core, Traffic};
use std::{
    io,
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// How many completions, messages and deadlines, of each, are handled per turn. What is left comes
/// with the next turn, which then does not sleep.
const MOST_PER_TURN: usize = 256;

/// What a worker is for. Everything is called on the worker's thread.
///
/// A key names a connection from `accepted`, or [`Core::adopt`], until the application closes it or is told
/// that it was `released`; nothing is called with it after that.
pub trait App {
    /// What other threads post to this worker.
    type Message: Send + 'static;

    /// Called once, before anything else.
    fn start(&mut self, core: &mut Core<'_>) {
        let _ = core;
    }

    /// A new connection, receiving already.
    fn accepted(&mut self, core: &mut Core<'_>, key: Key);

    /// Bytes from the peer, never empty.
    fn received(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]);

    /// There may be room to send again.
    fn writable(&mut self, core: &mut Core<'_>, key: Key);

    /// The peer left; called once per connection. It stays open until the application closes it.
    fn gone(&mut self, core: &mut Core<'_>, key: Key, how: Departure);

    /// The connection that was released with [`Core::release`] has left this worker, for another one to
    /// adopt; its key names nobody any more. Closes it unless overridden.
    fn released(&mut self, core: &mut Core<'_>, key: Key, connection: Handover) {
        let _ = (core, key, connection);
    }

    /// Accepting stands still until [`Core::resume_accept`].
    fn accept_failed(&mut self, core: &mut Core<'_>, error: &io::Error);

    /// The deadline that was set with [`Core::arm`] has come, and is no longer set.
    fn timeout(&mut self, core: &mut Core<'_>, key: Key, class: Class);

    /// A message from another thread, in the order in which its sender posted.
    fn message(&mut self, core: &mut Core<'_>, message: Self::Message);

    /// Called once per turn, after completions, messages and deadlines. Says what comes next.
    fn turn(&mut self, core: &mut Core<'_>) -> Turn;

    /// The last look before sleeping, when posters know already that they must wake. False: there is
    /// work, do not sleep. For sources other than the mailbox, whose writers call
    /// [`Remote::notify`].
    fn prepare_sleep(&mut self) -> bool {
        true
    }

    /// Called after every wait, whether or not `prepare_sleep` was called before it, or was true.
    fn awake(&mut self) {}

    /// Called once, after the turn that said to stop. What was posted and not taken is still in the
    /// mailbox, and posting goes on until this returns: for what must not be lost on its way.
    fn stopped(&mut self, mailbox: &mut Mailbox<Self::Message>) {
        let _ = mailbox;
    }
}

/// What an application wants after a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The next turn at once: there is work left.
    Again,
    /// Sleep until something happens, or until this time.
    WaitUntil(Option<Instant>),
    /// The end. The listener and all connections are closed.
    Stop,
}

/// One worker, to be run by [`run`], or turn by turn in tests.
#[derive(Debug)]
pub struct Worker<D: Driver, A: App> {
    driver: D,
    app: A,
    mailbox: Mailbox<A::Message>,
    timers: Timers,
    traffic: Traffic,
    clock: Clock,
    now: Instant,
    next: Turn,
    started: bool,
}

/// Runs a worker until its application stops, and gives the application back.
///
/// # Errors
/// When the driver's wait fails: the worker is useless then.
pub fn run<D: Driver, A: App>(driver: D, app: A, mailbox: Mailbox<A::Message>) -> io::Result<A> {
    let mut worker = Worker::new(driver, app, mailbox);
    while worker.turn_once()?.is_continue() {}
    Ok(worker.app)
}

impl<D: Driver, A: App> Worker<D, A> {
    /// A worker on the system's clock that has not started yet.
    pub fn new(driver: D, app: A, mailbox: Mailbox<A::Message>) -> Self {
        Self::with_clock(driver, app, mailbox, Clock::default())
    }

    /// The same on another clock.
    pub fn with_clock(driver: D, app: A, mailbox: Mailbox<A::Message>, clock: Clock) -> Self {
        let now = clock.now();
        let timers = Timers::new(now);
        let (traffic, next) = (Traffic::default(), Turn::Again);
        Self { driver, app, mailbox, timers, traffic, clock, now, next, started: false }
    }

    /// Waits as the last turn wanted it, and handles what happened. `Break` once the application has
    /// stopped. The first turn starts the application and does not wait.
    ///
    /// # Errors
    /// When the driver's wait fails.
    pub fn turn_once(&mut self) -> io::Result<ControlFlow<()>> {
        if self.next == Turn::Stop {
            return Ok(ControlFlow::Break(()));
        }
        if !self.started {
            self.started = true;
            self.with_core(App::start);
        }
        self.wait()?;
        self.complete();
        self.take_messages();
        self.expire();
        self.next = self.with_core(App::turn);
        if self.next != Turn::Stop {
            return Ok(ControlFlow::Continue(()));
        }
        self.app.stopped(&mut self.mailbox);
        Ok(ControlFlow::Break(()))
    }

    /// Calls the application as the loop does, for tests.
    pub fn with_core<T>(&mut self, call: impl FnOnce(&mut A, &mut Core<'_>) -> T) -> T {
        let mut core = Core::new(&mut self.driver, &mut self.timers, &mut self.traffic, self.now);
        call(&mut self.app, &mut core)
    }

    /// The application.
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The application, for tests to change.
    pub const fn app_mut(&mut self) -> &mut A {
        &mut self.app
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<A::Message> {
        self.mailbox.remote()
    }

    fn wait(&mut self) -> io::Result<()> {
        let timeout = match self.next {
            Turn::WaitUntil(until) if self.mailbox.prepare_sleep() && self.app.prepare_sleep() => {
                let timer = self.timers.next_deadline();
                let until = until.into_iter().chain(timer).min();
                // A fresh look at the clock: the turn took its time.
                until.map(|until| until.saturating_duration_since(self.clock.now()))
            }
            _ => Some(Duration::ZERO),
        };
        let waited = self.driver.wait(timeout);
        self.mailbox.awake();
        self.app.awake();
        self.now = self.clock.now();
        waited
    }

    fn complete(&mut self) {
        for _ in 0..MOST_PER_TURN {
            let Some(completion) = self.driver.next() else { return };
            match completion {
                Completion::Accepted(key) => {
                    self.timers.register(key);
                    self.with_core(|app, core| app.accepted(core, key));
                }
                Completion::AcceptFailed(error) => {
                    self.with_core(|app, core| app.accept_failed(core, &error));
                }
                Completion::Received(key, lease) => {
                    self.traffic.received += lease.len() as u64;
                    self.with_core(|app, core| app.received(core, key, &lease));
                    self.driver.recycle(key, lease);
                }
                Completion::Writable(key) => self.with_core(|app, core| app.writable(core, key)),
                Completion::Gone(key, how) => self.with_core(|app, core| app.gone(core, key, how)),
                Completion::Released(key, connection) => {
                    self.timers.forget(key);
                    self.with_core(|app, core| app.released(core, key, connection));
                }
                // The mailbox is looked at in any case.
                Completion::Woken => {}
            }
        }
    }

    fn take_messages(&mut self) {
        for _ in 0..MOST_PER_TURN {
            let Some(message) = self.mailbox.pop() else { return };
            self.with_core(|app, core| app.message(core, message));
        }
    }

    fn expire(&mut self) {
        for _ in 0..MOST_PER_TURN {
            let Some((key, class)) = self.timers.expired(self.now) else { return };
            self.with_core(|app, core| app.timeout(core, key, class));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
