//! What a completion is about, in the one word that the kernel carries for an operation. The
//! generation of a connection is part of it: a late completion never speaks for the next tenant.

use crate::driver::Key;

/// The operation that a completion belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Tag {
    /// Multishot accept on the listener.
    Accept,
    /// A look whether anybody waits to be accepted.
    Listener,
    /// Multishot poll of the wake handle.
    Wake,
    /// Takes another operation back. Its own completion says nothing.
    Cancel,
    /// One attempt of a batch, by its place there.
    Send(u32),
    /// Something on a connection.
    Connection(Watch, Key),
}

/// What can be under way on one connection, each at most once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Watch {
    /// Multishot receive.
    Receive,
    /// Poll for a reset while nothing is received.
    Reset,
    /// Poll of a detached connection for bytes and for its end.
    Detached,
    /// Poll for room to send.
    Room,
}

impl Watch {
    pub(super) const ALL: [Self; 4] = [Self::Receive, Self::Reset, Self::Detached, Self::Room];
}

/// The word is `generation << 32 | index << 4 | kind`.
const KIND_BITS: u32 = 4;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;
const FIRST_WATCH: u64 = 5;

impl Tag {
    /// Connections with an index up to this can be named: more than descriptors by far (2²⁸ − 1).
    pub(super) const MAX_INDEX: usize = (1 << (32 - KIND_BITS)) - 1;

    pub(super) fn to_word(self) -> u64 {
        match self {
            Self::Accept => 0,
            Self::Listener => 1,
            Self::Wake => 2,
            Self::Cancel => 3,
            Self::Send(place) => 4 | u64::from(place) << KIND_BITS,
            Self::Connection(watch, key) => {
                let index = (key.index() as u64) << KIND_BITS;
                u64::from(key.generation()) << 32 | index | (FIRST_WATCH + watch as u64)
            }
        }
    }

    /// `None`: a word that `to_word` never makes.
    #[allow(clippy::cast_possible_truncation, reason = "takes the word apart on purpose")]
    pub(super) fn from_word(word: u64) -> Option<Self> {
        let index = (word as u32) >> KIND_BITS;
        Some(match word & KIND_MASK {
            0 => Self::Accept,
            1 => Self::Listener,
            2 => Self::Wake,
            3 => Self::Cancel,
            4 => Self::Send((word >> KIND_BITS) as u32),
            kind => {
                let watch = *Watch::ALL.get((kind - FIRST_WATCH) as usize)?;
                Self::Connection(watch, Key::new(index, (word >> 32) as u32))
            }
        })
    }
}

/// Which operations of a connection are under way: queued or in the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watches(u8);

impl Watches {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn has(self, watch: Watch) -> bool {
        self.0 & (1 << watch as u8) != 0
    }

    pub(super) const fn begin(&mut self, watch: Watch) {
        self.0 |= 1 << watch as u8;
    }

    pub(super) const fn end(&mut self, watch: Watch) {
        self.0 &= !(1 << watch as u8);
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_tag_survives_a_round_trip() {
        for tag in [Tag::Accept, Tag::Listener, Tag::Wake, Tag::Cancel, Tag::Send(1023)] {
            assert_eq!(Tag::from_word(tag.to_word()), Some(tag));
        }
        assert_eq!(Tag::from_word(KIND_MASK), None);
    }

    proptest! {
        #[test]
        fn every_connection_survives_a_round_trip(
            index in 0..=u32::try_from(Tag::MAX_INDEX).unwrap(),
            generation: u32,
            watch in 0..Watch::ALL.len(),
        ) {
            let tag = Tag::Connection(Watch::ALL[watch], Key::new(index, generation));
            prop_assert_eq!(Tag::from_word(tag.to_word()), Some(tag));
        }
    }

    #[test]
    fn watches_are_told_apart() {
        let mut watches = Watches::NONE;
        for watch in Watch::ALL {
            assert!(!watches.has(watch));
            watches.begin(watch);
            assert!(watches.has(watch));
        }
        for watch in Watch::ALL {
            watches.end(watch);
            assert!(!watches.has(watch));
        }
        assert!(watches.is_empty());
    }
}
