//! The contract of `driver`, fulfilled: what is done when the worker waits, asks and sends. What
//! completions lead to is in the parent module.

use super::{
    Bytes, Carried, Lease, Ready, Uring,
    connection::{Connection, Flow, Step},
    ring::{Operation, Outgoing, Patience, Piece},
    tag::{Tag, Watch},
};
use crate::{
    driver::{Attempt, Completion, Driver, Key, Outcome, Sockets, Wake},
    handover::{self, Handover, NotAdopted},
    socket,
    std_threads::poll,
    unsent::unsent_bytes,
};
use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr, TcpListener},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long stopping waits for the accept to be taken back.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// How many are accepted at most when accepting ends, so that a flood cannot keep the worker here.
const LAST_ACCEPTS: usize = 64 * 1024;

/// How long one wait lasts at most: the kernel's clock ends before `Duration` does.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl Uring {
    fn deliver(&mut self, key: Key, piece: Piece) -> Option<Completion<Lease>> {
        let Some(connection) = self.connections.get_mut(key) else {
            self.ring.recycle(piece);
            return None;
        };
        connection.piece_left();
        if connection.takes_bytes() {
            connection.lend();
            return Some(Completion::Received(key, Lease(Bytes::Piece(piece))));
        }
        if connection.hold() {
            self.held.push(key, piece.bytes());
        }
        self.ring.recycle(piece);
        self.go_on(key);
        None
    }

    fn connection_turn(&mut self, key: Key) -> Option<Completion<Lease>> {
        let connection = self.connections.get_mut(key)?;
        let held = connection.holds();
        let step = connection.step(&mut self.scratch);
        if held && !connection.holds() {
            self.held.take(key);
        }
        let completion = match step {
            Step::Nothing => None,
            Step::Writable => Some(Completion::Writable(key)),
            Step::Held => self.deliver_held(key),
            Step::Gone(departure) => Some(Completion::Gone(key, departure)),
            Step::Released => return self.let_go(key),
        };
        self.go_on(key);
        completion
    }

    fn deliver_held(&mut self, key: Key) -> Option<Completion<Lease>> {
        let (bytes, others) = self.held.pop(key)?;
        if !others && let Some(connection) = self.connections.get_mut(key) {
            connection.held_left();
        }
        Some(Completion::Received(key, Lease(Bytes::Copy(bytes))))
    }

    /// Lets go of a connection that has left.
    fn let_go(&mut self, key: Key) -> Option<Completion<Lease>> {
        let connection = self.connections.remove(key)?;
        let carried = Carried(Box::new((connection, self.held.take(key))));
        Some(Completion::Released(key, Handover(handover::Carried::Uring(carried))))
    }

    /// One attempt by a system call of its own.
    fn send_alone(&mut self, key: Key, slices: &[IoSlice<'_>]) -> Outcome {
        let Some(connection) = self.connections.get_mut(key) else { return Outcome::Gone };
        connection.answer();
        let (outcome, short) = socket::attempt(&connection.socket, slices);
        if short {
            self.stalled(key, may_have_room(slices));
        }
        outcome
    }

    /// All attempts in one submission.
    fn send_together(&mut self, batch: &mut [Attempt<'_>]) {
        let mut outgoing: Vec<Outgoing<'_>> = Vec::with_capacity(batch.len());
        let mut places: Vec<usize> = Vec::with_capacity(batch.len());
        for (place, attempt) in batch.iter_mut().enumerate() {
            let Some(connection) = self.connections.get(attempt.key) else {
                attempt.outcome = Outcome::Gone;
                continue;
            };
            attempt.outcome = Outcome::Sent(0);
            if attempt.offered() > 0 {
                let fd = connection.socket.as_raw_fd();
                outgoing.push(Outgoing { fd, slices: attempt.slices, result: Ok(0) });
                places.push(place);
            }
        }
        self.ring.send(&mut outgoing);
        for (outgoing, place) in outgoing.iter().zip(places) {
            let attempt = &mut batch[place];
            let sent = match outgoing.result {
                Ok(sent) => sent as usize,
                Err(libc::EAGAIN | libc::EINTR) => 0,
                Err(_) => {
                    attempt.outcome = Outcome::Gone;
                    continue;
                }
            };
            attempt.outcome = Outcome::Sent(sent);
            if sent < attempt.offered() {
                let interrupted = outgoing.result == Err(libc::EINTR);
                self.stalled(attempt.key, interrupted || may_have_room(attempt.slices));
            }
        }
    }

    /// Accepts what the kernel has queued, without the ring: an accept there may end too early, or wait
    /// behind completions of busy connections.
    fn accept_queued(&mut self, listener: &TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        for _ in 0..LAST_ACCEPTS {
            match listener.accept() {
                Ok((socket, _)) => {
                    let report = self.admit(socket);
                    self.ready.push_back(report);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if socket::concerns_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn stalled(&mut self, key: Key, has_room: bool) {
        self.change(key, |connection| connection.stall(has_room));
    }

    fn change_flow(&mut self, key: Key, from: Flow, to: Flow) {
        self.change(key, |connection| {
            if connection.flow == from {
                connection.flow = to;
            }
        });
    }
}

/// More slices than one call takes: the socket may have room, and its poll would not tell.
const fn may_have_room(slices: &[IoSlice<'_>]) -> bool {
    slices.len() > socket::MAX_SLICES
}

impl Driver for Uring {
    type Lease = Lease;

    fn granted(&self) -> String {
        self.granted.clone()
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.prepare()?;
        let patience = match timeout {
            _ if !self.ready.is_empty() => Patience::None,
            Some(Duration::ZERO) => Patience::None,
            Some(timeout) => Patience::AtMost(timeout.min(LONGEST_WAIT)),
            None => Patience::Endless,
        };
        self.ring.enter(patience)?;
        self.take_completions();
        self.turns = self.ready.len();
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<Lease>> {
        while self.turns > 0 {
            self.turns -= 1;
            let completion = match self.ready.pop_front()? {
                Ready::Accepted(key) => Some(Completion::Accepted(key)),
                Ready::AcceptFailed(error) => Some(Completion::AcceptFailed(error)),
                Ready::Woken => Some(Completion::Woken),
                Ready::Piece(key, piece) => self.deliver(key, piece),
                Ready::Turn(key) => self.connection_turn(key),
            };
            if completion.is_some() {
                return completion;
            }
        }
        None
    }

    fn recycle(&mut self, key: Key, lease: Lease) {
        if let Bytes::Piece(piece) = lease.0 {
            self.ring.recycle(piece);
        }
        self.change(key, Connection::give_back);
    }
}

impl Sockets for Uring {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        // One system call either way, and an enter costs more than a send.
        if let [attempt] = batch {
            attempt.outcome = self.send_alone(attempt.key, attempt.slices);
        } else {
            self.send_together(batch);
        }
    }

    fn pause(&mut self, key: Key) {
        self.change_flow(key, Flow::Receiving, Flow::Paused);
    }

    fn resume(&mut self, key: Key) {
        self.change_flow(key, Flow::Paused, Flow::Receiving);
    }

    fn detach(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !matches!(connection.flow, Flow::Departed | Flow::Leaving) {
            if connection.holds() {
                self.held.take(key);
            }
            connection.detach();
            self.go_on(key);
        }
    }

    fn shutdown(&mut self, key: Key) {
        if let Some(connection) = self.connections.get(key) {
            // Fails only on a connection that is broken, which receiving reports.
            let _ = connection.socket.shutdown(Shutdown::Write);
        }
    }

    fn close(&mut self, key: Key) {
        let Some(connection) = self.connections.remove(key) else { return };
        if connection.holds() {
            self.held.take(key);
        }
        let Connection { socket, watches, .. } = connection;
        for endless in [Watch::Reset, Watch::Room] {
            if watches.has(endless) {
                let poll = Tag::Connection(endless, key);
                self.ring.push(Tag::Cancel, Operation::Cancel(poll));
            }
        }
        self.closing.insert(key, socket, watches);
    }

    fn release(&mut self, key: Key) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        if connection.flow == Flow::Departed {
            return false;
        }
        connection.leave();
        self.go_on(key);
        true
    }

    fn adopt(&mut self, handover: Handover) -> Result<Key, NotAdopted> {
        let handover::Carried::Uring(carried) = handover.0 else {
            return Err(NotAdopted::of_another_engine(handover.0));
        };
        if let Some(error) = self.has_no_slot() {
            return Err(NotAdopted::new(handover::Carried::Uring(carried), error));
        }
        let (mut connection, pieces) = *carried.0;
        connection.arrive();
        let key = self.connections.insert(connection);
        self.held.put(key, pieces);
        // The kernel is asked with its turn: one that is detached at once needs no receive.
        self.ready.push_back(Ready::Turn(key));
        Ok(key)
    }

    fn resume_accept(&mut self) {
        self.acceptor.resume();
    }

    fn stop_accepting(&mut self) {
        let before = self.ready.len();
        self.acceptor.stop(&mut *self.ring);
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.acceptor.is_held() {
            let left = deadline.saturating_duration_since(Instant::now());
            // An error means that the ring is of no use any more, which the next wait reports.
            if left.is_zero() || self.ring.enter(Patience::AtMost(left)).is_err() {
                break;
            }
            self.take_completions();
        }
        if let Some(listener) = self.acceptor.close()
            && let Err(error) = self.accept_queued(&listener)
        {
            self.ready.push_back(Ready::AcceptFailed(error));
        }
        self.turns += self.ready.len() - before;
    }

    fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        self.connections.get(key)?.socket.peer_addr().ok()
    }

    fn has_finished(&self, key: Key) -> bool {
        self.connections.get(key).is_some_and(|at| poll::has_finished(at.socket.as_fd()))
    }

    fn unsent_bytes(&self, key: Key) -> Option<usize> {
        unsent_bytes(self.connections.get(key)?.socket.as_fd())
    }

    fn open(&self) -> usize {
        self.connections.len()
    }
}
