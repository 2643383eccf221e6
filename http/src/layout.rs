//! What the bytes of a head mean, by position. Where it ends is known before: `prescan` has found it, or,
//! for a head that came whole, this is asked at once. What fields mean for the body, `framing` decides.

use crate::fields::Span;
use crate::framing::{Facts, Framing};
use crate::head::Version;
use crate::{Limits, ParseError, chars, target};
use http::Method;
use httparse::Header;
use std::mem::MaybeUninit;
use std::ops::Range;

#[derive(Clone)]
pub(crate) struct Layout {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) target: Span,
    /// None stands for `/`.
    pub(crate) path: Option<Span>,
    pub(crate) query: Option<Span>,
    pub(crate) authority: Option<Span>,
    /// Its field lines and the empty line: a table of their parts would be most of what moves with a
    /// request, and few are looked at.
    pub(crate) fields: Span,
    pub(crate) facts: Facts,
}

/// How many fields are parsed without an allocation.
const INLINE_FIELDS: usize = 16;

impl Layout {
    /// The head that `input` begins with, and its length, where it is whole and nothing about it is what
    /// `prescan` refuses: most are parsed without being scanned before. None says nothing but that.
    #[inline]
    pub(crate) fn at_once(
        input: &[u8],
        limits: &Limits,
    ) -> Option<Result<(usize, Self), ParseError>> {
        let input = &input[..input.len().min(limits.head_bytes)];
        let mut headers = [const { MaybeUninit::uninit() }; INLINE_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let outcome = request.parse_with_uninit_headers(input, &mut headers);
        let Ok(httparse::Status::Complete(length)) = outcome else { return None };
        let head = &input[..length];
        let start = |field: &Header<'_>| offset_in(head, field.name.as_bytes());
        let line_end = request.headers.first().map_or(length - 2, start);
        // The parser skips empty lines in front, and takes an LF alone for the end of a line.
        let passes = offset_in(head, request.method?.as_bytes()) == 0
            && line_end - 2 <= limits.request_line_bytes
            && request.headers.len() <= limits.headers
            && request.headers.iter().all(|field| head[..start(field)].ends_with(b"\r\n"))
            && head.ends_with(b"\r\n\r\n");
        passes.then(|| Ok((length, Self::of(head, &request)?)))
    }

    /// Reads exactly one head with this many field lines, all of which `prescan` has let pass.
    pub(crate) fn read(bytes: &[u8], field_count: usize) -> Result<Self, ParseError> {
        if field_count <= INLINE_FIELDS {
            Self::parse(bytes, &mut [const { MaybeUninit::uninit() }; INLINE_FIELDS])
        } else {
            Self::parse(bytes, &mut vec![MaybeUninit::uninit(); field_count])
        }
    }

    fn parse<'b>(
        bytes: &'b [u8],
        headers: &mut [MaybeUninit<Header<'b>>],
    ) -> Result<Self, ParseError> {
        let mut request = httparse::Request::new(&mut []);
        let outcome = request.parse_with_uninit_headers(bytes, headers);
        if request.version.is_none() {
            return Err(refusal_of_line(bytes));
        }
        match outcome {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            // Only the request line can have one: the pre-scan has seen the others.
            Err(httparse::Error::NewLine) => return Err(ParseError::RequestLine),
            _ => return Err(ParseError::HeaderLine),
        }
        Self::of(bytes, &request)
    }

    /// Of a head that was parsed.
    #[inline]
    fn of(bytes: &[u8], request: &httparse::Request<'_, '_>) -> Result<Self, ParseError> {
        let (Some(method), Some(target), Some(minor)) =
            (request.method, request.path, request.version)
        else {
            return Err(refusal_of_line(bytes));
        };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| ParseError::RequestLine)?;
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };

        if bytes.len() > Span::MAX_HEAD_BYTES {
            return Err(ParseError::HeadTooLarge);
        }
        let start = offset_in(bytes, target.as_bytes());
        let parts = target::split(&method, target.as_bytes())?;
        let part = |range: Range<usize>| Span::new(&(start + range.start..start + range.end));

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
            target: part(0..target.len()),
            path: parts.path.map(part),
            query: parts.query.map(part),
            authority: parts.authority.map(part),
            fields: Span::new(&(fields..bytes.len())),
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
