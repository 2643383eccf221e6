//! Arbitrary sleeps with cancellation, soonest first. Holds nothing of a sleep that was cancelled or
//! has expired.

use std::{collections::BTreeMap, time::Instant};

/// Sleeps ordered by deadline; those with the same deadline by when they were inserted. Every
/// operation is O(log n).
#[derive(Debug)]
pub struct Heap<T> {
    // An ordered map instead of an array heap: cancellation then needs no table of positions.
    sleeps: BTreeMap<HeapId, T>,
    inserted: u64,
}

/// Names one sleep of one [`Heap`]; never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HeapId {
    deadline: Instant,
    serial: u64,
}

impl HeapId {
    /// When this sleep ends.
    pub const fn deadline(self) -> Instant {
        self.deadline
    }
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Heap<T> {
    /// No sleeps.
    pub const fn new() -> Self {
        Self { sleeps: BTreeMap::new(), inserted: 0 }
    }

    /// Adds a sleep.
    pub fn insert(&mut self, deadline: Instant, value: T) -> HeapId {
        let id = HeapId { deadline, serial: self.inserted };
        self.inserted += 1;
        self.sleeps.insert(id, value);
        id
    }

    /// Takes a sleep back. `None` when it expired or was cancelled already.
    pub fn cancel(&mut self, id: HeapId) -> Option<T> {
        self.sleeps.remove(&id)
    }

    /// The value of a sleep that is still pending, for changing it in place.
    pub fn get_mut(&mut self, id: HeapId) -> Option<&mut T> {
        self.sleeps.get_mut(&id)
    }

    /// Takes out the soonest sleep whose deadline is not after `now`.
    pub fn pop_expired(&mut self, now: Instant) -> Option<T> {
        let soonest = self.sleeps.first_entry()?;
        (soonest.key().deadline <= now).then(|| soonest.remove())
    }

    /// When the soonest sleep ends.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.sleeps.first_key_value().map(|(id, _)| id.deadline)
    }

    /// How many sleeps are pending.
    pub fn len(&self) -> usize {
        self.sleeps.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sleeps.is_empty()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        PopUpTo(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u64..50).prop_map(Step::Insert),
            (0_usize..60).prop_map(Step::Cancel),
            (0_u64..50).prop_map(Step::PopUpTo),
        ]
    }

    proptest! {
        #[test]
        fn heap_agrees_with_a_sorted_list(steps in prop::collection::vec(step(), 0..200)) {
            let epoch = Instant::now();
            let at = |ms| epoch + Duration::from_millis(ms);
            let mut heap = Heap::new();
            let mut ids = Vec::new();
            let mut oracle: Vec<(Instant, usize)> = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(ms) => {
                        let value = ids.len();
                        ids.push(heap.insert(at(ms), value));
                        oracle.push((at(ms), value));
                        oracle.sort_unstable();
                    }
                    Step::Cancel(which) => {
                        let Some(id) = ids.get(which) else { continue };
                        let place = oracle.iter().position(|(_, value)| *value == which);
                        let expected = place.map(|place| oracle.remove(place).1);
                        prop_assert_eq!(heap.cancel(*id), expected);
                    }
                    Step::PopUpTo(ms) => {
                        let due = oracle.first().is_some_and(|(deadline, _)| *deadline <= at(ms));
                        let expected = due.then(|| oracle.remove(0).1);
                        prop_assert_eq!(heap.pop_expired(at(ms)), expected);
                    }
                }
                prop_assert_eq!(heap.len(), oracle.len());
                prop_assert_eq!(heap.next_deadline(), oracle.first().map(|first| first.0));
            }
        }
    }

    #[test]
    fn cancelled_sleep_is_dropped_at_once() {
        let value = std::rc::Rc::new(());
        let mut heap = Heap::new();
        let id = heap.insert(Instant::now(), value.clone());
        assert!(heap.cancel(id).is_some());
        assert_eq!(std::rc::Rc::strong_count(&value), 1);
        assert!(heap.cancel(id).is_none());
    }
}
