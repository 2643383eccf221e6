//! Counters that are not what they should be.

use super::*;

#[test]
fn a_counter_that_answers_nonsense_is_an_error() {
    for one_step in [false, true] {
        let kv = Poor { short: 2, one_step, ..Poor::default() };
        let config = config(SHORT).max_index(1);
        let store = open(&kv, if one_step { config.async_append(1) } else { config });
        let batch: Vec<PreparedEvent> = vec![Event::data("x").into(); 3];
        let refused = store.append(&Scope::shared(), &batch).expect_err("1 after 3 were added");
        assert!(matches!(refused, StoreError::Miscounted { counter: 1, by: 3, .. }), "{refused}");
        assert_eq!(store.pending(), 0);
    }
    let kv = Poor::default();
    let store = open(&kv, config(SHORT));
    give_ids(&kv, u64::MAX - 1);
    let refused = store.append(&Scope::shared(), &[Event::data("x").into()]);
    assert!(matches!(refused, Err(StoreError::Miscounted { .. })), "{refused:?}");
    let refused = store.since(&Scope::shared(), Some(&7.into()), 1);
    assert!(matches!(refused, Err(StoreError::Miscounted { .. })), "{refused:?}");
}

#[test]
fn who_has_only_read_notices_a_counter_that_is_older_than_it_was() {
    // It is read as it was, and then an older one is added to.
    let kv = Poor { short: 3, ..Poor::default() };
    let store = open(&kv, config(SHORT));
    give_ids(&kv, 5);
    assert_eq!(tail(&store), 5);
    let told = store.append(&Scope::shared(), &[Event::data("x").into()]);
    let Err(StoreError::WentBack { first, before, .. }) = told else { panic!("{told:?}") };
    assert_eq!((first, before), (3.into(), 5.into()));
    assert!(append(&store) > 5, "it has been raised");
}
