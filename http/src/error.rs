//! Why a request is refused, and with which status. Decides nothing: the places that read the
//! bytes do.

use http::StatusCode;
use std::fmt;

/// A request that cannot be served. The connection is of no use afterwards: answer with
/// [`status`](Self::status) and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseError {
    /// The request line is not `method SP target SP HTTP/digit.digit` (RFC 9112 §3).
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
    /// refused too: the RFC leaves that open, and no honest client sends them.
    ContentLength,
    /// Transfer-Encoding is malformed, has `chunked` twice or not last, or came with HTTP/1.0
    /// (RFC 9112 §6.1).
    TransferEncoding,
    /// Content-Length and Transfer-Encoding came together (RFC 9112 §6.1).
    LengthConflict,
    /// The chunked body is malformed (RFC 9112 §7.1).
    Chunk,
    /// The peer ended the stream inside a request.
    Incomplete,
    /// The body is longer than allowed. A length that says so is refused right after its request is
    /// told; one that 64 bits cannot hold, instead of it.
    BodyTooLarge,
    /// The request line is longer than allowed.
    RequestLineTooLong,
    /// The head is longer than allowed.
    HeadTooLarge,
    /// There are more header fields, or trailer fields, than allowed.
    TooManyHeaders,
    /// The extensions and trailers of a chunked body are longer than allowed.
    ChunkExtrasTooLarge,
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    TransferCoding,
    /// An HTTP version other than 1.0 and 1.1.
    Version,
}

impl ParseError {
    /// The status of the answer: 400, 413, 414, 431, 501 or 505.
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
            Self::HeadTooLarge => "request head too large",
            Self::TooManyHeaders => "too many header fields",
            Self::ChunkExtrasTooLarge => "chunk extensions or trailers too large",
            Self::TransferCoding => "unknown transfer coding",
            Self::Version => "HTTP version not supported",
        })
    }
}

impl std::error::Error for ParseError {}
