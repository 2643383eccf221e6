//! The test's end of the scripted driver: plays the peers and the kernel, and sees what the worker did.

use super::{
    Accept, Shared, State,
    peer::{End, Flow, Peer},
};
use crate::driver::Key;
use bytes::Bytes;
use std::{
    fmt, io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Steers the driver it was made with. Clones steer the same one, from any thread.
///
/// What is done to a peer that the worker closed already goes nowhere; what is asked about it is
/// answered as of its close.
#[derive(Clone)]
pub struct Script {
    pub(super) shared: Arc<Shared>,
}

impl Script {
    /// A peer connects. The worker sees it when it accepts; the key is known here at once. Once the
    /// worker has stopped accepting, the peer is refused: closed from the start.
    pub fn connect(&self) -> Key {
        let mut state = self.shared.state();
        let key = state.open.insert(Peer::default());
        if state.accept == Accept::Stopped {
            let refused = state.open.remove(key).unwrap_or_default();
            state.closed.insert(key, refused);
        } else {
            state.backlog.push_back(key);
        }
        key
    }

    /// The peer sends these bytes; they arrive as one piece. Nothing arrives behind a FIN or a reset.
    pub fn feed(&self, peer: Key, bytes: impl AsRef<[u8]>) {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        self.change(peer, |peer| {
            if peer.end == End::Open && !bytes.is_empty() {
                peer.inbound.push_back(bytes);
            }
        });
    }

    /// The peer sends a FIN behind what it has sent.
    pub fn finish(&self, peer: Key) {
        self.change(peer, |peer| {
            if peer.end == End::Open {
                peer.end = End::Finished;
            }
        });
    }

    /// The peer resets the connection. Bytes that it sent before still arrive, unless paused.
    pub fn reset(&self, peer: Key) {
        self.change(peer, |peer| peer.end = End::Reset);
    }

    /// From now on the kernel takes this many more bytes, then none until there is room again. `None`,
    /// as at first: any number.
    pub fn set_room(&self, peer: Key, bytes: Option<usize>) {
        self.change(peer, |peer| peer.room = bytes);
    }

    /// The peer made room for this many more bytes.
    pub fn add_room(&self, peer: Key, bytes: usize) {
        self.change(peer, |peer| peer.room = peer.room.map(|room| room.saturating_add(bytes)));
    }

    /// From now on one attempt takes this many bytes at most: short sends, with room right behind.
    pub fn set_most_per_send(&self, peer: Key, bytes: Option<usize>) {
        self.change(peer, |peer| peer.most_per_send = bytes);
    }

    /// The next accept fails with this error, before any connection that waits.
    pub fn fail_accept(&self, error: io::Error) {
        self.shared.state().accept_errors.push_back(error);
    }

    /// What the peer got so far.
    pub fn sent(&self, peer: Key) -> Vec<u8> {
        self.ask(peer, |peer| peer.sent.clone())
    }

    /// What the peer got since this was last asked.
    pub fn take_sent(&self, peer: Key) -> Vec<u8> {
        let mut state = self.shared.state();
        state.peer_mut(peer).map_or_else(Vec::new, |peer| std::mem::take(&mut peer.sent))
    }

    /// How often the worker tried to send to it.
    pub fn attempts(&self, peer: Key) -> usize {
        self.ask(peer, |peer| peer.attempts)
    }

    /// How many bytes it sent that the worker has not received.
    pub fn unreceived(&self, peer: Key) -> usize {
        self.ask(peer, |peer| peer.inbound.iter().map(Bytes::len).sum())
    }

    /// Whether the worker accepted it.
    pub fn is_accepted(&self, peer: Key) -> bool {
        self.ask(peer, |peer| peer.flow != Flow::Queued)
    }

    /// Whether it is paused.
    pub fn is_paused(&self, peer: Key) -> bool {
        self.ask(peer, |peer| peer.flow == Flow::Paused)
    }

    /// Whether it is detached, and its end not reported yet.
    pub fn is_detached(&self, peer: Key) -> bool {
        self.ask(peer, |peer| peer.flow == Flow::Detached)
    }

    /// Whether the worker sent it a FIN.
    pub fn is_shut_down(&self, peer: Key) -> bool {
        self.ask(peer, |peer| peer.shut_down)
    }

    /// Whether the worker closed it.
    pub fn is_closed(&self, peer: Key) -> bool {
        self.shared.state().closed.contains_key(&peer)
    }

    /// Whether the listener is open.
    pub fn is_accepting(&self) -> bool {
        self.shared.state().accept != Accept::Stopped
    }

    /// How often the worker waited.
    pub fn waits(&self) -> usize {
        self.shared.state().waits
    }

    /// How long it would have waited at most the last time; `None`: for ever.
    pub fn last_wait(&self) -> Option<Duration> {
        self.shared.state().last_wait
    }

    /// Whether the driver has nothing to tell: the next turn brings no completion.
    pub fn is_quiet(&self) -> bool {
        let state = self.shared.state();
        let accepts = match state.accept {
            Accept::Going => !state.accept_errors.is_empty() || !state.backlog.is_empty(),
            Accept::Failed => false,
            Accept::Stopped => !state.backlog.is_empty(),
        };
        !accepts && state.ready.is_empty() && !self.shared.woken.load(Ordering::Acquire)
    }

    fn change(&self, peer: Key, change: impl FnOnce(&mut Peer)) {
        self.shared.state().change(peer, change);
    }

    fn ask<T: Default>(&self, peer: Key, ask: impl FnOnce(&Peer) -> T) -> T {
        self.shared.state().peer_mut(peer).map_or_else(T::default, |peer| ask(peer))
    }
}

impl State {
    fn peer_mut(&mut self, key: Key) -> Option<&mut Peer> {
        // Not `or_else`: the borrow of the first would last through the second.
        if self.open.get(key).is_some() {
            self.open.get_mut(key)
        } else {
            self.closed.get_mut(&key)
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("waits", &self.waits()).finish_non_exhaustive()
    }
}
