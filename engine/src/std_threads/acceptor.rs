//! The accepting thread of the std engine, and the worker's hold on it: how many accepted connections
//! may wait for the worker, standing still, the end.

use super::{
    poll::{Interest, poll},
    report::Report,
};
use crate::socket::concerns_one_connection;
use std::{
    io,
    net::{TcpListener, TcpStream},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    thread::{self, JoinHandle},
};

/// How many accepted connections wait for the worker at most; the kernel queues the others.
const MOST_WAITING: usize = 64;

/// How many are accepted at most when accepting ends, so that a flood cannot keep the worker here.
const LAST_ACCEPTS: usize = 64 * 1024;

/// The worker's end. Must be stopped or ended: that ends the thread.
#[derive(Debug)]
pub(super) struct Acceptor {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    /// Dropping it ends the thread's wait for connections.
    bell: UnixStream,
}

#[derive(Debug)]
pub(super) struct Shared {
    listener: TcpListener,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Debug)]
struct Gate {
    state: State,
    /// Accepted, but without a slot and a reader so far.
    waiting: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Going,
    StandingStill,
    Stopped,
}

impl Acceptor {
    pub(super) fn start(listener: TcpListener, sender: Sender<Report>) -> io::Result<Self> {
        // The thread waits in poll, where it hears the bell too, so accept itself must not block.
        listener.set_nonblocking(true)?;
        let gate = Mutex::new(Gate { state: State::Going, waiting: 0 });
        let shared = Arc::new(Shared { listener, gate, changed: Condvar::new() });
        let (bell, heard) = UnixStream::pair()?;
        let thread = thread::Builder::new().name("headwater-accept".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run(&heard, &sender)
        })?;
        Ok(Self { running: Some(Running { shared, thread, bell }) })
    }

    /// An accepted connection got its slot and reader.
    pub(super) fn taken_over(&self) {
        self.change(|gate| gate.waiting = gate.waiting.saturating_sub(1));
    }

    /// Accepts no more until resumed.
    pub(super) fn stand_still(&self) {
        self.change(|gate| gate.replace(State::Going, State::StandingStill));
    }

    /// Goes on if it stood still.
    pub(super) fn resume(&self) {
        self.change(|gate| gate.replace(State::StandingStill, State::Going));
    }

    fn change(&self, change: impl FnOnce(&mut Gate)) {
        if let Some(running) = &self.running {
            change(&mut running.shared.gate());
            running.shared.changed.notify_one();
        }
    }

    /// Ends the thread, accepts what the kernel has queued, and closes the listener.
    pub(super) fn stop(&mut self) -> Vec<Report> {
        let Some(shared) = self.end() else { return Vec::new() };
        let mut reports = Vec::new();
        while reports.len() < LAST_ACCEPTS {
            match shared.accept() {
                Ok(Some(stream)) => reports.push(Report::Connected(stream)),
                Ok(None) => break,
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    reports.push(Report::AcceptFailed(error));
                    break;
                }
            }
        }
        reports
    }

    /// Ends the thread. The listener is closed with what is returned.
    pub(super) fn end(&mut self) -> Option<Arc<Shared>> {
        self.change(|gate| gate.state = State::Stopped);
        let Running { shared, thread, bell } = self.running.take()?;
        drop(bell);
        // If it panicked, it has ended, too.
        let _ = thread.join();
        Some(shared)
    }
}

impl Gate {
    fn replace(&mut self, from: State, to: State) {
        if self.state == from {
            self.state = to;
        }
    }
}

impl Shared {
    fn run(&self, bell: &UnixStream, sender: &Sender<Report>) {
        while self.wait_for_leave() {
            let report = match self.wait_and_accept(bell) {
                Ok(Some(stream)) => {
                    self.gate().waiting += 1;
                    Report::Connected(stream)
                }
                Ok(None) => continue,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    self.gate().replace(State::Going, State::StandingStill);
                    Report::AcceptFailed(error)
                }
            };
            if sender.send(report).is_err() {
                return;
            }
        }
    }

    /// Waits while the worker has enough, or wants no more for now. False: stop.
    fn wait_for_leave(&self) -> bool {
        let mut gate = self.gate();
        loop {
            match gate.state {
                State::Stopped => return false,
                State::Going if gate.waiting < MOST_WAITING => return true,
                _ => gate = self.changed.wait(gate).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn wait_and_accept(&self, bell: &UnixStream) -> io::Result<Option<TcpStream>> {
        let listener = self.listener.as_fd();
        let found = poll(listener, Interest::Readable, Some(bell.as_fd()), -1)?;
        if found.bell { Ok(None) } else { self.accept() }
    }

    fn accept(&self) -> io::Result<Option<TcpStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                // Some systems let it inherit the listener's mode.
                stream.set_nonblocking(false)?;
                Ok(Some(stream))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing panics under the lock.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
