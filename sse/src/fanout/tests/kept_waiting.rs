//! Streams that wait for events which may be under way in their stores: on no thread that others need.

use super::kept::{coming, numbered, seen};
use super::stores::{Task, finish, until};
use super::*;
use crate::fanout::Resumed;
use crate::replay::{
    Counter, KeyValue, KvReplayConfig, KvReplayStore, MemoryKv, Scope, StoreError,
};
use crate::{ClientReplay, PreparedEvent};
use bytes::Bytes;
use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

const STREAMS: usize = 50;

/// Gives ids before it stores events, and is asked by threads.
#[derive(Clone, Default)]
struct TwoSteps {
    memory: MemoryKv,
    /// What came first in each question.
    asked: Arc<Mutex<HashSet<String>>>,
}

impl TwoSteps {
    fn was_asked_for_all(&self, keys: &[String]) -> bool {
        let asked = self.asked.lock().expect("no panic under the lock");
        keys.iter().all(|key| asked.contains(key))
    }

    fn store(&self, key: &str, event: &PreparedEvent) {
        let millis = UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
        let millis = u64::try_from(millis).expect("not that late").to_be_bytes();
        let value = [&b"E"[..], &millis, event.as_bytes()].concat();
        let put = self.memory.insert(&[(key.to_owned(), value.into())], None);
        assert_eq!(put.expect("stored"), [true]);
    }
}

impl Counter for TwoSteps {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        self.memory.add(key, by, initial)
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.memory.read(key)
    }
}

impl KeyValue for TwoSteps {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.asked.lock().expect("no panic under the lock").extend(keys.first().cloned());
        self.memory.get(keys)
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
}

/// So long that no test waits for its end, unless it is broken.
fn store(kv: &TwoSteps) -> Arc<KvReplayStore> {
    let grace = Duration::from_mins(10);
    let config = KvReplayConfig::new().grace(grace).ttl(Duration::from_hours(1));
    Arc::new(KvReplayStore::new(kv.clone(), config).expect("a store"))
}

#[test]
fn clients_that_wait_for_events_under_way_keep_no_others_from_the_store() {
    let (kv, mut core) = (TwoSteps::default(), Core::new());
    let replay = ClientReplay::new(store(&kv));
    let keys: Vec<_> = (0..STREAMS).map(|n| format!("user/{n}/events/1")).collect();
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|n| {
            assert_eq!(kv.memory.add(&format!("seq/user/{n}"), 1, 0).expect("an id"), 1);
            let scope = Scope::user(&n.to_string());
            coming(&mut core, &Arc::default(), &replay, scope, Some(0))
        })
        .collect();
    until(&mut core, "all are asked for", |_| {
        let done = streams.iter_mut().filter_map(|(_, _, task, _)| task.poll().then_some(()));
        assert_eq!(done.count(), 0, "none is there");
        kv.was_asked_for_all(&keys)
    });
    for key in &keys {
        kv.store(key, &Event::data("1").into());
    }
    for (peer, _, mut task, outcome) in streams {
        finish(&mut core, &mut task);
        outcome.lock().expect("no panic").take().expect("it is done").expect("it has all");
        assert_eq!(seen(&mut core, peer), numbered(1, 1));
    }
}

#[test]
fn streams_of_a_broker_that_wait_for_events_under_way_keep_no_others_from_the_store() {
    let (kv, mut core) = (TwoSteps::default(), Core::new());
    let news = Hub::new().broker("news").replay(store(&kv)).build();
    let many = STREAMS as u64;
    assert_eq!(kv.memory.add("seq/topic/news", many, 0).expect("ids"), many);
    let keys: Vec<_> = (1..=many).map(|id| format!("topic/news/events/{id}")).collect();
    let mut streams: Vec<_> = (0..many)
        .map(|after| {
            let peer = core.open(Framing::Chunked, true);
            let resumed = core.fanout.subscribe_from(peer.id, &news, Some(after.into()));
            let Resumed::Rest(rest) = resumed else { panic!("it is not read in place") };
            (peer, after, Task::new(async move { rest.run().await.expect("it has all") }))
        })
        .collect();
    until(&mut core, "all are asked for", |_| {
        assert!(!streams.iter_mut().any(|(_, _, task)| task.poll()), "none is there");
        kv.was_asked_for_all(&keys)
    });
    for (id, key) in (1..).zip(&keys) {
        kv.store(key, &Event::data(format!("{id}")).into());
    }
    for (peer, after, mut task) in streams {
        finish(&mut core, &mut task);
        assert_eq!(seen(&mut core, peer), numbered(after + 1, many));
    }
}
