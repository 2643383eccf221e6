//! Connections that leave for another driver while the kernel has operations on them, in every order of
//! completions.

use super::*;
use std::os::fd::RawFd;

/// Adopts what has left the other stage.
fn adopt(to: &mut Stage, from: &mut Stage, key: Key) -> Key {
    let handover = from.take_left(key);
    to.driver.adopt(handover).expect("of the same engine")
}

/// Everything that comes in a few turns.
fn turns(stage: &mut Stage) -> Vec<Seen> {
    (0..4).flat_map(|_| stage.turn()).collect()
}

fn descriptor(stage: &Stage, key: Key) -> RawFd {
    stage.driver.connections.get(key).expect("it is there").socket.as_raw_fd()
}

#[test]
fn connection_leaves_only_after_the_last_completion() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    assert!(stage.driver.release(key));
    assert!(stage.kernel.was_asked_to_cancel(receive(key)));
    assert_eq!(turns(&mut stage), []);
    assert_eq!(stage.driver.open(), 1, "the kernel still refers to it");
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(stage.turn(), [Seen::Released(key)]);
    assert_eq!(stage.driver.open(), 0);
}

#[test]
fn late_bytes_travel_along_in_order_and_free_their_buffers() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, _peer) = from.connect();
    // One is in the driver's queue, the others come before the cancel takes hold, and with it.
    from.kernel.receives(receive(key), b"a", true);
    from.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert!(from.driver.release(key));
    from.kernel.receives(receive(key), b"b", true);
    assert_eq!(from.turn(), []);
    from.kernel.receives(receive(key), b"c", false);
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    assert!(from.kernel.all_buffers(), "what travels is copied");
    let key = adopt(&mut to, &mut from, key);
    assert_eq!(turns(&mut to), [received(key, "a"), received(key, "b"), received(key, "c")]);
    to.kernel.receives(receive(key), b"d", true);
    assert_eq!(to.turn(), [received(key, "d")], "it goes on receiving");
}

#[test]
fn bytes_behind_a_turn_that_was_queued_before_travel_along() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, _peer) = from.connect();
    let slices = [IoSlice::new(b"12")];
    from.kernel.sends_come_to([Ok(1), Ok(0)]);
    from.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
    let room = Tag::Connection(Watch::Room, key);
    // Its turn stands in the queue, and what comes now behind that.
    from.kernel.complete(room, Ok(4), false);
    from.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert!(from.driver.release(key));
    from.kernel.receives(receive(key), b"hello", false);
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    let key = adopt(&mut to, &mut from, key);
    assert_eq!(turns(&mut to), [Seen::Writable(key), received(key, "hello")]);
}

#[test]
fn bytes_that_overflew_travel_along() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, _peer) = from.connect();
    assert!(from.driver.release(key));
    from.kernel.receives(receive(key), b"in time ", true);
    from.kernel.receives_in_overflow(receive(key), b"late", false);
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    let key = adopt(&mut to, &mut from, key);
    assert_eq!(turns(&mut to), [received(key, "in time "), received(key, "late")]);
}

#[test]
fn end_that_the_old_ring_has_swallowed_is_told_by_the_new_driver() {
    for end in [Ok(0), Err(libc::ECONNRESET)] {
        let (mut from, mut to) = (Stage::new(), Stage::new());
        let (key, _peer) = from.connect();
        assert!(from.driver.release(key));
        from.kernel.receives(receive(key), b"last words", true);
        // In place of the cancel.
        from.kernel.complete(receive(key), end, false);
        assert_eq!(turns(&mut from), [Seen::Released(key)]);
        let key = adopt(&mut to, &mut from, key);
        let last = match end {
            Ok(_) => Seen::Finished(key),
            Err(error) => Seen::Failed(key, Some(error)),
        };
        assert_eq!(turns(&mut to), [received(key, "last words"), last]);
        assert!(!to.kernel.has(receive(key)), "received again after the end");
    }
}

#[test]
fn end_that_was_not_told_yet_is_told_to_who_detaches_at_once() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, _peer) = from.connect();
    from.kernel.receives(receive(key), b"unwanted", true);
    from.kernel.complete(receive(key), Ok(0), false);
    from.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert!(from.driver.release(key));
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    let key = adopt(&mut to, &mut from, key);
    to.driver.detach(key);
    assert_eq!(turns(&mut to), [Seen::Finished(key)]);
}

#[test]
fn want_of_buffers_while_it_leaves_is_no_end() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, _peer) = from.connect();
    assert!(from.driver.release(key));
    from.kernel.complete(receive(key), Err(libc::ENOBUFS), false);
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    assert_eq!(from.kernel.grown(), 1);
    let key = adopt(&mut to, &mut from, key);
    assert_eq!(turns(&mut to), []);
    assert!(to.kernel.has(receive(key)));
}

#[test]
fn everything_that_is_under_way_is_taken_back_once() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let slices = [IoSlice::new(b"12")];
    stage.kernel.sends_come_to([Ok(1), Ok(0)]);
    stage.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
    let room = Tag::Connection(Watch::Room, key);
    assert!(stage.kernel.has(room));
    stage.kernel.cancels();
    assert!(stage.driver.release(key));
    assert_eq!(stage.kernel.cancels(), [receive(key), room]);
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(turns(&mut stage), []);
    assert!(stage.driver.release(key), "asked once more");
    assert_eq!(stage.kernel.cancels(), [], "each once");
    stage.kernel.complete(room, Err(libc::ECANCELED), false);
    assert_eq!(turns(&mut stage), [Seen::Released(key)]);
}

#[test]
fn sender_that_waits_for_room_goes_on_waiting_with_the_new_driver() {
    for told_before in [false, true] {
        let (mut from, mut to) = (Stage::new(), Stage::new());
        let (key, _peer) = from.connect();
        let slices = [IoSlice::new(b"12")];
        from.kernel.sends_come_to([Ok(1), Ok(0)]);
        from.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
        let room = |key| Tag::Connection(Watch::Room, key);
        assert!(from.driver.release(key));
        from.kernel.complete(receive(key), Err(libc::ECANCELED), false);
        from.kernel.complete(room(key), told_before.then_some(4).ok_or(libc::ECANCELED), false);
        assert_eq!(turns(&mut from), [Seen::Released(key)]);
        let key = adopt(&mut to, &mut from, key);
        to.driver.detach(key);
        if !told_before {
            assert_eq!(turns(&mut to), []);
            to.kernel.complete(room(key), Ok(4), true);
        }
        assert_eq!(turns(&mut to), [Seen::Writable(key)], "told before: {told_before}");
    }
}

#[test]
fn paused_and_detached_connections_leave_their_polls_behind() {
    for detached in [false, true] {
        let (mut from, mut to) = (Stage::new(), Stage::new());
        let (key, _peer) = from.connect();
        from.driver.pause(key);
        from.kernel.receives(receive(key), b"held", false);
        assert_eq!(from.turn(), []);
        if detached {
            from.driver.detach(key);
        }
        let watch = if detached { Watch::Detached } else { Watch::Reset };
        assert!(from.kernel.has(Tag::Connection(watch, key)));
        assert!(from.driver.release(key));
        for cancelled in from.kernel.cancels() {
            from.kernel.complete(cancelled, Err(libc::ECANCELED), false);
        }
        assert_eq!(turns(&mut from), [Seen::Released(key)]);
        let key = adopt(&mut to, &mut from, key);
        let held = if detached { vec![] } else { vec![received(key, "held")] };
        assert_eq!(turns(&mut to), held);
    }
}

#[test]
fn adopted_connection_that_is_detached_at_once_is_only_polled() {
    let (mut from, mut to) = (Stage::new(), Stage::new());
    let (key, peer) = from.connect();
    assert!(from.driver.release(key));
    from.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(turns(&mut from), [Seen::Released(key)]);
    let key = adopt(&mut to, &mut from, key);
    to.driver.detach(key);
    assert_eq!(turns(&mut to), []);
    let poll = Tag::Connection(Watch::Detached, key);
    assert!(to.kernel.has(poll));
    assert!(!to.kernel.has(receive(key)) && to.kernel.cancels().is_empty());
    drop(peer);
    to.kernel.complete(poll, Ok(1), false);
    assert_eq!(turns(&mut to), [Seen::Finished(key)]);
}

#[test]
fn leaving_connection_that_is_closed_keeps_its_socket_until_the_last_completion() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    let fd = descriptor(&stage, key);
    let socket = lifetime::socket_at(fd);
    assert!(stage.driver.release(key));
    stage.driver.close(key);
    assert!(sees_the_end(peer));
    assert_eq!(lifetime::socket_at(fd), socket, "closed under the kernel's hands");
    stage.kernel.receives(receive(key), b"for nobody", false);
    assert_eq!(turns(&mut stage), [], "closed connections leave for nowhere");
    assert_ne!(lifetime::socket_at(fd), socket, "never closed");
    assert!(stage.kernel.all_buffers());
}

#[test]
fn next_tenant_of_the_slot_hears_nothing_of_the_one_that_left() {
    let mut stage = Stage::new();
    let (old, _peer) = stage.connect();
    assert!(stage.driver.release(old));
    stage.kernel.complete(receive(old), Err(libc::ECANCELED), false);
    assert_eq!(turns(&mut stage), [Seen::Released(old)]);
    let (new, _new_peer) = stage.connect();
    assert_eq!(new.index(), old.index());
    // The cancel's own, and what no kernel should send.
    stage.kernel.complete(Tag::Cancel, Err(libc::ENOENT), false);
    stage.kernel.complete(receive(old), Ok(0), false);
    assert_eq!(turns(&mut stage), []);
}

#[test]
fn driver_may_adopt_what_it_has_released_itself() {
    let mut stage = Stage::new();
    let (old, _peer) = stage.connect();
    let fd = descriptor(&stage, old);
    assert!(stage.driver.release(old));
    stage.kernel.receives(receive(old), b"hello", false);
    assert_eq!(turns(&mut stage), [Seen::Released(old)]);
    let handover = stage.take_left(old);
    let new = stage.driver.adopt(handover).expect("of the same engine");
    assert_ne!(new, old);
    assert_eq!(descriptor(&stage, new), fd, "the same socket");
    assert_eq!(turns(&mut stage), [received(new, "hello")]);
    assert_eq!(stage.kernel.descriptor_of(receive(new)), Some(fd));
}
