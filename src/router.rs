//! Leads a request to its handler by path and method.

use crate::handler::{Endpoint, Handler, Reply};
use crate::request::Request;
use crate::response::Response;
use crate::routing::{BodyRules, MethodRouter};
use http::{HeaderValue, StatusCode, header};
use std::fmt;

/// Handlers by path. Paths have the syntax of the `matchit` crate: `/users/{id}`, `/files/{*rest}`.
#[derive(Clone, Default)]
#[must_use]
pub struct Router {
    paths: matchit::Router<MethodRouter>,
    fallback: Option<Endpoint>,
}

impl Router {
    /// A router that answers 404 to everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a path.
    ///
    /// # Panics
    /// If the path is malformed, or conflicts with one that was added before.
    pub fn route(mut self, path: &str, methods: MethodRouter) -> Self {
        if let Err(error) = self.paths.insert(path, methods) {
            panic!("route {path:?}: {error}");
        }
        self
    }

    /// Answers what no route matches, in place of 404.
    pub fn fallback<S>(mut self, handler: impl Handler<S>) -> Self {
        self.fallback = Some(handler.into_endpoint());
        self
    }

    /// What is to be known before the body of this request is received.
    pub(crate) fn body_rules(&self, request: &mut Request) -> Option<BodyRules> {
        let found = self.paths.at(request.path()).ok()?;
        let rules = found.value.bodies.clone();
        let params = found.params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        request.params = params;
        Some(rules)
    }

    pub(crate) fn answer(&self, mut request: Request) -> Reply {
        let Ok(found) = self.paths.at(request.path()) else {
            return match &self.fallback {
                Some(endpoint) => (endpoint.0)(request),
                None => Reply::Ready(Response::plain(StatusCode::NOT_FOUND, "not found\n")),
            };
        };
        let Some(endpoint) = found.value.find(request.method()) else {
            return Reply::Ready(not_allowed(found.value));
        };
        let params = found.params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        request.params = params;
        (endpoint.0)(request)
    }
}

fn not_allowed(methods: &MethodRouter) -> Response {
    // Names of methods are tokens, which a header value can hold.
    let allow = HeaderValue::try_from(methods.allow()).expect("tokens and commas");
    Response::plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n")
        .header(header::ALLOW, allow)
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Router")
    }
}
