//! Connections that are promised to a worker and not there yet: what happens to them when that worker would
//! end, or dies.

use super::dying::with_death;
use super::{SLACK, connect_one_by_one, core_of, streams, weigh_down, with_ballast};
use crate::support::{PATIENCE, Peer, Running, Subscriber, builder, eventually};
use headwater::sse::{self, Broker, Event};
use headwater::{Engine, Error, Hub, Router, ServerHandle, routing::get};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

on_every_engine!(
    worker_that_was_promised_a_connection_waits_for_it_before_it_ends,
    connection_comes_back_from_a_worker_that_died,
    worker_with_room_is_found_behind_a_full_one,
);

/// A core that is held by a handler until it is let go.
#[derive(Clone)]
struct Hold {
    entered: Arc<Mutex<mpsc::Sender<mpsc::Sender<()>>>>,
}

impl Hold {
    fn new() -> (Self, mpsc::Receiver<mpsc::Sender<()>>) {
        let (entered, held) = mpsc::channel();
        (Self { entered: Arc::new(Mutex::new(entered)) }, held)
    }

    /// For a handler: returns when what it hands out is dropped.
    fn here(&self) {
        let (let_go, wait) = mpsc::channel();
        self.entered.lock().expect("no panic").send(let_go).expect("the test runs");
        assert!(wait.recv().is_err(), "it is only dropped");
    }
}

struct Stage {
    server: ServerHandle,
    broker: Broker,
    held: mpsc::Receiver<mpsc::Sender<()>>,
    /// Whether the second worker has ended.
    ended: Arc<AtomicBool>,
    /// On the first worker, whose core is held.
    streams: Vec<Subscriber>,
}

impl Stage {
    fn set(engine: Engine) -> Self {
        let broker = Hub::new().broker("news").build();
        let (hold, cores) = Hold::new();
        let app = with_ballast(Router::new())
            .route("/", get(sse::feed(&broker).heartbeat(None)))
            .route("/hold", get(move || hold.here()));
        let (app, ended) = with_death(app);
        let server = builder(engine).serve(app).expect("a free port");
        Self { server, broker, held: cores, ended, streams: Vec::new() }
    }

    fn connect(&self, worker: usize) -> Peer {
        loop {
            let mut peer = Peer::connect(self.server.local_addrs()[0]);
            if core_of(&mut peer) == worker {
                return peer;
            }
        }
    }

    /// A connection of the first worker that has been promised to the second one, and the core of the first
    /// one held, so that it stays so.
    /// The second has `others` connections of the test's.
    fn promise(&mut self, others: usize) -> (Peer, mpsc::Sender<()>) {
        for _ in 0..2 * SLACK {
            self.streams.push(Subscriber::open(self.connect(0), "/ballast"));
        }
        let connections = || self.server.worker_stats()[1].connections;
        loop {
            let (mut asks, mut holds, mut first) =
                (self.connect(0), self.connect(0), self.connect(0));
            eventually("those that were tried are gone", || connections() == others);
            let before = self.server.stats().handed_over;
            first.ask("/hold");
            let let_go = self.held.recv_timeout(PATIENCE).expect("the core is held");
            // Taken in together, one behind the other.
            asks.ask("/");
            holds.ask("/hold");
            drop(let_go);
            let let_go = self.held.recv_timeout(PATIENCE).expect("the core is held");
            if connections() > others && self.server.stats().handed_over == before {
                return (asks, let_go);
            }
            // The second was taken in first, or too late.
            drop(let_go);
            drop(Subscriber::ask(asks, ""));
        }
    }
}

fn worker_that_was_promised_a_connection_waits_for_it_before_it_ends(engine: Engine) {
    let mut stage = Stage::set(engine);
    let mut noted = stage.connect(1);
    noted.ask("/note");
    noted.answer();
    drop(noted);
    let (asks, let_go) = stage.promise(0);
    let before = stage.server.stats().handed_over;
    let drain = stage.server.drain(PATIENCE);
    // It would end now; it has nobody else.
    for _ in 0..100 {
        assert!(!stage.ended.load(Ordering::Relaxed), "it has been promised a connection");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(let_go);
    let mut stream = Subscriber::ask(asks, "");
    assert!(stream.blocks().last().is_some_and(|last| last.retry.is_some()));
    assert_eq!(stage.server.stats().handed_over, before + 1);
    drop((stream, stage.streams));
    drain.wait().expect("no worker fails");
}

fn connection_comes_back_from_a_worker_that_died(engine: Engine) {
    let mut stage = Stage::set(engine);
    let mut killer = stage.connect(1);
    let (asks, let_go) = stage.promise(1);
    let before = stage.server.stats();
    killer.ask("/die");
    eventually("the worker is dead", || stage.ended.load(Ordering::Relaxed));
    drop(let_go);
    let mut stream = Subscriber::ask(asks, "");
    stage.broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(stream.data(), "news");
    let after = stage.server.stats();
    assert_eq!((after.handed_over, after.accept_failures), (before.handed_over, 0));
    let ended = stage.server.drain(Duration::ZERO).wait();
    assert!(matches!(ended, Err(Error::WorkerFailed { worker: 1, .. })), "{ended:?}");
}

fn worker_with_room_is_found_behind_a_full_one(engine: Engine) {
    const LIMIT: usize = 3 * SLACK + 2;
    let broker = Hub::new().broker("news").build();
    let app = with_ballast(Router::new()).route("/", get(sse::feed(&broker).heartbeat(None)));
    let builder = builder(engine).workers(3).connections_per_worker(LIMIT);
    let server = Running::from(builder.serve(app).expect("a free port"));
    let _ballast = weigh_down(&server, 2 * SLACK);
    let peers: Vec<Peer> = (0..SLACK).map(|_| connect_one_by_one(&server, 0)).collect();
    let _some = Subscriber::open(connect_one_by_one(&server, 2), "/ballast");
    // Without a stream, and without room.
    let _silent: Vec<Peer> = (0..LIMIT).map(|_| connect_one_by_one(&server, 1)).collect();
    let _streams: Vec<_> = peers.into_iter().map(|peer| Subscriber::open(peer, "/")).collect();
    assert_eq!(streams(&server), [2 * SLACK, 0, SLACK + 1]);
}
