//! Sleeping and being woken.

use super::rig::{FEW_WAITS, PATIENCE, Rig, Seen, Subject};
use headwater_engine::{Attempt, Completion};
use std::{
    io::{IoSlice, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

fn woken(seen: &Seen) -> Option<()> {
    matches!(seen, Seen::Woken).then_some(())
}

pub(crate) fn wake_from_another_thread_ends_a_wait<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let waker = rig.driver.waker();
    let waking = thread::spawn(move || waker.wake());
    // Without an end of its own.
    let started = Instant::now();
    loop {
        rig.driver.wait(None).expect("sound");
        if let Some(Completion::Woken) = rig.driver.next() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "woken by something else all the time");
    }
    waking.join().expect("no panic");
}

pub(crate) fn longest_wait_ends_with_a_wake<D: Subject>() {
    let mut rig = Rig::<D>::new();
    rig.driver.wait(Some(Duration::ZERO)).expect("sound");
    let waker = rig.driver.waker();
    let waking = thread::spawn(move || {
        // Long enough for a busy loop to show.
        thread::sleep(Duration::from_millis(200));
        waker.wake();
    });
    for waits in 0.. {
        assert!(waits <= FEW_WAITS, "{waits} waits");
        rig.driver.wait(Some(Duration::MAX)).expect("sound");
        if let Some(Completion::Woken) = rig.driver.next() {
            break;
        }
    }
    waking.join().expect("no panic");
}

/// One thing is taken per wait, and what is left ends the next one.
pub(crate) fn wait_ends_at_once_while_something_is_left<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (_, mut peer) = rig.connect();
    peer.write_all(b"x").expect("the peer is sound");
    drop(peer);
    let started = Instant::now();
    loop {
        rig.driver.wait(Some(PATIENCE)).expect("sound");
        match rig.driver.next() {
            Some(Completion::Received(key, lease)) => rig.driver.recycle(key, lease),
            Some(Completion::Gone(..)) => break,
            _ => {}
        }
    }
    assert!(started.elapsed() < PATIENCE);
}

pub(crate) fn wait_without_patience_hears_of_bytes<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    let started = Instant::now();
    // The second time there is nothing else to ask the system for.
    for _ in 0..2 {
        peer.write_all(b"x").expect("the peer is sound");
        while !rig.has_seen(key) {
            rig.turn(Duration::ZERO);
            assert!(started.elapsed() < PATIENCE, "nothing was received");
        }
        rig.seen.clear();
    }
}

/// A batch of sends may find out about other things on its way.
pub(crate) fn wait_after_sends_hears_of_bytes_before_them<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, mut peer) = rig.connect();
    let slices = [IoSlice::new(b"x")];
    let started = Instant::now();
    for _ in 0..10 {
        peer.write_all(b"x").expect("the peer is sound");
        rig.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
        while !rig.has_seen(key) {
            rig.turn(PATIENCE);
        }
        rig.seen.clear();
    }
    assert!(started.elapsed() < PATIENCE);
}

pub(crate) fn wake_before_the_wait_is_not_lost<D: Subject>() {
    let mut rig = Rig::<D>::new();
    rig.driver.waker().wake();
    rig.driver.waker().wake();
    let started = Instant::now();
    rig.driver.wait(Some(PATIENCE)).expect("sound");
    assert!(started.elapsed() < PATIENCE);
    assert!(matches!(rig.driver.next(), Some(Completion::Woken)));
}

pub(crate) fn every_wake_is_heard<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let waker = rig.driver.waker();
    let (heard, confirmed) = mpsc::channel();
    let waking = thread::spawn(move || {
        for _ in 0..1000 {
            waker.wake();
            confirmed.recv().expect("the test goes on");
        }
    });
    for _ in 0..1000 {
        rig.until(woken);
        heard.send(()).expect("the thread goes on");
    }
    waking.join().expect("no panic");
}

pub(crate) fn wait_ends_when_the_time_is_over<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let started = Instant::now();
    // A wait may end early; then it is asked again.
    while started.elapsed() < Duration::from_millis(50) {
        rig.driver.wait(Some(Duration::from_millis(50))).expect("sound");
        assert!(rig.driver.next().is_none());
    }
    rig.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert!(started.elapsed() < PATIENCE);
}

pub(crate) fn idle_driver_sleeps<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let _connections: Vec<_> = (0..20).map(|_| rig.connect()).collect();
    rig.round_trip();
    let waits = rig.waits_in_half_a_second(|_| ());
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    assert!(rig.seen.is_empty(), "{:?}", rig.seen);
}

pub(crate) fn waker_outlives_its_driver<D: Subject>() {
    let rig = Rig::<D>::new();
    let waker = rig.driver.waker();
    drop(rig);
    waker.wake();
}
