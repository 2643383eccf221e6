//! Writes events as `text/event-stream` bytes (WHATWG HTML §9.2.6), and numbers as decimals.
//! Never decides what a field may hold: see `event`. Never frames or sends: see `prepared`.

use crate::Event;

/// Appends the bytes of one event to `out`, whose capacity is reused.
///
/// The lines come in this order: `id`, comment, `event`, `retry`, `data`, and an empty line that
/// ends the event. A field that is not set has no line; data has one line for each of its own
/// lines, split at LF, CRLF and CR. Every line is spelled with one space after its colon, which
/// decoders take away, so that a leading space in a value survives. An event with nothing set has
/// no bytes at all.
///
/// `out` grows at most once.
///
/// ```
/// use headwater_sse::{Event, format_event};
///
/// let mut out = Vec::new();
/// format_event(&mut out, &Event::data("one\ntwo").event("count").id("7"));
/// assert_eq!(out, b"id: 7\nevent: count\ndata: one\ndata: two\n\n");
/// ```
pub fn format_event(out: &mut Vec<u8>, event: &Event) {
    out.reserve(formatted_len(event));
    if let Some(id) = &event.id {
        push_line(out, ID, id);
    }
    if let Some(comment) = &event.comment {
        push_line(out, COMMENT, comment);
    }
    if let Some(name) = &event.name {
        push_line(out, EVENT, name);
    }
    if let Some(millis) = event.retry_millis {
        out.extend_from_slice(RETRY.as_bytes());
        push_decimal(out, millis.get().into());
        out.push(b'\n');
    }
    if let Some(data) = &event.data {
        each_data_line(data, |line| push_line(out, DATA, line));
    }
    if !event.is_empty() {
        out.push(b'\n');
    }
}

/// How many bytes [`format_event`] appends for `event`, exactly.
fn formatted_len(event: &Event) -> usize {
    if event.is_empty() {
        return 0;
    }
    let line = |prefix: &str, value: &str| prefix.len() + value.len() + 1;
    let mut data_len = 0;
    if let Some(data) = &event.data {
        each_data_line(data, |text| data_len += line(DATA, text));
    }
    event.id.as_ref().map_or(0, |id| line(ID, id))
        + event.comment.as_ref().map_or(0, |comment| line(COMMENT, comment))
        + event.name.as_ref().map_or(0, |name| line(EVENT, name))
        + event.retry_millis.map_or(0, |ms| RETRY.len() + decimal_len(ms.get().into()) + 1)
        + data_len
        + 1
}

/// Appends `number` in decimal.
pub(crate) fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20]; // u64::MAX has 20 digits
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// What an id line starts with. `prepared` and `id` take such lines apart and write them.
pub(crate) const ID: &str = "id: ";
const COMMENT: &str = ": ";
const EVENT: &str = "event: ";
const RETRY: &str = "retry: ";
pub(crate) const DATA: &str = "data: ";

fn push_line(out: &mut Vec<u8>, prefix: &str, value: &str) {
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// Calls `f` with each line of `data`.
fn each_data_line<'a>(data: &'a str, f: impl FnMut(&'a str)) {
    // Mostly there is one.
    let (blocks, rest) = data.as_bytes().as_chunks::<16>();
    if blocks.iter().any(|block| has_line_end(block)) || has_line_end(rest) {
        data_lines(data).for_each(f);
    } else {
        std::iter::once(data).for_each(f);
    }
}

/// Without a way out in the middle, so that a block of known length is compared as a vector.
#[inline]
fn has_line_end(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |found, &byte| found | u8::from(byte == b'\n') | u8::from(byte == b'\r'))
        > 0
}

/// The lines of `data`, split at LF, CRLF and CR: always one more than there are line ends.
fn data_lines(data: &str) -> impl Iterator<Item = &str> {
    let mut segments = data.split('\n').peekable();
    std::iter::from_fn(move || {
        let segment = segments.next()?;
        // The CR of a CRLF belongs to the LF that was split off; a CR at the very end does not.
        let followed_by_lf = segments.peek().is_some();
        let segment = segment.strip_suffix('\r').filter(|_| followed_by_lf).unwrap_or(segment);
        Some(segment.split('\r'))
    })
    .flatten()
}

pub(crate) fn decimal_len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_length_is_known_before_a_byte_is_written() {
        let data = ["", "a", "\n", "a\r\nb\rc\n", "\r\r\n\n"].map(Event::data);
        let retry = [1, 9, 10, 99, 100, 2_147_483_647]
            .map(|millis| Event::new().retry(Duration::from_millis(millis)));
        let other = [Event::new(), Event::data("x").id("").event("e").comment("c")];
        for event in data.into_iter().chain(retry).chain(other) {
            let mut out = Vec::new();
            format_event(&mut out, &event);
            assert_eq!(formatted_len(&event), out.len(), "{event:?}");
        }
    }

    #[test]
    fn room_for_a_whole_event_is_made_at_once() {
        let event = Event::data("x\n".repeat(20_000));
        let mut out = Vec::new();
        format_event(&mut out, &event);
        // Growing line by line would have doubled past this.
        assert!(out.capacity() < out.len() + out.len() / 8, "{}", out.capacity());
    }
}
