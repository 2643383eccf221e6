//! A complete request head: parsed once, read many times. It owns its bytes, so it outlives the
//! input buffer. What they mean, `layout` has found.

use crate::fields::{Fields, Span};
use crate::framing::BodyLength;
use crate::layout::Layout;
use crate::prescan::HeadScan;
use crate::{HeadMemo, Limits, ParseError};
use bytes::{Bytes, BytesMut};
use http::Method;
use std::fmt;

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
    #[inline]
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
        ascii(self.path_bytes())
    }

    /// [`path`](Self::path) as bytes, which are not looked at for this.
    #[inline]
    pub fn path_bytes(&self) -> &[u8] {
        self.layout.path.map_or(b"/", |path| path.of(&self.bytes))
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
    #[inline]
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
    #[inline]
    pub fn keep_alive(&self) -> bool {
        self.layout.facts.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). Send
    /// it when [`step`](crate::Connection::step) next asks for more: then the body has not come
    /// by itself, and is not refused for its length.
    #[inline]
    pub fn expects_continue(&self) -> bool {
        self.layout.facts.expects_continue
    }

    /// How the body is delimited.
    #[inline]
    pub fn body(&self) -> BodyLength {
        self.layout.facts.body
    }

    /// Takes the head that `buffer` begins with, once it is whole.
    #[inline]
    pub(crate) fn take(
        buffer: &mut BytesMut,
        scan: &mut HeadScan,
        limits: &Limits,
        memo: Option<&mut HeadMemo>,
    ) -> Result<Option<Self>, ParseError> {
        if !scan.has_begun() {
            let known = memo.as_ref().and_then(|memo| memo.find(buffer, limits));
            let found = match known {
                Some(known) => Some(known),
                None => Layout::at_once(buffer, limits).transpose()?.inspect(|(length, layout)| {
                    if let Some(memo) = memo {
                        memo.keep(&buffer[..*length], layout, limits);
                    }
                }),
            };
            if let Some((length, layout)) = found {
                return Ok(Some(Self { bytes: buffer.split_to(length).freeze(), layout }));
            }
        }
        let Some(end) = scan.resume(buffer, limits)? else { return Ok(None) };
        let layout = Layout::read(&buffer[..end.bytes], end.fields)?;
        Ok(Some(Self { bytes: buffer.split_to(end.bytes).freeze(), layout }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_small_since_it_moves_with_its_request() {
        assert!(size_of::<Head>() <= 160, "{} bytes", size_of::<Head>());
    }
}
