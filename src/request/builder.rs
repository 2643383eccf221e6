//! Makes requests: for tests, and for programs that ask their own router.

use super::Request;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use std::net::SocketAddr;

impl Request {
    /// A request in the making, for [`Router::call`](crate::Router::call).
    ///
    /// ```
    /// use headwater::{Request, http::Method};
    ///
    /// let request = Request::builder()
    ///     .method(Method::PUT)
    ///     .uri("/files/a.txt")
    ///     .header("content-type", "text/plain")
    ///     .body("contents")?;
    /// assert_eq!(request.body(), "contents");
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn builder() -> RequestBuilder {
        RequestBuilder { parts: http::Request::builder(), peer: None }
    }

    /// A GET of `uri` in the making.
    pub fn get<U: TryInto<Uri, Error: Into<http::Error>>>(uri: U) -> RequestBuilder {
        Self::builder().method(Method::GET).uri(uri)
    }

    /// A POST to `uri` in the making.
    pub fn post<U: TryInto<Uri, Error: Into<http::Error>>>(uri: U) -> RequestBuilder {
        Self::builder().method(Method::POST).uri(uri)
    }
}

/// Makes a [`Request`]. Without more it is `GET / HTTP/1.1`, without headers, from nowhere.
///
/// ```
/// use headwater::{Request, RequestBuilder, http::Version};
///
/// /// A request as the proxy in front of the server sends it.
/// fn proxied(path: &str) -> RequestBuilder {
///     let proxy = ([10, 0, 0, 1], 40_000).into();
///     Request::get(path).header("x-forwarded-proto", "https").peer_addr(proxy)
/// }
///
/// let request = proxied("/users").version(Version::HTTP_10).body("")?;
/// assert!(request.is_http_1_0() && request.peer_addr().is_some());
/// assert!(proxied("no path").body("").is_err());
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct RequestBuilder {
    parts: http::request::Builder,
    peer: Option<SocketAddr>,
}

impl RequestBuilder {
    /// The method.
    pub fn method<M: TryInto<Method, Error: Into<http::Error>>>(mut self, method: M) -> Self {
        self.parts = self.parts.method(method);
        self
    }

    /// The target: `/path?query`, a whole URI, or `*`.
    pub fn uri<U: TryInto<Uri, Error: Into<http::Error>>>(mut self, uri: U) -> Self {
        self.parts = self.parts.uri(uri);
        self
    }

    /// The version of HTTP.
    pub fn version(mut self, version: Version) -> Self {
        self.parts = self.parts.version(version);
        self
    }

    /// Adds a header, after others of the same name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.parts = self.parts.header(name, value);
        self
    }

    /// Where the request seems to come from.
    pub fn peer_addr(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Ends with the body.
    ///
    /// # Errors
    /// The first part given before that is not valid.
    pub fn body(self, body: impl Into<Bytes>) -> Result<Request, http::Error> {
        let mut request = Request::from(self.parts.body(body.into())?);
        request.peer = self.peer;
        Ok(request)
    }
}
