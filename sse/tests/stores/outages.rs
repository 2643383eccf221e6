//! Servers that are gone, come back, stand still, or drop what they have.

use crate::support::stand::connect_within;
use crate::support::{Kind, Stand, all_since, append, away, event, number, until, why};
use headwater_sse::EventId;
use headwater_sse::replay::{
    KvReplayConfig, KvReplayStore, ReplayStore, Scope, StoreError, UnknownId,
};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// Makes a test of each case for each server, which each has to itself.
macro_rules! on_every_server {
    ($($case:ident),* $(,)?) => {
        #[cfg(feature = "redis")]
        mod redis { $(#[test] fn $case() { super::run(super::Kind::Redis, super::$case); })* }
        #[cfg(feature = "postgres")]
        mod postgres { $(#[test] fn $case() { super::run(super::Kind::Postgres, super::$case); })* }
        #[cfg(feature = "memcache")]
        mod memcached { $(#[test] fn $case() { super::run(super::Kind::Memcached, super::$case); })* }
    };
}

on_every_server! {
    a_server_that_is_killed_is_an_error_and_is_found_again_when_it_is_back,
    a_server_that_is_restarted_goes_on_or_has_forgotten_and_says_so,
    a_server_that_stands_still_is_an_error_in_time_and_goes_on_afterwards,
    asynchronous_appends_survive_a_server_that_stands_still,
    no_server_is_an_error_and_never_a_counter_of_the_process,
}

fn run(kind: Kind, case: impl FnOnce(&Stand)) {
    if let Some(stand) = Stand::own(kind, &[]) {
        case(&stand);
    }
}

/// For servers that are to be found dead.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Longer than connecting and an answer together.
const GRACE: Duration = Duration::from_secs(2);
/// In which an error has to come back on a busy machine, instead of never.
const LATE: Duration = Duration::from_secs(30);

fn impatient(stand: &Stand, config: KvReplayConfig) -> KvReplayStore {
    let kv = connect_within(&stand.address().expect("a server"), TIMEOUT);
    KvReplayStore::new(kv, config.grace(GRACE)).expect("a store")
}

fn unavailable<T>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Unavailable { .. }) => true,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => false,
    }
}

/// Appends until that works.
fn append_at_last(store: &KvReplayStore, topic: &Scope, text: &str) -> EventId {
    let mut id = None;
    until("appending works again", || match store.append(topic, &[event(text)]) {
        Ok(ids) => {
            id = ids.last();
            true
        }
        Err(StoreError::Unavailable { .. }) => false,
        Err(error) => panic!("another error: {error}"),
    });
    id.expect("an id")
}

fn a_server_that_is_killed_is_an_error_and_is_found_again_when_it_is_back(stand: &Stand) {
    let (store, topic) = (impatient(stand, stand.config()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let first = append(&store, &topic, "first");
    stand.server().kill();
    let begin = Instant::now();
    for _ in 0..20 {
        assert!(unavailable(store.append(&topic, &[event("lost")])));
        assert!(unavailable(store.since(&topic, Some(&before), 10)));
        assert!(unavailable(store.tail(&topic)));
    }
    assert!(begin.elapsed() < LATE, "errors come at once, or in time");
    stand.server().start_again();
    let next = append_at_last(&store, &topic, "next");
    if stand.kind == Kind::Memcached {
        // It has forgotten everything: its ids are greater than those it gave, and those unknown.
        assert!(number(&next) > number(&first));
        assert_eq!(why(store.since(&topic, Some(&before), 10)), UnknownId::AgedOut);
    } else {
        // None of what failed was recorded: the server was dead.
        assert_eq!(next, away(&first, 1));
        let all = all_since(&store, &topic, &before, 10).expect("what was answered is kept");
        let texts: Vec<_> = all.into_iter().map(|(_, event)| event).collect();
        assert_eq!(texts, [event("first"), event("next")]);
    }
}

/// Pitfalls 8 to 10.
fn a_server_that_is_restarted_goes_on_or_has_forgotten_and_says_so(stand: &Stand) {
    let topic = Scope::topic("news");
    let store = impatient(stand, stand.config());
    let ids: Vec<_> = (0..10).map(|at| append(&store, &topic, &at.to_string())).collect();
    stand.server().shut_down();
    stand.server().start_again();
    // As another process, which has seen none of them.
    let store = stand.open(stand.config());
    if stand.kind == Kind::Memcached {
        assert_eq!(why(store.since(&topic, Some(&ids[3]), 10)), UnknownId::AgedOut);
        assert_eq!(why(store.since(&topic, Some(&ids[9]), 10)), UnknownId::AgedOut);
        assert!(number(&append(&store, &topic, "next")) > number(&ids[9]));
    } else {
        assert_eq!(all_since(&store, &topic, &ids[3], 4).expect("known").len(), 6);
        assert_eq!(append(&store, &topic, "next"), away(&ids[9], 1));
    }
}

fn a_server_that_stands_still_is_an_error_in_time_and_goes_on_afterwards(stand: &Stand) {
    let (store, topic) = (impatient(stand, stand.config()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let first = append(&store, &topic, "first");
    stand.server().stall();
    let begin = Instant::now();
    assert!(unavailable(store.append(&topic, &[event("in doubt")])));
    assert!(unavailable(store.since(&topic, Some(&before), 10)));
    assert!(unavailable(store.append(&topic, &[event("in doubt")])));
    assert!(begin.elapsed() < LATE, "in time, and not when it goes on");
    stand.server().go_on();
    let next = append_at_last(&store, &topic, "next");
    // What was in doubt may be there: then it has an id of its own, and nothing is lost or twice.
    assert!(number(&next) > number(&first));
    let mut all = Vec::new();
    until("all are there", || match all_since(&store, &topic, &first, 10) {
        Ok(read) => {
            all = read;
            true
        }
        Err(StoreError::Unavailable { .. }) => false,
        Err(error) => panic!("another error: {error}"),
    });
    // A request that was in doubt may even be done after the next one was.
    let (certain, doubtful): (Vec<_>, Vec<_>) = all.into_iter().partition(|(id, _)| *id == next);
    assert_eq!(certain, [(next, event("next"))]);
    assert!(doubtful.iter().all(|(_, text)| *text == event("in doubt")), "{doubtful:?}");
}

fn asynchronous_appends_survive_a_server_that_stands_still(stand: &Stand) {
    let config = stand.config().async_append(8);
    let (store, topic) = (impatient(stand, config), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let mut given = vec![append(&store, &topic, "0")];
    stand.server().stall();
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let ids = (1..100).map(|at| append_at_last(&store, &topic, &at.to_string()));
            ids.collect::<Vec<_>>()
        });
        thread::sleep(TIMEOUT * 3);
        assert!(store.pending() <= 8, "never past the cap");
        stand.server().go_on();
        given.extend(publisher.join().expect("no panics"));
    });
    until("all are stored", || store.pending() == 0);
    assert_eq!(store.lost(), 0);
    // Ids whose giving was in doubt are holes, and nothing else is missing.
    let all = all_since(&store, &topic, &before, 50).expect("all are there");
    assert_eq!(all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), given);
    let texts: Vec<_> = (0..100).map(|at| event(at.to_string())).collect();
    assert_eq!(all.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), texts);
}

/// Pitfall 10.
fn no_server_is_an_error_and_never_a_counter_of_the_process(stand: &Stand) {
    let scheme = stand.address().expect("a server");
    let ours = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = ours.local_addr().expect("an address").port().to_string();
    drop(ours);
    let address = scheme.replace(&stand.server().port.to_string(), &nobody);
    for config in [stand.config(), stand.config().async_append(8)] {
        let store = KvReplayStore::new(connect_within(&address, TIMEOUT), config).expect("a store");
        for _ in 0..3 {
            let refused = store.append(&Scope::shared(), &[event("x")]);
            assert!(!refused.as_ref().is_err_and(StoreError::may_have_written), "{refused:?}");
            assert!(unavailable(refused));
            assert!(unavailable(store.tail(&Scope::shared())));
        }
        assert_eq!((store.pending(), store.lost()), (0, 0));
    }
}

/// What Memcached, or a Redis that may, drops for want of memory is told, and never left out.
fn dropped_events_are_told_and_never_left_out(stand: &Stand) {
    let (store, topic) = (stand.open(stand.config().ids_from_clock(true)), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    // Sizes are dropped one by one, so that what is missing is in the middle, too.
    let sizes = [100, 9_000, 60_000];
    let text = |at: usize| format!("{at} {}", "x".repeat(sizes[at % sizes.len()]));
    let mut given = vec![before];
    for at in 0..2000 {
        match store.append(&topic, &[event(text(at))]) {
            Ok(ids) => given.push(ids.last().expect("an id")),
            // The counter itself was dropped, and has been raised.
            Err(StoreError::WentBack { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(stand.kv().evicts().expect("an answer"), "the test is large enough");
    let mut told = 0;
    for (at, id) in given.iter().enumerate().step_by(23) {
        match all_since(&store, &topic, id, 1000) {
            Ok(all) => assert_eq!(all.len(), given.len() - 1 - at, "after {id}"),
            Err(StoreError::Unknown { why: UnknownId::AgedOut, .. }) => told += 1,
            Err(error) => panic!("after {id}: {error}"),
        }
    }
    assert!(told > 20, "{told} ids have aged out");
    append(&store, &topic, "it goes on");
}

#[cfg(feature = "memcache")]
#[test]
fn what_memcached_drops_is_told_and_never_left_out() {
    if let Some(stand) = Stand::own(Kind::Memcached, &["-m", "8"]) {
        dropped_events_are_told_and_never_left_out(&stand);
    }
}

#[cfg(feature = "redis")]
#[test]
fn what_redis_drops_is_told_and_never_left_out() {
    let options = ["--maxmemory", "16mb", "--maxmemory-policy", "allkeys-lru"];
    if let Some(stand) = Stand::own(Kind::Redis, &options) {
        dropped_events_are_told_and_never_left_out(&stand);
    }
}

/// Pitfall 8: its ids go back, and those that clients have are not taken for newer ones.
#[cfg(feature = "redis")]
#[test]
fn a_redis_that_keeps_nothing_does_not_know_ids_from_before() {
    let Some(stand) = Stand::own(Kind::Redis, &["--appendonly", "no"]) else { return };
    let topic = Scope::topic("news");
    let store = stand.open(stand.config());
    let ids: Vec<_> = (0..10).map(|at| append(&store, &topic, &at.to_string())).collect();
    stand.server().kill();
    stand.server().start_again();
    let other = stand.open(stand.config());
    assert_eq!(why(other.since(&topic, Some(&ids[4]), 10)), UnknownId::Future);
    append(&other, &topic, "a new first");
    assert_eq!(why(other.since(&topic, Some(&ids[4]), 10)), UnknownId::Future);
    // Who has seen greater ids raises the counter.
    let mut next = None;
    until("ids are greater than before", || {
        next = store.append(&topic, &[event("next")]).ok().and_then(|ids| ids.last());
        next.is_some()
    });
    assert!(number(&next.expect("an id")) > number(&ids[9]));
    assert_eq!(why(other.since(&topic, Some(&ids[4]), 10)), UnknownId::AgedOut);
    // With ids from the clock this does not happen at all.
    let clock = stand.open(stand.config().ids_from_clock(true));
    let other_topic = Scope::topic("clock");
    let first = append(&clock, &other_topic, "x");
    stand.server().kill();
    stand.server().start_again();
    let clock = stand.open(stand.config().ids_from_clock(true));
    assert_eq!(why(clock.since(&other_topic, Some(&first), 10)), UnknownId::AgedOut);
    assert!(number(&append(&clock, &other_topic, "y")) > number(&first));
}

#[cfg(feature = "memcache")]
#[test]
fn what_is_larger_than_an_item_of_memcached_is_refused_with_its_batch() {
    let Some(stand) = Stand::shared(Kind::Memcached) else { return };
    let (store, topic) = (stand.open(stand.config()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let most = stand.kv().limits().value_bytes - 9 - "data: \n\n".len();
    for over in [0, 1] {
        let batch = [event("small"), event("x".repeat(most + over))];
        match store.append(&topic, &batch) {
            Ok(ids) => assert_eq!((over, ids.len()), (0, 2), "the largest fits"),
            Err(error) => {
                assert!(matches!(error, StoreError::TooLarge { at: 1, .. }), "{error}");
                assert_eq!(over, 1);
            }
        }
    }
    assert_eq!(all_since(&store, &topic, &before, 10).expect("all are there").len(), 2);
    let name = "x".repeat(250);
    let refused = store.append(&Scope::user(&name), &[event("x")]).expect_err("too long");
    assert!(matches!(refused, StoreError::KeyTooLong { most: 250, .. }), "{refused}");
}

/// One of three is refused: the others are there, which is said, and alone it is not there for certain.
#[cfg(feature = "memcache")]
#[test]
fn what_memcached_refuses_of_a_batch_leaves_the_others_in_doubt() {
    let Some(stand) = Stand::shared(Kind::Memcached) else { return };
    let kv = stand.kv();
    let large = vec![0; 2 << 20];
    for refused in 0..3 {
        let key = |at: usize| format!("doubt{refused}/{at}");
        let value = |at: usize| if at == refused { large.clone() } else { vec![1] };
        let entries: Vec<_> = (0..3).map(|at| (key(at), value(at).into())).collect();
        let error = kv.insert(&entries, None).expect_err("one is too large");
        assert!(error.may_have_written(), "{error}");
        let there = kv.get(&[key(0), key(1), key(2)]).expect("the server answers");
        let there: Vec<_> = there.iter().map(Option::is_some).collect();
        assert_eq!(there, (0..3).map(|at| at != refused).collect::<Vec<_>>());
        let error = kv.insert(&entries[refused..=refused], None).expect_err("it is too large");
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    }
    let all: Vec<_> = (0..3).map(|at| (format!("none/{at}"), large.clone().into())).collect();
    let error = kv.insert(&all, None).expect_err("all are too large");
    assert!(!error.may_have_written(), "{error}");
}

#[cfg(feature = "memcache")]
#[test]
fn a_timeout_past_the_end_of_time_is_none() {
    let Some(stand) = Stand::shared(Kind::Memcached) else { return };
    let kv = connect_within(&stand.address().expect("a server"), Duration::MAX);
    kv.insert(&[("patience/1".into(), vec![1].into())], None).expect("stored");
    kv.evicts().expect("an answer");
}
