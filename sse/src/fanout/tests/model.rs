//! Random scripts against a plain reference: for each subscriber and broker, the events it is due.
//!
//! Whatever sockets do, a stream is a valid body, each broker's events come in order and at most
//! once; who never refused a byte gets all, and what the others missed is what the brokers counted.

mod script;

use super::*;
use crate::Disconnect;
use proptest::prelude::*;
use script::{BROKERS, Op, op};
use std::collections::HashMap;

/// The number of a subscription that is later than all.
const LATEST: u32 = 1 << 30;

/// An event that a subscriber is due.
#[derive(Clone, Debug)]
struct Due {
    /// Its place in the ring.
    position: u64,
    seen: wire::Seen,
}

/// One stream of the model.
struct Listener {
    peer: Peer,
    client: Client,
    /// Not closed, gone or broken as far as the model knows.
    open: bool,
    /// Its socket broke, or its owner gave it up: what it missed is nobody's loss.
    lost: bool,
    ends: bool,
    /// How many times over.
    subscribed: [usize; BROKERS],
    due: [VecDeque<Due>; BROKERS],
    sent: VecDeque<String>,
}

struct Model {
    hub: Hub,
    brokers: Vec<Broker>,
    closed: [bool; BROKERS],
    core: Core,
    listeners: Vec<Listener>,
    published: u64,
    text: u64,
    dropped_by_lost: bool,
}

impl Model {
    fn new() -> Self {
        let hub = Hub::new();
        let brokers = vec![
            hub.broker("0").subscriber_buffer(4).build(),
            hub.broker("1").subscriber_buffer_bytes(3000).ids(false).build(),
            hub.broker("2").build(),
        ];
        let mut core = Core::new();
        core.fanout.join(&hub).expect("a seat");
        Self {
            hub,
            brokers,
            closed: [false; BROKERS],
            core,
            listeners: Vec::new(),
            published: 0,
            text: 0,
            dropped_by_lost: false,
        }
    }

    /// A text of about this length that no other event has.
    fn text(&mut self, size: usize) -> String {
        self.text += 1;
        let mut text = format!("{}:", self.text);
        let letter = char::from(b'a' + (self.text % 26) as u8).to_string();
        text.push_str(&letter.repeat(size.saturating_sub(text.len())));
        text
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Publish { broker, size, own_id, times } => {
                (0..times).for_each(|_| self.publish(broker, size, own_id));
            }
            Op::Open { plain, ends } => self.open(plain, ends),
            Op::CloseBroker { broker } => self.close_broker(broker),
            Op::Commands => self.core.commands(),
            Op::Absorb => {
                self.core.fanout.absorb();
            }
            Op::Round => {
                self.core.round();
            }
            Op::Writables => self.core.writables(),
            // Not to the end: a socket may take a byte at a time.
            Op::Run => drop((0..100).find(|_| !self.core.step())),
            Op::Subscribe { peer, .. }
            | Op::Unsubscribe { peer, .. }
            | Op::Room { peer, .. }
            | Op::Most { peer, .. }
            | Op::Send { peer, .. }
            | Op::Heartbeat { peer }
            | Op::Close { peer, .. }
            | Op::Gone { peer }
            | Op::Break { peer } => {
                let len = self.listeners.len();
                if len > 0 {
                    self.apply_to(peer % len, op);
                }
            }
        }
        self.note_ends();
        self.core.check();
        for broker in (0..BROKERS).filter(|&broker| !self.closed[broker]) {
            let subscribed = self.listeners.iter().filter(|l| l.subscribed[broker] > 0).count();
            assert_eq!(self.brokers[broker].subscriber_count(), subscribed);
        }
    }

    fn apply_to(&mut self, at: usize, op: &Op) {
        let (peer, open) = (self.listeners[at].peer, self.listeners[at].open);
        match *op {
            Op::Subscribe { broker, by_handle, .. } => self.subscribe(at, broker, by_handle),
            Op::Unsubscribe { broker, .. } => {
                self.core.fanout.unsubscribe(peer.id, &self.brokers[broker].shared, LATEST);
                match &mut self.listeners[at].subscribed[broker] {
                    times @ 2.. => *times -= 1,
                    _ => self.leave(at, broker),
                }
            }
            Op::Room { bytes, .. } => self.core.allow(peer, bytes),
            Op::Most { bytes, .. } => self.core.socket(peer).most = bytes,
            Op::Send { size, .. } => {
                let text = self.text(size);
                if self.listeners[at].client.try_send(Event::data(text.clone())).is_ok() {
                    self.listeners[at].sent.push_back(text);
                }
            }
            Op::Heartbeat { .. } => {
                self.core.now += 1;
                self.core.fanout.heartbeat(peer.id, self.core.now, self.core.now);
            }
            Op::Close { by_handle, .. } if open => {
                if by_handle {
                    // Subscriptions that are still to be carried out come first.
                    self.listeners[at].client.close();
                    self.core.commands();
                } else {
                    self.core.fanout.close(peer.id, Disconnect::Done);
                }
                self.over(at);
            }
            Op::Gone { .. } => {
                self.core.fanout.gone(peer.id, Disconnect::ClientGone);
                self.over(at);
                self.listeners[at].lost = true;
            }
            Op::Break { .. } => self.core.socket(peer).broken = true,
            _ => {}
        }
    }

    fn publish(&mut self, broker: usize, size: usize, own_id: bool) {
        let data = self.text(size);
        let mut event = Event::data(data.clone());
        if own_id {
            event = event.id(format!("own-{}", self.text));
        }
        let Ok(published) = self.brokers[broker].publish(event) else {
            assert!(self.closed[broker], "the ring has room");
            return;
        };
        self.published += 1;
        assert_eq!(published.id.to_string(), self.published.to_string());
        let id = if own_id {
            Some(format!("own-{}", self.text))
        } else {
            (broker != 1).then(|| self.published.to_string())
        };
        let due = Due { position: self.published - 1, seen: wire::Seen { id, data, gap: None } };
        for listener in self.listeners.iter_mut().filter(|l| l.subscribed[broker] > 0) {
            listener.due[broker].push_back(due.clone());
        }
    }

    fn open(&mut self, plain: bool, ends: bool) {
        let framing = if plain { Framing::Plain } else { Framing::Chunked };
        let peer = self.core.open(framing, ends);
        let client = self.core.client(peer);
        self.listeners.push(Listener {
            peer,
            client,
            open: true,
            lost: false,
            ends,
            subscribed: [0; BROKERS],
            due: Default::default(),
            sent: VecDeque::new(),
        });
    }

    fn subscribe(&mut self, at: usize, broker: usize, by_handle: bool) {
        let listener = &mut self.listeners[at];
        let accepted = if by_handle {
            let subscription = self.brokers[broker].subscribe(&listener.client);
            self.core.commands();
            // The model leaves by itself.
            std::mem::forget(subscription);
            listener.open && !self.closed[broker]
        } else {
            self.core.fanout.subscribe(listener.peer.id, &self.brokers[broker]).is_ok()
        };
        assert_eq!(accepted, listener.open && !self.closed[broker]);
        listener.subscribed[broker] += usize::from(accepted);
    }

    /// What the core has not read is not due to somebody who leaves.
    fn leave(&mut self, at: usize, broker: usize) {
        let read = self.core.fanout.hubs[0].reader.position();
        let listener = &mut self.listeners[at];
        if std::mem::take(&mut listener.subscribed[broker]) > 0 {
            listener.due[broker].retain(|due| due.position < read);
        }
    }

    fn over(&mut self, at: usize) {
        (0..BROKERS).for_each(|broker| self.leave(at, broker));
        self.listeners[at].open = false;
    }

    fn close_broker(&mut self, broker: usize) {
        self.brokers[broker].close();
        self.closed[broker] = true;
    }

    /// Streams that ended by themselves: with their brokers, or with their sockets.
    fn note_ends(&mut self) {
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
            let stream = self.core.fanout.get(id);
            let left = stream.is_none_or(|stream| stream.subscriptions.as_slice().is_empty());
            let listener = &mut self.listeners[at];
            for broker in (0..BROKERS).filter(|&broker| noticed && self.closed[broker]) {
                let ended = std::mem::take(&mut listener.subscribed[broker]) > 0;
                listener.open &= !(ended && left && listener.ends);
            }
        }
    }

    /// Lets everybody catch up, ends all, and compares.
    fn finish(mut self, drain: bool) {
        let peers: Vec<Peer> = self.listeners.iter().map(|listener| listener.peer).collect();
        for &peer in &peers {
            self.core.socket(peer).most = usize::MAX;
            self.core.allow(peer, usize::MAX);
        }
        self.core.run();
        self.note_ends();
        let queued = |listener: &Listener| listener.open && listener.client.queue_depth() > 0;
        assert!(!self.listeners.iter().any(queued), "caught up, and a client's own events wait");
        if !drain {
            (0..BROKERS).for_each(|broker| self.close_broker(broker));
            self.core.run();
            self.note_ends();
        }
        self.core.fanout.close_all(Disconnect::Drain);
        self.core.run();
        self.note_ends();
        insides::check_empty(&self.core.fanout, &self.core.counts, &self.hub);
        let mut missed = [0; BROKERS];
        let mut delivered = 0;
        for at in 0..self.listeners.len() {
            delivered += self.core.wire(self.listeners[at].peer).events.len() as u64;
            let counted = self.compare(at);
            (0..BROKERS).for_each(|broker| missed[broker] += counted[broker]);
        }
        assert_eq!(self.core.counts.delivered.load(Ordering::Relaxed), delivered);
        for (broker, missed) in self.brokers.iter().zip(missed) {
            assert_eq!(broker.subscriber_count(), 0);
            if self.dropped_by_lost {
                assert!(broker.dropped_events() >= missed, "every loss is counted");
            } else {
                assert_eq!(broker.dropped_events(), missed, "every loss is counted, once");
            }
        }
    }

    /// Checks what one listener got. Returns what it missed of each broker.
    fn compare(&mut self, at: usize) -> [u64; BROKERS] {
        let listener = &mut self.listeners[at];
        let wire = self.core.wire(listener.peer);
        let over: Vec<_> =
            self.core.over.iter().filter(|over| over.to == listener.peer.to).collect();
        let socket = self.core.sockets.at(listener.peer.to);
        assert!(listener.client.is_closed());
        if listener.lost {
            assert!(over.len() <= 1);
            self.dropped_by_lost |= socket.ever_short;
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
        for seen in &wire.events {
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
        if listener.lost {
            return [0; BROKERS];
        }
        assert!(listener.sent.is_empty(), "what the client sent has arrived");
        let missed = [0, 1, 2].map(|broker| listener.due[broker].len() as u64 - got[broker]);
        assert!(socket.ever_short || missed == [0; BROKERS], "it never refused a byte");
        missed
    }
}

proptest! {
        #[test]
    fn every_stream_gets_what_the_plain_reference_says(
        ops in prop::collection::vec(op(), 1..150),
        drain in any::<bool>(),
    ) {
        let mut model = Model::new();
        for op in &ops {
            model.apply(op);
        }
        model.finish(drain);
    }
}
