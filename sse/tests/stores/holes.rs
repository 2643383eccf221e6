//! Ids that were given and whose events are not there: under way, never stored, or gone.

use crate::support::{Kind, Stand, all_since, append, away, on_every_store, why};
use headwater_sse::replay::{
    KvReplayConfig, KvReplayStore, ReplayStore, Scope, StoreError, UnknownId,
};
use headwater_sse::{Event, EventId, PreparedEvent};
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

on_every_store! { from memory:
    a_hole_is_stepped_over_after_the_grace_time_and_only_once,
    an_event_that_is_under_way_is_waited_for,
    what_comes_too_late_is_told,
    several_holes_cost_one_grace_time,
    nothing_behind_the_newest_event_is_waited_for,
    an_event_that_is_gone_is_no_hole,
    what_a_store_of_one_step_lacks_is_told_at_once,
    a_counter_that_went_back_is_raised_and_told,
}

const GRACE: Duration = Duration::from_millis(300);

/// In as few steps as the store can do.
fn open(stand: &Stand) -> KvReplayStore {
    stand.open(stand.config().grace(GRACE))
}

/// In two steps.
fn open_async(stand: &Stand, grace: Duration) -> KvReplayStore {
    stand.open(stand.config().grace(grace).async_append(KvReplayConfig::ASYNC_APPENDS))
}

/// What a process does that dies between the two steps.
fn give_an_id(stand: &Stand, topic: &Scope) -> EventId {
    let key = format!("{}seq/{topic}", stand.prefix);
    stand.kv().add(&key, 1, 0).expect("an id").into()
}

fn key(stand: &Stand, topic: &Scope, id: &EventId) -> String {
    format!("{}{topic}/events/{id}", stand.prefix)
}

/// What is stored of an event: its kind, its time, itself.
fn value(event: &PreparedEvent) -> bytes::Bytes {
    let millis = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    let millis = u64::try_from(millis).expect("not that late").to_be_bytes();
    [&b"E"[..], &millis, event.as_bytes()].concat().into()
}

fn ids(store: &KvReplayStore, topic: &Scope, after: &EventId) -> Vec<EventId> {
    let all = all_since(store, topic, after, 100).expect("known");
    all.into_iter().map(|(id, _)| id).collect()
}

fn a_hole_is_stepped_over_after_the_grace_time_and_only_once(stand: &Stand) {
    let (store, topic) = (open_async(stand, GRACE), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    let hole = give_an_id(stand, &topic);
    let last = append(&store, &topic, "last");
    assert_eq!(last, away(&first, 2));

    let page = store.since(&topic, Some(&away(&first, -1)), 100);
    // At the very beginning there is no event to tell a hole by, and nothing to wait for either.
    if let Ok(page) = page {
        assert_eq!((page.events.len(), page.more), (1, true), "what is dense comes at once");
    }
    let begin = Instant::now();
    assert_eq!(ids(&store, &topic, &first), slice::from_ref(&last));
    assert!(begin.elapsed() >= GRACE, "not before the time is over");
    // Others find the place taken: in the store, not in a process.
    let patient = open_async(stand, Duration::from_hours(1));
    assert_eq!(ids(&patient, &topic, &first), slice::from_ref(&last));
    // Nobody has seen it, but who says so has missed nothing before the last.
    assert_eq!(ids(&patient, &topic, &hole), [last]);
}

fn an_event_that_is_under_way_is_waited_for(stand: &Stand) {
    let (store, topic) = (open_async(stand, Duration::from_mins(1)), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    let slow = give_an_id(stand, &topic);
    let last = append(&store, &topic, "last");
    let event = PreparedEvent::new(&Event::data("slow"));
    let all = thread::scope(|scope| {
        let reader = scope.spawn(|| all_since(&store, &topic, &first, 100).expect("known"));
        // It does not matter whether the reader has begun to wait by now.
        thread::sleep(Duration::from_millis(20));
        let entry = (key(stand, &topic, &slow), value(&event));
        assert_eq!(stand.kv().insert(&[entry], None).expect("an answer"), [true]);
        reader.join().expect("no panics")
    });
    assert_eq!(all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), [slow, last]);
    assert_eq!(all[0].1, event);
}

fn what_comes_too_late_is_told(stand: &Stand) {
    let (store, topic) = (open_async(stand, GRACE), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    let slow = give_an_id(stand, &topic);
    let last = append(&store, &topic, "last");
    assert_eq!(ids(&store, &topic, &first), slice::from_ref(&last));
    let entry = (key(stand, &topic, &slow), value(&Event::data("too late").into()));
    assert_eq!(stand.kv().insert(&[entry], None).expect("an answer"), [false]);
    assert_eq!(ids(&store, &topic, &first), [last], "it never appears");
}

fn several_holes_cost_one_grace_time(stand: &Stand) {
    let (store, topic) = (open_async(stand, GRACE), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    for _ in 0..20 {
        give_an_id(stand, &topic);
    }
    let middle = append(&store, &topic, "middle");
    give_an_id(stand, &topic);
    let last = append(&store, &topic, "last");
    assert_eq!(ids(&store, &topic, &first), [middle, last]);
    let patient = open_async(stand, Duration::from_hours(1));
    assert_eq!(ids(&patient, &topic, &first).len(), 2, "all of them are taken");
}

fn nothing_behind_the_newest_event_is_waited_for(stand: &Stand) {
    let (store, topic) = (open_async(stand, Duration::from_hours(1)), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    let second = append(&store, &topic, "second");
    give_an_id(stand, &topic);
    give_an_id(stand, &topic);
    // To a reader an event that is being appended is there afterwards.
    assert_eq!(ids(&store, &topic, &first), slice::from_ref(&second));
    assert_eq!(ids(&store, &topic, &second), []);
}

fn an_event_that_is_gone_is_no_hole(stand: &Stand) {
    let (store, topic) = (open(stand), Scope::topic("news"));
    let first = append(&store, &topic, "first");
    let second = append(&store, &topic, "second");
    let third = append(&store, &topic, "third");
    append(&store, &topic, "last");
    // As if the oldest had been dropped, without the store knowing.
    let gone = [&first, &second].map(|id| key(stand, &topic, id));
    stand.kv().remove(&gone).expect("removed");
    for id in [away(&first, -1), first] {
        assert_eq!(why(store.since(&topic, Some(&id), 100)), UnknownId::AgedOut, "{id}");
    }
    // The next two are there: what came before them is nobody's loss who has seen it.
    assert_eq!(ids(&store, &topic, &second).len(), 2);
    assert_eq!(ids(&store, &topic, &third).len(), 1);
}

/// The store does not say that it has dropped anything, as after a restart.
fn what_a_store_of_one_step_lacks_is_told_at_once(stand: &Stand) {
    if stand.kind == Kind::Memcached {
        return;
    }
    let store = stand.open(stand.config().grace(Duration::from_hours(1)));
    let topic = Scope::topic("news");
    let ids: Vec<_> = (0..7).map(|at| append(&store, &topic, &at.to_string())).collect();
    stand.kv().remove(&[key(stand, &topic, &ids[5])]).expect("removed");
    let page = store.since(&topic, Some(&ids[2]), 100).expect("the next is there");
    assert_eq!((page.events.len(), page.more), (2, true));
    assert_eq!(why(store.since(&topic, Some(&ids[4]), 100)), UnknownId::AgedOut);
    assert_eq!(self::ids(&store, &topic, &ids[5]), [ids[6].clone()]);
}

/// Pitfall 10: a counter that somebody has lost gives no id a second time without a word.
fn a_counter_that_went_back_is_raised_and_told(stand: &Stand) {
    let (store, topic) = (open(stand), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    (0..5).for_each(|at| assert_ne!(append(&store, &topic, &at.to_string()), before));
    let last = store.tail(&topic).expect("a tail");
    if !forget_counter(stand, &topic) {
        return;
    }
    let told = store.append(&topic, &[Event::data("x").into()]);
    if let Err(error) = told {
        assert!(matches!(error, StoreError::WentBack { .. }), "{error}");
        assert!(error.may_have_written());
    }
    let next = append(&store, &topic, "next");
    assert!(crate::support::number(&next) > crate::support::number(&last), "{next} {last}");
}

/// Whether it could be made to.
fn forget_counter(stand: &Stand, topic: &Scope) -> bool {
    let key = format!("{}seq/{topic}", stand.prefix);
    stand.kv().remove(slice::from_ref(&key)).expect("an answer");
    stand.kv().read(&key).expect("an answer").is_none()
}
