//! A head that was parsed, for the next one that is the same to the byte. Decides nothing: what a head means
//! never depends on what came before it.

use crate::Limits;
use crate::layout::Layout;
use std::fmt;

/// The last head of those connections that share this which came whole and can be kept.
///
/// Clients that ask again may ask the same: pollers, health checks and proxies send one head for hours. Where
/// the next one equals the last to the byte, it means the same, and is not parsed again. Any other costs a
/// comparison, of all its bytes if it differs in the last, and if it is kept in turn, a copy. Give it to
/// [`Connection::step_with`](crate::Connection::step_with); one per thread will do.
///
/// Not kept are heads of more than [`MOST_BYTES`](Self::MOST_BYTES) or 16 fields, those with a method of
/// more than 7 bytes, and any that says who the client is (`Authorization`, `Proxy-Authorization`, `Cookie`):
/// of these nothing outlives its request.
///
/// ```
/// use headwater_http::{Connection, HeadMemo, Limits, Step};
///
/// let (mut memo, limits) = (HeadMemo::default(), Limits::default());
/// for _ in 0..2 {
///     let mut connection = Connection::new(&limits);
///     connection.receive(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
///     assert!(matches!(connection.step_with(&mut memo), Ok(Step::Request(head)) if head.path() == "/health"));
/// }
/// ```
#[derive(Default)]
pub struct HeadMemo {
    /// Reused, so that nothing is allocated.
    bytes: Vec<u8>,
    /// What they mean, and the limits that they were within.
    known: Option<(Layout, Limits)>,
}

impl HeadMemo {
    /// Longer heads are not kept (1 KiB).
    pub const MOST_BYTES: usize = 1024;

    /// What the head means that `input` begins with, and its length, if it is the last one.
    #[inline]
    pub(crate) fn find(&self, input: &[u8], limits: &Limits) -> Option<(usize, Layout)> {
        let (layout, within) = self.known.as_ref()?;
        let same = input.starts_with(&self.bytes) && within == limits;
        same.then(|| (self.bytes.len(), layout.clone()))
    }

    /// Keeps a head in place of the last, if it can be kept.
    pub(crate) fn keep(&mut self, head: &[u8], layout: &Layout, limits: &Limits) {
        // Long ones are allocated whenever they are copied.
        let short_method = layout.method.as_str().len() <= MOST_METHOD_BYTES;
        if head.len() > Self::MOST_BYTES || layout.facts.credentials || !short_method {
            return;
        }
        self.known = None;
        self.bytes.clear();
        self.bytes.extend_from_slice(head);
        self.known = Some((layout.clone(), *limits));
    }
}

/// As long as CONNECT and OPTIONS.
const MOST_METHOD_BYTES: usize = 7;

impl fmt::Debug for HeadMemo {
    /// Without the bytes: a target may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadMemo").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(head: &str) -> bool {
        let (mut memo, limits) = (HeadMemo::default(), Limits::default());
        let parsed = Layout::at_once(head.as_bytes(), &limits).expect("it is whole");
        let (length, layout) = parsed.expect("it is sound");
        memo.keep(&head.as_bytes()[..length], &layout, &limits);
        memo.find(format!("{head}and more").as_bytes(), &limits)
            .is_some_and(|found| found.0 == length)
    }

    #[test]
    fn heads_are_found_again_but_those_that_are_long_or_say_who_the_client_is() {
        let with = |fields: &str| keeps(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert!(with("") && with("Accept: */*\r\nX-Cookie: 1\r\n"));
        for name in ["Cookie", "authorization", "PROXY-Authorization"] {
            assert!(!with(&format!("{name}: secret\r\n")), "{name}");
        }
        let of_bytes = |bytes: usize| with(&format!("X: {}\r\n", "y".repeat(bytes - 32)));
        assert!(of_bytes(HeadMemo::MOST_BYTES) && !of_bytes(HeadMemo::MOST_BYTES + 1));
        assert!(!keeps("PROPPATCH / HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    #[test]
    fn debug_output_shows_nothing_of_the_head() {
        let mut memo = HeadMemo::default();
        let head = b"GET /token HTTP/1.1\r\nHost: a\r\n\r\n";
        let limits = Limits::default();
        let (_, layout) = Layout::at_once(head, &limits).expect("whole").expect("sound");
        memo.keep(head, &layout, &limits);
        assert!(!format!("{memo:?}").contains("token"));
    }
}
