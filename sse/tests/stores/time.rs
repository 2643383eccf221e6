//! Events that expire, and what stays: stores over a key-value store only.

use crate::support::{Stand, all_since, append, away, event, on_every_store, until, why};
use headwater_sse::replay::{KvReplayConfig, ReplayStore, Scope, UnknownId};
use std::time::Duration;

on_every_store! { from memory:
    an_id_whose_next_event_has_expired_has_aged_out,
    the_counter_does_not_expire_with_the_events,
    without_a_time_to_live_events_stay,
    ids_begin_at_the_clock_where_that_is_set,
    the_counter_has_the_key_that_is_set,
    events_have_the_keys_of_the_documentation,
    what_the_index_drops_is_removed_from_the_store,
    what_is_no_event_is_an_error_that_names_its_key,
    asynchronous_appends_are_stored_in_their_order,
    asynchronous_appends_of_several_stores_give_one_sequence,
}

/// Memcached counts in seconds, and events have to outlive the grace time and a second.
const TTL: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_millis(500);

fn short_lived(stand: &Stand) -> KvReplayConfig {
    stand.config().ttl(TTL).grace(GRACE)
}

fn an_id_whose_next_event_has_expired_has_aged_out(stand: &Stand) {
    let (store, topic) = (stand.open(short_lived(stand)), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let last = append(&store, &topic, "short-lived");
    until("it expires", || store.since(&topic, Some(&before), 10).is_err());
    assert_eq!(why(store.since(&topic, Some(&before), 10)), UnknownId::AgedOut);
    // Whoever has seen it has missed nothing.
    assert_eq!(store.since(&topic, Some(&last), 10).expect("up to date").events, []);
    let next = append(&store, &topic, "next");
    let page = store.since(&topic, Some(&before), 10);
    assert_eq!(why(page), UnknownId::AgedOut, "although there are events again");
    assert_eq!(next, away(&last, 1));
}

/// Pitfall 10.
fn the_counter_does_not_expire_with_the_events(stand: &Stand) {
    let (store, topic) = (stand.open(short_lived(stand)), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let last = append(&store, &topic, "short-lived");
    let key = topic_key(stand, &last.to_string());
    until("it expires", || {
        stand.kv().get(std::slice::from_ref(&key)).expect("an answer") == [None]
    });
    let again = stand.open(short_lived(stand));
    assert_eq!(again.tail(&topic).expect("a tail"), last);
    assert_eq!(append(&again, &topic, "next"), away(&before, 2), "ids go on");
}

fn without_a_time_to_live_events_stay(stand: &Stand) {
    let (store, topic) = (stand.open(stand.config()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    append(&store, &topic, "for ever");
    // As long as others take to go, written after it.
    let other = stand.open(short_lived(stand));
    let short = Scope::topic("short");
    let short_before = other.tail(&short).expect("a tail");
    append(&other, &short, "x");
    until("it expires", || other.since(&short, Some(&short_before), 10).is_err());
    assert_eq!(all_since(&store, &topic, &before, 10).expect("kept").len(), 1);
}

fn ids_begin_at_the_clock_where_that_is_set(stand: &Stand) {
    let (store, topic) = (stand.open(stand.config().ids_from_clock(true)), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    // Microseconds since 1970: more than in 2020, and less than numbers in JavaScript can tell apart.
    let micros: u64 = before.to_string().parse().expect("a number");
    assert!((1_577_836_800_000_000..1 << 53).contains(&micros), "{micros}");
    assert_eq!(store.tail(&topic).expect("a tail"), before, "the same when it is asked again");
    assert_eq!(append(&store, &topic, "x"), away(&before, 1));
    assert_eq!(append(&store, &topic, "y"), away(&before, 2));
    assert_eq!(all_since(&store, &topic, &before, 1).expect("all are there").len(), 2);
    for of_before in [0, 1, 1000] {
        let page = store.since(&topic, Some(&of_before.into()), 10);
        assert_eq!(why(page), UnknownId::AgedOut, "{of_before}");
    }
}

fn the_counter_has_the_key_that_is_set(stand: &Stand) {
    let key = format!("{}my own", stand.prefix).replace(' ', "-");
    let config = stand.config().counter_key(&key);
    let store = stand.open(config);
    let last = append(&store, &Scope::shared(), "x");
    let counter = stand.kv().read(&key).expect("an answer").expect("it is there");
    assert_eq!(last, counter.into());
    assert_eq!(stand.kv().read(&format!("{}seq", stand.prefix)).expect("an answer"), None);
}

fn events_have_the_keys_of_the_documentation(stand: &Stand) {
    let (store, kv, prefix) = (stand.open(stand.config()), stand.kv(), &stand.prefix);
    let last = append(&store, &Scope::shared(), "x");
    assert_eq!(
        kv.read(&format!("{prefix}seq")).expect("an answer").map(Into::into),
        Some(last.clone())
    );
    let its = append(&store, &Scope::user("a/b"), "y");
    let key = format!("{prefix}seq/user/a%2Fb");
    assert_eq!(kv.read(&key).expect("an answer").map(Into::into), Some(its.clone()));
    let keys = [format!("{prefix}events/{last}"), format!("{prefix}user/a%2Fb/events/{its}")];
    let values = kv.get(&keys).expect("an answer");
    for (value, text) in values.into_iter().zip(["data: x\n\n", "data: y\n\n"]) {
        assert!(value.expect("it is there").ends_with(text.as_bytes()));
    }
}

fn topic_key(stand: &Stand, id: &str) -> String {
    format!("{}topic/news/events/{id}", stand.prefix)
}

fn what_the_index_drops_is_removed_from_the_store(stand: &Stand) {
    let (store, topic) = (stand.open(stand.config().max_index(8)), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    for at in 0..40 {
        append(&store, &topic, &at.to_string());
    }
    let keys: Vec<_> =
        (1..=40).map(|at| topic_key(stand, &away(&before, at).to_string())).collect();
    let values = stand.kv().get(&keys).expect("an answer");
    let left = values.iter().flatten().count();
    assert!((6..=8).contains(&left), "{left} are left");
    assert!(values[32..].iter().filter(|value| value.is_some()).count() >= 6, "the newest");
}

fn what_is_no_event_is_an_error_that_names_its_key(stand: &Stand) {
    let (store, topic, kv) = (stand.open(stand.config()), Scope::topic("news"), stand.kv());
    for (at, junk) in
        ["", "data: x\n\n", "E12345678data: cut o", "E12345678a: b\n\nc: d\n\n"].iter().enumerate()
    {
        let topic = Scope::topic(&format!("junk {at}"));
        let before = store.tail(&topic).expect("a tail");
        let log = format!("{}seq/{topic}", stand.prefix);
        let id = kv.add(&log, 1, 0).expect("an id");
        let key = format!("{}{topic}/events/{id}", stand.prefix);
        let entry = (key.clone(), bytes::Bytes::copy_from_slice(junk.as_bytes()));
        assert_eq!(kv.insert(&[entry], None).expect("an answer"), [true]);
        let error = store.since(&topic, Some(&before), 10).expect_err("it is no event");
        assert!(error.to_string().contains(&key), "{error}");
    }
    append(&store, &topic, "others are not harmed");
}

fn asynchronous_appends_are_stored_in_their_order(stand: &Stand) {
    let config: KvReplayConfig = stand.config().async_append(KvReplayConfig::ASYNC_APPENDS);
    let (store, topic) = (stand.open(config.clone()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    for at in 0..300 {
        append(&store, &topic, &at.to_string());
        assert!(store.pending() <= KvReplayConfig::ASYNC_APPENDS, "never past the cap");
        if at % 100 == 99 {
            // Its own reader sees what it has appended.
            let all = all_since(&store, &topic, &before, 1000).expect("all are there");
            assert_eq!(all.len(), at + 1);
        }
    }
    let events: Vec<_> = (300..310).map(|at| event(at.to_string())).collect();
    store.append(&topic, &events).expect("appended");
    // What is pending is stored before it is gone.
    drop(store);
    let other = stand.open(config);
    let all = all_since(&other, &topic, &before, 1000).expect("all are there");
    let texts: Vec<_> = (0..310).map(|at| event(at.to_string())).collect();
    assert_eq!(all.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), texts);
    assert_eq!(other.lost(), 0);
}

fn asynchronous_appends_of_several_stores_give_one_sequence(stand: &Stand) {
    let topic = Scope::topic("news");
    let stores: Vec<_> = [1, 64, 0]
        .map(|cap| match cap {
            // The last one appends at once.
            0 => stand.open(stand.config()),
            cap => stand.open(stand.config().async_append(cap)),
        })
        .into();
    let before = stores[0].tail(&topic).expect("a tail");
    std::thread::scope(|scope| {
        for store in &stores {
            let topic = &topic;
            scope.spawn(move || {
                (0..100).for_each(|at| assert_ne!(append(store, topic, &at.to_string()), 0.into()));
            });
        }
    });
    until("all are stored", || stores.iter().all(|store| store.pending() == 0));
    let all = all_since(&stores[2], &topic, &before, 1000).expect("all are there");
    assert_eq!(crate::support::assert_dense(all.into_iter().map(|(id, _)| id), &before), 300);
    assert!(stores.iter().all(|store| store.lost() == 0));
}
