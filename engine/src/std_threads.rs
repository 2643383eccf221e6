//! The reference engine: blocking sockets, a thread that accepts, and a thread per connection that
//! receives. Fulfils the contract of `driver`; works wherever `std` does, for a few thousand
//! connections.
//!
//! The threads report through one channel, each at most one piece of bytes at a time: a reader lends
//! out its only buffer and waits for it. Sends are made by the worker's own thread with a flag that
//! keeps them from blocking. Nobody tells when a full socket has room again, so while there are any,
//! and only then, a timer lets the worker try.

mod acceptor;
mod connection;
mod line;
pub(crate) mod poll;
mod report;
mod retry;
mod waker;

use crate::{
    driver::{Attempt, Completion, Driver, Key, Outcome, Sockets, Wake},
    handover::{self, Handover, NotAdopted},
    slots::Slots,
    socket,
    unsent::unsent_bytes,
};
use acceptor::Acceptor;
pub(crate) use connection::Carried;
use connection::Connection;
pub use line::Lease;
use line::{Flow, Line};
use report::Report;
use retry::Retry;
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    mem,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use waker::Waker;

/// The std engine's part of one worker. Dropping it ends its threads and closes its sockets.
#[derive(Debug)]
pub struct StdThreads {
    acceptor: Acceptor,
    connections: Slots<Connection>,
    /// Accepted, but standing still for want of a thread; tried again when accepting is resumed.
    held: VecDeque<TcpStream>,
    /// Came out of the channel, or from a resumed connection, and is to be looked at first.
    reports: VecDeque<Report>,
    receiver: Receiver<Report>,
    sender: Sender<Report>,
    woken: Arc<AtomicBool>,
    retry: Retry,
}

impl StdThreads {
    /// A driver that accepts on this listener.
    ///
    /// # Errors
    /// When the accepting thread cannot be started.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        Ok(Self {
            acceptor: Acceptor::start(listener, sender.clone())?,
            connections: Slots::new(),
            held: VecDeque::new(),
            reports: VecDeque::new(),
            receiver,
            sender,
            woken: Arc::default(),
            retry: Retry::default(),
        })
    }

    /// Turns a report into a completion, unless it is about a connection that is gone or does not
    /// deliver now.
    fn complete(&mut self, report: Report) -> Option<Completion<Lease>> {
        match report {
            Report::Connected(stream) => self.connect(stream),
            Report::AcceptFailed(error) => Some(Completion::AcceptFailed(error)),
            Report::Received(key, lease) => self.connections.get_mut(key)?.receive(key, lease),
            Report::Gone(key, how) => self.connections.get_mut(key)?.end(key, how),
            Report::Left(key) => {
                self.connections.get_mut(key)?.drained = true;
                self.let_go(key)
            }
            Report::Woken => {
                self.woken.store(false, Ordering::Release);
                Some(Completion::Woken)
            }
        }
    }

    /// Gives a new connection a slot and a reader; keeps it for later when there is no thread to be
    /// had. Standing still for want of a descriptor is no reason to: this one has its own, and would
    /// keep others from getting one.
    fn connect(&mut self, stream: TcpStream) -> Option<Completion<Lease>> {
        if !self.held.is_empty() {
            self.held.push_back(stream);
            return None;
        }
        let sender = &self.sender;
        let key = self
            .connections
            .insert_with(|key| Connection::new(Arc::new(Line::new(stream, key, sender.clone()))));
        // Inserted above.
        let connection = self.connections.get_mut(key)?;
        match line::start_reader(Arc::clone(&connection.line)) {
            Ok(reader) => {
                self.acceptor.taken_over();
                connection.reader = Some(reader);
                Some(Completion::Accepted(key))
            }
            Err(error) => {
                self.acceptor.stand_still();
                let Connection { line, .. } = self.connections.remove(key)?;
                self.held.extend(Arc::into_inner(line).map(Line::into_stream));
                Some(Completion::AcceptFailed(error))
            }
        }
    }

    /// Lets go of a connection that has left.
    fn let_go(&mut self, key: Key) -> Option<Completion<Lease>> {
        if !self.connections.get(key)?.has_left() {
            return None;
        }
        let carried = handover::Carried::Std(Carried::new(self.connections.remove(key)?));
        Some(Completion::Released(key, Handover(carried)))
    }

    fn try_send(&mut self, key: Key, slices: &[IoSlice<'_>]) -> Outcome {
        let Some(connection) = self.connections.get_mut(key) else { return Outcome::Gone };
        let (outcome, short) = socket::attempt(connection.line.stream(), slices);
        let retried = mem::take(&mut connection.retried);
        if short && !mem::replace(&mut connection.stalled, true) {
            self.retry.stalled(key, retried && outcome == Outcome::Sent(0));
        }
        outcome
    }

    /// The next stalled connection whose turn to try again has come.
    fn writable(&mut self) -> Option<Key> {
        while let Some(key) = self.retry.due() {
            // One that is leaving is told where it comes.
            let connection = self.connections.get_mut(key);
            if let Some(connection) = connection.filter(|at| at.flow != Flow::Leaving) {
                connection.stalled = false;
                connection.retried = true;
                return Some(key);
            }
        }
        None
    }

    fn close_all(&mut self) {
        let keys: Vec<Key> = self.connections.iter().map(|(key, _)| key).collect();
        let connections = keys.into_iter().filter_map(|key| self.connections.remove(key));
        // All are told first, so that they end side by side.
        let readers: Vec<JoinHandle<()>> = connections.filter_map(Connection::close).collect();
        for reader in readers {
            // A reader that panicked has ended, too.
            let _ = reader.join();
        }
    }
}

impl Driver for StdThreads {
    type Lease = Lease;

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(Waker { woken: Arc::clone(&self.woken), sender: self.sender.clone() })
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.retry.look_at_the_time();
        if !self.reports.is_empty() || self.retry.is_due() {
            return Ok(());
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let deadline = deadline.into_iter().chain(self.retry.next_try()).min();
        let report = match deadline {
            // We hold a sender ourselves, so the channel never breaks.
            None => self.receiver.recv().ok(),
            Some(deadline) => {
                let timeout = deadline.saturating_duration_since(Instant::now());
                self.receiver.recv_timeout(timeout).ok()
            }
        };
        self.reports.extend(report);
        self.retry.look_at_the_time();
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<Lease>> {
        if let Some(key) = self.writable() {
            return Some(Completion::Writable(key));
        }
        loop {
            // The channel is a queue with one place per reader, so everybody gets a turn.
            let report = self.reports.pop_front().or_else(|| self.receiver.try_recv().ok())?;
            if let Some(completion) = self.complete(report) {
                return Some(completion);
            }
        }
    }

    fn recycle(&mut self, key: Key, lease: Lease) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.take_back(lease);
            if connection.has_left() {
                self.reports.push_back(Report::Left(key));
            }
        }
    }
}

impl Sockets for StdThreads {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        for attempt in batch {
            attempt.outcome = self.try_send(attempt.key, attempt.slices);
        }
    }

    fn pause(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.flow == Flow::Receiving
        {
            connection.set_flow(Flow::Paused);
        }
    }

    fn resume(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.flow == Flow::Paused
        {
            connection.set_flow(Flow::Receiving);
            let held = connection.take_held();
            self.reports.extend(held.map(|lease| Report::Received(key, lease)));
        }
    }

    fn detach(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && !matches!(connection.flow, Flow::Departed | Flow::Leaving)
        {
            connection.set_flow(Flow::Detached);
            if let Some(lease) = connection.take_held() {
                connection.line.give_back(lease.buffer);
            }
        }
    }

    fn shutdown(&mut self, key: Key) {
        if let Some(connection) = self.connections.get(key) {
            // Fails only on a connection that is broken, which receiving reports.
            let _ = connection.line.stream().shutdown(Shutdown::Write);
        }
    }

    fn close(&mut self, key: Key) {
        if let Some(connection) = self.connections.remove(key) {
            // The reader ends by itself; waiting for it here would stop the worker.
            drop(connection.close());
        }
    }

    fn release(&mut self, key: Key) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        match connection.flow {
            Flow::Departed => return false,
            Flow::Leaving => return true,
            Flow::Receiving | Flow::Paused | Flow::Detached => {}
        }
        connection.set_flow(Flow::Leaving);
        // Behind the last report of its reader. We hold a receiver ourselves.
        let _ = self.sender.send(Report::Left(key));
        true
    }

    fn adopt(&mut self, handover: Handover) -> Result<Key, NotAdopted> {
        let handover::Carried::Std(carried) = handover.0 else {
            return Err(NotAdopted::of_another_engine(handover.0));
        };
        let key = self.connections.insert(carried.into_connection());
        if let Some(connection) = self.connections.get_mut(key) {
            self.reports.extend(connection.arrive(key, self.sender.clone()));
            if connection.stalled {
                self.retry.stalled(key, false);
            }
        }
        Ok(key)
    }

    fn resume_accept(&mut self) {
        self.acceptor.resume();
        self.reports.extend(self.held.drain(..).map(Report::Connected));
    }

    fn stop_accepting(&mut self) {
        self.resume_accept();
        let queued = self.acceptor.stop();
        // Those that the accepting thread had got hold of are in the channel, before these.
        self.reports.extend(self.receiver.try_iter());
        self.reports.extend(queued);
    }

    fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        self.connections.get(key)?.line.stream().peer_addr().ok()
    }

    fn has_finished(&self, key: Key) -> bool {
        self.connections.get(key).is_some_and(|at| poll::has_finished(at.line.stream().as_fd()))
    }

    fn unsent_bytes(&self, key: Key) -> Option<usize> {
        unsent_bytes(self.connections.get(key)?.line.stream().as_fd())
    }

    fn open(&self) -> usize {
        self.connections.len()
    }
}

impl Drop for StdThreads {
    fn drop(&mut self) {
        drop(self.acceptor.end());
        self.close_all();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
