//! Finds where a request head ends, before anything is parsed, and refuses what no line of a head
//! may hold: lone CR or LF, control bytes, folded lines, too many bytes or lines.
//!
//! It remembers where it stopped, so a head that comes byte by byte is read once. Every refusal is
//! tied to a position in the stream, so the outcome does not depend on how the bytes were cut. What
//! a line says is none of its business: see `head`.

use crate::{Limits, ParseError, chars};

/// The state of the search. All positions count from the first byte of the request line.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// Everything before it has been looked at.
    at: usize,
    line_start: usize,
    /// Complete lines so far, the request line included.
    lines: usize,
}

/// A complete head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HeadEnd {
    /// Its length, the empty line included.
    pub(crate) bytes: usize,
    /// How many field lines it has.
    pub(crate) fields: usize,
}

impl HeadScan {
    /// Whether it has seen anything yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.at > 0
    }

    /// Goes on with the search; `input` is all there is of the head. `None` asks for more.
    pub(crate) fn resume(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<HeadEnd>, ParseError> {
        loop {
            let allowed = self.allowed(limits);
            let window = input.len().min(allowed);
            // A window may already be behind `at` when a CR at its edge waits for its LF.
            let found = input.get(self.at..window).and_then(chars::find_control);
            let Some(end) = found.map(|offset| self.at + offset) else {
                self.at = window;
                return if window == allowed { Err(self.too_long()) } else { Ok(None) };
            };
            match (input[end], input.get(end + 1)) {
                (b'\r', _) if end + 1 == limits.head_bytes => return Err(self.too_long()),
                (b'\r', None) => {
                    self.at = end;
                    return Ok(None);
                }
                (b'\r', Some(b'\n')) => {
                    if self.end_line(&input[self.line_start..end], limits)? {
                        return Ok(Some(HeadEnd { bytes: end + 2, fields: self.lines - 1 }));
                    }
                    self.line_start = end + 2;
                    self.at = end + 2;
                }
                (b'\r' | b'\n', _) => return Err(ParseError::LineEnd),
                _ => return Err(ParseError::ControlByte),
            }
        }
    }

    /// Takes a complete line; true for the empty one that ends the head.
    fn end_line(&mut self, line: &[u8], limits: &Limits) -> Result<bool, ParseError> {
        match line.first() {
            None if self.lines == 0 => return Err(ParseError::RequestLine),
            None => return Ok(true),
            Some(&first) if self.lines > 0 && chars::is_blank(first) => {
                return Err(ParseError::Folding);
            }
            Some(_) => self.lines += 1,
        }
        if self.lines - 1 > limits.headers { Err(ParseError::TooManyHeaders) } else { Ok(false) }
    }

    /// How many bytes may be looked at: inside the request line one more than it may have, since
    /// that one can be its CR.
    fn allowed(&self, limits: &Limits) -> usize {
        if self.lines == 0 {
            limits.head_bytes.min(limits.request_line_bytes.saturating_add(1))
        } else {
            limits.head_bytes
        }
    }

    fn too_long(&self) -> ParseError {
        if self.lines == 0 { ParseError::RequestLineTooLong } else { ParseError::HeadTooLarge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_sender_costs_one_look_at_each_byte() {
        let input = b"GET / HTTP/1.1\r\nHost: a\r\nB:\tc\r\n\r\nrest";
        let expected = HeadEnd { bytes: input.len() - 4, fields: 2 };
        let mut scan = HeadScan::default();
        for seen in 0..expected.bytes {
            assert_eq!(scan.resume(&input[..seen], &Limits::default()), Ok(None));
            // Only a CR whose LF has not come is looked at again.
            assert!(scan.at + 1 >= seen, "{} of {seen}", scan.at);
        }
        assert_eq!(scan.resume(input, &Limits::default()), Ok(Some(expected)));
    }
}
