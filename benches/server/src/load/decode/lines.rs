//! Finds the `id` and the stamp of each event in a stream (WHATWG HTML §9.2).
//! Takes lines that end in LF or CRLF, as servers write them; a lone CR is data here. Only the
//! first bytes of a line are ever looked at: the padding of an event costs one `memchr`.

use std::io::BufRead;

use crate::load::schedule::Stamp;

/// The longest line that says something: `data: seq=<20 digits> t=<20 digits> `.
const PREFIX: usize = 64;

/// What an empty line completes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Block {
    /// An id without data: where in the stream the subscription begins.
    Position(u64),
    /// An event; `stamp` if a load published it.
    Event {
        /// `None` without an id, or with one that is not decimal.
        id: Option<u64>,
        /// What the load wrote into the data.
        stamp: Option<Stamp>,
    },
}

/// A stream of lines, as far as it has come.
#[derive(Debug)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    partial: [u8; PREFIX],
    partial_len: usize,
    inside_line: bool,
    id: Option<u64>,
    stamp: Option<Stamp>,
    has_data: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            partial: [0; PREFIX],
            partial_len: 0,
            inside_line: false,
            id: None,
            stamp: None,
            has_data: false,
        }
    }

    /// Takes the next bytes and reports each block they complete.
    pub(super) fn receive(&mut self, bytes: &[u8], on_block: &mut impl FnMut(Block)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((line, after)) = split_line(rest) else {
                self.keep(rest);
                self.inside_line = true;
                return;
            };
            rest = after;
            if !self.inside_line {
                self.line(line, on_block);
                continue;
            }
            self.keep(line);
            let (whole, len) = (self.partial, self.partial_len);
            (self.inside_line, self.partial_len) = (false, 0);
            self.line(&whole[..len], on_block);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let new = bytes.len().min(PREFIX - self.partial_len);
        self.partial[self.partial_len..][..new].copy_from_slice(&bytes[..new]);
        self.partial_len += new;
    }

    fn line(&mut self, line: &[u8], on_block: &mut impl FnMut(Block)) {
        let line = &line[..line.len().min(PREFIX)];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(value) = field(line, b"data:") {
            if !self.has_data {
                self.stamp = stamp(value);
            }
            self.has_data = true;
        } else if let Some(value) = field(line, b"id:") {
            self.id = match number(value) {
                Some((id, [])) => Some(id),
                _ => None,
            };
        } else if line.is_empty() {
            let (id, stamp) = (self.id.take(), self.stamp.take());
            if std::mem::take(&mut self.has_data) {
                on_block(Block::Event { id, stamp });
            } else if let Some(id) = id {
                on_block(Block::Position(id));
            }
        }
    }
}

/// Splits at the first LF: the line without it, and what follows. `None` if there is no LF.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut after = bytes;
    // Reading from a slice never fails; `skip_until` is the standard library's way to memchr.
    let skipped = after.skip_until(b'\n').unwrap_or(0);
    Some((bytes[..skipped].strip_suffix(b"\n")?, after))
}

/// The value of a field line, without the one space after the colon.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

fn stamp(data: &[u8]) -> Option<Stamp> {
    let (seq, rest) = number(data.strip_prefix(b"seq=")?)?;
    let (due, rest) = number(rest.strip_prefix(b" t=")?)?;
    rest.starts_with(b" ").then_some(Stamp { seq, due })
}

/// A decimal number at the start, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // So many digits cannot overflow; only a 20th has to be watched.
    const SAFE_DIGITS: usize = 19;
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(digits);
    let (safe, watched) = digits.split_at(digits.len().min(SAFE_DIGITS));
    let mut value = safe.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    for digit in watched {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    (!digits.is_empty()).then_some((value, rest))
}
