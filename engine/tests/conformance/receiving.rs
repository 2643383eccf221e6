//! Bytes from the peer: delivered, held back, thrown away.

use super::rig::{FEW_WAITS, PATIENCE, Rig, Seen, Subject, connect, pattern};
use headwater_engine::{Completion, Outcome};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub(crate) fn bytes_arrive_whole_and_in_order<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    let bytes = pattern(1 << 20);
    let sent = bytes.clone();
    let sender = thread::spawn(move || peer.write_all(&sent).map(|()| peer));
    assert!(rig.receive(key, bytes.len()) == bytes, "other bytes than were sent");
    sender.join().expect("no panic").expect("everything was taken");
}

pub(crate) fn next_bytes_wait_for_the_lease<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    peer.write_all(b"first").expect("the peer is sound");
    let deadline = Instant::now() + PATIENCE;
    let lease = loop {
        assert!(Instant::now() < deadline, "nothing received");
        rig.driver.wait(Some(Duration::from_millis(100))).expect("sound");
        if let Some(Completion::Received(_, lease)) = rig.driver.next() {
            break lease;
        }
    };
    peer.write_all(b"second").expect("the peer is sound");
    rig.round_trip();
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
    assert_eq!(&*lease, b"first");
    rig.driver.recycle(key, lease);
    assert_eq!(rig.receive(key, 6), b"second");
}

pub(crate) fn paused_connection_delivers_nothing_until_resumed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    for round in 0..3 {
        rig.driver.pause(key);
        peer.write_all(b"hello").expect("the peer is sound");
        rig.round_trip();
        assert!(!rig.has_seen(key), "round {round}: {:?}", rig.seen);
        rig.driver.resume(key);
        assert_eq!(rig.receive(key, 5), b"hello");
    }
}

/// Pitfall: busy loop.
pub(crate) fn paused_connection_with_unread_bytes_costs_no_cpu<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(&pattern(50_000)).expect("it fits");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    rig.round_trip();
    let waits = rig.waits_in_half_a_second(|_| ());
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    rig.driver.resume(key);
    assert_eq!(rig.receive(key, 50_000), pattern(50_000));
}

pub(crate) fn pause_and_resume_without_bytes_loses_nothing<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    for _ in 0..5 {
        rig.driver.pause(key);
        rig.driver.pause(key);
        rig.driver.resume(key);
        rig.driver.resume(key);
        rig.turn(Duration::ZERO);
    }
    peer.write_all(b"hello").expect("the peer is sound");
    assert_eq!(rig.receive(key, 5), b"hello");
}

/// A peer that sends without end, until told to stop.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<TcpStream>,
}

impl Flood {
    pub(crate) fn start(mut peer: TcpStream) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let bytes = vec![b'x'; 64 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    peer.write_all(&bytes).expect("somebody receives");
                }
                peer
            }
        });
        Self { stop, thread }
    }

    /// The driver must go on receiving meanwhile: the last piece may not be out.
    pub(crate) fn stop<D: Subject>(self, rig: &mut Rig<D>) -> TcpStream {
        self.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while !self.thread.is_finished() {
            assert!(Instant::now() < deadline, "the flood is stuck");
            rig.turn(Duration::from_millis(10));
        }
        self.thread.join().expect("no panic")
    }
}

pub(crate) fn busy_connection_does_not_starve_a_quiet_one<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (busy, peer) = rig.connect();
    let (quiet, mut quiet_peer) = rig.connect();
    let flood = Flood::start(peer);
    for _ in 0..20 {
        rig.receive(busy, 1);
        quiet_peer.write_all(b"hello").expect("the peer is sound");
        assert_eq!(rig.receive(quiet, 5), b"hello");
        rig.seen.clear();
    }
    flood.stop(&mut rig);
}

pub(crate) fn busy_connection_does_not_hold_up_accepting<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (_, peer) = rig.connect();
    let flood = Flood::start(peer);
    for _ in 0..20 {
        let _peer = connect(rig.addr);
        rig.accepted();
        rig.seen.clear();
    }
    flood.stop(&mut rig);
}

pub(crate) fn detached_connection_delivers_nothing_and_can_still_send<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.detach(key);
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the peer is sound");
    rig.round_trip();
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
    assert_eq!(rig.send(key, b"hello"), Outcome::Sent(5));
    let mut answer = [0; 5];
    peer.read_exact(&mut answer).expect("it was sent");
    assert_eq!(&answer, b"hello");
}

pub(crate) fn detached_connection_costs_no_cpu_after_its_bytes<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.detach(key);
    // What was under way before is over.
    rig.round_trip();
    rig.seen.clear();
    peer.write_all(b"thrown away").expect("the peer is sound");
    let waits = rig.waits_in_half_a_second(|_| ());
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    assert!(!rig.has_seen(key));
}

pub(crate) fn detaching_a_paused_connection_throws_its_bytes_away<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(&pattern(100_000)).expect("it fits");
    rig.round_trip();
    rig.driver.detach(key);
    // Undone by `detach`, and not to be brought back.
    rig.driver.resume(key);
    rig.driver.pause(key);
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    let seen_first = rig.until(|seen| (seen.key() == Some(key)).then(|| format!("{seen:?}")));
    assert!(seen_first.contains("Gone"), "{seen_first}");
    assert!(!rig.seen.iter().any(|seen| matches!(seen, Seen::Received(..))));
}
