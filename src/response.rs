//! Answers. What can become one is in `response/into`; how they are written is the worker's business.

mod collect;
mod convert;
mod into;
mod redirect;
#[cfg(test)]
mod tests;

pub use collect::CollectError;
pub(crate) use into::invalid;
pub use into::{Html, IntoHeaders, IntoResponse};
pub use redirect::Redirect;

#[cfg(feature = "tracing")]
use crate::body::Pieces;
use crate::body::{Body, Content};
use crate::headers::Headers;
use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, StatusCode, header};

/// An answer to a request.
///
/// `Connection`, `Content-Length` and `Transfer-Encoding` are the server's: an answer that has one of them
/// among its headers is sent as a 500.
///
/// ```
/// use headwater::{Response, http::{HeaderValue, StatusCode, header}};
///
/// let response = Response::new(StatusCode::ACCEPTED)
///     .header(header::LOCATION, HeaderValue::from_static("/jobs/7"))
///     .body("started".to_owned());
/// assert_eq!(response.headers().get("location").unwrap(), "/jobs/7");
/// assert_eq!(response.text(), Some("started"));
/// ```
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Body,
    pub(crate) extensions: Extensions,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: StatusCode) -> Self {
        let (headers, extensions) = (Headers::new(), Extensions::new());
        Self { status, headers, body: Body::default(), extensions }
    }

    /// Adds a header, beside others of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers in order. Those that the server adds are not among them.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to be changed.
    ///
    /// ```
    /// use headwater::{IntoResponse, http::{HeaderValue, header}};
    ///
    /// let mut response = "hello".into_response();
    /// let headers = response.headers_mut();
    /// headers.set(header::CONTENT_TYPE, HeaderValue::from_static("text/markdown"));
    /// headers.append(header::VARY, HeaderValue::from_static("accept"));
    /// assert_eq!(headers.remove(header::CONTENT_TYPE), 1);
    /// ```
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// What handlers have left for middleware.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What handlers have left for middleware, to be changed.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The body's bytes, if they are here: `None` for what comes in pieces (see
    /// [`into_bytes`](Self::into_bytes)), for event streams and for connections that are taken over.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.body.0 {
            Content::Empty => Some(&[]),
            Content::Bytes(bytes) => Some(bytes),
            Content::Stream(_) | Content::Pieces(_) | Content::Detached(_) => None,
        }
    }

    /// The body as text; `None` where [`bytes`](Self::bytes) is, and where it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(self.bytes()?).ok()
    }

    /// Whether the connection becomes an event stream, whose events are not part of the answer.
    pub fn is_event_stream(&self) -> bool {
        matches!(self.body.0, Content::Stream(_))
    }

    /// Whether a handler takes the connection over: see [`detach`](crate::detach()).
    pub fn is_detached(&self) -> bool {
        matches!(self.body.0, Content::Detached(_))
    }

    /// 503: whoever comes back soon may be lucky.
    pub(crate) fn unavailable(text: &'static str) -> Self {
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, text)
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// Whether nothing of users' types is in it.
    pub(crate) fn is_plain(&self) -> bool {
        self.extensions.is_empty() && matches!(self.body.0, Content::Empty)
    }

    /// It is the answer: a stream that it is to become, and that does not begin from now on, has ended with
    /// its connection.
    pub(crate) fn mark_given(&self) {
        if let Content::Stream(Some(opening)) = &self.body.0 {
            opening.would_end(None);
        }
    }

    /// How long the body is, as far as it is known before it is sent.
    #[cfg(feature = "tracing")]
    pub(crate) fn body_bytes(&self) -> Option<u64> {
        match &self.body.0 {
            Content::Empty => Some(0),
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::Pieces(Pieces { length, .. }) => *length,
            Content::Stream(_) | Content::Detached(_) => None,
        }
    }

    /// 200. Made in one piece: answers are large, and each step of a builder would move this one.
    pub(crate) fn typed(content_type: HeaderValue, body: Bytes) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Headers::of(header::CONTENT_TYPE, content_type),
            body: body.into(),
            extensions: Extensions::new(),
        }
    }

    /// A line of text that says what is wrong.
    pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let plain = const { HeaderValue::from_static("text/plain; charset=utf-8") };
        Self::typed(plain, text.into()).with_status(status)
    }
}
