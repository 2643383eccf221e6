//! What can become an answer.

use super::Response;
use crate::body::Body;
use crate::headers::Headers;
use bytes::Bytes;
use headwater_sse::{PublishError, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Display;

/// 200 with a content type, which is checked when this is compiled.
macro_rules! typed {
    ($content_type:literal, $body:expr) => {
        Response::typed(const { HeaderValue::from_static($content_type) }, $body)
    };
}

/// Whatever a handler may return.
///
/// | type | answer |
/// |---|---|
/// | `()` | 200 without a body |
/// | [`StatusCode`] | without a body |
/// | `&'static str`, [`String`], `Cow<'static, str>` | 200, `text/plain; charset=utf-8` |
/// | [`Bytes`], `Vec<u8>`, `[u8; N]`, `&'static [u8]`, `Cow<'static, [u8]>` | 200, `application/octet-stream` |
/// | [`Html`], `Json` (feature `json`), [`Redirect`](super::Redirect) | as they say |
/// | `(StatusCode, R)` | `R` with this status |
/// | `(H, R)`, `(StatusCode, H, R)` | `R` with headers, see [`IntoHeaders`] |
/// | `(HeaderName, HeaderValue, R)` | `R` with this header |
/// | `Option<R>` | `R`, or 404 without a body |
/// | `Result<R, E>` | `R`, or `E`; `Box<Response>` keeps it small |
/// | [`Body`] | 200, without a content type |
/// | `http::Response<B>` where `B: Into<Body>` | the same |
///
/// ```
/// use headwater::{IntoResponse, http::{StatusCode, header}};
///
/// let response = (StatusCode::CREATED, [(header::ETAG, "\"7\"")], "made").into_response();
/// assert_eq!(response.status(), 201);
/// assert_eq!(response.headers().get("etag").unwrap(), "\"7\"");
/// assert_eq!(None::<String>.into_response().status(), 404);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer to a request",
    label = "not `IntoResponse`",
    note = "`Json<T>` needs the feature `json` and `T: Serialize`"
)]
pub trait IntoResponse {
    /// The answer.
    fn into_response(self) -> Response;
}

/// Headers beside a body, as in `(H, R)`: arrays of names and values, vectors of them, [`Headers`] and
/// [`HeaderMap`].
///
/// A name's values take the place of those that the body brings, such as its content type. A name or value
/// that is not valid makes the answer a 500 that says which.
///
/// ```
/// use headwater::{IntoResponse, http::header};
///
/// let response = ([(header::CONTENT_TYPE, "text/csv"), (header::AGE, "3")], "a,b").into_response();
/// assert_eq!(response.headers().get_all("content-type").count(), 1);
/// let refused = ([("x-name", "line\nbreak")], "").into_response();
/// assert_eq!(refused.status(), 500);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not headers of an answer",
    note = "arrays of names and values are, such as `[(header::ETAG, \"1\")]`"
)]
pub trait IntoHeaders {
    /// The headers.
    ///
    /// # Errors
    /// What is not valid.
    fn into_headers(self) -> Result<Headers, http::Error>;
}

impl IntoHeaders for Headers {
    fn into_headers(self) -> Result<Headers, http::Error> {
        Ok(self)
    }
}

impl IntoHeaders for () {
    fn into_headers(self) -> Result<Headers, http::Error> {
        Ok(Headers::new())
    }
}

impl IntoHeaders for HeaderMap {
    fn into_headers(self) -> Result<Headers, http::Error> {
        Ok(self.into())
    }
}

impl<N, V, const COUNT: usize> IntoHeaders for [(N, V); COUNT]
where
    N: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    fn into_headers(self) -> Result<Headers, http::Error> {
        self.into_iter().map(valid).collect()
    }
}

impl<N, V> IntoHeaders for Vec<(N, V)>
where
    N: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    fn into_headers(self) -> Result<Headers, http::Error> {
        self.into_iter().map(valid).collect()
    }
}

fn valid<N, V>((name, value): (N, V)) -> Result<(HeaderName, HeaderValue), http::Error>
where
    N: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    Ok((name.try_into().map_err(Into::into)?, value.try_into().map_err(Into::into)?))
}

/// A page: 200, `text/html; charset=utf-8`.
///
/// ```
/// use headwater::{Html, Router, routing::get};
///
/// let app = Router::new().route("/", get(|| Html("<!doctype html><title>hello</title>")));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Html<T>(pub T);

impl<T: Into<Cow<'static, str>>> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        typed!("text/html; charset=utf-8", text_bytes(self.0.into()))
    }
}

fn text_bytes(text: Cow<'static, str>) -> Bytes {
    match text {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    }
}

fn with_headers(headers: impl IntoHeaders, mut response: Response) -> Response {
    let headers = match headers.into_headers() {
        Ok(headers) => headers,
        Err(error) => return invalid(&error),
    };
    for (name, _) in headers.iter() {
        response.headers.remove(name);
    }
    response.headers.extend(headers);
    response
}

/// In place of an answer that the handler did not manage to make.
pub(crate) fn invalid(error: &dyn Display) -> Response {
    let text = format!("the handler's answer is not valid: {error}\n");
    Response::plain(StatusCode::INTERNAL_SERVER_ERROR, text)
}

macro_rules! into_response {
    ($($(#[$doc:meta])* $type:ty, |$value:pat_param| $response:expr;)*) => {$(
        impl IntoResponse for $type {
            $(#[$doc])*
            fn into_response(self) -> Response {
                let $value = self;
                $response
            }
        }
    )*};
}

into_response! {
    Response, |response| response;
    /// For errors: a `Result` is as large as the larger of both.
    Box<Response>, |response| *response;
    (), |()| Response::new(StatusCode::OK);
    StatusCode, |status| Response::new(status);
    Infallible, |never| match never {};
    &'static str, |text| Cow::Borrowed(text).into_response();
    String, |text| Cow::<'static, str>::Owned(text).into_response();
    Cow<'static, str>, |text| typed!("text/plain; charset=utf-8", text_bytes(text));
    Body, |body| Response::new(StatusCode::OK).body(body);
    Bytes, |bytes| typed!("application/octet-stream", bytes);
    Vec<u8>, |bytes| Bytes::from(bytes).into_response();
    &'static [u8], |bytes| Bytes::from_static(bytes).into_response();
    Cow<'static, [u8]>, |bytes| match bytes {
        Cow::Borrowed(bytes) => bytes.into_response(),
        Cow::Owned(bytes) => bytes.into_response(),
    };
    /// 503 for a full hub, 410 for a closed broker, 400 for an event without content.
    PublishError, |error| {
        let status = match error.refusal() {
            Refusal::Closed => StatusCode::GONE,
            Refusal::Empty => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Response::plain(status, error.to_string())
    };
}

impl<const COUNT: usize> IntoResponse for [u8; COUNT] {
    fn into_response(self) -> Response {
        Bytes::copy_from_slice(&self).into_response()
    }
}

impl<const COUNT: usize> IntoResponse for &'static [u8; COUNT] {
    fn into_response(self) -> Response {
        self.as_slice().into_response()
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}

impl<H: IntoHeaders, R: IntoResponse> IntoResponse for (H, R) {
    fn into_response(self) -> Response {
        with_headers(self.0, self.1.into_response())
    }
}

impl<H: IntoHeaders, R: IntoResponse> IntoResponse for (StatusCode, H, R) {
    /// The status of an answer whose headers are not valid stays 500.
    fn into_response(self) -> Response {
        with_headers(self.1, self.2.into_response().with_status(self.0))
    }
}

impl<R: IntoResponse> IntoResponse for (HeaderName, HeaderValue, R) {
    /// Sets one header, in place of the one that the body would bring.
    fn into_response(self) -> Response {
        let mut response = self.2.into_response();
        response.headers.set(self.0, self.1);
        response
    }
}

impl<R: IntoResponse> IntoResponse for Option<R> {
    fn into_response(self) -> Response {
        self.map_or_else(|| Response::new(StatusCode::NOT_FOUND), R::into_response)
    }
}

impl<R: IntoResponse, E: IntoResponse> IntoResponse for Result<R, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}
