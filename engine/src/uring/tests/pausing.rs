//! Pausing and resuming while completions are on their way: order, and resets meanwhile.

use super::*;
use crate::uring::events;

#[test]
fn receive_that_is_taken_back_may_still_bring_bytes() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.driver.pause(key);
    assert!(stage.kernel.has(receive(key)), "nothing has come: it may stay");
    stage.kernel.receives(receive(key), b"one ", true);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.was_asked_to_cancel(receive(key)));
    // Before the cancel takes hold, and with it: cancelled, with a partial count.
    stage.kernel.receives(receive(key), b"two ", true);
    stage.kernel.receives(receive(key), b"three", false);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.all_buffers(), "what is held is copied");
    assert!(!stage.kernel.has(receive(key)), "begun while paused");
    let reset = Tag::Connection(Watch::Reset, key);
    assert!(stage.kernel.has(reset), "nobody looks for a reset");
    stage.driver.resume(key);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    seen.extend(stage.turn());
    assert_eq!(seen, [received(key, "one "), received(key, "two "), received(key, "three")]);
    assert!(stage.kernel.has(receive(key)));
}

#[test]
fn reset_that_was_told_before_the_pause_is_reported() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    let reset = pause_with_a_piece(&mut stage, key);
    stage.driver.resume(key);
    break_off(peer);
    stage.kernel.complete(reset, Ok(events::BROKEN), true);
    // Told while there is a piece to deliver, and not told again.
    stage.driver.wait(Some(Duration::ZERO)).expect("sound");
    stage.driver.pause(key);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    assert_eq!(seen, [Seen::Failed(key, Some(libc::ECONNRESET))]);
}

#[test]
fn receive_that_finds_no_error_any_more_does_not_undo_a_reset() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    let reset = pause_with_a_piece(&mut stage, key);
    stage.driver.resume(key);
    assert_eq!(stage.turn(), [received(key, "held")]);
    stage.driver.pause(key);
    assert!(stage.kernel.has(receive(key)) && stage.kernel.has(reset));
    break_off(peer);
    // The poll has the error asked for; the receive finds the socket closed.
    stage.kernel.complete(reset, Ok(events::BROKEN), true);
    stage.kernel.complete(receive(key), Ok(0), false);
    assert_eq!(stage.turn(), [Seen::Failed(key, Some(libc::ECONNRESET))]);
}

#[test]
fn hang_up_without_an_error_is_no_reset() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.driver.pause(key);
    stage.kernel.complete(receive(key), Ok(0), false);
    assert_eq!(stage.turn(), [], "it is paused");
    // Both sides have finished.
    stage.kernel.complete(Tag::Connection(Watch::Reset, key), Ok(events::BROKEN), true);
    assert_eq!(stage.turn(), []);
    stage.driver.resume(key);
    assert_eq!(stage.turn(), [Seen::Finished(key)]);
}

/// Pitfall: the kernel forgets a reset that comes while a receive brings bytes, and says nothing more.
#[test]
fn reset_that_a_receive_forgot_is_told_by_a_poll() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    let reset = Tag::Connection(Watch::Reset, key);
    stage.kernel.receives(receive(key), b"half a request", true);
    assert_eq!(stage.turn(), [received(key, "half a request")]);
    assert!(stage.kernel.has(reset), "nothing was sent that would have told");
    break_off(peer);
    stage.kernel.complete(reset, Ok(events::BROKEN), true);
    assert_eq!(stage.turn(), [], "bytes may still be there");
    assert!(stage.kernel.was_asked_to_cancel(receive(key)));
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(stage.turn(), []);
    // A receive that begins finds what there is.
    stage.kernel.receives(receive(key), b"last", true);
    stage.kernel.complete(receive(key), Err(libc::ECONNRESET), false);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    assert_eq!(seen, [received(key, "last"), Seen::Failed(key, Some(libc::ECONNRESET))]);
}

#[test]
fn request_that_is_answered_costs_no_poll() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.kernel.receives(receive(key), b"a request", true);
    stage.driver.wait(Some(Duration::ZERO)).expect("sound");
    let Some(Completion::Received(_, lease)) = stage.driver.next() else { panic!("no bytes") };
    let answer = [IoSlice::new(b"an answer")];
    stage.driver.send(&mut [Attempt::new(key, &answer)]);
    stage.driver.recycle(key, lease);
    assert_eq!(stage.turn(), []);
    assert!(!stage.kernel.has(Tag::Connection(Watch::Reset, key)));
}

/// Paused, with a piece in hand and nothing received: only its poll for a reset is under way.
fn pause_with_a_piece(stage: &mut Stage, key: Key) -> Tag {
    stage.driver.pause(key);
    stage.kernel.receives(receive(key), b"held", false);
    assert_eq!(stage.turn(), []);
    let reset = Tag::Connection(Watch::Reset, key);
    assert!(stage.kernel.has(reset) && !stage.kernel.has(receive(key)));
    reset
}

#[test]
fn receive_is_taken_back_in_every_pause() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    for _ in 0..2 {
        stage.driver.pause(key);
        stage.kernel.receives(receive(key), b"x", true);
        assert_eq!(stage.turn(), []);
        assert!(stage.kernel.was_asked_to_cancel(receive(key)), "it goes on filling buffers");
        stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
        stage.turn();
        stage.driver.resume(key);
        assert_eq!(stage.turn(), [received(key, "x")]);
    }
}

#[test]
fn resume_before_the_cancel_takes_hold_loses_nothing() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.driver.pause(key);
    stage.kernel.receives(receive(key), b"held", true);
    assert_eq!(stage.turn(), []);
    stage.driver.resume(key);
    stage.kernel.receives(receive(key), b" and fresh", true);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    assert_eq!(seen, [received(key, "held"), received(key, " and fresh")]);
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.has(receive(key)), "not begun again");
}

#[test]
fn fresh_bytes_wait_behind_all_that_is_held() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.driver.pause(key);
    stage.kernel.receives(receive(key), b"1", true);
    stage.kernel.receives(receive(key), b"2", true);
    assert_eq!(stage.turn(), []);
    stage.driver.resume(key);
    stage.kernel.receives(receive(key), b"3", true);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    seen.extend(stage.turn());
    assert_eq!(seen, ["1", "2", "3"].map(|text| received(key, text)));
}
