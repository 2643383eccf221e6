//! How connections end, from either side.

use super::{
    receiving::Flood,
    rig::{Ended, FEW_WAITS, PATIENCE, Rig, Seen, Subject, connect, pattern, read_byte, reset},
};
use headwater_engine::{Key, Outcome};
use std::{
    io::{Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

pub(crate) fn fin_alone_is_noticed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    assert_eq!(rig.gone(key), Ended::Finished);
}

/// Pitfall: a FIN that arrives with the request is missed.
pub(crate) fn fin_that_comes_with_the_request_is_noticed_behind_it<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let mut peer = connect(rig.addr);
    // All of it is there before the connection is even accepted: a single edge.
    peer.write_all(b"request").expect("the peer is sound");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    let key = rig.accepted();
    assert_eq!(rig.receive(key, 7), b"request");
    assert_eq!(rig.gone(key), Ended::Finished);
}

pub(crate) fn fin_behind_many_bytes_is_noticed_behind_them<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    let bytes = pattern(100_000);
    peer.write_all(&bytes).expect("it fits");
    drop(peer);
    assert!(rig.receive(key, bytes.len()) == bytes, "other bytes than were sent");
    assert_eq!(rig.gone(key), Ended::Finished);
}

pub(crate) fn fin_while_paused_is_noticed_after_resume<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(b"last words").expect("the peer is sound");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    rig.round_trip();
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
    rig.driver.resume(key);
    assert_eq!(rig.receive(key, 10), b"last words");
    assert_eq!(rig.gone(key), Ended::Finished);
}

pub(crate) fn fin_behind_unread_bytes_is_seen_when_asked<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(b"last words").expect("the peer is sound");
    rig.round_trip();
    assert!(!rig.driver.has_finished(key));
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    let begun = Instant::now();
    while !rig.driver.has_finished(key) {
        assert!(begun.elapsed() < PATIENCE, "the FIN never comes");
        rig.round_trip();
    }
    // Asking takes nothing away.
    rig.driver.resume(key);
    assert_eq!(rig.receive(key, 10), b"last words");
    assert_eq!(rig.gone(key), Ended::Finished);
    rig.driver.close(key);
    assert!(!rig.driver.has_finished(key));
}

pub(crate) fn answer_can_be_sent_after_a_fin<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    assert_eq!(rig.gone(key), Ended::Finished);
    assert_eq!(rig.send(key, b"answer"), Outcome::Sent(6));
    rig.driver.close(key);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).expect("closed in order");
    assert_eq!(answer, b"answer");
}

pub(crate) fn fin_of_a_detached_connection_is_noticed_behind_a_flood<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    rig.driver.detach(key);
    let flood = Flood::start(peer);
    rig.round_trip();
    drop(flood.stop(&mut rig));
    assert_eq!(rig.gone(key), Ended::Finished);
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
}

pub(crate) fn reset_while_receiving_is_noticed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    reset(peer);
    assert_eq!(rig.gone(key), Ended::Failed);
}

pub(crate) fn reset_while_paused_is_noticed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    rig.driver.pause(key);
    reset(peer);
    assert_eq!(rig.gone(key), Ended::Failed);
}

pub(crate) fn reset_while_paused_with_unread_bytes_is_noticed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(&pattern(50_000)).expect("it fits");
    rig.round_trip();
    reset(peer);
    assert_eq!(rig.gone(key), Ended::Failed);
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
}

pub(crate) fn reset_behind_a_fin_while_paused_is_noticed<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    rig.driver.pause(key);
    peer.write_all(b"unread").expect("it fits");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    rig.round_trip();
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
    let waits = rig.waits_in_half_a_second(|_| ());
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    reset(peer);
    assert_eq!(rig.gone(key), Ended::Failed);
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
}

pub(crate) fn reset_of_a_detached_connection_is_noticed_behind_a_flood<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    rig.driver.detach(key);
    let flood = Flood::start(peer);
    rig.round_trip();
    reset(flood.stop(&mut rig));
    assert_eq!(rig.gone(key), Ended::Failed);
    assert!(!rig.has_seen(key), "{:?}", rig.seen);
}

pub(crate) fn departure_is_reported_once<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    assert_eq!(rig.gone(key), Ended::Finished);
    reset(peer);
    rig.driver.pause(key);
    rig.driver.resume(key);
    rig.driver.detach(key);
    rig.round_trip();
    let again = rig.seen.iter().any(|seen| matches!(seen, Seen::Gone(..) | Seen::Received(..)));
    assert!(!again, "{:?}", rig.seen);
}

pub(crate) fn close_frees_the_slot_and_the_peer_sees_it<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (old, mut peer) = rig.connect();
    rig.driver.close(old);
    assert_eq!(rig.driver.open(), 0);
    assert_eq!(read_byte(&mut peer).expect("closed in order"), 0);
    let (new, _peer) = rig.connect();
    assert_eq!(new.index(), old.index());
    assert_ne!(new.generation(), old.generation());
}

pub(crate) fn closed_connection_is_never_heard_of_again<D: Subject>() {
    let mut rig = Rig::<D>::new();
    for _ in 0..50 {
        let (key, mut peer) = rig.connect();
        peer.write_all(b"too late").expect("the peer is sound");
        // Reported to the driver already, or just about to be.
        rig.driver.wait(Some(Duration::ZERO)).expect("sound");
        rig.driver.close(key);
        drop(peer);
        rig.round_trip();
        assert!(!rig.has_seen(key), "{:?}", rig.seen);
    }
}

pub(crate) fn stale_keys_are_harmless<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (old, _) = rig.connect();
    rig.driver.close(old);
    let (new, mut peer) = rig.connect();
    assert_eq!(new.index(), old.index());
    for stale in [old, Key::new(12_345, 1)] {
        assert_eq!(rig.send(stale, b"x"), Outcome::Gone);
        rig.driver.pause(stale);
        rig.driver.resume(stale);
        rig.driver.detach(stale);
        rig.driver.shutdown(stale);
        rig.driver.close(stale);
        assert_eq!(rig.driver.peer_addr(stale), None);
    }
    peer.write_all(b"hello").expect("the peer is sound");
    assert_eq!(rig.receive(new, 5), b"hello");
    assert_eq!(rig.send(new, b"hello"), Outcome::Sent(5));
}

pub(crate) fn shutdown_sends_a_fin_and_receiving_goes_on<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    assert_eq!(rig.send(key, b"answer"), Outcome::Sent(6));
    rig.driver.shutdown(key);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).expect("ended in order");
    assert_eq!(answer, b"answer");
    peer.write_all(b"more").expect("the peer is sound");
    assert_eq!(rig.receive(key, 4), b"more");
    drop(peer);
    assert_eq!(rig.gone(key), Ended::Finished);
}
