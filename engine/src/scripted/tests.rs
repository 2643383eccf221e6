//! What the conformance suite cannot ask of real sockets, and that the test driver keeps its promises.

use super::*;
use crate::{Departure, Outcome};
use std::io::IoSlice;

/// Everything that a turn brings; leases go back at once.
fn turn(driver: &mut Scripted) -> Vec<String> {
    driver.wait(None).expect("never fails");
    std::iter::from_fn(|| driver.next().map(|completion| driver.describe(completion))).collect()
}

impl Scripted {
    fn describe(&mut self, completion: Completion<Bytes>) -> String {
        match completion {
            Completion::Accepted(_) => "accepted".into(),
            Completion::AcceptFailed(error) => format!("accept failed: {:?}", error.raw_os_error()),
            Completion::Received(key, lease) => {
                let text = String::from_utf8_lossy(&lease).into_owned();
                self.recycle(key, lease);
                text
            }
            Completion::Writable(_) => "writable".into(),
            Completion::Gone(_, Departure::Finished) => "finished".into(),
            Completion::Gone(_, Departure::Failed(error)) => format!("{:?}", error.kind()),
            Completion::Released(..) => "released".into(),
            Completion::Woken => "woken".into(),
        }
    }

    fn try_send(&mut self, key: Key, bytes: &[u8]) -> Outcome {
        let slices = [IoSlice::new(bytes)];
        let mut batch = [Attempt::new(key, &slices)];
        self.send(&mut batch);
        batch[0].outcome
    }
}

#[test]
fn pieces_arrive_in_turn_and_the_fin_behind_them() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    script.feed(peer, "a");
    script.feed(peer, "b");
    script.finish(peer);
    let seen: Vec<String> = (0..5).flat_map(|_| turn(&mut driver)).collect();
    assert_eq!(seen, ["accepted", "a", "b", "finished"]);
}

#[test]
fn lease_that_is_out_holds_the_next_piece_back() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    turn(&mut driver);
    script.feed(peer, "a");
    script.feed(peer, "b");
    driver.wait(None).unwrap();
    let Some(Completion::Received(_, lease)) = driver.next() else { panic!("nothing received") };
    assert!(turn(&mut driver).is_empty());
    driver.recycle(peer, lease);
    assert_eq!(turn(&mut driver), ["b"]);
}

#[test]
fn short_send_is_followed_by_writable_once_there_is_room() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    turn(&mut driver);
    script.set_room(peer, Some(4));
    assert_eq!(driver.try_send(peer, b"abcdef"), Outcome::Sent(4));
    assert!(turn(&mut driver).is_empty());
    script.add_room(peer, 10);
    assert_eq!(turn(&mut driver), ["writable"]);
    assert_eq!(driver.try_send(peer, b"ef"), Outcome::Sent(2));
    assert!(turn(&mut driver).is_empty());
    assert_eq!(script.sent(peer), b"abcdef");
}

#[test]
fn most_per_send_cuts_attempts_short() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    turn(&mut driver);
    script.set_most_per_send(peer, Some(2));
    assert_eq!(driver.try_send(peer, b"abc"), Outcome::Sent(2));
    assert_eq!(turn(&mut driver), ["writable"]);
    assert_eq!(driver.try_send(peer, b"c"), Outcome::Sent(1));
}

#[test]
fn paused_peer_is_silent_but_for_a_reset() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    turn(&mut driver);
    driver.pause(peer);
    script.feed(peer, "a");
    assert!(turn(&mut driver).is_empty());
    script.reset(peer);
    assert_eq!(turn(&mut driver), ["ConnectionReset"]);
    assert_eq!(driver.try_send(peer, b"x"), Outcome::Gone);
}

#[test]
fn failed_accept_stands_still_until_resumed() {
    let (mut driver, script) = pair();
    script.fail_accept(io::Error::from_raw_os_error(libc::EMFILE));
    let peer = script.connect();
    assert_eq!(turn(&mut driver), [format!("accept failed: {:?}", Some(libc::EMFILE))]);
    assert!(turn(&mut driver).is_empty());
    assert_eq!(driver.open(), 0);
    driver.resume_accept();
    assert_eq!(turn(&mut driver), ["accepted"]);
    assert!(script.is_accepted(peer));
}

#[test]
fn detached_peer_is_heard_of_only_when_it_leaves() {
    let (mut driver, script) = pair();
    let peer = script.connect();
    turn(&mut driver);
    script.feed(peer, "a");
    driver.detach(peer);
    assert!(turn(&mut driver).is_empty());
    assert_eq!(script.unreceived(peer), 0);
    assert!(script.is_detached(peer));
    script.feed(peer, "b");
    script.finish(peer);
    assert_eq!(turn(&mut driver), ["finished"]);
    script.reset(peer);
    assert!(turn(&mut driver).is_empty(), "reported twice");
}

#[test]
fn closed_peer_remembers_what_it_got_and_is_never_heard_of_again() {
    let (mut driver, script) = pair();
    let old = script.connect();
    turn(&mut driver);
    driver.try_send(old, b"bye");
    driver.shutdown(old);
    script.feed(old, "too late");
    driver.close(old);
    let new = script.connect();
    assert_eq!(new.index(), old.index());
    assert_eq!(turn(&mut driver), ["accepted"]);
    assert!(turn(&mut driver).is_empty());
    assert!(script.is_closed(old) && script.is_shut_down(old));
    assert_eq!(script.take_sent(old), b"bye");
    assert_eq!(driver.try_send(old, b"x"), Outcome::Gone);
}

#[test]
fn stopped_listener_accepts_the_queued_and_refuses_the_next() {
    let (mut driver, script) = pair();
    let queued = script.connect();
    driver.stop_accepting();
    let refused = script.connect();
    assert_eq!(turn(&mut driver), ["accepted"]);
    assert!(script.is_accepted(queued) && script.is_closed(refused));
    assert!(!script.is_accepting());
}

#[test]
fn a_driver_is_quiet_when_the_next_turn_brings_nothing() {
    let (mut driver, script) = pair();
    assert!(script.is_quiet());
    let peer = script.connect();
    assert!(!script.is_quiet(), "it is not accepted yet");
    turn(&mut driver);
    assert!(script.is_quiet());
    script.feed(peer, "a");
    assert!(!script.is_quiet(), "its bytes are not received yet");
    turn(&mut driver);
    driver.waker().wake();
    assert!(!script.is_quiet(), "nobody was told of the wake");
    turn(&mut driver);
    script.fail_accept(io::Error::from_raw_os_error(libc::EMFILE));
    assert!(!script.is_quiet(), "nobody was told of the failure");
    turn(&mut driver);
    script.connect();
    assert!(script.is_quiet(), "accepting stands still");
}

#[test]
fn wakes_come_as_one() {
    let (mut driver, _script) = pair();
    driver.waker().wake();
    driver.waker().wake();
    assert_eq!(turn(&mut driver), ["woken"]);
}

#[test]
fn hundred_thousand_peers_are_cheap() {
    let (mut driver, script) = pair();
    let peers: Vec<Key> = (0..100_000).map(|_| script.connect()).collect();
    driver.wait(None).unwrap();
    assert_eq!(std::iter::from_fn(|| driver.next()).count(), peers.len());
    for peer in &peers {
        assert_eq!(driver.try_send(*peer, b"x"), Outcome::Sent(1));
    }
    assert_eq!(driver.open(), peers.len());
}

#[test]
fn peer_moves_from_one_driver_to_another_with_all_that_is_its_own() {
    let ((mut from, script), (mut to, other)) = (pair(), pair());
    let peer = script.connect();
    script.set_room(peer, Some(2));
    turn(&mut from);
    assert_eq!(from.try_send(peer, b"hello"), Outcome::Sent(2));
    assert!(from.release(peer));
    script.feed(peer, "a");
    assert_eq!(from.open(), 1);
    from.wait(None).unwrap();
    let Some(Completion::Released(key, handover)) = from.next() else { panic!("not released") };
    assert_eq!((key, from.open()), (peer, 0));
    let moved = to.adopt(handover).expect("of the same engine");
    other.add_room(moved, 10);
    other.finish(moved);
    let seen: Vec<String> = (0..4).flat_map(|_| turn(&mut to)).collect();
    assert_eq!(seen, ["writable", "a", "finished"]);
    assert_eq!((to.open(), other.sent(moved)), (1, b"he".to_vec()));
    assert!(!to.release(moved), "its end was reported");
    assert!(!from.release(peer), "it is gone");
}
