//! What only a ring has: limits, with a clock that the test moves.

use super::*;
use crate::Event;

const NEVER: Duration = Duration::ZERO;

fn event(text: &str) -> PreparedEvent {
    Event::data(text).into()
}

fn append(ring: &RingBuffer, scope: &Scope, text: &str) -> u64 {
    let ids = ring.append_at(scope, &[event(text)], NEVER).expect("appended");
    ids.last().and_then(|id| id.as_number()).expect("a number")
}

fn fill(ring: &RingBuffer, scope: &Scope, many: u64) {
    (0..many).for_each(|_| assert_ne!(append(ring, scope, "x"), 0));
}

fn since(ring: &RingBuffer, scope: &Scope, after: u64) -> Result<Vec<u64>, UnknownId> {
    match ring.since_at(scope, Some(&after.into()), usize::MAX, NEVER) {
        Ok(page) => Ok(page.events.iter().filter_map(|event| event.id.as_number()).collect()),
        Err(StoreError::Unknown { why, .. }) => Err(why),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_capacity_of_nothing_is_one() {
    let (ring, shared) = (RingBuffer::new(0), Scope::shared());
    append(&ring, &shared, "one");
    append(&ring, &shared, "two");
    assert_eq!(since(&ring, &shared, 1), Ok(vec![2]));
    assert_eq!(since(&ring, &shared, 0), Err(UnknownId::AgedOut));
}

#[test]
fn a_full_ring_keeps_exactly_its_capacity() {
    for many in [7, 8, 9] {
        let (ring, shared) = (RingBuffer::new(8), Scope::shared());
        fill(&ring, &shared, many);
        let oldest = many.max(8) - 8;
        assert_eq!(since(&ring, &shared, oldest).map(|ids| ids.len() as u64), Ok(many.min(8)));
        if let Some(before) = oldest.checked_sub(1) {
            assert_eq!(since(&ring, &shared, before), Err(UnknownId::AgedOut));
        }
    }
}

#[test]
fn a_batch_larger_than_the_ring_keeps_its_end_and_all_its_ids() {
    let (ring, shared) = (RingBuffer::new(2), Scope::shared());
    let batch: Vec<_> = ["a", "b", "c", "d"].map(event).into();
    assert_eq!(ring.append(&shared, &batch).expect("appended"), Ids::consecutive(1, 4));
    assert_eq!(since(&ring, &shared, 2), Ok(vec![3, 4]));
    assert_eq!(since(&ring, &shared, 1), Err(UnknownId::AgedOut));
}

#[test]
fn bytes_are_limited_to_the_byte() {
    let shared = Scope::shared();
    let (size, three) = (event("x").len(), 3 * event("x").len());
    for (bytes, kept) in [(three - 1, 2), (three, 3), (three + 1, 3)] {
        let ring = RingBuffer::builder(100).bytes(bytes).build();
        fill(&ring, &shared, 5);
        assert_eq!(since(&ring, &shared, 5 - kept).map(|ids| ids.len() as u64), Ok(kept));
        assert_eq!(ring.bytes(), size * usize::try_from(kept).expect("few"));
    }
    let ring = RingBuffer::builder(100).bytes(size).build();
    append(&ring, &shared, "x");
    let refused = ring.append(&shared, &[event("x"), event("xx")]).expect_err("too large");
    assert!(matches!(refused, StoreError::TooLarge { at: 1, .. }), "{refused}");
    assert_eq!(since(&ring, &shared, 0), Ok(vec![1]), "nothing of the batch is there");
}

#[test]
fn what_is_too_old_is_neither_given_nor_counted() {
    let (shared, secs) = (Scope::shared(), Duration::from_secs);
    let ring = RingBuffer::builder(100).age(secs(10)).build();
    for now in [1, 5, 11] {
        ring.append_at(&shared, &[event("x")], secs(now)).expect("appended");
    }
    let at = |now, after: u64| {
        ring.since_at(&shared, Some(&after.into()), 10, secs(now)).map(|page| page.events.len())
    };
    assert_eq!(at(11, 0).expect("exactly ten seconds old"), 3);
    assert!(matches!(at(12, 0), Err(StoreError::Unknown { why: UnknownId::AgedOut, .. })));
    assert_eq!(at(12, 1).expect("the next two are younger"), 2);
    assert_eq!(ring.bytes(), 2 * event("x").len());
    // All gone: who has seen the last has missed nothing.
    assert_eq!(at(100, 3).expect("up to date"), 0);
    assert!(matches!(at(100, 2), Err(StoreError::Unknown { why: UnknownId::AgedOut, .. })));
    assert_eq!(ring.tail(&shared).expect("a tail"), 3.into());
}

#[test]
fn no_id_comes_twice_after_a_scope_was_forgotten() {
    let ring = RingBuffer::builder(10).scopes(4).build();
    let users = ["a", "b", "c", "d", "e"].map(Scope::user);
    for user in &users[..4] {
        fill(&ring, user, 1);
    }
    append(&ring, &users[0], "x");
    // The fifth: that which was appended to least recently makes room.
    append(&ring, &users[4], "x");
    assert_eq!(since(&ring, &users[0], 1), Ok(vec![2]));
    assert_eq!(since(&ring, &users[1], 0), Err(UnknownId::AgedOut));
    assert_eq!(append(&ring, &users[1], "again"), 2);
    assert_eq!(since(&ring, &users[1], 1), Ok(vec![2]), "missed nothing that was kept");
    assert_eq!(since(&ring, &users[1], 0), Err(UnknownId::AgedOut));
}

#[test]
fn the_bytes_of_all_scopes_are_limited() {
    let size = event("x").len();
    let ring = RingBuffer::builder(1000).total_bytes(8 * size).build();
    let users: Vec<_> = (0..8).map(|user| Scope::user(&user.to_string())).collect();
    for user in &users {
        fill(&ring, user, 1);
    }
    assert_eq!(ring.bytes(), 8 * size, "at the limit");
    append(&ring, &users[7], "x");
    assert_eq!(ring.bytes(), 8 * size, "as much goes as has to");
    assert_eq!(since(&ring, &users[7], 1), Ok(vec![2]));
    assert_eq!(since(&ring, &users[0], 0), Err(UnknownId::AgedOut));
    assert_eq!(since(&ring, &users[1], 0), Ok(vec![1]));
    // A large one takes the place of several.
    append(&ring, &users[1], &"x".repeat(1 + 2 * size));
    assert_eq!(ring.bytes(), 8 * size);
    assert_eq!(since(&ring, &users[4], 0), Err(UnknownId::AgedOut));
    assert_eq!(since(&ring, &users[5], 0), Ok(vec![1]));
    // One scope alone keeps its end.
    fill(&ring, &users[7], 20);
    assert!(ring.bytes() <= 8 * size);
    assert_eq!(since(&ring, &users[7], 21).map(|ids| ids.len()), Ok(1));
}

#[test]
fn ids_begin_where_they_are_told_to() {
    let (ring, shared) = (RingBuffer::builder(10).first_id(1000).build(), Scope::shared());
    assert_eq!(ring.tail(&shared).expect("a tail"), 999.into());
    assert_eq!(since(&ring, &shared, 999), Ok(vec![]));
    assert_eq!(since(&ring, &shared, 5), Err(UnknownId::NeverRecorded), "of an earlier process");
    assert_eq!(append(&ring, &shared, "x"), 1000);
    assert_eq!(since(&ring, &shared, 5), Err(UnknownId::NeverRecorded));
    assert_eq!(since(&ring, &shared, 1001), Err(UnknownId::Future));
}
