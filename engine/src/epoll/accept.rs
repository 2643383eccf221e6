//! The listening half of the epoll engine: accepts in slices, stands still when the system is short of
//! something, and empties the kernel's queue before it closes.

use super::{Lease, connection::Connection, token};
use crate::{
    driver::{Completion, Key},
    slots::Slots,
    socket::concerns_one_connection,
};
use mio::{
    Interest, Registry,
    net::{TcpListener, TcpStream},
};
use std::{collections::VecDeque, io};

/// How many connections are accepted before others get a turn.
const SLICE: u32 = 64;

/// How many are accepted at most when accepting ends, so that a flood cannot keep the worker here.
const LAST_ACCEPTS: usize = 64 * 1024;

/// The listener, until it is closed, and what is left to report of it.
pub(super) struct Acceptor {
    listener: Option<TcpListener>,
    /// An edge was told and the queue not seen empty since.
    ready: bool,
    /// The listener stands in the driver's queue.
    queued: bool,
    /// Standing still until resumed.
    failed: bool,
    slice: u32,
    reports: VecDeque<Completion<Lease>>,
}

impl Acceptor {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self {
            listener: Some(listener),
            ready: false,
            queued: false,
            failed: false,
            slice: SLICE,
            reports: VecDeque::new(),
        }
    }

    /// Keeps an edge. True: to be queued.
    pub(super) fn note_ready(&mut self) -> bool {
        self.ready = true;
        self.queue()
    }

    /// Goes on after a failure. True: to be queued.
    pub(super) fn resume(&mut self) -> bool {
        // `ready` still stands: the queue was not seen empty.
        self.failed = false;
        self.queue()
    }

    fn queue(&mut self) -> bool {
        let queue = self.is_ready() && !self.queued;
        self.queued |= queue;
        queue
    }

    /// Whether it should be, or stay, in the queue.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready && !self.failed && self.listener.is_some()
    }

    pub(super) const fn slice_left(&self) -> bool {
        self.slice > 0
    }

    pub(super) const fn refill_slice(&mut self) {
        self.slice = SLICE;
    }

    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    pub(super) fn report(&mut self) -> Option<Completion<Lease>> {
        self.reports.pop_front()
    }

    /// Accepts one connection. Afterwards `is_ready` says whether to queue it again.
    pub(super) fn accept(
        &mut self,
        registry: &Registry,
        connections: &mut Slots<Connection>,
    ) -> Option<Completion<Lease>> {
        let completion = self.accept_once(registry, connections);
        self.slice = self.slice.saturating_sub(1);
        self.queued = self.is_ready();
        completion
    }

    fn accept_once(
        &mut self,
        registry: &Registry,
        connections: &mut Slots<Connection>,
    ) -> Option<Completion<Lease>> {
        match self.listener.as_ref()?.accept() {
            Ok((stream, _)) => match register(stream, registry, connections) {
                Ok(key) => Some(Completion::Accepted(key)),
                Err(error) => Some(self.fail(error)),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready = false;
                None
            }
            Err(error) if concerns_one_connection(&error) => None,
            Err(error) => Some(self.fail(error)),
        }
    }

    fn fail(&mut self, error: io::Error) -> Completion<Lease> {
        self.failed = true;
        Completion::AcceptFailed(error)
    }

    /// Accepts what the kernel has queued, to be reported, and closes the listener.
    pub(super) fn stop(&mut self, registry: &Registry, connections: &mut Slots<Connection>) {
        self.ready = true;
        self.failed = false;
        for _ in 0..LAST_ACCEPTS {
            if !self.is_ready() {
                break;
            }
            let completion = self.accept_once(registry, connections);
            self.reports.extend(completion);
        }
        self.listener = None;
    }
}

/// Moves a connection in.
fn register(
    stream: TcpStream,
    registry: &Registry,
    connections: &mut Slots<Connection>,
) -> io::Result<Key> {
    insert(Connection::new(stream), registry, connections).map_err(|(error, _)| error)
}

/// Moves a connection in, or hands it back. Its first edge comes with the next wait, also for bytes that
/// are there already.
pub(super) fn insert(
    connection: Connection,
    registry: &Registry,
    connections: &mut Slots<Connection>,
) -> Result<Key, (io::Error, Connection)> {
    // Both directions from the start: writability is told only after a send fell short.
    let interest = Interest::READABLE | Interest::WRITABLE;
    let mut registered = Ok(());
    let key = connections.insert_with(|key| {
        let mut connection = connection;
        registered = registry.register(&mut connection.stream, token(key), interest);
        connection
    });
    registered
        .map(|()| key)
        .map_err(|error| (error, connections.remove(key).expect("it was moved in just now")))
}
