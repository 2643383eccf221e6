//! The scopes of a ring, in the order in which they were last appended to, so that the one to be forgotten is
//! found at once, however many there are. Never looks into what a scope keeps.

use super::kept::Kept;
use crate::replay::Scope;
use slab::Slab;
use std::collections::HashMap;

#[derive(Default)]
pub(super) struct Scopes {
    places: HashMap<Scope, usize>,
    slots: Slab<Slot>,
    /// The ends of the list: appended to least and most recently.
    oldest: Option<usize>,
    newest: Option<usize>,
}

struct Slot {
    scope: Scope,
    kept: Kept,
    /// Its neighbours in the list.
    older: Option<usize>,
    newer: Option<usize>,
}

impl Scopes {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, scope: &Scope) -> Option<&Kept> {
        Some(&self.slots[*self.places.get(scope)?].kept)
    }

    pub(super) fn get_mut(&mut self, scope: &Scope) -> Option<&mut Kept> {
        Some(&mut self.slots[*self.places.get(scope)?].kept)
    }

    /// A scope that is appended to.
    pub(super) fn touch(&mut self, scope: &Scope) -> Option<&mut Kept> {
        let at = *self.places.get(scope)?;
        if self.newest != Some(at) {
            self.unlink(at);
            self.link(at);
        }
        Some(&mut self.slots[at].kept)
    }

    /// A scope that was not there.
    pub(super) fn insert(&mut self, scope: Scope, kept: Kept) {
        let slot = Slot { scope: scope.clone(), kept, older: None, newer: None };
        let at = self.slots.insert(slot);
        self.places.insert(scope, at);
        self.link(at);
    }

    /// Takes out the one that was appended to least recently.
    pub(super) fn pop_oldest(&mut self) -> Option<Kept> {
        let at = self.oldest?;
        self.unlink(at);
        let slot = self.slots.remove(at);
        self.places.remove(&slot.scope);
        Some(slot.kept)
    }

    fn unlink(&mut self, at: usize) {
        let (older, newer) = (self.slots[at].older.take(), self.slots[at].newer.take());
        match older {
            Some(older) => self.slots[older].newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.slots[newer].older = older,
            None => self.newest = older,
        }
    }

    /// Makes one that is not in the list the newest.
    fn link(&mut self, at: usize) {
        self.slots[at].older = self.newest;
        match self.newest {
            Some(newest) => self.slots[newest].newer = Some(at),
            None => self.oldest = Some(at),
        }
        self.newest = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_oldest_is_the_one_that_was_touched_least_recently(
            ops in prop::collection::vec((0..3u8, 0..6u64), 0..200),
        ) {
            let (mut scopes, mut order) = (Scopes::default(), Vec::new());
            for (op, which) in ops {
                let scope = Scope::user(&which.to_string());
                if op == 0 {
                    let expected = (!order.is_empty()).then(|| order.remove(0));
                    prop_assert_eq!(scopes.pop_oldest().map(|kept| kept.first()), expected);
                } else if let Some(kept) = scopes.touch(&scope) {
                    prop_assert_eq!(kept.first(), which);
                    order.retain(|other| *other != which);
                    order.push(which);
                } else {
                    prop_assert!(!order.contains(&which));
                    scopes.insert(scope, Kept::new(which));
                    order.push(which);
                }
                prop_assert_eq!(scopes.len(), order.len());
            }
        }
    }
}
