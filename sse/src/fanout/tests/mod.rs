//! Tests of the fan-out against sockets in memory. Here: a core to drive by hand, and what must hold
//! of its insides at any moment.

mod insides;
mod sockets;
mod stores;
mod wire;

mod callbacks;
mod clients;
mod direct;
mod ends;
mod exact;
mod forwarding;
mod gaps;
mod held;
mod joining;
mod journal;
mod kept;
mod kept_by_threads;
mod kept_model;
mod kept_under_way;
mod kept_waiting;
mod model;
mod pages;
mod policies;
mod publishing;
mod replay;
mod rounds;
mod seed;
mod sending;
mod sharing;
mod slow;
mod stuck;
mod whole_events;

use super::{Counts, Fanout, Framing, Over, StreamId};
use crate::broker::Broker;
use crate::client::{Client, ClientConfig, Command, Home, Wish};
use crate::event::Event;
use crate::hub::Hub;
use crate::ring::Wake;
use bytes::Bytes;
use sockets::{Socket, TestSockets};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use wire::{HEAD, Wire};

/// What other threads, and handlers, ask of a core.
#[derive(Default)]
struct Mailbox(Mutex<VecDeque<Command>>, AtomicUsize);

impl Home for Mailbox {
    fn post(&self, command: Command) {
        let answer = matches!(command.0, Wish::Answer { .. });
        self.0.lock().expect("no test panics with it").push_back(command);
        // Once it is there: whoever waits for the count takes it out.
        self.1.fetch_add(usize::from(answer), Ordering::Release);
    }
}

/// Counts the wakes of a core.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream and the number of its socket.
#[derive(Clone, Copy, Debug)]
struct Peer {
    to: u64,
    id: StreamId,
    framing: Framing,
}

struct Core {
    fanout: Fanout,
    sockets: TestSockets,
    mailbox: Arc<Mailbox>,
    alarm: Arc<Alarm>,
    counts: Arc<Counts>,
    peers: BTreeMap<u64, StreamId>,
    over: Vec<Over>,
    now: u32,
}

impl Core {
    fn new() -> Self {
        let (mailbox, counts) = (Arc::<Mailbox>::default(), Arc::<Counts>::default());
        let alarm = Arc::<Alarm>::default();
        let fanout = Fanout::new(mailbox.clone(), alarm.clone(), counts.clone());
        Self {
            fanout,
            sockets: TestSockets::default(),
            mailbox,
            alarm,
            counts,
            peers: BTreeMap::new(),
            over: Vec::new(),
            now: 1,
        }
    }

    /// A stream whose head is still to be sent.
    fn open(&mut self, framing: Framing, ends_with_brokers: bool) -> Peer {
        let config = Arc::new(ClientConfig::new().ends_with_brokers(ends_with_brokers));
        self.open_with(framing, &config)
    }

    /// A stream with these settings, whose head is still to be sent.
    fn open_with(&mut self, framing: Framing, config: &Arc<ClientConfig>) -> Peer {
        let to = self.peers.last_key_value().map_or(1, |(&last, _)| last + 1);
        let id = self.fanout.open(to, framing, Bytes::from_static(HEAD), config, None);
        self.peers.insert(to, id);
        Peer { to, id, framing }
    }

    /// A stream with chunks, subscribed, its head sent.
    fn subscriber(&mut self, broker: &Broker) -> Peer {
        let peer = self.open(Framing::Chunked, true);
        self.fanout.subscribe(peer.id, broker).expect("an open stream and broker");
        self.run();
        peer
    }

    fn client(&mut self, peer: Peer) -> Client {
        self.fanout.client(peer.id)
    }

    fn socket(&mut self, peer: Peer) -> &mut Socket {
        self.sockets.at(peer.to)
    }

    /// Takes all room away.
    fn stall(&mut self, peer: Peer) {
        self.socket(peer).room = 0;
    }

    /// Gives room, and says so if the stream waits for it.
    fn allow(&mut self, peer: Peer, bytes: usize) {
        let socket = self.sockets.at(peer.to);
        socket.room = bytes;
        if bytes > 0 && std::mem::take(&mut socket.short) {
            self.fanout.writable(peer.id);
        }
    }

    fn commands(&mut self) {
        let posted = std::mem::take(&mut *self.mailbox.0.lock().expect("no test panics with it"));
        for command in posted {
            self.fanout.command(command);
        }
    }

    fn round(&mut self) -> bool {
        self.now += 1;
        let more = self.fanout.round(&mut self.sockets, self.now);
        self.over.extend(std::iter::from_fn(|| self.fanout.next_over()));
        more
    }

    /// Tells the streams whose sockets have room again.
    fn writables(&mut self) {
        for (to, &id) in &self.peers {
            let socket = self.sockets.at(*to);
            if socket.room > 0 && socket.most > 0 && std::mem::take(&mut socket.short) {
                self.fanout.writable(id);
            }
        }
    }

    /// Goes on until nothing is left to do that sockets allow.
    fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return self.check();
            }
        }
        panic!("a core that never comes to rest");
    }

    /// Once around. False if nothing is left to do.
    fn step(&mut self) -> bool {
        self.commands();
        self.writables();
        let seen = self.fanout.absorb();
        let more = self.round();
        let posted = !self.mailbox.0.lock().expect("no test panics with it").is_empty();
        let room = self.sockets.all.values().any(|s| s.short && s.room > 0 && s.most > 0);
        seen > 0 || more || posted || room
    }

    fn wire(&mut self, peer: Peer) -> Wire {
        wire::read(peer.framing, &self.sockets.at(peer.to).bytes)
    }

    fn data(&mut self, peer: Peer) -> Vec<String> {
        self.wire(peer).data().into_iter().map(str::to_owned).collect()
    }

    /// What must hold of the insides at any moment between two calls.
    fn check(&self) {
        insides::check(&self.fanout);
    }
}

fn broker() -> Broker {
    Hub::new().broker("test").build()
}

fn publish(broker: &Broker, data: impl Into<String>) {
    broker.publish(Event::data(data)).expect("an open broker with room");
}

fn publish_all<'a>(broker: &Broker, data: impl IntoIterator<Item = &'a str>) {
    data.into_iter().for_each(|data| publish(broker, data));
}
