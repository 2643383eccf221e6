//! Writes response heads (RFC 9112 §4, §6) and the frames of chunks. Knows how a message is framed,
//! not what is in it: bodies are written by whoever has them. [`encode_head`] shows it all.

use crate::{Version, chars};
use http::{HeaderName, HeaderValue, StatusCode};
use std::fmt;

mod chunks;

pub use crate::date::{DateField, imf_fixdate};
pub use chunks::{CHUNK_END, LAST_CHUNK, chunk, chunk_header};

/// How the body of a response is delimited (RFC 9112 §6).
///
/// ```
/// use headwater_http::encode::BodyFraming;
///
/// /// For a body of which the length is known, or not.
/// fn framing(length: Option<u64>) -> BodyFraming {
///     match length {
///         Some(0) => BodyFraming::None,
///         Some(bytes) => BodyFraming::Length(bytes),
///         // To an HTTP/1.0 client `encode_head` makes that `UntilClose`.
///         None => BodyFraming::Chunked,
///     }
/// }
/// # assert_eq!(framing(Some(5)), BodyFraming::Length(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyFraming {
    /// No body: `Content-Length: 0`, or nothing where the status allows no body.
    None,
    /// As many bytes. As the answer to HEAD, or as 304, the length that is not sent.
    Length(u64),
    /// Chunks, for HTTP/1.1.
    Chunked,
    /// Everything until the connection closes.
    UntilClose,
}

/// Whether the connection stays open after a response (RFC 9112 §9.3). See [`Promise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Another request may follow.
    KeepAlive,
    /// This is the last response.
    Close,
}

/// What a written head has promised; the body and the connection must keep to it.
///
/// ```
/// use headwater_http::Version;
/// use headwater_http::encode::{BodyFraming, Connection, DateField, Promise, encode_head};
///
/// let (chunked, date) = (BodyFraming::Chunked, &DateField::new(784_111_777));
/// let (mut out, ok, headers) = (Vec::new(), http::StatusCode::OK, [("x-a", "b")]);
/// // An HTTP/1.0 client knows no chunks.
/// let promise =
///     encode_head(&mut out, ok, Version::Http10, headers, chunked, Connection::KeepAlive, date)?;
/// let until_close = Promise { framing: BodyFraming::UntilClose, connection: Connection::Close };
/// assert_eq!(promise, until_close);
/// # Ok::<(), headwater_http::encode::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "the body must be framed as the head says, which may differ from what was asked"]
pub struct Promise {
    /// How the body is framed.
    pub framing: BodyFraming,
    /// Whether the connection stays open.
    pub connection: Connection,
}

/// A header that cannot be sent, because a client could read another response out of it
/// (RFC 9110 §5.1, §5.5).
///
/// ```
/// use headwater_http::Version;
/// use headwater_http::encode::{BodyFraming, Connection, DateField, EncodeError, encode_head};
///
/// let (none, date) = (BodyFraming::None, &DateField::new(784_111_777));
/// let mut out = Vec::new();
/// let mut encode = |name, value| {
///     let (ok, headers) = (http::StatusCode::OK, [(name, value)]);
///     encode_head(&mut out, ok, Version::Http11, headers, none, Connection::Close, date)
/// };
/// // What a client has sent must not become a header of its own.
/// assert_eq!(encode("x-note", "a\r\nset-cookie: b"), Err(EncodeError::Value));
/// assert_eq!(encode("content-length", "5"), Err(EncodeError::Reserved));
/// assert!(out.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// The name is not a token.
    Name,
    /// The value holds a control byte other than tab.
    Value,
    /// Connection, Content-Length and Transfer-Encoding follow from the framing; given as headers
    /// they could contradict it.
    Reserved,
}

/// The interim response that asks for the body of a request that
/// [expects it](crate::Head::expects_continue).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Appends a response head to `out`, and tells how the body must follow.
///
/// `version` is the request's. To an HTTP/1.0 client nothing is chunked: `Chunked` becomes
/// `UntilClose`, which always closes. Statuses 1xx, 204 and 304 have no body, whatever was asked;
/// 1xx and 204 say no length either (RFC 9112 §6.3, RFC 9110 §8.6); the body of 205 is empty. The
/// answer to HEAD is written as the one to GET, and its body left out by the caller. `date` is
/// written unless `headers` has a date.
///
/// # Errors
/// A header that cannot be sent; `out` is as before.
///
/// ```
/// use headwater_http::{Version, encode};
///
/// # fn main() -> Result<(), encode::EncodeError> {
/// let mut out = Vec::new();
/// let promise = encode::encode_head(
///     &mut out,
///     http::StatusCode::OK,
///     Version::Http11,
///     [("content-type", "text/plain")],
///     encode::BodyFraming::Chunked,
///     encode::Connection::KeepAlive,
///     &encode::DateField::new(784_111_777),
/// )?;
/// assert_eq!(promise.framing, encode::BodyFraming::Chunked);
/// encode::chunk(&mut out, b"hello");
/// out.extend_from_slice(encode::LAST_CHUNK);
/// assert_eq!(
///     out,
///     b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
///       transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
/// );
/// # Ok(())
/// # }
/// ```
pub fn encode_head<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    status: StatusCode,
    version: Version,
    headers: impl IntoIterator<Item = (N, V)>,
    framing: BodyFraming,
    connection: Connection,
    date: &DateField,
) -> Result<Promise, EncodeError> {
    let head = Head { status, version, framing, connection };
    head.write(out, headers, date, check)
}

/// As [`encode_head`], for fields whose types vouch for what is in them, which is not looked at again.
///
/// # Errors
/// [`EncodeError::Reserved`]; `out` is as before.
///
/// ```
/// use headwater_http::Version;
/// use headwater_http::encode::{self, BodyFraming, Connection, DateField};
/// use http::{HeaderMap, HeaderValue, header};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::VARY, HeaderValue::from_static("accept"));
/// let (ok, date) = (http::StatusCode::OK, &DateField::new(784_111_777));
/// let (none, close) = (BodyFraming::None, Connection::Close);
/// let mut out = Vec::new();
/// let promise =
///     encode::encode_typed_head(&mut out, ok, Version::Http11, &headers, none, close, date)?;
/// assert_eq!(promise.connection, Connection::Close);
/// assert!(out.starts_with(b"HTTP/1.1 200 OK\r\nvary: accept\r\n"));
/// # Ok::<(), encode::EncodeError>(())
/// ```
pub fn encode_typed_head<'h>(
    out: &mut Vec<u8>,
    status: StatusCode,
    version: Version,
    headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
    framing: BodyFraming,
    connection: Connection,
    date: &DateField,
) -> Result<Promise, EncodeError> {
    let head = Head { status, version, framing, connection };
    head.write(out, headers, date, |name, _| check_reserved(name))
}

/// What a response head is made of besides its fields.
struct Head {
    status: StatusCode,
    version: Version,
    framing: BodyFraming,
    connection: Connection,
}

impl Head {
    fn write<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        out: &mut Vec<u8>,
        headers: impl IntoIterator<Item = (N, V)>,
        date: &DateField,
        check: impl Fn(&[u8], &[u8]) -> Result<(), EncodeError>,
    ) -> Result<Promise, EncodeError> {
        let Self { status, version, framing, connection } = self;
        let before = out.len();
        status_line(out, status);
        let mut dated = false;
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            dated |= name.eq_ignore_ascii_case(b"date");
            if let Err(error) = check(name, value) {
                out.truncate(before);
                return Err(error);
            }
            field(out, name, value);
        }
        if !dated {
            out.extend_from_slice(date.as_bytes());
        }
        let promise = promise(status, version, framing, connection);
        length_field(out, status, version, framing);
        match (promise.connection, version) {
            _ if status.is_informational() => {}
            (Connection::Close, _) => out.extend_from_slice(b"connection: close\r\n"),
            (Connection::KeepAlive, Version::Http10) => {
                out.extend_from_slice(b"connection: keep-alive\r\n");
            }
            (Connection::KeepAlive, Version::Http11) => {}
        }
        out.extend_from_slice(b"\r\n");
        Ok(promise)
    }
}

/// The status line, with an empty reason for statuses that have none (RFC 9112 §4).
fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn check(name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
    if !chars::is_token_str(name) {
        return Err(EncodeError::Name);
    }
    if chars::find_control(value).is_some() {
        return Err(EncodeError::Value);
    }
    check_reserved(name)
}

fn check_reserved(name: &[u8]) -> Result<(), EncodeError> {
    let reserved: &[u8] = match name.len() {
        10 => b"connection",
        14 => b"content-length",
        17 => b"transfer-encoding",
        _ => return Ok(()),
    };
    if name.eq_ignore_ascii_case(reserved) { Err(EncodeError::Reserved) } else { Ok(()) }
}

fn promise(
    status: StatusCode,
    version: Version,
    framing: BodyFraming,
    connection: Connection,
) -> Promise {
    let framing = match (framing, version) {
        _ if has_no_body(status) || status == StatusCode::RESET_CONTENT => BodyFraming::None,
        (BodyFraming::Chunked, Version::Http10) => BodyFraming::UntilClose,
        (framing, _) => framing,
    };
    let connection =
        if framing == BodyFraming::UntilClose { Connection::Close } else { connection };
    Promise { framing, connection }
}

/// Content-Length or Transfer-Encoding (RFC 9110 §8.6, RFC 9112 §6.1).
fn length_field(out: &mut Vec<u8>, status: StatusCode, version: Version, framing: BodyFraming) {
    let length = match framing {
        BodyFraming::Length(length) if status == StatusCode::NOT_MODIFIED => length,
        _ if has_no_body(status) => return,
        // Unlike the others it is not without a body by itself (RFC 9110 §15.3.6).
        _ if status == StatusCode::RESET_CONTENT => 0,
        BodyFraming::None => 0,
        BodyFraming::Length(length) => length,
        BodyFraming::Chunked if version == Version::Http11 => {
            return out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        BodyFraming::Chunked | BodyFraming::UntilClose => return,
    };
    number_field(out, b"content-length: ", length);
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A field line whose value is a number: put together from its end, then written at once.
fn number_field<const NAME: usize>(out: &mut Vec<u8>, name: &[u8; NAME], mut number: u64) {
    // 64 bits have at most 20 digits, and the longest name with its colon 16 bytes.
    const ROOM: usize = 16 + 20 + 2;
    const { assert!(NAME <= 16) };
    let mut line = [0; ROOM];
    line[ROOM - 2..].copy_from_slice(b"\r\n");
    let mut start = ROOM - 2;
    loop {
        start -= 1;
        line[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line[start - NAME..start].copy_from_slice(name);
    out.extend_from_slice(&line[start - NAME..]);
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a header name is not a token",
            Self::Value => "a header value holds a control byte",
            Self::Reserved => "Connection, Content-Length and Transfer-Encoding are not free",
        })
    }
}

impl std::error::Error for EncodeError {}
