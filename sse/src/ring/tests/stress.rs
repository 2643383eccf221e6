//! Long runs on four threads, each checked against the one list of what was published.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::super::{Reader, Ring};
use super::world::{Bell, deadline};

const PER_PUBLISHER: u64 = if cfg!(miri) { 50 } else { 20_000 };

/// Position and value.
type Log = Vec<(u64, u64)>;

/// A thread that publishes `first`, `first + 2`, … and waits whenever the ring is full.
fn publisher(ring: &Arc<Ring<Arc<u64>>>, first: u64) -> thread::JoinHandle<Log> {
    let ring = Arc::clone(ring);
    thread::spawn(move || {
        let publish = |value: u64| {
            let position = ring.publish_wait(Arc::new(value), value % 5, deadline());
            (position.expect("somebody reads"), value)
        };
        (0..PER_PUBLISHER).map(|serial| publish(first + 2 * serial)).collect()
    })
}

/// Reads everything, up to `max` at a time, and sleeps when there is nothing.
fn read(reader: &mut Reader<Arc<u64>>, bell: &Bell, max: usize, seen: &mut Log) {
    let taken = reader.take(max, |position, value| {
        seen.push((position, **value));
        ControlFlow::Continue(())
    });
    if taken == 0 && reader.prepare_sleep() {
        bell.wait();
        reader.awake();
    }
}

/// The one order, and each publisher's own order within it.
fn merge(publishers: [thread::JoinHandle<Log>; 2]) -> Log {
    let logs = publishers.map(|publisher| publisher.join().unwrap());
    assert!(logs.iter().all(|log| log.is_sorted()), "a publisher's values keep their order");
    let mut merged = logs.concat();
    merged.sort_unstable();
    assert!(merged.iter().map(|(position, _)| *position).eq(0..2 * PER_PUBLISHER));
    merged
}

#[test]
fn two_publishers_and_two_sleepy_readers_lose_nothing() {
    for (capacity, bytes) in [(1, u64::MAX), (8, 12), (1024, u64::MAX)] {
        let ring = Arc::new(Ring::new(capacity, bytes, 2));
        let readers = [3, usize::MAX].map(|max| {
            let bell = Bell::new();
            let mut reader = ring.join(Arc::<Bell>::clone(&bell)).unwrap();
            thread::spawn(move || {
                let mut seen = Log::new();
                while reader.position() < 2 * PER_PUBLISHER {
                    read(&mut reader, &bell, max, &mut seen);
                }
                seen
            })
        });
        let published = merge([publisher(&ring, 0), publisher(&ring, 1)]);
        for reader in readers {
            assert!(reader.join().unwrap() == published, "a reader missed or reordered something");
        }
        assert_eq!((ring.len(), ring.bytes(), ring.readers()), (0, 0, 0));
    }
}

#[test]
fn readers_that_come_and_go_see_stretches_without_gap() {
    let ring = Arc::new(Ring::new(16, 40, 2));
    let done = Arc::new(AtomicBool::new(false));
    let visitor = {
        let (ring, done) = (Arc::clone(&ring), Arc::clone(&done));
        thread::spawn(move || {
            let mut stretches = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let bell = Bell::new();
                let mut reader: Reader<Arc<u64>> = ring.join(Arc::<Bell>::clone(&bell)).unwrap();
                let mut seen = Log::new();
                let start = reader.position();
                // Some stay for a while, some leave asleep, some with values unread.
                for _ in 0..start % 4 {
                    reader.take(5, |position, value| {
                        seen.push((position, **value));
                        ControlFlow::Continue(())
                    });
                    reader.prepare_sleep();
                }
                stretches.push((start, seen));
            }
            stretches
        })
    };
    let bell = Bell::new();
    let mut reader = ring.join(Arc::<Bell>::clone(&bell)).unwrap();
    let publishers = [publisher(&ring, 0), publisher(&ring, 1)];
    let mut seen = Log::new();
    while reader.position() < 2 * PER_PUBLISHER {
        read(&mut reader, &bell, 7, &mut seen);
    }
    done.store(true, Ordering::Relaxed);
    let published = merge(publishers);
    assert!(seen == published, "the reader that stayed missed or reordered something");
    for (start, stretch) in visitor.join().unwrap() {
        let start = usize::try_from(start).unwrap();
        assert!(published[start..].starts_with(&stretch), "a visitor's stretch has a gap");
    }
    drop(reader);
    assert_eq!((ring.len(), ring.bytes(), ring.readers()), (0, 0, 0));
}

#[test]
fn values_are_dropped_once_whoever_comes_last() {
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let ring = Arc::new(Ring::new(4, u64::MAX, 2));
    let readers = [0, 1].map(|_| {
        let bell = Bell::new();
        let mut reader = ring.join(Arc::<Bell>::clone(&bell)).unwrap();
        thread::spawn(move || {
            while reader.position() < 2 * PER_PUBLISHER {
                let all = |_, _: &Counted| ControlFlow::Continue(());
                if reader.take(usize::MAX, all) == 0 && reader.prepare_sleep() {
                    bell.wait();
                    reader.awake();
                }
            }
            reader
        })
    });
    let publishers = [0, 1].map(|_| {
        let ring = Arc::clone(&ring);
        thread::spawn(move || {
            for _ in 0..PER_PUBLISHER {
                ALIVE.fetch_add(1, Ordering::Relaxed);
                ring.publish_wait(Counted, 1, deadline()).expect("somebody reads");
            }
        })
    });
    for publisher in publishers {
        publisher.join().unwrap();
    }
    let _readers = readers.map(|reader| reader.join().unwrap());
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0, "dropped while the readers are still there");
}
