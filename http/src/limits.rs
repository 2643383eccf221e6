//! How much of a request is read before it is refused. Only numbers: they are enforced by
//! `prescan` (head), `chunked` (extras) and `connection` (body).

/// How large a request may be.
///
/// A request that is exactly as large as a limit is served, one byte or one header more is refused.
///
/// ```
/// let limits = headwater_http::Limits::default().with_body_bytes(64 * 1024);
/// assert_eq!(limits.body_bytes, 65_536);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the request head, from the first of the request line to the last of the empty line,
    /// line ends included (default 16 KiB); past it the answer is 431. The same number, counted
    /// anew, bounds what a chunked body carries besides data: its extensions and trailers.
    pub head_bytes: usize,
    /// Header fields of the head, and, counted anew, of a chunked body's trailers (default 100);
    /// past it the answer is 431.
    pub headers: usize,
    /// Bytes of the request line without its CRLF (default 8 KiB); past it the answer is 414.
    pub request_line_bytes: usize,
    /// Bytes of the decoded body (default 1 MiB); past it the answer is 413. For one request:
    /// [`Connection::set_body_limit`](crate::Connection::set_body_limit).
    pub body_bytes: u64,
}

impl Limits {
    /// Sets [`head_bytes`](Self::head_bytes).
    #[must_use]
    pub fn with_head_bytes(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Sets [`headers`](Self::headers).
    #[must_use]
    pub fn with_headers(mut self, count: usize) -> Self {
        self.headers = count;
        self
    }

    /// Sets [`request_line_bytes`](Self::request_line_bytes).
    #[must_use]
    pub fn with_request_line_bytes(mut self, bytes: usize) -> Self {
        self.request_line_bytes = bytes;
        self
    }

    /// Sets [`body_bytes`](Self::body_bytes).
    #[must_use]
    pub fn with_body_bytes(mut self, bytes: u64) -> Self {
        self.body_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            headers: 100,
            request_line_bytes: 8 * 1024,
            body_bytes: 1024 * 1024,
        }
    }
}
