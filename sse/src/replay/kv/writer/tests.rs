//! Storing on a thread while the store fails, or stands still.

use super::*;
use crate::replay::{Counter, KvReplayStore, MemoryKv, ReplayStore, Scope};
use crate::{ClientReplay, Event, Hub};
use std::sync::mpsc::{self, Receiver, Sender};

/// Stores when it is told how.
struct Told {
    memory: MemoryKv,
    how: Mutex<Receiver<How>>,
    /// What counting panics at.
    panics_at: u64,
    /// Is told how many bytes each insert is to store, before it asks how.
    began: Sender<Vec<usize>>,
}

enum How {
    Well,
    NotAtAll,
    WithoutSaying,
    Panicking,
    /// All but the entry at this place.
    Refusing(usize),
    WithoutSayingOf(usize),
    /// With an error that panics when it is dropped.
    Breaking,
}

#[derive(Debug)]
struct Breaks;

impl std::fmt::Display for Breaks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("told so")
    }
}

impl std::error::Error for Breaks {}

impl Drop for Breaks {
    fn drop(&mut self) {
        panic!("told so");
    }
}

impl Told {
    fn insert_without(
        &self,
        place: usize,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<(), StoreError> {
        let (before, after) = (&entries[..place], &entries[place + 1..]);
        self.memory.insert(&[before, after].concat(), ttl).map(drop)
    }
}

impl Counter for Told {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        assert_ne!(self.memory.read(key)?, Some(self.panics_at), "told so");
        self.memory.add(key, by, initial)
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.memory.read(key)
    }
}

impl KeyValue for Told {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.memory.get(keys)
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        // Not every test listens.
        self.began.send(entries.iter().map(|(_, value)| value.len()).collect()).ok();
        let how = self.how.lock().expect("none under it").recv().unwrap_or(How::Well);
        match how {
            How::Well => self.memory.insert(entries, ttl),
            How::NotAtAll => Err(StoreError::unavailable("told so", false)),
            How::WithoutSaying => {
                self.memory.insert(entries, ttl)?;
                Err(StoreError::unavailable("told so", true))
            }
            How::Panicking => panic!("told so"),
            How::Refusing(place) => {
                self.insert_without(place, entries, ttl)?;
                Err(StoreError::refused("told so"))
            }
            How::WithoutSayingOf(place) => {
                self.insert_without(place, entries, ttl)?;
                Err(StoreError::unavailable("told so", true))
            }
            How::Breaking => Err(StoreError::refused(Breaks)),
        }
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        self.memory.remove(keys)
    }
}

fn store(cap: usize, retry_for: Duration) -> (KvReplayStore, Sender<How>) {
    store_panicking(cap, retry_for, u64::MAX)
}

fn store_panicking(
    cap: usize,
    retry_for: Duration,
    panics_at: u64,
) -> (KvReplayStore, Sender<How>) {
    let config = KvReplayConfig::new().async_append(cap).retry_for(retry_for);
    let (store, tell, _) = store_of(config, panics_at);
    (store, tell)
}

fn store_of(
    config: KvReplayConfig,
    panics_at: u64,
) -> (KvReplayStore, Sender<How>, Receiver<Vec<usize>>) {
    let ((tell, how), (began, begins)) = (mpsc::channel(), mpsc::channel());
    let kv = Told { memory: MemoryKv::new(), how: Mutex::new(how), panics_at, began };
    (KvReplayStore::new(kv, config).expect("a store"), tell, begins)
}

/// The first event is being stored, and others can be appended behind it.
fn busy() -> (KvReplayStore, Sender<How>, Receiver<Vec<usize>>) {
    let config = KvReplayConfig::new().async_append(64).retry_for(Duration::from_mins(1));
    let (store, tell, begins) = store_of(config, u64::MAX);
    append(&store);
    assert_eq!(begins.recv_timeout(Duration::from_mins(1)).expect("it begins").len(), 1);
    (store, tell, begins)
}

fn append(store: &KvReplayStore) {
    store.append(&Scope::shared(), &[Event::data("x").into()]).expect("an id");
}

fn settle(store: &KvReplayStore) -> Result<(), StoreError> {
    store.writer.as_ref().expect("a writer").settle(Duration::from_mins(1))
}

fn stored(store: &KvReplayStore) -> usize {
    store.since(&Scope::shared(), Some(&0.into()), 100).expect("known").events.len()
}

#[test]
fn what_fails_is_tried_again_and_what_was_done_already_is_not_lost() {
    let (store, tell) = store(8, Duration::from_mins(1));
    for how in [How::NotAtAll, How::WithoutSaying, How::NotAtAll, How::Well] {
        tell.send(how).expect("a store");
    }
    append(&store);
    assert_eq!((stored(&store), store.lost()), (1, 0));
}

#[test]
fn what_cannot_be_stored_in_time_is_counted_as_lost() {
    let (store, tell) = store(8, Duration::ZERO);
    tell.send(How::NotAtAll).expect("a store");
    append(&store);
    settle(&store).expect("it is over");
    assert_eq!((store.lost(), store.pending()), (1, 0));
}

#[test]
fn of_batches_that_are_refused_in_part_only_what_is_not_there_is_lost() {
    for place in 0..3 {
        let (store, tell, begins) = busy();
        (0..3).for_each(|_| append(&store));
        for how in [How::Well, How::Refusing(place)] {
            tell.send(how).expect("a store");
        }
        settle(&store).expect("it is over");
        assert_eq!(begins.try_recv().expect("they are joined").len(), 3);
        assert_eq!((begins.try_recv().ok(), store.lost()), (None, 1), "{place}");
    }
}

#[test]
fn what_is_there_already_is_not_stored_again() {
    let (store, tell, begins) = busy();
    (0..3).for_each(|_| append(&store));
    for how in [How::Well, How::WithoutSayingOf(1), How::Well] {
        tell.send(how).expect("a store");
    }
    settle(&store).expect("it is over");
    let inserts: Vec<_> = begins.try_iter().map(|sizes| sizes.len()).collect();
    assert_eq!((inserts, store.lost()), (vec![3, 1], 0));
    assert_eq!(stored(&store), 4);
}

#[test]
fn batches_are_joined_up_to_a_mebibyte() {
    let (store, tell, begins) = busy();
    let kib = [400, 400, 400, 2000, 1, 1];
    for kib in kib {
        let event = Event::data("x".repeat(kib << 10)).into();
        store.append(&Scope::shared(), &[event]).expect("an id");
    }
    drop(tell);
    settle(&store).expect("it is over");
    let inserts: Vec<Vec<_>> = begins.try_iter().collect();
    let joined: Vec<_> = inserts.iter().map(Vec::len).collect();
    assert_eq!(joined, [2, 1, 1, 2], "{inserts:?}");
    assert_eq!(store.lost(), 0);
}

#[test]
fn what_is_tried_again_for_ever_is_stored_at_last() {
    let (store, tell) = store(1, Duration::MAX);
    for how in [How::NotAtAll, How::WithoutSaying, How::Well] {
        tell.send(how).expect("a store");
    }
    append(&store);
    assert_eq!((stored(&store), store.lost(), store.pending()), (1, 0, 0));
}

#[test]
fn a_thread_that_ends_loses_what_is_pending_and_everybody_is_told() {
    let (store, tell) = store(2, Duration::from_mins(1));
    let event = [Event::data("x").into()];
    (0..2).for_each(|_| append(&store));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| store.append(&Scope::shared(), &event));
        tell.send(How::Breaking).expect("a store");
        let refused = waiting.join().expect("no panic").expect_err("no thread");
        assert!(!refused.may_have_written(), "{refused}");
    });
    settle(&store).expect_err("nothing is stored");
    store.append(&Scope::shared(), &event).expect_err("no thread");
    assert_eq!((store.lost(), store.pending()), (2, 0));
}

#[test]
fn at_the_cap_appending_waits_until_something_is_stored() {
    for cap in [1, 3] {
        let (store, tell) = store(cap, Duration::from_mins(1));
        (0..cap).for_each(|_| append(&store));
        assert_eq!(store.pending(), cap, "up to the cap nothing waits");
        let (done, is_done) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                append(&store);
                done.send(()).expect("somebody waits");
            });
            let early = is_done.recv_timeout(Duration::from_millis(50));
            assert!(early.is_err(), "past it one does");
            drop(tell);
            is_done.recv_timeout(Duration::from_mins(1)).expect("it goes on");
        });
        assert_eq!((stored(&store), store.lost()), (cap + 1, 0));
    }
}

#[test]
fn a_store_that_panics_loses_what_it_was_given_and_nobody_waits_for_it() {
    let (store, tell) = store(1, Duration::from_mins(1));
    for how in [How::Panicking, How::Well] {
        tell.send(how).expect("a store");
        // At a cap of one, the second waits for the first.
        append(&store);
    }
    settle(&store).expect("it is over");
    assert_eq!((store.lost(), store.pending()), (1, 0));
}

#[test]
fn a_counter_that_panics_is_an_error_and_takes_no_place() {
    let (store, tell) = store_panicking(1, Duration::from_mins(1), 1);
    drop(tell);
    append(&store);
    for _ in 0..3 {
        let refused = store.append(&Scope::shared(), &[Event::data("x").into()]);
        assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    }
    assert_eq!((stored(&store), store.lost(), store.pending()), (1, 0, 0));
}

#[test]
fn what_is_lost_is_told_by_those_that_use_the_store() {
    let (store, tell) = store(8, Duration::ZERO);
    tell.send(How::NotAtAll).expect("a store");
    let store = Arc::new(store);
    let news = Hub::new().broker("news").replay(store.clone()).build();
    news.publish(Event::data("x")).expect("an id");
    settle(&store).expect("it is over");
    let stats = news.replay_stats().expect("it has a store");
    assert_eq!((stats.stored, stats.lost), (1, 1));
    assert_eq!(ClientReplay::new(store).stats().lost, 1);
}
