//! What the plain reference learns from the core, and the comparison in the end.

use super::*;
use crate::fanout::stream::Life;
use std::collections::HashMap;

impl Model {
    /// Streams that ended by themselves: with their brokers, or with their sockets.
    pub(super) fn note_ends(&mut self) {
        let hub = &self.core.fanout.hubs[0];
        let closings = self.hub.shared.closings.load(Ordering::Relaxed);
        let noticed = hub.ending.is_empty() && hub.closings == closings;
        for at in 0..self.listeners.len() {
            let Peer { to, id, .. } = self.listeners[at].peer;
            let broken = self.core.over.iter().any(|over| over.to == to && over.broken);
            if broken && !self.listeners[at].lost {
                self.over(at);
                self.listeners[at].lost = true;
            }
            self.note_slow(at);
            let stream = self.core.fanout.get(id);
            let left = stream.is_none_or(|stream| stream.subscriptions.as_slice().is_empty());
            let listener = &mut self.listeners[at];
            for broker in (0..BROKERS).filter(|&broker| noticed && self.closed[broker]) {
                let ended = std::mem::take(&mut listener.subscribed[broker]) > 0;
                listener.left |= ended;
                listener.open &= !(ended && left && listener.settings.ends);
            }
        }
    }

    /// Memberships and streams that ended because somebody was slow.
    fn note_slow(&mut self, at: usize) {
        let id = self.listeners[at].peer.id;
        let ever_short = self.core.sockets.at(self.listeners[at].peer.to).ever_short;
        let Some(stream) = self.core.fanout.get(id) else { return };
        let closing = stream.life == Life::Closing(Disconnect::Slow);
        let places = stream.subscriptions.as_slice().to_vec();
        let topics = &self.core.fanout.topics;
        let removing = self.brokers[REMOVES].shared.id;
        let is_there =
            places.iter().any(|place| topics[place.topic as usize].broker.id == removing);
        if self.listeners[at].subscribed[REMOVES] > 0 && !is_there && !self.closed[REMOVES] {
            assert!(ever_short, "it never refused a byte");
            self.leave(at, REMOVES);
        }
        if closing && self.listeners[at].open {
            assert!(ever_short, "it never refused a byte");
            self.over(at);
        }
    }

    /// Lets everybody catch up, ends all, and compares.
    pub(super) fn finish(mut self, drain: bool) {
        let peers: Vec<Peer> = self.listeners.iter().map(|listener| listener.peer).collect();
        for &peer in &peers {
            self.core.socket(peer).most = usize::MAX;
            self.core.allow(peer, usize::MAX);
        }
        self.run();
        // What is told of gaps is told by now to those who stayed.
        let left: Vec<bool> = self.listeners.iter().map(|listener| listener.left).collect();
        let queued = |listener: &Listener| listener.open && listener.client.queue_depth() > 0;
        assert!(!self.listeners.iter().any(queued), "caught up, and a client's own events wait");
        if !drain {
            (0..BROKERS).for_each(|broker| self.close_broker(broker));
            self.run();
        }
        self.core.fanout.close_all(Disconnect::Drain);
        self.run();
        insides::check_empty(&self.core.fanout, &self.core.counts, &self.hub);
        let mut missed = [0; BROKERS];
        let mut delivered = 0;
        for (at, left) in left.into_iter().enumerate() {
            let wire = self.core.wire(self.listeners[at].peer);
            delivered += wire.events.iter().filter(|seen| seen.gap.is_none()).count() as u64;
            let counted = self.compare(at, left);
            (0..BROKERS).for_each(|broker| missed[broker] += counted[broker]);
        }
        assert_eq!(self.core.counts.delivered.load(Ordering::Relaxed), delivered);
        let lost = self.dropped_by_lost;
        for ((broker, missed), lost) in self.brokers.iter().zip(missed).zip(lost) {
            assert_eq!(broker.subscriber_count(), 0);
            if lost {
                assert!(broker.dropped_events() >= missed, "every loss is counted");
            } else {
                assert_eq!(broker.dropped_events(), missed, "every loss is counted, once");
            }
        }
    }

    /// Checks what one listener got. Returns what it missed of each broker.
    fn compare(&mut self, at: usize, left: bool) -> [u64; BROKERS] {
        let listener = &mut self.listeners[at];
        let wire = self.core.wire(listener.peer);
        let over: Vec<_> =
            self.core.over.iter().filter(|over| over.to == listener.peer.to).collect();
        let socket = self.core.sockets.at(listener.peer.to);
        assert!(listener.client.is_closed());
        if listener.lost {
            assert!(over.len() <= 1);
            for (lost, due) in self.dropped_by_lost.iter_mut().zip(&listener.due) {
                *lost |= socket.ever_short && !due.is_empty();
            }
        } else {
            assert_eq!(over.len(), 1, "a stream is over once");
            assert_eq!(wire.rest, 0, "nothing is cut off");
            assert_eq!(wire.ended, listener.peer.framing == Framing::Chunked);
        }
        let mut places: HashMap<String, (usize, u64)> = HashMap::new();
        for (broker, due) in listener.due.iter().enumerate() {
            for due in due {
                places.insert(due.seen.data.clone(), (broker, due.position));
            }
        }
        let mut got = [0; BROKERS];
        let mut last = [None; BROKERS];
        for seen in wire.events.iter().filter(|seen| seen.gap.is_none()) {
            if let Some(&(broker, position)) = places.get(&seen.data) {
                assert!(last[broker] < Some(position), "in order, at most once");
                let due = listener.due[broker].iter().find(|due| due.position == position);
                assert_eq!(Some(seen), due.map(|due| &due.seen));
                last[broker] = Some(position);
                got[broker] += 1;
            } else {
                assert_eq!(Some(&seen.data), listener.sent.front(), "nobody's event");
                listener.sent.pop_front();
            }
        }
        assert!(listener.settings.noticing || wire.events.iter().all(|seen| seen.gap.is_none()));
        if listener.lost {
            return [0; BROKERS];
        }
        assert!(listener.sent.is_empty(), "what the client sent has arrived");
        let missed: [u64; BROKERS] =
            std::array::from_fn(|broker| listener.due[broker].len() as u64 - got[broker]);
        assert!(socket.ever_short || missed == [0; BROKERS], "it never refused a byte");
        let (all, own) = (missed.iter().sum::<u64>(), listener.dropped);
        assert_eq!(listener.client.dropped_events(), all + own[0] + own[1], "by client, too");
        let told = wire.events.iter().filter_map(|seen| seen.gap.as_ref());
        let told: u64 = told.map(|(missed, _)| missed).sum();
        assert!(told <= all + own[0]);
        if listener.settings.noticing && !left {
            assert_eq!(told, all + own[0], "every loss is told");
        }
        check_places_of_gaps(listener, &wire);
        missed
    }
}

/// Each notice stands where a broker's events, or the client's own, are missing, and names the last
/// id before them.
fn check_places_of_gaps(listener: &Listener, wire: &wire::Wire) {
    for (at, seen) in wire.events.iter().enumerate() {
        let Some((missed, last)) = &seen.gap else { continue };
        let here = |due: &VecDeque<Due>| {
            let of = |seen: &wire::Seen| due.iter().position(|due| due.seen == *seen);
            let before = wire.events[..at].iter().rev().find_map(of);
            let after = wire.events[at..].iter().find_map(of).unwrap_or(due.len());
            let begin = before.map_or(0, |before| before + 1);
            let known = due.range(..begin).rev().find_map(|due| due.seen.id.as_ref());
            // Without one, it is of an event from before its time; and after one gap another may
            // follow, whose last event is one that is missing, too.
            let missing = || due.range(begin..after.max(begin)).map(|due| due.seen.id.as_ref());
            let id_fits = known.is_none_or(|known| {
                last.as_ref() == Some(known) || missing().any(|id| id == last.as_ref())
            });
            (after.saturating_sub(begin) as u64) >= *missed && (id_fits || listener.left)
        };
        let own = listener.dropped[0] >= *missed && last.is_none();
        assert!(own || listener.due.iter().any(here), "no gap is there: {seen:?}");
    }
}
