//! Random scripts against a plain reference that says every byte: after each turn of the core, each
//! socket must have got exactly what the reference's queue of that stream let go, and the counters must
//! be the reference's, too. Each stream has one broker at a time; what several on one stream do is in
//! `model`, which knows less exactly.

mod gate;
mod reference;
mod script;

use super::*;
use crate::{Disconnect, SlowPolicy, Subscription};
use gate::Gate;
use proptest::prelude::*;
use reference::{Asked, Life, News, Subscriber};
use script::{BROKERS, OnSlow, Op, Rules, Settings};
use std::collections::HashMap;

/// The number of a subscription that is later than all.
const LATEST: u32 = 1 << 30;
/// Bytes that a core reads from a hub at a time, with something to spare.
const READ_AT_ONCE: usize = 200 * 1024;

/// What was published and not read.
struct Unread {
    broker: usize,
    position: u64,
    id: Option<String>,
    text: String,
}

/// A broker's streams of one framing: what is known of ids from before their next event.
struct Topic {
    since: u64,
    last_id: Option<String>,
}

struct Exact {
    hub: Hub,
    brokers: Vec<Broker>,
    gate: Arc<Gate>,
    core: Core,
    peers: Vec<Peer>,
    clients: Vec<Client>,
    /// Kept to the end.
    subscriptions: Vec<Subscription>,
    plain: Vec<Subscriber>,
    topics: HashMap<(usize, Framing), Topic>,
    unread: Vec<Unread>,
    published: u64,
    /// Closed, and not yet noticed by the core.
    closing: Vec<usize>,
    /// By stream: the numbers of the memberships of which the callback is being asked.
    asks: Vec<VecDeque<u32>>,
    /// By stream: memberships so far.
    memberships: Vec<u32>,
    answers: usize,
}

impl Exact {
    fn new() -> Self {
        let (hub, gate) = (Hub::new(), Arc::<Gate>::default());
        let build = |rules: &Rules| {
            let broker = hub.broker("test").subscriber_buffer(rules.events).ids(rules.ids);
            let broker = broker.subscriber_buffer_bytes(rules.bytes);
            let gate = gate.clone();
            match rules.on_slow {
                OnSlow::Ask => {
                    let ask = move |client: &Client, _: &crate::PreparedEvent| gate.ask(client);
                    broker.on_slow_subscriber(ask).slow_concurrency(None).build()
                }
                policy => broker.slow_policy(policy.real()).build(),
            }
        };
        let brokers = BROKERS.iter().map(build).collect();
        let mut core = Core::new();
        core.fanout.join(&hub).expect("a seat");
        Self {
            hub,
            brokers,
            gate,
            core,
            peers: Vec::new(),
            clients: Vec::new(),
            subscriptions: Vec::new(),
            plain: Vec::new(),
            topics: HashMap::new(),
            unread: Vec::new(),
            published: 0,
            closing: Vec::new(),
            asks: Vec::new(),
            memberships: Vec::new(),
            answers: 0,
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Publish { broker, size, own_id, times } => {
                (0..times).for_each(|_| self.publish(broker, size, own_id));
            }
            Op::Open { plain, settings, broker } => self.open(plain, settings, broker),
            Op::CloseBroker { broker } => {
                if !self.brokers[broker].is_closed() {
                    self.brokers[broker].close();
                    self.closing.push(broker);
                }
            }
            Op::Turn => self.turn(),
            Op::Subscribe { peer, .. }
            | Op::Unsubscribe { peer }
            | Op::Room { peer, .. }
            | Op::Most { peer, .. }
            | Op::Send { peer, .. }
            | Op::Heartbeat { peer }
            | Op::Answer { peer, .. }
            | Op::Close { peer }
            | Op::Gone { peer }
            | Op::Break { peer } => {
                if !self.peers.is_empty() {
                    self.apply_to(peer % self.peers.len(), op);
                }
            }
        }
        self.forget_topics();
        self.compare();
    }

    fn apply_to(&mut self, at: usize, op: &Op) {
        let (peer, plain) = (self.peers[at], &mut self.plain[at]);
        match *op {
            Op::Subscribe { broker, .. } => self.subscribe(at, broker),
            Op::Unsubscribe { .. } => {
                let Some(member) = &mut plain.member else { return };
                let broker = &self.brokers[member.broker].shared;
                self.core.fanout.unsubscribe(peer.id, broker, LATEST);
                member.times -= 1;
                if member.times == 0 {
                    plain.leave();
                }
            }
            Op::Room { bytes, .. } => {
                self.core.allow(peer, bytes);
                plain.room = bytes;
                plain.allow();
            }
            Op::Most { bytes, .. } => {
                self.core.socket(peer).most = bytes;
                plain.most = bytes;
            }
            Op::Send { size, .. } if plain.life == Life::Open => {
                let data = "o".repeat(size);
                let before = self.clients[at].dropped_events();
                self.clients[at].try_send(Event::data(data.clone())).expect("room, or dropped");
                let dropped = plain.send(format!("data: {data}\n\n"));
                assert_eq!(self.clients[at].dropped_events() - before, u64::from(dropped));
            }
            Op::Heartbeat { .. } => {
                self.core.now += 1;
                self.core.fanout.heartbeat(peer.id, self.core.now, self.core.now);
                plain.heartbeat();
            }
            Op::Answer { policy, .. } => self.answer(at, policy),
            Op::Close { .. } => {
                self.core.fanout.close(peer.id, Disconnect::Done);
                plain.close(Disconnect::Done);
            }
            Op::Gone { .. } => {
                self.core.fanout.gone(peer.id, Disconnect::ClientGone);
                plain.gone();
            }
            Op::Break { .. } => {
                self.core.socket(peer).broken = true;
                plain.broken = true;
            }
            _ => {}
        }
    }

    fn publish(&mut self, broker: usize, size: usize, own_id: bool) {
        let waiting: usize = self.unread.iter().map(|unread| unread.text.len()).sum();
        if waiting + size > READ_AT_ONCE {
            self.turn();
        }
        let position = self.published;
        let own = own_id.then(|| format!("own-{position}"));
        let data = format!("{position}:{}", "x".repeat(size));
        let event = Event::data(data.clone());
        let event = own.iter().fold(event, |event, id| event.id(id.as_str()));
        if self.brokers[broker].publish(event).is_err() {
            assert!(self.brokers[broker].is_closed(), "the ring has room");
            return;
        }
        self.published += 1;
        let id = own.or_else(|| BROKERS[broker].ids.then(|| (position + 1).to_string()));
        let line = id.as_ref().map_or(String::new(), |id| format!("id: {id}\n"));
        let text = format!("{line}data: {data}\n\n");
        self.unread.push(Unread { broker, position, id, text });
    }

    fn open(&mut self, plain: bool, settings: Settings, broker: usize) {
        let framing = if plain { Framing::Plain } else { Framing::Chunked };
        let peer = self.core.open_with(framing, &Arc::new(settings.config()));
        self.clients.push(self.core.client(peer));
        self.peers.push(peer);
        self.plain.push(Subscriber::new(framing, settings, HEAD));
        self.asks.push(VecDeque::new());
        self.memberships.push(0);
        self.subscribe(self.peers.len() - 1, broker);
    }

    fn subscribe(&mut self, at: usize, broker: usize) {
        let (plain, framing) = (&mut self.plain[at], self.peers[at].framing);
        let other = plain.member.as_ref().is_some_and(|member| member.broker != broker);
        if other || plain.life != Life::Open || self.brokers[broker].is_closed() {
            return;
        }
        let subscription = self.brokers[broker].subscribe(&self.clients[at]);
        self.core.commands();
        // The script leaves by itself.
        self.subscriptions.push(subscription);
        if plain.member.is_none() {
            self.memberships[at] += 1;
        }
        plain.subscribe(broker, self.published);
        // What a client had queued was asked for in between.
        self.plain.iter_mut().for_each(Subscriber::pull);
        let topic = self.topics.entry((broker, framing));
        topic.or_insert(Topic { since: self.published, last_id: None });
    }

    /// Lets the callback answer that was asked about this stream first of all.
    fn answer(&mut self, at: usize, policy: OnSlow) {
        let Some(membership) = self.asks[at].pop_front() else { return };
        self.gate.answer(&self.clients[at], policy.real());
        self.answers += 1;
        gate::until(|| self.core.mailbox.1.load(Ordering::Acquire) >= self.answers);
        self.core.commands();
        self.plain.iter_mut().for_each(Subscriber::pull);
        if membership == self.memberships[at] {
            self.plain[at].answer(policy);
        }
    }

    /// Topics are forgotten with their last subscriber.
    fn forget_topics(&mut self) {
        let plain = &self.plain;
        self.topics.retain(|topic, _| plain.iter().any(|one| one.topic() == Some(*topic)));
    }
}

mod turn;

proptest! {
    #[test]
    fn every_socket_gets_the_bytes_that_the_plain_reference_says(
        ops in script::ops(),
        drain in any::<bool>(),
    ) {
        let mut exact = Exact::new();
        for op in &ops {
            exact.apply(op);
        }
        exact.finish(drain);
    }
}
