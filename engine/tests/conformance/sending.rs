//! Bytes to the peer: whole, short, refused.

use super::rig::{Ended, FEW_WAITS, PATIENCE, Rig, Seen, Subject, pattern, reset};
use headwater_engine::{Attempt, Key, Outcome};
use std::{
    io::{IoSlice, Read},
    net::{Shutdown, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Reads this many bytes in pieces of odd sizes.
fn reader(mut peer: TcpStream, len: usize) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = vec![0; len];
        let mut read = 0;
        while read < len {
            let end = len.min(read + 7919);
            peer.read_exact(&mut bytes[read..end]).expect("it was sent");
            read = end;
        }
        bytes
    })
}

/// Sends it all, going on when there is room again.
fn send_all<D: Subject>(rig: &mut Rig<D>, key: Key, bytes: &[u8]) -> usize {
    let mut sent = 0;
    let mut short = 0;
    loop {
        match rig.send(key, &bytes[sent..]) {
            Outcome::Sent(n) => sent += n,
            Outcome::Gone => panic!("the connection broke"),
        }
        if sent == bytes.len() {
            return short;
        }
        short += 1;
        rig.writable(key);
    }
}

pub(crate) fn short_sends_resume_until_everything_arrived<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    let bytes = pattern(16 << 20);
    let reader = reader(peer, bytes.len());
    let short = send_all(&mut rig, key, &bytes);
    assert!(short > 0, "16 MiB fit into a socket buffer");
    assert!(reader.join().expect("it reads") == bytes, "other bytes than were sent");
}

pub(crate) fn many_slices_arrive_in_order<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    // More slices than one call of the kernel takes, some of them empty.
    let bytes = pattern(3000 * 5);
    let mut slices: Vec<IoSlice<'_>> = bytes.chunks(5).map(IoSlice::new).collect();
    slices.insert(0, IoSlice::new(&[]));
    slices.insert(1500, IoSlice::new(&[]));
    let reader = reader(peer, bytes.len());
    let mut slices = &mut slices[..];
    let deadline = Instant::now() + PATIENCE;
    while slices.iter().any(|slice| !slice.is_empty()) {
        assert!(Instant::now() < deadline, "never sent");
        let mut batch = [Attempt::new(key, slices)];
        rig.driver.send(&mut batch);
        let Outcome::Sent(sent) = batch[0].outcome else { panic!("the connection broke") };
        IoSlice::advance_slices(&mut slices, sent);
        if !slices.is_empty() {
            rig.writable(key);
        }
    }
    assert!(reader.join().expect("it reads") == bytes, "other bytes than were sent");
}

pub(crate) fn batch_serves_the_others_when_one_is_dead<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let mut connections: Vec<(Key, TcpStream)> = (0..50).map(|_| rig.connect()).collect();
    let (reset_key, peer) = connections.swap_remove(20);
    reset(peer);
    rig.gone(reset_key);
    let (closed_key, _peer) = connections.swap_remove(10);
    rig.driver.close(closed_key);

    let slices = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
    let keys = [reset_key, closed_key].into_iter().chain(connections.iter().map(|(key, _)| *key));
    let mut batch: Vec<Attempt<'_>> = keys.map(|key| Attempt::new(key, &slices)).collect();
    rig.driver.send(&mut batch);
    assert_eq!(batch[0].outcome, Outcome::Gone);
    assert_eq!(batch[1].outcome, Outcome::Gone);
    assert!(batch[2..].iter().all(|attempt| attempt.outcome == Outcome::Sent(5)));
    for (_, peer) in &mut connections {
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).expect("it was sent");
        assert_eq!(&bytes, b"hello");
    }
}

pub(crate) fn full_socket_takes_nothing_and_says_so<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    let sent = rig.fill(key);
    assert_eq!(rig.send(key, b"x"), Outcome::Sent(0));
    let reader = reader(peer, sent + 1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "never room again");
        rig.writable(key);
        if rig.send(key, b"y") == Outcome::Sent(1) {
            break;
        }
    }
    assert_eq!(reader.join().expect("it reads").last(), Some(&b'y'));
}

/// Pitfall: busy loop while a socket is not writable.
pub(crate) fn full_socket_costs_no_cpu<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, _peer) = rig.connect();
    rig.fill(key);
    let waits = rig.waits_in_half_a_second(|rig| {
        let writable = rig.seen.iter().any(|seen| matches!(seen, Seen::Writable(_)));
        rig.seen.clear();
        if writable {
            rig.send(key, b"x");
        }
    });
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
}

/// Pitfall: busy loop while a socket is not writable. Here the peer's FIN is there all along.
pub(crate) fn full_socket_of_a_half_closed_peer_costs_no_cpu<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    assert_eq!(rig.gone(key), Ended::Finished);
    let sent = rig.fill(key);
    let mut more = 0;
    let waits = rig.waits_in_half_a_second(|rig| {
        let writable = rig.seen.iter().any(|seen| matches!(seen, Seen::Writable(_)));
        rig.seen.clear();
        if writable && rig.send(key, b"x") == Outcome::Sent(1) {
            more += 1;
        }
    });
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    let sent = sent + more + rig.fill(key);
    // It goes on as soon as the peer reads.
    peer.read_exact(&mut vec![0; sent]).expect("it was sent");
    rig.writable(key);
    assert_eq!(rig.send(key, b"x"), Outcome::Sent(1));
}

pub(crate) fn slow_reader_does_not_delay_the_others<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (stuck, _stuck_peer) = rig.connect();
    rig.fill(stuck);
    let (key, peer) = rig.connect();
    let bytes = pattern(1 << 20);
    let reader = reader(peer, bytes.len());
    send_all(&mut rig, key, &bytes);
    assert!(reader.join().expect("it reads") == bytes, "other bytes than were sent");
}

/// Whoever waits for room on a detached connection must not wait for ever.
pub(crate) fn stalled_sender_hears_of_a_reset<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    rig.driver.detach(key);
    rig.fill(key);
    reset(peer);
    rig.gone(key);
    assert_eq!(rig.send(key, b"x"), Outcome::Gone);
}

pub(crate) fn empty_attempt_does_nothing<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, _peer) = rig.connect();
    assert_eq!(rig.send(key, b""), Outcome::Sent(0));
    let mut batch = [Attempt::new(key, &[])];
    rig.driver.send(&mut batch);
    assert_eq!(batch[0].outcome, Outcome::Sent(0));
    rig.turn(Duration::ZERO);
    assert!(rig.seen.is_empty(), "{:?}", rig.seen);
}

pub(crate) fn bytes_that_the_peer_has_not_acknowledged_are_counted_when_asked<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    let known = cfg!(any(target_os = "linux", target_os = "android"));
    assert_eq!(rig.driver.unsent_bytes(key), known.then_some(0));
    let sent = rig.fill(key);
    if known {
        // What the peer's buffer holds is acknowledged.
        let unsent = rig.driver.unsent_bytes(key).expect("it is open");
        assert!(unsent > 0 && unsent <= sent, "{unsent} of {sent}");
    }
    reader(peer, sent).join().expect("it reads");
    let begun = Instant::now();
    while rig.driver.unsent_bytes(key) != known.then_some(0) {
        assert!(begun.elapsed() < PATIENCE, "never acknowledged");
        rig.round_trip();
    }
    rig.driver.close(key);
    assert_eq!(rig.driver.unsent_bytes(key), None);
}
