//! Searches that look at eight bytes at a time. What is searched for is the caller's business.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// Eight bytes, the first of them lowest.
#[derive(Clone, Copy)]
pub(crate) struct Word(u64);

impl Word {
    /// Marks the bytes below `bound`, which is at most 0x80. Like [`equal`](Self::equal) it may mark
    /// others, by a borrow, but only above one that is truly marked: the lowest mark is always true.
    pub(crate) const fn below(self, bound: u8) -> u64 {
        self.0.wrapping_sub(ONES * bound as u64) & !self.0 & HIGH
    }

    /// Marks the bytes that equal this one.
    pub(crate) const fn equal(self, byte: u8) -> u64 {
        Self(self.0 ^ (ONES * byte as u64)).below(1)
    }

    /// Marks the bytes beyond ASCII.
    pub(crate) const fn beyond_ascii(self) -> u64 {
        self.0 & HIGH
    }
}

/// The place of the first byte that `is` says it of, as `marks` says it of eight.
pub(crate) fn find(
    bytes: &[u8],
    marks: impl Fn(Word) -> u64,
    is: impl Fn(u8) -> bool,
) -> Option<usize> {
    let at = |start: usize, word: [u8; 8]| {
        let marks = marks(Word(u64::from_le_bytes(word)));
        (marks != 0).then(|| start + marks.trailing_zeros() as usize / 8)
    };
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if let Some(found) = at(index * 8, *word) {
            return Some(found);
        }
    }
    match bytes.last_chunk::<8>() {
        // The bytes before the tail are looked at twice; none of them is marked.
        Some(last) if !tail.is_empty() => at(bytes.len() - 8, *last),
        Some(_) => None,
        None => bytes.iter().position(|&byte| is(byte)),
    }
}
