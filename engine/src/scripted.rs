//! A driver without sockets, for tests: fake peers whose every byte, end, fault and lack of room a
//! [`Script`] decides. It keeps the promises of [`driver`](crate::driver) and never waits, so a test
//! runs a worker turn by turn, with [`Worker::turn_once`](crate::Worker::turn_once), on one thread.
//!
//! ```
//! use headwater_engine::{Attempt, Completion, Driver, Outcome, Sockets, scripted};
//! use std::io::IoSlice;
//!
//! let (mut driver, script) = scripted::pair();
//! let peer = script.connect();
//! script.set_room(peer, Some(3));
//! assert!(matches!(driver.next(), Some(Completion::Accepted(key)) if key == peer));
//! let slices = [IoSlice::new(b"hello")];
//! let mut batch = [Attempt::new(peer, &slices)];
//! driver.send(&mut batch);
//! assert_eq!(batch[0].outcome, Outcome::Sent(3));
//! assert_eq!(script.sent(peer), b"hel");
//! ```

mod peer;
mod script;

use crate::{
    driver::{Attempt, Completion, Driver, Key, Sockets, Wake},
    handover::{self, Handover, NotAdopted},
    slots::Slots,
};
use bytes::Bytes;
use peer::{End, Peer};
pub use script::Script;
use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The in-memory driver. Made with its script by [`pair`].
#[derive(Debug)]
pub struct Scripted {
    shared: Arc<Shared>,
}

/// A peer on its way to another driver. Until that has adopted it, no script reaches it.
#[derive(Debug)]
pub(crate) struct Carried(Box<Peer>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    woken: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    open: Slots<Peer>,
    /// What became of those that were closed.
    closed: HashMap<Key, Peer>,
    /// Those not accepted yet. They have an index already, but do not count as open.
    backlog: VecDeque<Key>,
    accept_errors: VecDeque<io::Error>,
    accept: Accept,
    ready: VecDeque<Key>,
    turns: usize,
    waits: usize,
    last_wait: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Accept {
    #[default]
    Going,
    Failed,
    Stopped,
}

/// A driver and the script that steers it.
pub fn pair() -> (Scripted, Script) {
    let shared = Arc::new(Shared::default());
    (Scripted { shared: Arc::clone(&shared) }, Script { shared })
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere leaves the tables whole: nothing in here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts a peer in the queue if there is something to do for it.
    fn enqueue(&mut self, key: Key) {
        if self.open.get_mut(key).is_some_and(Peer::enqueue) {
            self.ready.push_back(key);
        }
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.open.get_mut(key) {
            change(peer);
            self.enqueue(key);
        }
    }

    fn accept(&mut self) -> Option<Completion<Bytes>> {
        if self.accept == Accept::Failed {
            return None;
        }
        if self.accept == Accept::Going
            && let Some(error) = self.accept_errors.pop_front()
        {
            self.accept = Accept::Failed;
            return Some(Completion::AcceptFailed(error));
        }
        let key = self.backlog.pop_front()?;
        self.change(key, Peer::accept);
        Some(Completion::Accepted(key))
    }
}

impl Driver for Scripted {
    type Lease = Bytes;

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(Waker(Arc::clone(&self.shared)))
    }

    /// Notes the timeout and returns.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut state = self.shared.state();
        state.waits += 1;
        state.last_wait = timeout;
        state.turns = state.ready.len();
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<Bytes>> {
        if self.shared.woken.swap(false, Ordering::AcqRel) {
            return Some(Completion::Woken);
        }
        let mut state = self.shared.state();
        if let Some(accepted) = state.accept() {
            return Some(accepted);
        }
        while state.turns > 0 {
            state.turns -= 1;
            let key = state.ready.pop_front()?;
            if state.open.get(key).is_some_and(Peer::has_left) {
                let carried = Carried(Box::new(state.open.remove(key)?));
                return Some(Completion::Released(
                    key,
                    Handover(handover::Carried::Scripted(carried)),
                ));
            }
            let completion = state.open.get_mut(key).and_then(|peer| peer.step(key));
            state.enqueue(key);
            if completion.is_some() {
                return completion;
            }
        }
        None
    }

    fn recycle(&mut self, key: Key, lease: Bytes) {
        drop(lease);
        self.shared.state().change(key, Peer::lease_returned);
    }
}

impl Sockets for Scripted {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        let mut state = self.shared.state();
        for attempt in batch {
            let Some(peer) = state.open.get_mut(attempt.key) else {
                attempt.outcome = crate::Outcome::Gone;
                continue;
            };
            attempt.outcome = peer.take(attempt.slices);
            state.enqueue(attempt.key);
        }
    }

    fn pause(&mut self, key: Key) {
        self.shared.state().change(key, Peer::pause);
    }

    fn resume(&mut self, key: Key) {
        self.shared.state().change(key, Peer::resume);
    }

    fn detach(&mut self, key: Key) {
        self.shared.state().change(key, Peer::detach);
    }

    fn shutdown(&mut self, key: Key) {
        self.shared.state().change(key, Peer::shutdown);
    }

    fn close(&mut self, key: Key) {
        let mut state = self.shared.state();
        if let Some(peer) = state.open.remove(key) {
            state.closed.insert(key, peer);
        }
    }

    fn release(&mut self, key: Key) -> bool {
        let mut state = self.shared.state();
        let leaves = state.open.get_mut(key).is_some_and(Peer::leave);
        state.enqueue(key);
        leaves
    }

    fn adopt(&mut self, handover: Handover) -> Result<Key, NotAdopted> {
        let handover::Carried::Scripted(Carried(mut peer)) = handover.0 else {
            return Err(NotAdopted::of_another_engine(handover.0));
        };
        peer.arrive();
        let mut state = self.shared.state();
        let key = state.open.insert(*peer);
        state.enqueue(key);
        Ok(key)
    }

    fn resume_accept(&mut self) {
        let mut state = self.shared.state();
        if state.accept == Accept::Failed {
            state.accept = Accept::Going;
        }
    }

    fn stop_accepting(&mut self) {
        self.shared.state().accept = Accept::Stopped;
    }

    fn peer_addr(&self, key: Key) -> Option<SocketAddr> {
        let state = self.shared.state();
        state.open.get(key)?;
        // A different port per slot, below the ones that are often told apart as ephemeral.
        let port = u16::try_from(key.index() % 30_000).unwrap_or(0) + 1;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn has_finished(&self, key: Key) -> bool {
        self.shared.state().open.get(key).is_some_and(|peer| peer.end != End::Open)
    }

    fn unsent_bytes(&self, key: Key) -> Option<usize> {
        // What a peer has room for it has.
        self.shared.state().open.get(key).map(|_| 0)
    }

    fn open(&self) -> usize {
        let state = self.shared.state();
        state.open.len() - state.backlog.len()
    }
}

struct Waker(Arc<Shared>);

impl Wake for Waker {
    fn wake(&self) {
        self.0.woken.store(true, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
