//! Gives each request an id, so that its traces can be found.

use super::skip::{Skip, skippable};
use super::{Layer, Middleware};
use crate::extract::{FromRequestParts, OptionalFromRequestParts, Rejection};
use crate::handler::shape;
use crate::request::Request;
use http::{HeaderName, HeaderValue};
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Longer ids of clients are not taken over.
const CLIENT_ID_BYTES: usize = 128;

/// Gives each request an id: a new one, or where that is allowed the one the client has sent. The answer
/// carries it in the same header, handlers take it as [`AssignedId`], and the access log names it.
///
/// New ids are 32 hexadecimal digits, different for each request with as good as certainty, but no secret.
///
/// ```
/// use headwater::{Request, Router, middleware::{AssignedId, RequestId}, routing::get};
///
/// let app = Router::new()
///     .route("/", get(|id: AssignedId| id.as_str().to_owned()))
///     .with(RequestId::new().accept_if(|request| request.peer_addr().is_none()));
/// let answer = app.call_blocking(Request::get("/").header("x-request-id", "a-7").body("")?);
/// assert_eq!(answer.text(), Some("a-7"));
/// assert_eq!(answer.headers().get("x-request-id").unwrap(), "a-7");
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RequestId {
    header: HeaderName,
    accept: Option<Arc<Accept>>,
    skip: Skip,
}

type Accept = dyn Fn(&Request) -> bool + Send + Sync;

impl RequestId {
    /// New ids for all requests, in `x-request-id`.
    pub fn new() -> Self {
        let header = HeaderName::from_static("x-request-id");
        Self { header, accept: None, skip: Skip::default() }
    }

    /// Another header for the id.
    ///
    /// ```
    /// use headwater::{Request, Router, http::HeaderName, middleware::RequestId, routing::get};
    ///
    /// let ids = RequestId::new().header(HeaderName::from_static("x-trace"));
    /// let app = Router::new().route("/", get(|| "hello")).with(ids);
    /// assert!(app.call_blocking(Request::get("/").body("")?).headers().contains("x-trace"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Takes over the ids that all clients send. See [`accept_if`](Self::accept_if).
    pub fn accept(self) -> Self {
        self.accept_if(|_| true)
    }

    /// Takes over the ids that clients send with requests of which this is true, such as those of a
    /// proxy. An id is valid if the header comes once and is 1 to 128 letters, digits and `-._~:/+=` of
    /// ASCII; instead of others a new one is given.
    ///
    /// ```
    /// use headwater::{Request, middleware::RequestId};
    ///
    /// let is_proxy = |request: &Request| {
    ///     request.peer_addr().is_some_and(|peer| peer.ip().is_loopback())
    /// };
    /// let ids = RequestId::new().accept_if(is_proxy);
    /// ```
    pub fn accept_if(
        mut self,
        predicate: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.accept = Some(Arc::new(predicate));
        self
    }

    /// The id that the client has sent, if it may and the id is valid.
    fn accepted(&self, request: &Request) -> Option<AssignedId> {
        let accept = self.accept.as_ref()?;
        let mut sent = request
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case(self.header.as_str()))
            .map(|(_, value)| value);
        let (Some(id), None) = (sent.next(), sent.next()) else { return None };
        if !is_valid(id) || !accept(request) {
            return None;
        }
        // Visible ASCII.
        HeaderValue::from_bytes(id).ok().map(AssignedId)
    }
}

skippable!(RequestId, "RequestId::new()");

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestId").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Middleware<shape::Made> for RequestId {
    fn into_layer(mut self) -> Layer {
        let skip = std::mem::take(&mut self.skip);
        skip.layer(move |mut request, next| {
            let id = self.accepted(&request).unwrap_or_else(AssignedId::new);
            request.extensions_mut().insert(id.clone());
            let header = self.header.clone();
            next.answer(request).map(move |mut response| {
                response.headers_mut().set(header, id.0.clone());
                // For an access log further out.
                response.extensions_mut().insert(id);
                response
            })
        })
    }
}

fn is_valid(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/+=".contains(byte);
    (1..=CLIENT_ID_BYTES).contains(&id.len()) && id.iter().all(allowed)
}

/// The id that [`RequestId`] has given a request. As an argument of handlers it is a 500 where there is
/// no such middleware; `Option<AssignedId>` is `None` then.
///
/// ```
/// use headwater::{Request, Router, middleware::{AssignedId, RequestId}, routing::get};
///
/// fn show(id: Option<AssignedId>) -> String {
///     id.map_or("none".to_owned(), |id| id.to_string())
/// }
///
/// let app = Router::new().route("/", get(show));
/// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("none"));
/// let app = app.with(RequestId::new());
/// assert_eq!(app.call_blocking(Request::get("/").body("")?).text().map(str::len), Some(32));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AssignedId(HeaderValue);

impl AssignedId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Made of visible ASCII only.
        self.0.to_str().unwrap_or_default()
    }

    /// A number that no other request has, made unrecognizable by two keys of this process.
    fn new() -> Self {
        static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
        static THREADS: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static THREAD: u64 = THREADS.fetch_add(1, Ordering::Relaxed);
            static REQUESTS: Cell<u64> = const { Cell::new(0) };
        }
        let request = REQUESTS.replace(REQUESTS.get() + 1);
        let number = (THREAD.with(|thread| *thread), request);
        let [high, low] = KEYS.each_ref().map(|key| key.hash_one(number));
        let digits = format!("{high:016x}{low:016x}");
        Self(HeaderValue::try_from(digits).expect("hexadecimal digits"))
    }
}

impl fmt::Display for AssignedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromRequestParts for AssignedId {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        let id = request.extensions().get().cloned();
        id.ok_or(Rejection::internal("no RequestId middleware has given the request an id"))
    }
}

impl OptionalFromRequestParts for AssignedId {
    type Rejection = Infallible;

    fn from_request_parts(request: &Request) -> Result<Option<Self>, Infallible> {
        Ok(request.extensions().get().cloned())
    }
}
