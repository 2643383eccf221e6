//! Whole workers on their threads.

use super::rig::{PATIENCE, Subject, connect, expect_refused, listeners, read_byte};
use headwater_engine::{App, Class, Core, Departure, Engine, Key, Outcome, Spawned, Turn, spawn};
use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::SocketAddr,
    sync::mpsc,
};

/// Sends back what it gets, and does what it is told.
struct Echo {
    next: Turn,
}

enum Order {
    Stop,
    Panic,
    Answer(mpsc::Sender<()>),
}

impl Echo {
    fn new() -> Self {
        Self { next: Turn::WaitUntil(None) }
    }
}

impl App for Echo {
    type Message = Order;

    fn accepted(&mut self, _: &mut Core<'_>, _: Key) {}

    fn received(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]) {
        let sent = core.send_one(key, &[IoSlice::new(bytes)]);
        assert_eq!(sent, Outcome::Sent(bytes.len()), "a few bytes always fit");
    }

    fn writable(&mut self, _: &mut Core<'_>, _: Key) {}

    fn gone(&mut self, core: &mut Core<'_>, key: Key, _: Departure) {
        core.close(key);
    }

    fn accept_failed(&mut self, core: &mut Core<'_>, _: &io::Error) {
        core.resume_accept();
    }

    fn timeout(&mut self, _: &mut Core<'_>, _: Key, _: Class) {}

    fn message(&mut self, _: &mut Core<'_>, order: Order) {
        match order {
            Order::Stop => self.next = Turn::Stop,
            Order::Panic => panic!("as ordered"),
            Order::Answer(sender) => sender.send(()).expect("the test waits"),
        }
    }

    fn turn(&mut self, _: &mut Core<'_>) -> Turn {
        self.next
    }
}

fn assert_echoes(addr: SocketAddr) {
    let mut peer = connect(addr);
    peer.write_all(b"hello").expect("the peer is sound");
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).expect("somebody answers");
    assert_eq!(&bytes, b"hello");
}

pub(crate) fn worker_answers_and_stops<D: Subject>() {
    let (mut listeners, addr) = listeners(1);
    let listener = listeners.remove(0);
    let Spawned { remote, thread, .. } =
        spawn(D::ENGINE, listener, "echo", |_| Echo::new()).expect("the engine can be used");
    assert_eq!(thread.thread().name(), Some("echo"));
    assert_echoes(addr);
    let mut left_open = connect(addr);
    remote.post(Order::Stop).expect("it runs");
    thread.join().expect("no panic").expect("no error");
    assert!(remote.post(Order::Stop).is_err());
    assert!(!matches!(read_byte(&mut left_open), Ok(1..)));
    expect_refused(addr);
}

/// Pitfall: a listener left in the `SO_REUSEPORT` group after its thread died, and a share of all
/// connections hangs.
pub(crate) fn listener_of_a_panicked_worker_leaves_the_group<D: Subject>() {
    let (listeners, addr) = listeners(2);
    let start = |listener| spawn(D::ENGINE, listener, "echo", |_| Echo::new());
    let mut workers: Vec<_> =
        listeners.into_iter().map(|l| start(l).expect("the engine can be used")).collect();
    let Spawned { remote, thread, .. } = workers.remove(0);
    remote.post(Order::Panic).expect("it runs");
    thread.join().expect_err("it was ordered to panic");
    for _ in 0..50 {
        assert_echoes(addr);
    }
    let Spawned { remote, thread, .. } = workers.remove(0);
    remote.post(Order::Stop).expect("it runs");
    thread.join().expect("no panic").expect("no error");
}

pub(crate) fn application_that_cannot_be_made_is_an_error_of_spawn<D: Subject>() {
    let (mut listeners, addr) = listeners(1);
    let listener = listeners.remove(0);
    let failed = spawn::<Echo>(D::ENGINE, listener, "echo", |_| panic!("as ordered")).map(drop);
    assert!(failed.expect_err("it was ordered to panic").to_string().contains("panicked"));
    expect_refused(addr);
}

pub(crate) fn message_wakes_a_sleeping_worker<D: Subject>() {
    let (mut listeners, _) = listeners(1);
    let listener = listeners.remove(0);
    let Spawned { remote, thread, .. } =
        spawn(D::ENGINE, listener, "echo", |_| Echo::new()).expect("the engine can be used");
    let (sender, receiver) = mpsc::channel();
    for _ in 0..1000 {
        remote.post(Order::Answer(sender.clone())).expect("it runs");
        receiver.recv_timeout(PATIENCE).expect("a worker that sleeps on a message");
    }
    remote.post(Order::Stop).expect("it runs");
    thread.join().expect("no panic").expect("no error");
}

/// Says something only in builds that lack an engine; the checks run those, too.
pub(crate) fn missing_engine_is_refused() {
    let lacks = |engine: &Engine| !Engine::compiled().contains(engine);
    for engine in [Engine::IoUring, Engine::Epoll].into_iter().filter(lacks) {
        let (mut listeners, _) = listeners(1);
        let listener = listeners.remove(0);
        let refused = spawn(engine, listener, "echo", |_| Echo::new()).map(drop);
        let refused = refused.expect_err("it is not part of this build");
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.to_string().contains("is not part of this build"), "{refused}");
    }
}
