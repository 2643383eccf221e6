//! One connection of the std engine as its worker sees it: what it wants of the reader, and what the
//! reader has reported and the worker cannot deliver now. The socket and the reader are in `line`.

use super::{
    line::{Flow, Lease, Line},
    report::Report,
};
use crate::driver::{Completion, Departure, Key};
use std::{
    sync::{Arc, mpsc::Sender},
    thread::JoinHandle,
};

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact about it")]
pub(super) struct Connection {
    pub(super) line: Arc<Line>,
    pub(super) reader: Option<JoinHandle<()>>,
    pub(super) flow: Flow,
    /// Bytes that came while it was paused, or was leaving.
    held: Option<Lease>,
    /// Its end, which came while it was leaving.
    ended: Option<Departure>,
    /// A send fell short since `Writable` was last reported.
    pub(super) stalled: bool,
    /// `Writable` was reported and nothing sent since.
    pub(super) retried: bool,
    /// A lease is out.
    lent: bool,
    /// It is leaving, and everything that its reader had reported before was taken out of the channel.
    pub(super) drained: bool,
}

/// A connection on its way to another driver. Dropping it ends its reader.
#[derive(Debug)]
pub(crate) struct Carried(Option<Box<Connection>>);

impl Connection {
    pub(super) const fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            reader: None,
            flow: Flow::Receiving,
            held: None,
            ended: None,
            stalled: false,
            retried: false,
            lent: false,
            drained: false,
        }
    }

    pub(super) fn set_flow(&mut self, flow: Flow) {
        self.flow = flow;
        self.line.set_flow(flow);
    }

    /// The reader has received this.
    pub(super) fn receive(&mut self, key: Key, lease: Lease) -> Option<Completion<Lease>> {
        match self.flow {
            Flow::Receiving => {
                self.lent = true;
                return Some(Completion::Received(key, lease));
            }
            Flow::Paused | Flow::Leaving => self.held = Some(lease),
            Flow::Detached | Flow::Departed => self.line.give_back(lease.buffer),
        }
        None
    }

    /// The reader has seen the end.
    pub(super) fn end(&mut self, key: Key, how: Departure) -> Option<Completion<Lease>> {
        if self.flow == Flow::Leaving {
            self.ended = Some(how);
            return None;
        }
        self.flow = Flow::Departed;
        self.held = None;
        Some(Completion::Gone(key, how))
    }

    /// The lease is back.
    pub(super) fn take_back(&mut self, lease: Lease) {
        self.lent = false;
        self.line.give_back(lease.buffer);
    }

    /// What was held, to be delivered now.
    pub(super) const fn take_held(&mut self) -> Option<Lease> {
        self.held.take()
    }

    /// Whether it has left: nothing is lent, and nothing of it is on its way to this worker.
    pub(super) const fn has_left(&self) -> bool {
        self.drained && !self.lent
    }

    /// With another driver it begins again, under a key of that one's, to which this is reported first.
    pub(super) fn arrive(
        &mut self,
        key: Key,
        sender: Sender<Report>,
    ) -> impl Iterator<Item = Report> + use<> {
        self.flow = Flow::Receiving;
        self.drained = false;
        self.line.report_to(key, sender);
        let held = self.held.take().map(|lease| Report::Received(key, lease));
        held.into_iter().chain(self.ended.take().map(|how| Report::Gone(key, how)))
    }

    /// Ends the reader, wherever it waits.
    pub(super) fn close(self) -> Option<JoinHandle<()>> {
        self.line.close();
        self.reader
    }
}

impl Carried {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Some(Box::new(connection)))
    }

    pub(super) fn into_connection(mut self) -> Connection {
        *self.0.take().expect("it is taken here, or dropped")
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            // The reader ends by itself.
            drop(connection.close());
        }
    }
}
