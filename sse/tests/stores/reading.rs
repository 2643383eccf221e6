//! What every store does, the ring in memory included.

use crate::support::{
    Kind, Stand, all_since, append, assert_dense, away, event, number, on_every_store, why,
};
use headwater_sse::replay::{ReplayStore, Scope, StoreError, UnknownId};
use headwater_sse::{Event, EventId, PreparedEvent};
use std::collections::BTreeSet;
use std::thread;

on_every_store! { from ring:
    ids_are_dense_and_in_order_across_batches,
    pages_join_without_a_gap_or_a_duplicate,
    one_users_private_events_are_never_replayed_to_another,
    an_id_from_the_future_is_unknown_and_never_up_to_date,
    an_id_that_is_no_number_is_malformed,
    an_id_whose_next_event_is_gone_has_aged_out,
    newcomers_get_nothing_unless_the_newest_are_set,
    events_come_back_byte_for_byte,
    an_event_without_bytes_is_refused_with_its_batch,
    a_client_that_was_cut_off_before_its_first_event_resumes,
    appending_from_many_threads_gives_one_sequence,
    a_page_ends_when_it_is_large_enough,
    appending_nothing_changes_nothing,
}

fn ids_are_dense_and_in_order_across_batches(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let mut ids = Vec::new();
    for batch in [1, 3, 1, 100, 2] {
        let events: Vec<_> = (0..batch).map(|at| event(format!("{batch}.{at}"))).collect();
        let given = store.append(&topic, &events).expect("appended");
        assert_eq!(given.len(), batch);
        ids.extend(given.iter());
    }
    assert_eq!(assert_dense(ids.iter().cloned(), &before), 107);
    assert_eq!(store.tail(&topic).expect("a tail"), ids[106]);
    let all = all_since(&*store, &topic, &before, 1000).expect("all are there");
    assert_eq!(all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(all[4].1, event("1.0"));
    assert_eq!(all[106].1, event("2.1"));
}

fn pages_join_without_a_gap_or_a_duplicate(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let events: Vec<_> = (0..300).map(|at| event(at.to_string())).collect();
    store.append(&topic, &events).expect("appended");
    for max in [1, 7, 127, 128, 129, 299, 300, 301, usize::MAX] {
        let begin = away(&before, if max == 1 { 290 } else { 0 });
        let all = all_since(&*store, &topic, &begin, max).expect("all are there");
        let many = assert_dense(all.iter().map(|(id, _)| id.clone()), &begin);
        assert_eq!(many, if max == 1 { 10 } else { 300 }, "pages of {max}");
    }
    let page = store.since(&topic, Some(&before), 0).expect("a page");
    assert_eq!((page.events.len(), page.more), (1, true), "at least one is asked for");
    let last = store.since(&topic, Some(&away(&before, 299)), 1).expect("a page");
    assert_eq!((last.events.len(), last.more), (1, false));
}

/// Pitfall 7.
fn one_users_private_events_are_never_replayed_to_another(stand: &Stand) {
    let store = stand.store(1000, 100);
    let scopes = [
        Scope::shared(),
        Scope::user("ada"),
        Scope::user("ada/events"),
        Scope::user(""),
        Scope::session("ada"),
        Scope::topic("ada"),
        Scope::user("ada b"),
        Scope::user("ada%20b"),
        Scope::user("naïve ☃"),
        Scope::user("events/1"),
    ];
    let befores = scopes.each_ref().map(|scope| store.tail(scope).expect("a tail"));
    for round in 0..3 {
        for (at, scope) in scopes.iter().enumerate() {
            append(&*store, scope, &format!("private to {at}, {round}"));
        }
    }
    for (at, scope) in scopes.iter().enumerate() {
        let its: Vec<_> = (0..3).map(|round| event(format!("private to {at}, {round}"))).collect();
        let all = all_since(&*store, scope, &befores[at], 2).expect("all are there");
        assert_dense(all.iter().map(|(id, _)| id.clone()), &befores[at]);
        assert_eq!(all.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), its);
        let newest = store.since(scope, None, 100).expect("the newest");
        assert!(newest.events.iter().all(|event| its.contains(&event.event)), "{scope:?}");
        if number(&befores[at]) == 0 {
            // Where ids begin at 1, another's greater id is one from the future.
            append(&*store, &Scope::topic("other"), "x");
            let ahead = store.since(scope, Some(&4.into()), 10);
            assert_eq!(why(ahead), UnknownId::Future);
        }
    }
}

/// Pitfall 8.
fn an_id_from_the_future_is_unknown_and_never_up_to_date(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 5), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let future = |store: &dyn ReplayStore, id: &EventId| why(store.since(&topic, Some(id), 10));
    assert_eq!(future(&*store, &away(&before, 1)), UnknownId::Future, "nothing was appended");
    let last = append(&*store, &topic, "x");
    assert_eq!(store.since(&topic, Some(&last), 10).expect("up to date").events, []);
    for ahead in [away(&last, 1), away(&last, 1_000_000), u64::MAX.into()] {
        assert_eq!(future(&*store, &ahead), UnknownId::Future, "{ahead}");
    }
}

fn an_id_that_is_no_number_is_malformed(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 5), Scope::topic("news"));
    append(&*store, &topic, "x");
    let ids =
        ["x", "01", "+1", "-1", "1.0", "1 ", "18446744073709551616", "1764-0", "٣", "1\u{a0}"];
    for id in ids {
        let id: EventId = id.parse().expect("an id");
        assert_eq!(why(store.since(&topic, Some(&id), 10)), UnknownId::Malformed, "{id}");
    }
}

fn an_id_whose_next_event_is_gone_has_aged_out(stand: &Stand) {
    // A multiple of four, so that the index of the others drops whole quarters.
    let (store, topic) = (stand.store(8, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let events: Vec<_> = (0..21).map(|at| event(at.to_string())).collect();
    for events in events.chunks(2) {
        store.append(&topic, events).expect("appended");
    }
    let last = store.tail(&topic).expect("a tail");
    assert_eq!(number(&last), number(&before) + 21);
    let oldest = (0..=21).find(|back| store.since(&topic, Some(&away(&last, -back)), 100).is_err());
    let kept = oldest.expect("not all are kept") - 1;
    assert!((6..=8).contains(&kept), "three quarters to all of the limit: {kept}");
    for back in kept + 1..=21 {
        let page = store.since(&topic, Some(&away(&last, -back)), 100);
        assert_eq!(why(page), UnknownId::AgedOut, "{back} before the last");
    }
    let all = all_since(&*store, &topic, &away(&last, -kept), 3).expect("kept");
    assert_eq!(all.len(), usize::try_from(kept).expect("few"));
    assert_eq!(all.last().expect("some").1, event("20"));
}

fn newcomers_get_nothing_unless_the_newest_are_set(stand: &Stand) {
    for newest in [0, 1, 3, 100] {
        let topic = Scope::topic(&format!("newest {newest}"));
        let store = stand.store(1000, newest);
        assert_eq!(store.since(&topic, None, 10).expect("nothing yet").events, []);
        let events: Vec<_> = (0..5).map(|at| event(at.to_string())).collect();
        store.append(&topic, &events).expect("appended");
        let page = store.since(&topic, None, 10).expect("a page");
        let told: Vec<_> = page.events.into_iter().map(|event| event.event).collect();
        assert_eq!(told, events[5 - newest.min(5)..], "the newest {newest}");
        if newest > 1 {
            let page = store.since(&topic, None, 2).expect("a page");
            assert_eq!((page.events.len(), page.more), (2, true));
        }
    }
}

fn events_come_back_byte_for_byte(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let events = [
        Event::data("\0\u{1}\u{7f}\u{80}\u{feff}☃ \t"),
        Event::data("").event("empty"),
        Event::data("two\nlines\r\nand\rmore\n\n\nid: 7").event("e").comment("c"),
        Event::data("own").id("own"),
        Event::new().id("nothing but an id"),
        Event::new().comment("nothing but a comment"),
        Event::new().retry(std::time::Duration::from_secs(3)),
        Event::data("x".repeat(70_000)),
    ];
    let prepared = events.each_ref().map(PreparedEvent::new);
    store.append(&topic, &prepared).expect("appended");
    let all = all_since(&*store, &topic, &before, 100).expect("all are there");
    assert_eq!(all.len(), prepared.len());
    for ((id, stored), sent) in all.iter().zip(&prepared) {
        assert_eq!(*stored, sent.without_id());
        let line = format!("id: {id}\n");
        let wire = [line.as_bytes(), sent.without_id().as_bytes()].concat();
        assert_eq!(&stored.with_id(id).as_bytes()[..], wire);
    }
}

fn an_event_without_bytes_is_refused_with_its_batch(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let refused = store.append(&topic, &[event("x"), PreparedEvent::new(&Event::new())]);
    let refused = refused.expect_err("it has nothing set");
    assert!(matches!(refused, StoreError::Empty { at: 1, .. }), "{refused}");
    assert!(!refused.may_have_written());
    assert_eq!(store.tail(&topic).expect("a tail"), before);
}

fn a_client_that_was_cut_off_before_its_first_event_resumes(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let opening = store.tail(&topic).expect("a tail");
    assert_eq!(store.since(&topic, Some(&opening), 10).expect("up to date").events, []);
    let first = append(&*store, &topic, "first");
    let page = store.since(&topic, Some(&opening), 10).expect("known");
    assert_eq!(page.events.len(), 1);
    assert_eq!(page.events[0].id, first);
}

fn appending_from_many_threads_gives_one_sequence(stand: &Stand) {
    const THREADS: usize = 4;
    let (shared, topic) = (stand.store(10_000, 0), Scope::topic("news"));
    let before = shared.tail(&topic).expect("a tail");
    let ids: Vec<Vec<EventId>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|at| {
                let (shared, topic) = (&shared, &topic);
                scope.spawn(move || {
                    // Half of them over connections of their own.
                    let own =
                        (at % 2 == 0 && stand.kind != Kind::Ring).then(|| stand.store(10_000, 0));
                    let store = own.as_ref().unwrap_or(shared);
                    let batches = (0..50).map(|batch| {
                        let events: Vec<_> = (0..=batch % 3)
                            .map(|place| event(format!("{at} {batch} {place}")))
                            .collect();
                        store.append(topic, &events).expect("appended")
                    });
                    batches.flat_map(|ids| ids.iter().collect::<Vec<_>>()).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panics")).collect()
    });
    for own in &ids {
        assert!(own.is_sorted_by_key(number), "each thread's ids go up");
    }
    let all: BTreeSet<u64> = ids.iter().flatten().map(number).collect();
    let many = all.len();
    assert_eq!(many, ids.iter().map(Vec::len).sum::<usize>(), "none twice");
    assert_eq!(assert_dense(all.into_iter().map(EventId::from), &before), many);
    let stored = all_since(&*shared, &topic, &before, 50).expect("all are there");
    assert_eq!(assert_dense(stored.iter().map(|(id, _)| id.clone()), &before), many);
    // Under the ids that their threads were told.
    for (thread, own) in ids.iter().enumerate() {
        let its = format!("data: {thread} ");
        let mut mine = stored.iter().filter(|(id, _)| own.contains(id));
        assert!(mine.all(|(_, event)| event.as_bytes().starts_with(its.as_bytes())), "{its}");
    }
}

/// Pitfall 19, as far as a store goes.
fn a_page_ends_when_it_is_large_enough(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let events: Vec<_> = (0..10).map(|_| event("x".repeat(300_000))).collect();
    store.append(&topic, &events).expect("appended");
    let page = store.since(&topic, Some(&before), usize::MAX).expect("a page");
    assert_eq!((page.events.len(), page.more), (4, true), "past 1 MiB it ends");
    assert_eq!(all_since(&*store, &topic, &before, usize::MAX).expect("all").len(), 10);
}

fn appending_nothing_changes_nothing(stand: &Stand) {
    let (store, topic) = (stand.store(1000, 0), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    assert!(store.append(&topic, &[]).expect("no ids").is_empty());
    assert_eq!(store.tail(&topic).expect("a tail"), before);
}
