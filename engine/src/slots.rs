//! A table of connections: small dense indices that are reused, and generations that are not, so that
//! a key kept too long names nobody instead of the next tenant. Never touches sockets.

use crate::driver::Key;
use slab::Slab;

/// A slab whose keys carry the generation of their tenant.
#[derive(Debug)]
pub struct Slots<T> {
    slab: Slab<Slot<T>>,
    inserted: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: T,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slots<T> {
    /// An empty table; allocates with the first tenant.
    pub const fn new() -> Self {
        Self { slab: Slab::new(), inserted: 0 }
    }

    /// Moves a tenant in.
    ///
    /// # Panics
    /// With more than 2³² − 1 tenants at a time.
    pub fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Moves in a tenant that knows its own key.
    ///
    /// # Panics
    /// With more than 2³² − 1 tenants at a time.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        // One counter for the whole table: a key comes again only after 2³² further tenants. Without 0,
        // which tables beside this one may take for nobody.
        self.inserted = self.inserted.wrapping_add(1).max(1);
        let entry = self.slab.vacant_entry();
        let index = u32::try_from(entry.key()).ok().filter(|index| *index != u32::MAX);
        let key = Key::new(index.expect("file descriptors end long before 2³²"), self.inserted);
        entry.insert(Slot { generation: self.inserted, value: make(key) });
        key
    }

    /// The tenant, unless it moved out.
    pub fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slab.get(key.index())?;
        (slot.generation == key.generation()).then_some(&slot.value)
    }

    /// The tenant, unless it moved out.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slab.get_mut(key.index())?;
        (slot.generation == key.generation()).then_some(&mut slot.value)
    }

    /// Moves the tenant out; the index is free for the next one.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        self.slab.try_remove(key.index()).map(|slot| slot.value)
    }

    /// The key of whoever lives at this index now.
    #[allow(clippy::cast_possible_truncation, reason = "an index in use fits: see insert")]
    pub fn key_at(&self, index: usize) -> Option<Key> {
        self.slab.get(index).map(|slot| Key::new(index as u32, slot.generation))
    }

    /// How many tenants there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// All tenants, by index.
    #[allow(clippy::cast_possible_truncation, reason = "an index in use fits: see insert")]
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slab.iter().map(|(index, slot)| (Key::new(index as u32, slot.generation), &slot.value))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn stale_key_names_nobody() {
        let mut slots = Slots::new();
        let old = slots.insert("old");
        assert_eq!(slots.remove(old), Some("old"));
        let new = slots.insert("new");
        assert_eq!(new.index(), old.index());
        assert_ne!(new.generation(), old.generation());
        assert_eq!(slots.get(old), None);
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.remove(old), None);
        assert_eq!(slots.get(new), Some(&"new"));
        assert_eq!(slots.key_at(new.index()), Some(new));
    }

    #[test]
    fn generation_zero_is_nobodys() {
        let mut slots = Slots { inserted: u32::MAX - 1, ..Slots::new() };
        let generations = [(); 3].map(|()| slots.insert(()).generation());
        assert_eq!(generations, [u32::MAX, 1, 2]);
    }

    #[test]
    fn index_beyond_the_table_names_nobody() {
        let mut slots = Slots::new();
        slots.insert(());
        assert_eq!(slots.get(Key::new(7, 1)), None);
        assert_eq!(slots.key_at(7), None);
    }

    #[test]
    fn len_and_iter_see_only_who_is_in() {
        let mut slots = Slots::new();
        let keys: Vec<Key> = (0..4).map(|n| slots.insert(n)).collect();
        slots.remove(keys[1]);
        assert_eq!(slots.len(), 3);
        let seen: Vec<(Key, i32)> = slots.iter().map(|(key, n)| (key, *n)).collect();
        assert_eq!(seen, [(keys[0], 0), (keys[2], 2), (keys[3], 3)]);
    }
}
