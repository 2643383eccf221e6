//! What deadlines of connections cost a worker that has 10,000 of them. Each benchmark looks at its result
//! before it is timed.
//!
//! `cargo bench -p headwater-engine [-- PART]`; `cargo test -p headwater-engine --bench micro` goes through
//! each once.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use headwater_engine::timer::{Class, Fifo};
use std::time::{Duration, Instant};

const SLOTS: usize = 10_000;
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_secs(5);
/// How late a deadline may be.
const GRAIN: Duration = Duration::from_millis(100);

fn main() {
    divan::main();
}

/// All slots armed, each later than the one before.
fn armed() -> (Fifo, Class, Class, Instant) {
    let epoch = Instant::now();
    let mut fifo = Fifo::new(epoch);
    let (long, short) = (fifo.class(LONG, GRAIN), fifo.class(SHORT, GRAIN));
    let step = Duration::from_micros(100);
    let mut now = epoch;
    for slot in 0..SLOTS {
        now += step;
        fifo.arm(slot, long, now);
    }
    assert_eq!((fifo.len(), fifo.oldest(long)), (SLOTS, Some(0)));
    (fifo, long, short, now)
}

/// As for each request on a connection: its deadline is put off.
#[divan::bench]
fn arm_anew(bencher: Bencher<'_, '_>) {
    let (mut fifo, long, _, now) = armed();
    fifo.arm(0, long, now);
    assert_eq!((fifo.len(), fifo.oldest(long)), (SLOTS, Some(1)));
    let mut slot = 0;
    bencher.bench_local(|| {
        slot = (slot + 1) % SLOTS;
        fifo.arm(black_box(slot), long, now);
    });
}

/// As for a request whose handler takes its time: another deadline, and none in between.
#[divan::bench]
fn cancel_and_arm_in_another_class(bencher: Bencher<'_, '_>) {
    let (mut fifo, long, short, now) = armed();
    fifo.cancel(0);
    assert_eq!((fifo.len(), fifo.armed(0)), (SLOTS - 1, None));
    fifo.arm(0, short, now);
    assert_eq!((fifo.len(), fifo.armed(0)), (SLOTS, Some(short)));
    let mut slot = 0;
    bencher.bench_local(|| {
        slot = (slot + 1) % SLOTS;
        fifo.cancel(black_box(slot));
        fifo.arm(slot, if slot % 2 == 0 { short } else { long }, now);
    });
}

/// Before each sleep.
#[divan::bench]
fn next_deadline(bencher: Bencher<'_, '_>) {
    let (fifo, ..) = armed();
    let next = fifo.next_deadline().expect("all are armed");
    assert!(next >= Instant::now(), "none is due yet");
    bencher.bench_local(|| black_box(&fifo).next_deadline());
}

/// In each turn.
#[divan::bench]
fn look_where_none_has_expired(bencher: Bencher<'_, '_>) {
    let (mut fifo, .., now) = armed();
    assert_eq!(fifo.expired(now), None);
    bencher.bench_local(|| fifo.expired(black_box(now)));
}

/// Heartbeats of all streams: each is due, and armed anew.
#[divan::bench]
fn all_expire_and_are_armed_anew(bencher: Bencher<'_, '_>) {
    let (mut fifo, long, _, mut now) = armed();
    let mut round = || {
        now += LONG + GRAIN;
        let mut expired = 0;
        while let Some((slot, class)) = fifo.expired(now) {
            fifo.arm(slot, class, now);
            expired += 1;
        }
        expired
    };
    assert_eq!((round(), round()), (SLOTS, SLOTS));
    bencher.counter(ItemsCount::new(SLOTS)).bench_local(round);
    assert_eq!((fifo.len(), fifo.oldest(long)), (SLOTS, Some(0)));
}
