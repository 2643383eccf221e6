//! Where the header fields of a head are. Holds positions, never bytes: sixteen of them in place,
//! since most requests have no more and an allocation for each request would cost more than they.

use std::ops::Range;

/// A part of a head. Positions of 32 bits keep it small; longer heads are refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// None beyond 4 GiB.
    pub(crate) fn new(range: Range<usize>) -> Option<Self> {
        Some(Self { start: range.start.try_into().ok()?, end: range.end.try_into().ok()? })
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// A header field's name and value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// The fields of one head, in its order.
pub(crate) struct Fields {
    inline: [Field; INLINE_FIELDS],
    inline_count: usize,
    spill: Vec<Field>,
}

/// How many fields need no allocation.
pub(crate) const INLINE_FIELDS: usize = 16;

impl Fields {
    /// Makes room for `count` fields.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self {
            inline: [Field::default(); INLINE_FIELDS],
            inline_count: 0,
            spill: Vec::with_capacity(count.saturating_sub(INLINE_FIELDS)),
        }
    }

    pub(crate) fn push(&mut self, field: Field) {
        if let Some(slot) = self.inline.get_mut(self.inline_count) {
            *slot = field;
            self.inline_count += 1;
        } else {
            self.spill.push(field);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.inline[..self.inline_count].iter().chain(&self.spill)
    }
}
