//! Why a request is refused, and with which status. Decides nothing: the places that read the
//! bytes do.

use http::StatusCode;
use std::fmt;

/// A request that cannot be served. The connection is of no use afterwards: answer with
/// [`status`](Self::status) and close.
///
/// Two statuses of refused requests are not here, because they are not in the bytes: 408 is the
/// owner's clock's, and 405 the router's.
///
/// ```
/// use headwater_http::{Connection, Limits, ParseError};
///
/// let mut connection = Connection::new(&Limits::default());
/// connection.receive(b"GET / HTTP/1.1\r\nHost : example.com\r\n\r\n");
/// let error = connection.step().unwrap_err();
/// assert_eq!(error, ParseError::HeaderLine);
/// assert_eq!((error.status().as_u16(), error.to_string().as_str()), (400, "malformed header line"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseError {
    /// The request line is not `method SP target SP HTTP/digit.digit` (RFC 9112 §3), or more than one
    /// empty line stands before it (§2.2).
    RequestLine,
    /// The target has none of the four forms, or one that its method may not use (RFC 9112 §3.2).
    Target,
    /// A line ends with a lone LF, or a CR stands alone (RFC 9112 §2.2).
    LineEnd,
    /// A control byte stands in the head (RFC 9110 §5.5).
    ControlByte,
    /// A header line begins with white space, the obsolete line folding (RFC 9112 §5.2).
    Folding,
    /// A header line is not `name: value` (RFC 9112 §5.1).
    HeaderLine,
    /// The Host field is missing in HTTP/1.1, repeated, or no host (RFC 9112 §3.2).
    Host,
    /// Content-Length is not one decimal number, said once (RFC 9112 §6.3). Equal repetitions are
    /// refused too: a recipient may (RFC 9110 §8.6), and no honest client sends them.
    ContentLength,
    /// Transfer-Encoding is malformed, has `chunked` twice or not last, or came with HTTP/1.0
    /// (RFC 9112 §6.1, §6.3). An empty element of its list is malformed here, although a list may have
    /// some (RFC 9110 §5.6.1.2): servers disagree on whether `chunked,` ends in `chunked`.
    TransferEncoding,
    /// Content-Length and Transfer-Encoding came together (RFC 9112 §6.1).
    LengthConflict,
    /// The chunked body is malformed, or the size of a chunk has more than 16 digits (RFC 9112 §7.1).
    Chunk,
    /// The peer ended the stream inside a request (RFC 9112 §8).
    Incomplete,
    /// The body is longer than [`Limits::body_bytes`](crate::Limits::body_bytes) (RFC 9110 §15.5.14).
    /// A length that says so is refused right after its request is told; one that 64 bits cannot
    /// hold, instead of it.
    BodyTooLarge,
    /// The request line is longer than
    /// [`Limits::request_line_bytes`](crate::Limits::request_line_bytes) (RFC 9112 §3).
    RequestLineTooLong,
    /// The client expects something other than `100-continue` (RFC 9110 §10.1.1).
    Expectation,
    /// The head is longer than [`Limits::head_bytes`](crate::Limits::head_bytes) (RFC 6585 §5).
    HeadTooLarge,
    /// There are more header fields, or trailer fields, than
    /// [`Limits::headers`](crate::Limits::headers) (RFC 6585 §5).
    TooManyHeaders,
    /// The extensions and trailers of a chunked body are longer than
    /// [`Limits::head_bytes`](crate::Limits::head_bytes) (RFC 9112 §7.1.1).
    ChunkExtrasTooLarge,
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    TransferCoding,
    /// An HTTP version other than 1.0 and 1.1 (RFC 9110 §15.6.6). A later 1.x, which nobody sends,
    /// is not served as 1.1 (§2.5 would have it so).
    Version,
}

impl ParseError {
    /// The status of the answer: 400, 413, 414, 417, 431, 501 or 505.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::RequestLine
            | Self::Target
            | Self::LineEnd
            | Self::ControlByte
            | Self::Folding
            | Self::HeaderLine
            | Self::Host
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::LengthConflict
            | Self::Chunk
            | Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestLineTooLong => StatusCode::URI_TOO_LONG,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::HeadTooLarge | Self::TooManyHeaders | Self::ChunkExtrasTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestLine => "malformed request line",
            Self::Target => "malformed request target, or one that the method may not use",
            Self::LineEnd => "a line does not end with CRLF",
            Self::ControlByte => "control byte in the request head",
            Self::Folding => "folded header line",
            Self::HeaderLine => "malformed header line",
            Self::Host => "missing, repeated or malformed Host",
            Self::ContentLength => "malformed or repeated Content-Length",
            Self::TransferEncoding => "malformed or misplaced Transfer-Encoding",
            Self::LengthConflict => "both Content-Length and Transfer-Encoding",
            Self::Chunk => "malformed chunked body",
            Self::Incomplete => "the request ended early",
            Self::BodyTooLarge => "request body too large",
            Self::RequestLineTooLong => "request line too long",
            Self::Expectation => "expectation other than 100-continue",
            Self::HeadTooLarge => "request head too large",
            Self::TooManyHeaders => "too many header fields",
            Self::ChunkExtrasTooLarge => "chunk extensions or trailers too large",
            Self::TransferCoding => "unknown transfer coding",
            Self::Version => "HTTP version not supported",
        })
    }
}

impl std::error::Error for ParseError {}
