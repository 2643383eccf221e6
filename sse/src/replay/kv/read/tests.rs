//! What is missing in a store that gives ids first and stores events later: waited for or not, and how often.

use super::*;
use crate::replay::kv::KvLimits;
use crate::replay::{
    AppendInOneStep, Counter, KeyValue, KvReplayConfig, MemoryKv, ReplayStore, Scope,
};
use crate::{Event, PreparedEvent};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

mod counters;

/// A store in memory that is not as good.
#[derive(Clone, Default)]
struct Poor {
    memory: MemoryKv,
    one_step: bool,
    evicts: bool,
    /// What its counters are less than they should be.
    short: u64,
    gets: Arc<AtomicUsize>,
    /// The most bytes that one answer had.
    most: Arc<AtomicUsize>,
}

impl Counter for Poor {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        Ok(self.memory.add(key, by, initial)?.saturating_sub(self.short))
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.memory.read(key)
    }
}

impl KeyValue for Poor {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        let values = self.memory.get(keys)?;
        self.most.fetch_max(values.iter().flatten().map(Bytes::len).sum(), Ordering::Relaxed);
        Ok(values)
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        self.memory.insert(entries, ttl)
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        self.memory.remove(keys)
    }

    fn appends_in_one_step(&self) -> bool {
        self.one_step
    }

    fn append(
        &self,
        log: &LogKeys,
        values: &[Bytes],
        ttl: Option<Duration>,
        initial: u64,
    ) -> AppendInOneStep {
        self.memory.append(log, values, ttl, initial)
    }

    fn evicts(&self) -> Result<bool, StoreError> {
        Ok(self.evicts)
    }

    fn limits(&self) -> KvLimits {
        self.memory.limits()
    }
}

/// So long that no test waits for its end, unless it is broken.
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(100);

fn open(kv: &Poor, config: KvReplayConfig) -> KvReplayStore {
    KvReplayStore::new(kv.clone(), config).expect("a store")
}

fn config(grace: Duration) -> KvReplayConfig {
    KvReplayConfig::new().grace(grace)
}

fn append(store: &KvReplayStore) -> u64 {
    let ids = store.append(&Scope::shared(), &[Event::data("x").into()]).expect("appended");
    ids.last().and_then(|id| id.as_number()).expect("a number")
}

fn since(store: &KvReplayStore, after: u64) -> Result<Vec<u64>, UnknownId> {
    match store.since(&Scope::shared(), Some(&after.into()), 1000) {
        Ok(page) => Ok(page.events.iter().filter_map(|event| event.id.as_number()).collect()),
        Err(StoreError::Unknown { why, .. }) => Err(why),
        Err(error) => panic!("{error}"),
    }
}

fn tail(store: &KvReplayStore) -> u64 {
    store.tail(&Scope::shared()).expect("a tail").as_number().expect("a number")
}

fn give_ids(kv: &Poor, many: u64) -> u64 {
    kv.memory.add("seq", many, 0).expect("ids")
}

fn entry(id: u64, age: Duration) -> (String, Bytes) {
    let event: PreparedEvent = Event::data("x").into();
    let written = value::now_millis() - u64::try_from(age.as_millis()).expect("not that old");
    let value = [&b"E"[..], &written.to_be_bytes(), event.as_bytes()].concat();
    (format!("events/{id}"), value.into())
}

fn store_late(kv: &Poor, id: u64, age: Duration) {
    assert_eq!(kv.memory.insert(&[entry(id, age)], None).expect("stored"), [true]);
}

fn remove(kv: &Poor, ids: impl IntoIterator<Item = u64>) {
    let keys: Vec<_> = ids.into_iter().map(|id| format!("events/{id}")).collect();
    kv.memory.remove(&keys).expect("removed");
}

/// How often the store was asked for values meanwhile.
fn gets(kv: &Poor, call: impl FnOnce()) -> usize {
    let before = kv.gets.load(Ordering::Relaxed);
    call();
    kv.gets.load(Ordering::Relaxed) - before
}

#[test]
fn who_is_up_to_date_waits_for_an_event_under_way_and_has_not_aged_out() {
    let plenty = Duration::from_hours(1);
    for (evicts, clock, ttl, begins) in [
        (true, false, None, false),
        (true, false, None, true),
        (true, true, None, true),
        (false, false, Some(plenty), true),
        // The newest is about to expire.
        (false, false, Some(LONG + CLOCKS + SHORT), false),
    ] {
        let kv = Poor { evicts, ..Poor::default() };
        let mut config = config(LONG).ids_from_clock(clock);
        config.ttl = ttl;
        let store = open(&kv, config);
        let at = if begins { tail(&store) } else { append(&store) };
        thread::sleep(if ttl.is_some_and(|ttl| ttl < plenty) { 2 * SHORT } else { Duration::ZERO });
        let late = give_ids(&kv, 1);
        thread::scope(|scope| {
            let reader = scope.spawn(|| since(&store, at));
            // Afterwards it has begun to wait, or has not looked yet.
            thread::sleep(Duration::from_millis(20));
            store_late(&kv, late, Duration::ZERO);
            assert_eq!(
                reader.join().expect("no panic"),
                Ok(vec![at + 1]),
                "{evicts} {clock} {ttl:?}"
            );
        });
    }
}

#[test]
fn when_everything_is_gone_one_grace_time_is_waited_for_all() {
    let kv = Poor { evicts: true, ..Poor::default() };
    let store = open(&kv, config(SHORT));
    (0..300).for_each(|_| assert_ne!(append(&store), 0));
    remove(&kv, 1..=300);
    let begin = Instant::now();
    assert_eq!(since(&store, 200), Err(UnknownId::AgedOut));
    assert!(begin.elapsed() >= SHORT, "an event may be under way");
    let asked = gets(&kv, || {
        for after in 0..300 {
            assert_eq!(since(&store, after), Err(UnknownId::AgedOut), "{after}");
        }
    });
    assert!(asked <= 2 * 300, "the page and the witness, and nobody waits: {asked}");
    assert_eq!(since(&store, 300), Ok(vec![]));
}

#[test]
fn nobody_waits_where_a_later_event_is_old() {
    for many in [2, 128, 129, 1000] {
        let kv = Poor { evicts: true, ..Poor::default() };
        let store = open(&kv, config(LONG));
        append(&store);
        let last = give_ids(&kv, many);
        store_late(&kv, last, LONG + 2 * CLOCKS);
        let asked = gets(&kv, || assert_eq!(since(&store, 1), Err(UnknownId::AgedOut)));
        assert!(asked <= 3, "{asked}");
    }
}

#[test]
fn a_later_event_that_is_young_says_nothing() {
    let kv = Poor { evicts: true, ..Poor::default() };
    let store = open(&kv, config(LONG));
    append(&store);
    let last = give_ids(&kv, 2);
    store_late(&kv, last, LONG);
    thread::scope(|scope| {
        let reader = scope.spawn(|| since(&store, 1));
        thread::sleep(Duration::from_millis(20));
        store_late(&kv, last - 1, Duration::ZERO);
        assert_eq!(reader.join().expect("no panic"), Ok(vec![2, 3]));
    });
}

#[test]
fn the_beginning_is_a_witness_where_nothing_expires_or_is_dropped() {
    let kv = Poor::default();
    let store = open(&kv, config(SHORT));
    assert_eq!(since(&store, 0), Ok(vec![]));
    give_ids(&kv, 1);
    assert_eq!(since(&store, 0), Ok(vec![]), "nobody has got past it");
    assert_eq!(append(&store), 2);
    assert_eq!(since(&store, 0), Ok(vec![2]), "it was never stored");
}

#[test]
fn where_ids_and_events_are_one_step_nobody_waits() {
    let kv = Poor { one_step: true, ..Poor::default() };
    let store = open(&kv, config(LONG));
    (0..3).for_each(|_| assert_ne!(append(&store), 0));
    remove(&kv, [1, 2]);
    for after in [0, 1] {
        let asked = gets(&kv, || assert_eq!(since(&store, after), Err(UnknownId::AgedOut)));
        assert_eq!(asked, 1);
    }
    // The event before is there, and the store does not know that it has dropped any.
    assert_eq!([append(&store), append(&store)], [4, 5]);
    remove(&kv, [4]);
    assert_eq!(since(&store, 3), Err(UnknownId::AgedOut));
    remove(&kv, [5]);
    assert_eq!(since(&store, 4), Err(UnknownId::AgedOut), "also behind the newest");
    assert_eq!(since(&store, 5), Ok(vec![]));
    assert_eq!(append(&store), 6);
    kv.memory.insert(&[("events/5".into(), value::hole())], None).expect("stored");
    assert_eq!(since(&store, 4), Ok(vec![6]), "it is known that there was none");
    assert_eq!(store.settles_within(), Duration::ZERO);
    assert_eq!(open(&Poor::default(), config(LONG)).settles_within(), LONG);
    assert_eq!(open(&kv, config(LONG).async_append(1)).settles_within(), LONG);
}

#[test]
fn events_have_to_outlive_what_is_under_way() {
    // The least is the grace time and a second.
    for (ttl_millis, lives) in [(1099, false), (1100, false), (1101, true)] {
        for (one_step, at_once) in [(false, None), (true, Some(1)), (true, None)] {
            let mut config = config(SHORT).ttl(Duration::from_millis(ttl_millis));
            config.async_append = at_once;
            let opened = KvReplayStore::new(Poor { one_step, ..Poor::default() }, config);
            if lives || one_step && at_once.is_none() {
                opened.expect("a store");
                continue;
            }
            let refused = opened.map(drop).expect_err("too short");
            assert!(matches!(refused, StoreError::ShortLived { .. }), "{refused}");
        }
    }
}

#[test]
fn who_may_not_wait_is_told_when_to_look_again() {
    let kv = Poor { evicts: true, ..Poor::default() };
    let store = open(&kv, config(LONG));
    let shared = Scope::shared();
    let now = |after: u64| store.since_now(&shared, Some(&after.into()), 10);
    assert_eq!(append(&store), 1);
    give_ids(&kv, 1);
    for _ in 0..10 {
        let asked = gets(&kv, || assert!(matches!(now(1), Ok(Since::Later(_))), "under way"));
        assert!(asked <= 3, "{asked}");
    }
    assert_eq!(gets(&kv, || assert!(matches!(now(1), Ok(Since::Later(_))))), 1);
    store_late(&kv, 2, Duration::ZERO);
    let Ok(Since::Page(page)) = now(1) else { panic!("it is there") };
    assert_eq!((page.events[0].id.clone(), page.events.len()), (2.into(), 1));
}

#[test]
fn only_what_was_given_a_grace_time_ago_is_a_hole() {
    let kv = Poor::default();
    let store = open(&kv, config(SHORT));
    assert_eq!(append(&store), 1);
    give_ids(&kv, 1);
    assert_eq!(append(&store), 3);
    let now = || store.since_now(&Scope::shared(), Some(&1.into()), 10);
    assert!(matches!(now(), Ok(Since::Later(_))));
    thread::sleep(SHORT);
    // Meanwhile another was given, and it is under way when the first is known not to come.
    give_ids(&kv, 1);
    assert_eq!(append(&store), 5);
    let Ok(Since::Page(page)) = now() else { panic!("the time is over") };
    assert_eq!((page.events.len(), page.more), (1, true));
    store_late(&kv, 4, Duration::ZERO);
    assert_eq!(since(&store, 1), Ok(vec![3, 4, 5]));
}

#[test]
fn large_events_are_fetched_a_few_at_a_time() {
    const LARGE: usize = 1 << 20;
    let kv = Poor { evicts: true, ..Poor::default() };
    let store = open(&kv, config(SHORT));
    let large: PreparedEvent = Event::data("x".repeat(LARGE)).into();
    store.append(&Scope::shared(), &vec![large; 40]).expect("appended");
    let most = || kv.most.swap(0, Ordering::Relaxed) / LARGE;
    assert_eq!(since(&store, 0), Ok(vec![1]));
    assert_eq!(most(), 8, "nothing is known of them");
    for after in 1..40 {
        assert_eq!(since(&store, after), Ok(vec![after + 1]));
    }
    assert_eq!(most(), 1);
    // What is looked at because something is missing, too.
    remove(&kv, [2]);
    assert_eq!(since(&store, 1), Err(UnknownId::AgedOut));
    assert_eq!(most(), 4);
    // Small ones are fetched by the page as soon as it is known that they are small.
    let small: PreparedEvent = Event::data("x").into();
    store.append(&Scope::shared(), &vec![small; 200]).expect("appended");
    let asked = gets(&kv, || assert_eq!(since(&store, 40).map(|ids| ids.len()), Ok(200)));
    assert!(asked <= 3, "{asked}");
}

#[test]
fn a_log_ends_at_what_vouches_for_what_follows() {
    let scope = Scope::shared();
    let event = || [PreparedEvent::from(Event::data("x"))];
    let grace = Duration::from_millis(50);
    let kv = Poor::default();
    let config = || KvReplayConfig::new().grace(grace).ids_from_clock(true);
    let store = KvReplayStore::new(kv.clone(), config()).expect("sound");
    let give = |many| {
        let log = config().log(&scope);
        kv.add(log.counter(), many, 0).expect("it counts")
    };
    // Nothing was stored yet, and whoever is given the first ids dies.
    let begin = store.tail(&scope).expect("it is there");
    give(200);
    let first = store.append(&scope, &event()).expect("it is stored").last();
    let page = store.since(&scope, Some(&begin), 9).expect("the beginning vouches");
    assert_eq!(page.events.last().map(|event| event.id.clone()), first);
    // The same behind an event.
    for many in [1, 2, 3, 7, 100, 255] {
        give(many);
        let tail = store.tail(&scope).expect("it is there");
        assert_eq!(
            Some(tail.clone()),
            store
                .since(&scope, Some(&begin), 999)
                .map(|page| { page.events.last().map(|event| event.id.clone()) })
                .expect("it is kept")
        );
        let next = store.append(&scope, &event()).expect("it is stored").last();
        let page = store.since(&scope, Some(&tail), 9).expect("the event vouches");
        assert_eq!(page.events.first().map(|event| event.id.clone()), next);
    }
}
