//! Decides how long a request's body is (RFC 9112 §6) and whether the connection outlives it
//! (§9.3), from the fields of the head. Never touches body bytes: see `chunked`.

use crate::head::Version;
use crate::{ParseError, chars, target};
use http::Method;

/// How a request's body is delimited (RFC 9112 §6.3). Never by the end of the stream: that is for
/// responses.
///
/// ```
/// use headwater_http::{BodyLength, Connection, Limits, Step};
///
/// /// How the body of a request with this field is delimited.
/// fn length_of(field: &str) -> BodyLength {
///     let mut connection = Connection::new(&Limits::default());
///     connection.receive(format!("POST / HTTP/1.1\r\nHost: h\r\n{field}\r\n").as_bytes());
///     let Ok(Step::Request(head)) = connection.step() else { panic!("the head is complete") };
///     head.body()
/// }
///
/// assert_eq!(length_of(""), BodyLength::None);
/// assert_eq!(length_of("Content-Length: 5\r\n"), BodyLength::Length(5));
/// assert_eq!(length_of("Transfer-Encoding: chunked\r\n"), BodyLength::Chunked);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// There is no body: neither field was sent.
    None,
    /// As many bytes as Content-Length says, which may be 0, or more than the limit.
    Length(u64),
    /// Chunks (RFC 9112 §7.1); the length is known at the last.
    Chunked,
}

/// What the fields of one head say about the message as a whole.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    hosts: usize,
    length: Option<u64>,
    codings: Codings,
    close: bool,
    keep_alive: bool,
    expected: Expected,
    credentials: bool,
}

/// What is decided once all fields have been seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) body: BodyLength,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    /// A field says who the client is: nothing of such a head outlives its request.
    pub(crate) credentials: bool,
}

/// The Transfer-Encoding lines so far. `chunked` counts only as the very last coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    Absent,
    Chunked,
    Unknown,
    UnknownThenChunked,
}

/// The Expect lines so far (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Nothing,
    Continue,
    Other,
}

impl Framing {
    /// Takes one header field, its value without white space around it.
    pub(crate) fn see(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParseError> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                if self.hosts > 1 || !target::is_host(value) {
                    return Err(ParseError::Host);
                }
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expected = value
                    .split(|&byte| byte == b',')
                    .map(chars::trim)
                    .fold(self.expected, Expected::and);
            }
            6 if name.eq_ignore_ascii_case(b"cookie") => self.credentials = true,
            13 if name.eq_ignore_ascii_case(b"authorization") => self.credentials = true,
            19 if name.eq_ignore_ascii_case(b"proxy-authorization") => self.credentials = true,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|&byte| byte == b',').map(chars::trim) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = content_length(value)?;
                if self.length.replace(length).is_some() {
                    return Err(ParseError::ContentLength);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                for coding in value.split(|&byte| byte == b',') {
                    self.codings = self.codings.then(chars::trim(coding))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Decides, after the last field.
    pub(crate) fn decide(self, version: Version, method: &Method) -> Result<Facts, ParseError> {
        if version == Version::Http11 && self.hosts == 0 {
            return Err(ParseError::Host);
        }
        let body = match (self.codings, self.length) {
            (Codings::Absent, None) => BodyLength::None,
            (Codings::Absent, Some(length)) => BodyLength::Length(length),
            (_, Some(_)) => return Err(ParseError::LengthConflict),
            // An HTTP/1.0 relay in between may have passed the field on without knowing it.
            _ if version == Version::Http10 => return Err(ParseError::TransferEncoding),
            (Codings::Chunked, None) => BodyLength::Chunked,
            (Codings::Unknown | Codings::UnknownThenChunked, None) => {
                return Err(ParseError::TransferCoding);
            }
        };
        // Last, since a request whose framing is faulty is nothing to expect something of.
        if self.expected == Expected::Other {
            return Err(ParseError::Expectation);
        }
        let persistent = match version {
            Version::Http10 => self.keep_alive,
            Version::Http11 => true,
        };
        Ok(Facts {
            body,
            credentials: self.credentials,
            // A client that asked for a tunnel may go on with something that is not HTTP.
            keep_alive: persistent && !self.close && method != Method::CONNECT,
            expects_continue: self.expected == Expected::Continue
                && version == Version::Http11
                && !matches!(body, BodyLength::None | BodyLength::Length(0)),
        })
    }
}

impl Codings {
    fn then(self, coding: &[u8]) -> Result<Self, ParseError> {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        match self {
            Self::Absent if chunked => Ok(Self::Chunked),
            Self::Unknown if chunked => Ok(Self::UnknownThenChunked),
            Self::Absent | Self::Unknown if is_coding(coding) => Ok(Self::Unknown),
            // No coding at all; or something after chunked, so that the length cannot be known.
            _ => Err(ParseError::TransferEncoding),
        }
    }
}

impl Expected {
    /// Takes one member of the list, which may be empty (RFC 9110 §5.6.1.2).
    fn and(self, member: &[u8]) -> Self {
        match self {
            Self::Other => Self::Other,
            _ if member.is_empty() => self,
            _ if member.eq_ignore_ascii_case(b"100-continue") => Self::Continue,
            _ => Self::Other,
        }
    }
}

/// A coding that some other server may know: a token, perhaps with parameters.
fn is_coding(coding: &[u8]) -> bool {
    let name = coding.split(|&byte| byte == b';').next().map_or(coding, chars::trim);
    chars::is_token_str(name) && !name.eq_ignore_ascii_case(b"chunked")
}

/// Digits and nothing else: no sign, no list, no blank. A number too large to count is a body too
/// large to read.
fn content_length(value: &[u8]) -> Result<u64, ParseError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(ParseError::ContentLength);
    }
    value
        .iter()
        .try_fold(0u64, |length, digit| {
            length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
        .ok_or(ParseError::BodyTooLarge)
}
