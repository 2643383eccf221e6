//! Which streams were refused bytes and have not caught up, and a snapshot of them for whoever asks
//! which are the slowest: written by the core now and then, read from any thread, so that no core is
//! stopped for it.

use super::egress::Egress;
use super::owed::Owed;
use super::stream::{List, number};
use super::{Fanout, StreamId};
use crate::client::{Client, Origin};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a stream without a client is refused bytes before it counts as a laggard.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(1);

/// A subscriber that lags, as it was a moment ago: see [`Broker::slowest`](crate::Broker::slowest).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Laggard {
    /// Who. The address is known, and the rest as far as it is to anybody: of a stream that has neither
    /// a handler nor a hook, the request is forgotten.
    pub client: Client,
    /// Events that wait for its socket, whoever sent them.
    pub owed_events: usize,
    /// Bytes that wait for its socket.
    pub owed_bytes: usize,
    /// The broker's events that it does not get, since it began to drop them.
    pub missed: u64,
    /// When its socket first refused bytes.
    pub since: Instant,
}

/// All that is known of who is at the other end of a stream that has lagged before it had a client.
struct Peer(Option<SocketAddr>);

impl Origin for Peer {
    fn peer_addr(&self) -> Option<SocketAddr> {
        self.0
    }
}

/// The laggards of one core, with the number of the broker that each of them keeps waiting.
#[derive(Default)]
pub(crate) struct Snapshot(Mutex<Vec<(u64, Laggard)>>);

impl Snapshot {
    /// Shows the laggards of a broker.
    pub(crate) fn show(&self, broker: u64, look: &mut impl FnMut(&Laggard)) {
        // Only whole snapshots are put in.
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(of, _)| *of == broker).for_each(|(_, laggard)| look(laggard));
    }

    /// False if somebody is reading it.
    fn put(&self, all: Vec<(u64, Laggard)>) -> bool {
        let Ok(mut place) = self.0.try_lock() else { return false };
        let before = std::mem::replace(&mut *place, all);
        drop(place);
        // Clients may be dropped with it, outside of the lock.
        drop(before);
        true
    }
}

impl Fanout {
    /// The socket of a stream that is owed something refused bytes.
    pub(super) fn note_refused(&mut self, index: u32) {
        let owed = self.streams[index as usize].owed();
        if owed.refused.is_none() {
            owed.refused = Some(Instant::now());
            owed.seat = number(self.stalled.len());
            self.stalled.push(index);
            self.stalled_changed = true;
            self.look_at(self.id(index));
        }
    }

    /// A stream is not owed this any more.
    pub(super) fn forget_owed(&mut self, owed: &Owed) {
        if owed.refused.is_some() {
            self.stalled.swap_remove(owed.seat as usize);
            if let Some(&moved) = self.stalled.get(owed.seat as usize) {
                self.streams[moved as usize].owed().seat = owed.seat;
            }
            self.stalled_changed = true;
        }
    }

    /// Writes the snapshot, at most once per tick of the owner's clock.
    pub(super) fn tell_stalled_at(&mut self, now: u32, egress: &mut dyn Egress) {
        if now != self.stalled_told && (self.stalled_changed || !self.stalled.is_empty()) {
            self.stalled_told = now;
            self.name_stalled(egress);
            self.tell_stalled();
        }
    }

    /// Writes the snapshot if somebody began or ceased to lag since the last. Who has no client yet is told
    /// of with the next round.
    pub(super) fn tell_stalled_changes(&mut self) {
        if self.stalled_changed {
            self.tell_stalled();
        }
    }

    /// Makes clients of streams that have lagged for long and have none. They know whose they are by the
    /// address alone, for which the socket is asked, so that none of the others need keep it.
    fn name_stalled(&mut self, egress: &mut dyn Egress) {
        for at in 0..self.stalled.len() {
            let stream = &self.streams[self.stalled[at] as usize];
            let since = stream.owed.as_ref().and_then(|owed| owed.refused);
            // A short send is normal, and makes no client of a stream that has none.
            if stream.client.is_none() && since.is_some_and(|at| at.elapsed() >= self.slow_after) {
                let peer = Peer(egress.peer_addr(stream.to));
                self.make_client(self.id(self.stalled[at]), Some(Arc::new(peer)));
            }
        }
    }

    fn tell_stalled(&mut self) {
        let mut all = Vec::new();
        for at in 0..self.stalled.len() {
            let index = self.stalled[at];
            let stream = &self.streams[index as usize];
            let Some(since) = stream.owed.as_ref().and_then(|owed| owed.refused) else { continue };
            let (Some(client), Some(owed)) = (&stream.client, &stream.owed) else { continue };
            let client = Client { shared: client.clone() };
            for place in stream.subscriptions.as_slice() {
                let topic = &mut self.topics[place.topic as usize];
                let missed = match place.list {
                    List::Live => 0,
                    List::Dropping => topic.count_missed(place.position as usize, &self.streams),
                };
                let (owed_events, owed_bytes) = (owed.events(), owed.bytes());
                let client = client.clone();
                let laggard = Laggard { client, owed_events, owed_bytes, missed, since };
                all.push((topic.broker.id, laggard));
            }
        }
        self.stalled_changed = !self.snapshot.put(all);
    }

    /// The name of a stream that exists.
    pub(super) fn id(&self, index: u32) -> StreamId {
        StreamId { index, generation: self.streams[index as usize].generation }
    }
}
