//! A complete request head: parsed once, read many times. It owns its bytes, so it outlives the
//! input buffer. Where the head ends, `prescan` has found; what its fields mean for the body,
//! `framing` decides.

use crate::fields::{Fields, Span};
use crate::framing::{BodyLength, Facts, Framing};
use crate::{ParseError, chars, target};
use bytes::Bytes;
use http::Method;
use httparse::Header;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A request without its body (RFC 9112 §2.1).
///
/// It owns its bytes: it may outlive the connection, travel to another thread, and be read any number
/// of times. Nothing in it is decoded or repaired.
///
/// ```
/// use headwater_http::{BodyLength, Connection, Limits, Step};
///
/// let mut connection = Connection::new(&Limits::default());
/// connection.receive(b"POST /a%20b?c HTTP/1.1\r\nHost: example.com:80\r\nContent-Length: 2\r\n\r\n");
/// let Ok(Step::Request(head)) = connection.step() else { panic!("the head is complete") };
/// assert_eq!((head.method().as_str(), head.path(), head.query()), ("POST", "/a%20b", Some("c")));
/// assert_eq!((head.authority(), head.body()), (Some("example.com:80"), BodyLength::Length(2)));
/// assert_eq!(head.header("content-length"), Some(b"2".as_slice()));
/// ```
pub struct Head {
    bytes: Bytes,
    layout: Layout,
}

/// What a head's bytes mean, by position.
struct Layout {
    method: Method,
    version: Version,
    target: Span,
    /// None stands for `/`.
    path: Option<Span>,
    query: Option<Span>,
    authority: Option<Span>,
    /// Its field lines and the empty line: a table of their parts would be most of what moves with a
    /// request, and few are looked at.
    fields: Span,
    facts: Facts,
}

/// How many fields are parsed without an allocation.
const INLINE_FIELDS: usize = 16;

/// The versions of HTTP spoken here (RFC 9112 §2.3).
///
/// ```
/// use headwater_http::{Connection, Limits, Step, Version};
///
/// let mut connection = Connection::new(&Limits::default());
/// connection.receive(b"GET / HTTP/1.0\r\n\r\n");
/// let Ok(Step::Request(head)) = connection.step() else { panic!("the head is complete") };
/// assert_eq!((head.version(), head.keep_alive()), (Version::Http10, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0: no chunked answers, and the connection closes unless the client asks otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Head {
    /// The method (RFC 9110 §9). Any token is one, and `get` is not GET: which are served, and whether
    /// others get 405 or 501, is not decided here.
    pub fn method(&self) -> &Method {
        &self.layout.method
    }

    /// The request target as it was sent: visible ASCII without `#`, of one of the four forms
    /// (RFC 9112 §3.2).
    pub fn target(&self) -> &str {
        self.ascii(self.layout.target)
    }

    /// The path, not decoded, always beginning with `/`; except `*` for the asterisk form of
    /// OPTIONS, and nothing for CONNECT.
    pub fn path(&self) -> &str {
        self.layout.path.map_or("/", |path| self.ascii(path))
    }

    /// What follows the first `?`, not decoded; empty if nothing does.
    pub fn query(&self) -> Option<&str> {
        self.layout.query.map(|query| self.ascii(query))
    }

    /// Host and port of the target URI: the target's own if it has them, else the Host field
    /// (RFC 9110 §7.2). Empty or absent where neither says.
    pub fn authority(&self) -> Option<&str> {
        match self.layout.authority {
            Some(authority) => Some(self.ascii(authority)),
            None => str::from_utf8(self.header("host")?).ok(),
        }
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.layout.version
    }

    /// The value of the first field of this name, in whatever case, without white space around it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.fields()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// All fields as they were sent, in their order (RFC 9110 §5). Names are tokens, in whatever case;
    /// values hold no control byte but tab, no white space around them, and need not be UTF-8.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields().map(|(name, value)| (ascii(name), value))
    }

    /// Whether the client wants the connection kept (RFC 9112 §9.3). Whether it can be:
    /// [`Connection::keep_alive`](crate::Connection::keep_alive).
    pub fn keep_alive(&self) -> bool {
        self.layout.facts.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). Send
    /// it when [`step`](crate::Connection::step) next asks for more: then the body has not come
    /// by itself, and is not refused for its length.
    pub fn expects_continue(&self) -> bool {
        self.layout.facts.expects_continue
    }

    /// How the body is delimited.
    pub fn body(&self) -> BodyLength {
        self.layout.facts.body
    }

    /// Parses `bytes`, exactly one head with `field_count` field lines.
    pub(crate) fn parse(bytes: Bytes, field_count: usize) -> Result<Self, ParseError> {
        let layout = if field_count <= INLINE_FIELDS {
            Layout::read(&bytes, &mut [const { MaybeUninit::uninit() }; INLINE_FIELDS])
        } else {
            Layout::read(&bytes, &mut vec![MaybeUninit::uninit(); field_count])
        }?;
        Ok(Self { bytes, layout })
    }

    fn fields(&self) -> Fields<'_> {
        Fields::of(self.layout.fields.of(&self.bytes))
    }

    fn ascii(&self, span: Span) -> &str {
        ascii(span.of(&self.bytes))
    }
}

/// A part that was found to be ASCII when the head was parsed, a target or a name: the default
/// is never taken.
fn ascii(part: &[u8]) -> &str {
    str::from_utf8(part).unwrap_or_default()
}

impl fmt::Debug for Head {
    /// Without the values: they hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("fields", &self.fields().count())
            .finish_non_exhaustive()
    }
}

impl Layout {
    fn read<'b>(
        bytes: &'b [u8],
        headers: &mut [MaybeUninit<Header<'b>>],
    ) -> Result<Self, ParseError> {
        let mut request = httparse::Request::new(&mut []);
        let outcome = request.parse_with_uninit_headers(bytes, headers);
        let (Some(method), Some(target), Some(minor)) =
            (request.method, request.path, request.version)
        else {
            return Err(refusal_of_line(bytes));
        };
        match outcome {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            // Only the request line can have one: the pre-scan has seen the others.
            Err(httparse::Error::NewLine) => return Err(ParseError::RequestLine),
            _ => return Err(ParseError::HeaderLine),
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| ParseError::RequestLine)?;
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };

        let start = offset_in(bytes, target.as_bytes());
        let span = |range: Range<usize>| Span::new(range).ok_or(ParseError::HeadTooLarge);
        let parts = target::split(&method, target.as_bytes())?;
        let part = |range: Option<Range<usize>>| {
            range.map(|range| span(start + range.start..start + range.end)).transpose()
        };

        let mut framing = Framing::default();
        for header in request.headers.iter() {
            framing.see(header.name.as_bytes(), header.value)?;
        }
        let first = request.headers.first();
        let fields = first.map_or(bytes.len(), |first| offset_in(bytes, first.name.as_bytes()));
        Ok(Self {
            facts: framing.decide(version, &method)?,
            method,
            version,
            target: span(start..start + target.len())?,
            path: part(parts.path)?,
            query: part(parts.query)?,
            authority: part(parts.authority)?,
            fields: span(fields..bytes.len())?,
        })
    }
}

/// Why a head is refused whose first line could not be parsed.
fn refusal_of_line(bytes: &[u8]) -> ParseError {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or(bytes);
    match line {
        // Well-formed, so the version is what was not understood; HTTP/2's preface is one of these.
        [method_and_target @ .., b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit()
                && minor.is_ascii_digit()
                && !matches!((major, minor), (b'1', b'0' | b'1'))
                && is_method_and_target(method_and_target) =>
        {
            ParseError::Version
        }
        _ => ParseError::RequestLine,
    }
}

fn is_method_and_target(bytes: &[u8]) -> bool {
    let mut parts = bytes.split(|&byte| byte == b' ');
    matches!(
        (parts.next(), parts.next(), parts.next()),
        (Some(method), Some([_, ..]), None) if chars::is_token_str(method)
    )
}

/// Where `part`, a piece of `whole`, begins.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_small_since_it_moves_with_its_request() {
        assert!(size_of::<Head>() <= 160, "{} bytes", size_of::<Head>());
    }
}
