//! Which handler answers which method of one path.

use crate::handler::{Endpoint, Handler};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::Method;
use std::fmt;
use std::sync::Arc;

/// The handlers of one path, by method. HEAD is answered by the handler of GET, unless it has its own.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MethodRouter {
    pub(crate) methods: Vec<(Method, Endpoint)>,
    pub(crate) bodies: BodyRules,
}

/// What is decided about a request's body before it is received.
#[derive(Clone, Default)]
pub(crate) struct BodyRules {
    /// In place of the server's.
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) check: Option<Arc<BodyCheck>>,
}

type BodyCheck = dyn Fn(&Request) -> Result<(), Response> + Send + Sync;

impl fmt::Debug for BodyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyRules").field("limit_bytes", &self.limit_bytes).finish_non_exhaustive()
    }
}

impl MethodRouter {
    /// Answers one more method; the last handler given for a method counts.
    pub fn on<S>(mut self, method: Method, handler: impl Handler<S>) -> Self {
        self.methods.retain(|(known, _)| *known != method);
        self.methods.push((method, handler.into_endpoint()));
        self
    }

    /// Also answers GET.
    pub fn get<S>(self, handler: impl Handler<S>) -> Self {
        self.on(Method::GET, handler)
    }

    /// Also answers POST.
    pub fn post<S>(self, handler: impl Handler<S>) -> Self {
        self.on(Method::POST, handler)
    }

    /// Bodies of this path's requests may have this many bytes, in place of the server's
    /// [`HttpLimits::body_bytes`](crate::HttpLimits::body_bytes); past it the answer is 413. A client
    /// that says a greater length, or expects to be asked, is refused before it sends any of it.
    ///
    /// ```
    /// use headwater::{Router, routing::post};
    ///
    /// let app = Router::new()
    ///     .route("/avatar", post(|image: bytes::Bytes| image.len().to_string()).body_limit(64 * 1024));
    /// ```
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.bodies.limit_bytes = Some(bytes);
        self
    }

    /// Asks `check` about each request to this path that has a body, once its head is here: before
    /// `100 Continue` is sent to a client that expects it (RFC 9110 §10.1.1), and before the handler is
    /// called. The request it sees has no body yet. What it returns as an error is the answer, after
    /// which the connection is closed; a panic is answered with 500.
    ///
    /// ```
    /// use headwater::{Request, Router, http::StatusCode, routing::post};
    ///
    /// let known = |request: &Request| match request.header("authorization") {
    ///     Some(_) => Ok(()),
    ///     None => Err(StatusCode::UNAUTHORIZED),
    /// };
    /// let app = Router::new().route("/upload", post(|_body: String| "thanks").before_body(known));
    /// ```
    pub fn before_body<R: IntoResponse>(
        mut self,
        check: impl Fn(&Request) -> Result<(), R> + Send + Sync + 'static,
    ) -> Self {
        self.bodies.check =
            Some(Arc::new(move |request| check(request).map_err(IntoResponse::into_response)));
        self
    }

    /// The handler of a method.
    pub(crate) fn find(&self, method: &Method) -> Option<&Endpoint> {
        let exact = |wanted: &Method| {
            self.methods.iter().find(|(known, _)| known == wanted).map(|(_, endpoint)| endpoint)
        };
        exact(method).or_else(|| exact(&Method::GET).filter(|_| method == Method::HEAD))
    }

    /// The value of `Allow` (RFC 9110 §10.2.1).
    pub(crate) fn allow(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") && !names.contains(&"HEAD") {
            names.push("HEAD");
        }
        names.join(", ")
    }
}

/// Answers one method.
pub fn on<S>(method: Method, handler: impl Handler<S>) -> MethodRouter {
    MethodRouter::default().on(method, handler)
}

/// Answers GET, and HEAD.
pub fn get<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::GET, handler)
}

/// Answers POST.
pub fn post<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::POST, handler)
}

/// Answers PUT.
pub fn put<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::PUT, handler)
}

/// Answers DELETE.
pub fn delete<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::DELETE, handler)
}
