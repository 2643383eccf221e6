//! Answers, and what can become one. How they are written is the worker's business.

use crate::body::{Body, Content};
use bytes::Bytes;
use headwater_sse::{PublishError, Refusal};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// An answer to a request.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Body::default() }
    }

    /// Adds a header, beside others of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
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

    /// The body's bytes; `None` for a stream.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.body.0 {
            Content::Empty => Some(&[]),
            Content::Bytes(bytes) => Some(bytes),
            Content::Stream(_) | Content::Pieces(_) | Content::Detached(_) => None,
        }
    }

    /// A line of text that says what is wrong.
    pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Self {
        text_response(status, text.into())
    }
}

/// Whatever a handler may return.
pub trait IntoResponse {
    /// The answer.
    fn into_response(self) -> Response;
}

fn text_response(status: StatusCode, text: Bytes) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Response::new(status).header(header::CONTENT_TYPE, plain).body(text)
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(StatusCode::OK)
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        text_response(StatusCode::OK, Bytes::from_static(self.as_bytes()))
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        text_response(StatusCode::OK, Bytes::from(self))
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        let binary = HeaderValue::from_static("application/octet-stream");
        Response::new(StatusCode::OK).header(header::CONTENT_TYPE, binary).body(self)
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Bytes::from(self).into_response()
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        response.status = self.0;
        response
    }
}

impl<R: IntoResponse> IntoResponse for (HeaderName, HeaderValue, R) {
    /// Sets one header, in place of the one that the body would bring.
    fn into_response(self) -> Response {
        let mut response = self.2.into_response();
        response.headers.retain(|(name, _)| *name != self.0);
        response.header(self.0, self.1)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl IntoResponse for PublishError {
    /// 503 for a full hub, 410 for a closed broker, 400 for an event without content.
    fn into_response(self) -> Response {
        let status = match self.refusal() {
            Refusal::Closed => StatusCode::GONE,
            Refusal::Empty => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        text_response(status, Bytes::from(self.to_string()))
    }
}
