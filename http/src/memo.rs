//! The head that was parsed last, for the next one that is the same to the byte. Decides nothing: what a head
//! means never depends on what came before it.

use crate::Limits;
use crate::layout::Layout;
use std::fmt;

/// The last head that came whole on any of the connections that share this.
///
/// Clients that ask again mostly ask the same: pollers, health checks and proxies send one head for hours. Where
/// the next one equals the last to the byte, it means the same, and is not parsed again. Any other costs a
/// comparison that fails early, and a copy of at most [`MOST_BYTES`](Self::MOST_BYTES). Give it to
/// [`Connection::step_with`](crate::Connection::step_with); one per thread will do.
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

    /// Keeps a head in place of the last.
    pub(crate) fn keep(&mut self, head: &[u8], layout: &Layout, limits: &Limits) {
        self.known = None;
        if head.len() <= Self::MOST_BYTES {
            self.bytes.clear();
            self.bytes.extend_from_slice(head);
            self.known = Some((layout.clone(), *limits));
        }
    }
}

impl fmt::Debug for HeadMemo {
    /// Without the bytes: they hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadMemo").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
