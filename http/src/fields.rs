//! The header fields of a head that was parsed before: found in its bytes each time that they are looked
//! at. Checks nothing.

use crate::chars;
use std::ops::Range;

/// A part of a head. Positions of 32 bits keep it small; longer heads are refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The most bytes that a head has, so that positions in it fit.
    pub(crate) const MAX_HEAD_BYTES: usize = u32::MAX as usize;

    /// A part of a head that is no longer than [`MAX_HEAD_BYTES`](Self::MAX_HEAD_BYTES).
    #[expect(clippy::cast_possible_truncation, reason = "a position in such a head fits")]
    pub(crate) const fn new(range: &Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// Names and values of field lines, in their order, without white space around the values
/// (RFC 9112 §5).
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of these lines, which end with an empty one, or of none.
    pub(crate) fn of(lines: &'a [u8]) -> Self {
        Self { rest: lines }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // The empty line has none.
        let colon = self.rest.iter().position(|byte| matches!(byte, b':' | b'\r'))?;
        let (name, rest) = self.rest.split_at(colon);
        let rest = rest.strip_prefix(b":")?;
        // Values hold no CR.
        let (value, rest) = rest.split_at(chars::find_control(rest)?);
        self.rest = rest.get(2..)?;
        Some((name, chars::trim(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_to_the_empty_one() {
        let fields = Fields::of(b"a:1\r\nB-c: \t x:\t y \xff\t\r\nempty:\r\n\r\n");
        let expected: [(&[u8], &[u8]); 3] =
            [(b"a", b"1"), (b"B-c", b"x:\t y \xff"), (b"empty", b"")];
        assert!(fields.eq(expected));
        assert_eq!(Fields::of(b"\r\n").count() + Fields::of(b"").count(), 0);
    }
}
