//! One connection's socket, shared by the worker, which sends, and a reader thread, which receives; and
//! that reader. What they tell each other besides goes through one lock that neither holds while it
//! waits for the network.

use super::{
    poll::{Interest, poll},
    report::Report,
};
use crate::{
    driver::{Departure, Key},
    socket::RECEIVE_BUFFER_BYTES,
};
use std::{
    io::{self, Read},
    net::{Shutdown, TcpStream},
    ops::Deref,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    thread::{self, JoinHandle},
};

/// Readers are shallow, and there are many of them.
const READER_STACK_BYTES: usize = 64 * 1024;

/// How often a paused connection is asked for its error when there is no descriptor left for a bell.
const NO_BELL_LOOK_MS: i32 = 50;

/// What is done with bytes from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Receiving,
    Paused,
    Detached,
    /// The end was reported, or the connection closed: the reader has nothing to do.
    Departed,
    /// On its way to another worker: the reader keeps what it has received, until somebody wants it.
    Leaving,
}

/// Received bytes, in the one buffer of the connection's reader.
#[derive(Debug)]
pub struct Lease {
    pub(super) buffer: Box<[u8]>,
    len: usize,
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

/// The shared socket.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Debug)]
struct Gate {
    flow: Flow,
    /// Whom the reader reports to, and under which key.
    worker: (Key, Sender<Report>),
    /// The reader's buffer, when it was given back.
    buffer: Option<Box<[u8]>>,
    /// Set while the reader waits in poll: dropping it ends that.
    bell: Option<UnixStream>,
}

impl Line {
    pub(super) const fn new(stream: TcpStream, key: Key, sender: Sender<Report>) -> Self {
        let worker = (key, sender);
        let gate = Gate { flow: Flow::Receiving, worker, buffer: None, bell: None };
        Self { stream, gate: Mutex::new(gate), changed: Condvar::new() }
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// For the worker: changes what the reader does with bytes.
    pub(super) fn set_flow(&self, flow: Flow) {
        let mut gate = self.gate();
        gate.flow = flow;
        gate.bell = None;
        self.changed.notify_one();
    }

    /// For the worker that takes the connection over: the reader reports to it from now on.
    pub(super) fn report_to(&self, key: Key, sender: Sender<Report>) {
        let mut gate = self.gate();
        gate.worker = (key, sender);
        gate.flow = Flow::Receiving;
        self.changed.notify_one();
    }

    /// For the worker: the reader may go on.
    pub(super) fn give_back(&self, buffer: Box<[u8]>) {
        self.gate().buffer = Some(buffer);
        self.changed.notify_one();
    }

    /// For the worker: ends the reader, wherever it waits. The descriptor is closed when both have
    /// let go of it.
    pub(super) fn close(&self) {
        self.set_flow(Flow::Departed);
        // Fails only if the connection is broken, and then nobody waits for it either.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing panics under the lock.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the reader: waits until the connection belongs to a worker. Whatever is reported under this lock
    /// comes before whatever that worker does about the connection afterwards.
    fn settled(&self) -> MutexGuard<'_, Gate> {
        let mut gate = self.gate();
        while gate.flow == Flow::Leaving {
            gate = self.changed.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        gate
    }

    /// For the reader: hands bytes to the worker and waits for the buffer, or keeps it.
    fn received(&self, buffer: Box<[u8]>, len: usize) -> Result<Box<[u8]>, End> {
        let gate = self.settled();
        match gate.flow {
            Flow::Departed => return Err(End::Closed),
            Flow::Detached => return Ok(buffer),
            // Those of a paused connection are held by the worker.
            Flow::Receiving | Flow::Paused | Flow::Leaving => {}
        }
        let (key, sender) = &gate.worker;
        // Fails only when the driver is gone.
        sender.send(Report::Received(*key, Lease { buffer, len })).map_err(|_| End::Closed)?;
        drop(gate);
        self.next_turn()
    }

    /// For the reader: its last words. An end that the worker made itself is no news.
    fn ended(&self, how: Departure) {
        let gate = self.settled();
        if gate.flow != Flow::Departed {
            let (key, sender) = &gate.worker;
            // Fails only when the driver is gone.
            let _ = sender.send(Report::Gone(*key, how));
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn waits_in_poll(&self) -> bool {
        self.gate().bell.is_some()
    }

    /// For the reader: waits until it has its buffer and may receive. `Err`: the end.
    fn next_turn(&self) -> Result<Box<[u8]>, End> {
        let mut gate = self.gate();
        let mut watch = true;
        loop {
            match gate.flow {
                Flow::Departed => return Err(End::Closed),
                Flow::Paused if watch => {
                    let bell = hang_bell(&mut gate);
                    drop(gate);
                    // Without an error to wait for, the lock alone says when to go on.
                    watch = self.watch_for_reset(bell.as_ref()).map_err(End::Failed)?;
                    gate = self.gate();
                    gate.bell = None;
                    continue;
                }
                Flow::Receiving | Flow::Detached => {
                    watch = true;
                    if let Some(buffer) = gate.buffer.take() {
                        return Ok(buffer);
                    }
                }
                Flow::Paused | Flow::Leaving => {}
            }
            gate = self.changed.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the bell rings (true), or both directions are shut down (false: the socket would
    /// say so for ever), or the peer resets the connection.
    fn watch_for_reset(&self, bell: Option<&UnixStream>) -> io::Result<bool> {
        let timeout_ms = if bell.is_some() { -1 } else { NO_BELL_LOOK_MS };
        let socket = self.stream.as_fd();
        let found = poll(socket, Interest::Errors, bell.map(UnixStream::as_fd), timeout_ms)?;
        if found.error
            && let Some(error) = self.stream.take_error()?
        {
            return Err(error);
        }
        Ok(found.bell || !(found.error || found.hung_up))
    }
}

/// Leaves one end in the gate and returns the other. `None`: no descriptors left.
fn hang_bell(gate: &mut Gate) -> Option<UnixStream> {
    let (ours, theirs) = UnixStream::pair().ok()?;
    gate.bell = Some(theirs);
    Some(ours)
}

/// Why a reader ends.
#[derive(Debug)]
enum End {
    Finished,
    Failed(io::Error),
    Closed,
}

/// Starts the thread that receives on this line.
pub(super) fn start_reader(line: Arc<Line>) -> io::Result<JoinHandle<()>> {
    let reader = thread::Builder::new().name("headwater-read".into());
    reader.stack_size(READER_STACK_BYTES).spawn(move || match receive(&line) {
        End::Closed => {}
        End::Finished => line.ended(Departure::Finished),
        End::Failed(error) => line.ended(Departure::Failed(error)),
    })
}

fn receive(line: &Line) -> End {
    let mut buffer = vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice();
    loop {
        let len = match (&line.stream).read(&mut buffer) {
            Ok(0) => return End::Finished,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return End::Failed(error),
        };
        buffer = match line.received(buffer, len) {
            Ok(buffer) => buffer,
            Err(end) => return end,
        };
    }
}
