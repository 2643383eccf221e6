//! Random scripts against a plain reference: for each subscriber and broker, the events it is due.
//!
//! Whatever sockets do, a stream is a valid body, each broker's events come in order and at most
//! once; who never refused a byte gets all, and what the others missed is what the brokers counted.

mod compare;
pub(super) mod script;

use super::*;
use crate::{ClientPolicy, Disconnect, SlowPolicy, Subscription};
use proptest::prelude::*;
use script::{BROKERS, Op, REMOVES, Settings, op};

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
    settings: Settings,
    /// How many times over.
    subscribed: [usize; BROKERS],
    due: [VecDeque<Due>; BROKERS],
    sent: VecDeque<String>,
    /// It left a broker before it had caught up, or may have.
    left: bool,
    /// Events of its own that it did not get: those that a notice has counted, and those since.
    dropped: [u64; 2],
}

struct Model {
    hub: Hub,
    brokers: Vec<Broker>,
    closed: [bool; BROKERS],
    core: Core,
    listeners: Vec<Listener>,
    /// Kept to the end.
    subscriptions: Vec<Subscription>,
    published: u64,
    text: u64,
    /// Who lost its stream may have missed some of these brokers' events.
    dropped_by_lost: [bool; BROKERS],
}

impl Model {
    fn new() -> Self {
        let hub = Hub::new();
        let brokers = vec![
            hub.broker("0").subscriber_buffer(4).build(),
            hub.broker("1").subscriber_buffer_bytes(3000).ids(false).build(),
            hub.broker("2").build(),
            hub.broker("3").subscriber_buffer(3).slow_policy(SlowPolicy::DropOldest).build(),
            hub.broker("4").subscriber_buffer(5).slow_policy(SlowPolicy::Remove).build(),
            hub.broker("5").subscriber_buffer(5).slow_policy(SlowPolicy::Close).build(),
        ];
        let mut core = Core::new();
        core.fanout.join(&hub).expect("a seat");
        Self {
            hub,
            brokers,
            closed: [false; BROKERS],
            core,
            listeners: Vec::new(),
            subscriptions: Vec::new(),
            published: 0,
            text: 0,
            dropped_by_lost: [false; BROKERS],
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
            Op::Open { plain, settings } => self.open(plain, settings),
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
            Op::Run => drop((0..100).find(|_| !self.step())),
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

    /// Once around. False if nothing is left to do.
    fn step(&mut self) -> bool {
        let more = self.core.step();
        self.note_ends();
        more
    }

    fn run(&mut self) {
        let steps = (0..100_000).take_while(|_| self.step()).count();
        assert!(steps < 100_000, "a core that never comes to rest");
        self.core.check();
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
                let listener = &mut self.listeners[at];
                let dropped = listener.client.dropped_events();
                let sent = listener.client.try_send(Event::data(text.clone())).is_ok();
                if listener.client.dropped_events() > dropped {
                    assert!(sent, "the policy is to drop");
                    listener.dropped[1] += 1;
                } else if sent {
                    listener.sent.push_back(text);
                    listener.dropped[0] += std::mem::take(&mut listener.dropped[1]);
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

    fn open(&mut self, plain: bool, settings: Settings) {
        let framing = if plain { Framing::Plain } else { Framing::Chunked };
        let mut config = ClientConfig::new().ends_with_brokers(settings.ends);
        if settings.noticing {
            config = config.gap_notice("missed");
        }
        if settings.drops {
            config = config.queue_events(2).slow_policy(ClientPolicy::Drop);
        }
        let peer = self.core.open_with(framing, &Arc::new(config));
        let client = self.core.client(peer);
        self.listeners.push(Listener {
            peer,
            client,
            open: true,
            lost: false,
            settings,
            subscribed: [0; BROKERS],
            due: Default::default(),
            sent: VecDeque::new(),
            left: false,
            dropped: [0; 2],
        });
    }

    fn subscribe(&mut self, at: usize, broker: usize, by_handle: bool) {
        let listener = &mut self.listeners[at];
        let accepted = if by_handle {
            let subscription = self.brokers[broker].subscribe(&listener.client);
            self.core.commands();
            // The model leaves by itself.
            self.subscriptions.push(subscription);
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
            listener.left = true;
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
