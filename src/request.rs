//! A request as a handler sees it. Owns its bytes; nothing of it points into a receive buffer. Making
//! requests, and what they are in the types of the `http` crate, is in `request/`.

mod builder;
mod convert;
mod made;
mod params;
#[cfg(test)]
mod tests;

pub use builder::RequestBuilder;
pub(crate) use made::Made;
pub(crate) use params::{Names, Params};

use crate::headers::Headers;
use crate::router::States;
use bytes::Bytes;
use headwater_http::Head;
use headwater_sse::EventId;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Version};
use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// One request, its body received completely.
///
/// ```
/// use headwater::Request;
///
/// let request = Request::get("/users?sort=name").header("accept", "text/plain").body("")?;
/// assert_eq!((request.path(), request.query()), ("/users", Some("sort=name")));
/// assert_eq!(request.header("Accept"), Some("text/plain".as_bytes()));
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub struct Request {
    head: Source,
    pub(crate) body: Bytes,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) params: Params,
    pub(crate) states: Option<Arc<States>>,
    extensions: Extensions,
}

/// Where the parts of a head are.
enum Source {
    /// In the bytes that were received.
    Received(Head),
    /// In a head that was made or changed by this program.
    Made(Box<Made>),
}

impl Request {
    #[inline]
    pub(crate) fn received(head: Head, body: Bytes, peer: Option<SocketAddr>) -> Self {
        Self::from_source(Source::Received(head), body, peer)
    }

    pub(crate) fn made(head: Made, body: Bytes, peer: Option<SocketAddr>) -> Self {
        Self::from_source(Source::Made(Box::new(head)), body, peer)
    }

    /// The head as it was received; none if this program made or changed it.
    pub(crate) fn into_received(self) -> Option<Head> {
        match self.head {
            Source::Received(head) => Some(head),
            Source::Made(_) => None,
        }
    }

    #[inline]
    fn from_source(head: Source, body: Bytes, peer: Option<SocketAddr>) -> Self {
        let (params, states, extensions) = (Params::default(), None, Extensions::new());
        Self { head, body, peer, params, states, extensions }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        match &self.head {
            Source::Received(head) => head.method(),
            Source::Made(head) => &head.method,
        }
    }

    /// The request target as it was sent.
    pub fn target(&self) -> &str {
        match &self.head {
            Source::Received(head) => head.target(),
            Source::Made(head) => head.target(),
        }
    }

    /// The path, not decoded, without the query. Always the whole path, also in a router that is
    /// nested. `*` for `OPTIONS *`, empty for CONNECT.
    ///
    /// Routes are matched with the decoded path: whoever lets requests through by their path must not
    /// look at this one, as `/%61dmin` reaches the handler of `/admin`. Put the [middleware] around the
    /// routes instead, in a router of their own.
    ///
    /// [middleware]: crate::Router::with
    pub fn path(&self) -> &str {
        match &self.head {
            Source::Received(head) => head.path(),
            Source::Made(head) => head.path(),
        }
    }

    /// What follows the `?`, not decoded; decoded by [`Query`](crate::extract::Query).
    pub fn query(&self) -> Option<&str> {
        match &self.head {
            Source::Received(head) => head.query(),
            Source::Made(head) => head.query(),
        }
    }

    /// Host and port of the target URI: the target's own if it has them, else those of the Host field
    /// (RFC 9110 §7.2).
    pub fn authority(&self) -> Option<&str> {
        match &self.head {
            Source::Received(head) => head.authority(),
            Source::Made(head) => head.authority(),
        }
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        match &self.head {
            Source::Received(head) if head.version() == headwater_http::Version::Http10 => {
                Version::HTTP_10
            }
            Source::Received(_) => Version::HTTP_11,
            Source::Made(head) => head.version,
        }
    }

    /// Whether the request is HTTP/1.0.
    pub fn is_http_1_0(&self) -> bool {
        self.version() == Version::HTTP_10
    }

    /// The first header with this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        match &self.head {
            Source::Received(head) => head.header(name),
            Source::Made(head) => head.headers.get(name).map(HeaderValue::as_bytes),
        }
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let (received, made) = match &self.head {
            Source::Received(head) => (Some(head), None),
            Source::Made(head) => (None, Some(head)),
        };
        let made = made.into_iter().flat_map(|head| head.headers.iter());
        let made = made.map(|(name, value)| (name.as_str(), value.as_bytes()));
        received.into_iter().flat_map(Head::headers).chain(made)
    }

    /// All headers as a map of the `http` crate. Allocates; made anew by each call.
    ///
    /// ```
    /// use headwater::{Request, http::header};
    ///
    /// let request = Request::get("/").header("accept", "text/html").header("accept", "*/*").body("")?;
    /// let map = request.header_map();
    /// assert_eq!(map.get_all(header::ACCEPT).iter().count(), 2);
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there are more than the 32,768 of a map, which [`HttpLimits`](crate::HttpLimits) allow only where
    /// they were raised.
    pub fn header_map(&self) -> HeaderMap {
        self.owned_headers().collect()
    }

    /// The headers, to be changed. The first call copies them out of the received bytes.
    ///
    /// ```
    /// use headwater::{Request, http::{HeaderName, HeaderValue}};
    ///
    /// let mut request = Request::get("/").body("")?;
    /// let tenant = HeaderName::from_static("x-tenant");
    /// request.headers_mut().set(tenant, HeaderValue::from_static("a"));
    /// assert_eq!(request.header("x-tenant"), Some("a".as_bytes()));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn headers_mut(&mut self) -> &mut Headers {
        if let Source::Received(head) = &self.head {
            let made = Made::copy_of(head, self.version(), self.owned_headers().collect());
            self.head = Source::Made(Box::new(made));
        }
        match &mut self.head {
            Source::Made(head) => &mut head.headers,
            Source::Received(_) => unreachable!("replaced above"),
        }
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, without the rest.
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// What the route's `{name}` matched, percent-decoded.
    ///
    /// ```
    /// use headwater::{Request, Router, routing::get};
    ///
    /// let show = |request: Request| request.param("name").unwrap_or_default().to_owned();
    /// let app = Router::new().route("/files/{name}", get(show));
    /// let answer = app.call_blocking(Request::get("/files/my%20notes").body("")?);
    /// assert_eq!(answer.text(), Some("my notes"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The names of the route's parameters and what they matched, percent-decoded, in order.
    pub fn params(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.params.iter(self.path())
    }

    /// The address of the peer, as the kernel knows it.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The router's [state](crate::Router::state) of this type.
    ///
    /// ```
    /// use headwater::{IntoResponse, Request, Response, Router, http::StatusCode, middleware::Next};
    ///
    /// #[derive(Clone)]
    /// struct Token(&'static str);
    ///
    /// /// Middleware takes no arguments beside the request: it looks the state up.
    /// async fn members_only(request: Request, next: Next) -> Response {
    ///     let known = request.state::<Token>().map(|token| token.0.as_bytes());
    ///     match request.header("x-token") {
    ///         sent @ Some(_) if sent == known => next.run(request).await,
    ///         _ => StatusCode::UNAUTHORIZED.into_response(),
    ///     }
    /// }
    ///
    /// let app = Router::new().fallback(|| "welcome").with(members_only).state(Token("secret"));
    /// let request = Request::get("/").header("x-token", "secret").body("")?;
    /// assert_eq!(app.call_blocking(request).text(), Some("welcome"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn state<T: Any>(&self) -> Option<&T> {
        self.states.as_ref()?.get()
    }

    /// What middleware has left for handlers.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What middleware has left for handlers, to be changed.
    ///
    /// ```
    /// use headwater::{Request, Response, Router, extract::Extension, middleware::Next, routing::get};
    ///
    /// #[derive(Clone)]
    /// struct User(&'static str);
    ///
    /// async fn log_in(mut request: Request, next: Next) -> Response {
    ///     // Looked up in a database, say, which may take a while.
    ///     request.extensions_mut().insert(User("ada"));
    ///     next.run(request).await
    /// }
    ///
    /// let greet = |Extension(User(name)): Extension<User>| format!("hello {name}");
    /// let app = Router::new().route("/", get(greet)).with(log_in);
    /// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("hello ada"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The `Last-Event-ID` that a reconnecting client sends (WHATWG HTML §9.2.4). `None` where there is
    /// none, or it is none that a client can have received.
    ///
    /// ```
    /// use headwater::Request;
    ///
    /// let request = Request::get("/events").header("last-event-id", "41").body("")?;
    /// assert_eq!(request.last_event_id(), Some(41.into()));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn last_event_id(&self) -> Option<EventId> {
        EventId::from_header(self.header("last-event-id")?).ok()
    }

    fn owned_headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.headers().filter_map(|(name, value)| {
            // Both were checked by stricter rules when the head was parsed.
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value).ok()?))
        })
    }
}

impl fmt::Debug for Request {
    /// Without the headers' values and the body: they hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("fields", &self.headers().count())
            .field("body_bytes", &self.body.len())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
