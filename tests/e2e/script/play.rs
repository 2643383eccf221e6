//! Plays a script on one engine and writes down what its clients see, step by step. Everything is
//! waited for before the next step, so that nothing depends on who is quicker. What clients do is in
//! `requests` and `streams`; who is there, and what must add up in the end, is kept here.
//!
//! One worker has more streams than the other throughout, so that the streams of its clients are handed
//! over. Which clients those are is the kernel's choice, which no client may see.

mod requests;
mod streams;

use super::Script;
use super::asks::{HUGE, LARGE, text};
use super::steps::{BROKERS, CLIENTS, Step};
use crate::balance::{weigh_down, with_ballast};
use crate::support::{Peer, Running, Subscriber, builder, eventually};
use bytes::Bytes;
use headwater::sse::{self, Broker};
use headwater::{Engine, Hub, Router, Timeouts, routing::get};
use std::time::Duration;
use streams::Stalled;

/// More than all clients of a script can have.
const BALLAST: usize = 5 * CLIENTS;

/// Of each broker. All readers but the stalled ones hear an event before the next is published, so that
/// only those are ever owed more.
const SUBSCRIBER_BUFFER: usize = 8;

struct Stage {
    server: Running,
    brokers: Vec<Broker>,
    clients: [Role; CLIENTS],
    /// Somebody who is answered at any time, whatever the clients do.
    bystander: Peer,
    /// Streams that stay on one worker.
    ballast: Vec<Subscriber>,
    tally: Tally,
}

enum Role {
    Away,
    Asking(Peer),
    /// Hears of each event of that broker at once.
    Subscribed(Subscriber, usize),
    Stalled(Stalled),
}

/// What must add up in the end.
#[derive(Default)]
struct Tally {
    connections: u64,
    /// What clients of the script have nothing to do with: connections accepted, and requests.
    before: (u64, u64),
    events: u64,
    /// Events, once for each subscriber at the time.
    due: u64,
    /// Of those, the ones that stalled subscribers may not have waited for.
    left_owed: u64,
    /// Requests of clients that left before it could be known whether they arrived, and those of them
    /// that the handler failed.
    chance: (u64, u64),
}

/// What clients see, one line per step, and one for the end.
pub(super) fn play(engine: Engine, script: &Script) -> Vec<String> {
    let mut stage = Stage::set(engine);
    let mut seen = Vec::new();
    for (at, step) in script.steps.iter().enumerate() {
        let _place = Place { engine, seed: script.seed, at, step: Some(step) };
        seen.push(stage.play(step));
    }
    let _place = Place { engine, seed: script.seed, at: seen.len(), step: None };
    seen.push(stage.end());
    seen
}

/// Where a script stands: told when the step fails, whatever it is that fails.
struct Place<'a> {
    engine: Engine,
    seed: u64,
    at: usize,
    step: Option<&'a Step>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { engine, seed, at, step } = self;
            eprintln!("failed on {engine}, SCRIPT_SEED={seed}, step {at}: {step:?}");
        }
    }
}

fn app(brokers: &[Broker]) -> Router {
    let later = async || {
        headwater::time::sleep(Duration::from_millis(1)).await;
        "later"
    };
    let fail = async || -> &'static str { panic!("on purpose: in a script") };
    let app = with_ballast(Router::new())
        .route("/", get(|| "ok").post(|| "posted"))
        .route("/later", get(later))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route("/large", get(|| Bytes::from_static(text(LARGE))))
        .route("/huge", get(|| Bytes::from_static(text(HUGE))))
        .route("/empty", get(|| ()))
        .route("/fail", get(fail))
        .route("/echo", headwater::routing::post(|body: String| body));
    brokers.iter().enumerate().fold(app, |app, (number, broker)| {
        app.route(&feed_path(number), get(sse::feed(broker).heartbeat(None)))
    })
}

fn feed_path(broker: usize) -> String {
    format!("/events/{broker}")
}

impl Stage {
    fn set(engine: Engine) -> Self {
        let hub = Hub::new();
        let broker = |number: usize| hub.broker(number.to_string());
        let brokers: Vec<Broker> = (0..BROKERS)
            .map(|number| broker(number).subscriber_buffer(SUBSCRIBER_BUFFER).build())
            .collect();
        // Clients of a long script may have nothing to do for a long time.
        let patient = Timeouts::default().with_idle(Duration::MAX);
        let server = builder(engine).timeouts(patient).serve(app(&brokers));
        let server = Running::from(server.expect("a free port of the loopback"));
        let clients = [(); CLIENTS].map(|()| Role::Away);
        let ballast = weigh_down(&server, BALLAST);
        let bystander = server.connect();
        eventually("who was tried is gone", || server.stats().connections == 1 + BALLAST);
        let stats = server.stats();
        let before = (stats.accepted - 1, stats.requests);
        let tally = Tally { connections: stats.accepted, before, ..Tally::default() };
        Self { server, brokers, clients, bystander, ballast, tally }
    }

    fn play(&mut self, step: &Step) -> String {
        match *step {
            Step::Ask { client, ref requests, pieces, last } => {
                self.ask(client, requests, pieces, last)
            }
            Step::Misbehave { client, bytes } => self.misbehave(client, bytes),
            Step::Abandon { client, moment } => self.abandon(client, moment),
            Step::ReadSlowly { client, pieces } => self.read_slowly(client, pieces),
            Step::Burst { client, first, ref requests, last } => {
                self.burst(client, first, requests, last)
            }
            Step::Subscribe { client, broker, behind } => self.subscribe(client, broker, behind),
            Step::SubscribeAndFinish { client, broker, behind } => {
                self.subscribe_and_finish(client, broker, behind)
            }
            Step::Publish { broker, bytes } => self.publish(broker, bytes),
            Step::Chatter { client } => self.chatter(client),
            Step::Stall { client, broker } => self.stall(client, broker),
            Step::ReadOn { client } => self.read_on(client),
            Step::Finish { client } => self.finish(client),
            Step::Leave { client, reset } => self.leave(client, reset),
        }
    }

    /// The connection of a client that is no subscriber; it is away until it is put back.
    fn asking(&mut self, client: usize) -> Peer {
        self.asking_or(client, Running::connect)
    }

    /// The same of one that is to be stuck: a new connection takes few bytes unread.
    fn asking_narrow(&mut self, client: usize) -> Peer {
        self.asking_or(client, Running::connect_narrow)
    }

    fn asking_or(&mut self, client: usize, connect: impl Fn(&Running) -> Peer) -> Peer {
        match std::mem::replace(&mut self.clients[client], Role::Away) {
            Role::Asking(peer) => peer,
            Role::Away => {
                self.tally.connections += 1;
                connect(&self.server)
            }
            Role::Subscribed(..) | Role::Stalled(_) => {
                unreachable!("scripts know who subscribes")
            }
        }
    }

    fn leave(&mut self, client: usize, reset: bool) -> String {
        let peer = match std::mem::replace(&mut self.clients[client], Role::Away) {
            Role::Away => unreachable!("scripts know who is there"),
            Role::Asking(peer) | Role::Subscribed(Subscriber { peer, .. }, _) => peer,
            Role::Stalled(stalled) => {
                self.tally.left_owed += stalled.due();
                stalled.subscriber.peer
            }
        };
        if reset {
            peer.reset();
        } else {
            drop(peer);
        }
        self.left()
    }

    /// Waits until the server knows who has left.
    fn left(&mut self) -> String {
        let clients = self.clients.iter().filter(|role| !matches!(role, Role::Away)).count();
        self.everybody_is_accepted();
        self.server.wait_for_connections(1 + self.ballast.len() + clients);
        let subscribers = self.brokers.iter().map(Broker::subscriber_count);
        format!("left: {:?} subscribed", subscribers.collect::<Vec<usize>>())
    }

    fn everybody_is_accepted(&self) {
        let connections = self.tally.connections;
        eventually("all are accepted", || self.server.stats().accepted == connections);
    }

    /// A client that is stuck must not be in the way of others.
    fn bystander_is_served(&mut self) {
        self.bystander.ask("/");
        assert_eq!(self.bystander.answer().text(), "ok");
    }

    /// All brokers are closed, and everybody is sent home.
    fn end(mut self) -> String {
        self.brokers.iter().for_each(Broker::close);
        for client in &mut self.clients {
            match std::mem::replace(client, Role::Away) {
                Role::Away | Role::Asking(_) => {}
                Role::Subscribed(mut subscriber, _) => subscriber.expect_end(),
                Role::Stalled(stalled) => stalled.expect_end(&self.brokers),
            }
        }
        eventually("nobody is subscribed", || {
            self.brokers.iter().all(|b| b.subscriber_count() == 0)
        });
        self.ballast.clear();
        self.left();
        let stats = self.server.stats();
        let Tally { events, due, left_owed, chance, before, .. } = self.tally;
        let published: u64 = self.brokers.iter().map(Broker::published).sum();
        assert_eq!(published, events);
        let dropped: u64 = self.brokers.iter().map(Broker::dropped_events).sum();
        let told = stats.events_delivered + dropped;
        assert!((due - left_owed..=due).contains(&told), "{told} of {due}, {left_owed} left owed");
        let requests = (stats.requests - before.1 - chance.0, stats.handler_panics - chance.1);
        let counts =
            (stats.accepted - before.0, requests, stats.refused, stats.streams, stats.owed_bytes);
        format!("{counts:?}, {published} published for {due}")
    }
}
