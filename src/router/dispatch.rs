//! Finds what answers a request, and answers where no handler does. Which paths there are is in the
//! router; running handlers and middleware is theirs.

use super::path::{self, Malformed};
use super::scope::{self, Scope};
use super::{Route, Router};
use crate::handler::{Endpoint, Reply};
use crate::middleware::{End, Next};
use crate::request::{Params, Request};
use crate::response::Response;
use crate::routing;
use http::{HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;

/// The route of a path.
struct Found<'r> {
    route: &'r Route,
    params: Params,
}

impl Router {
    pub(crate) fn answer(&self, mut request: Request) -> Reply {
        let found = match path::normalize(request.path()) {
            Ok(Cow::Borrowed(path)) => self.find(path, false),
            Ok(Cow::Owned(path)) => self.find(&path, true),
            Err(malformed) => return self.malformed(request, malformed),
        };
        let Some(Found { route, params }) = found else { return self.not_found(request) };
        request.params = params;
        let scope = &self.scopes[route.scope];
        if let Some(endpoint) = route.methods.find(request.method()) {
            request.states.clone_from(&scope.reach);
            return run(scope, request, endpoint);
        }
        let response = self.without_handler(&request, route);
        finish(scope, request, response)
    }

    /// The route of a normalized path, which is not the request's own if that was encoded.
    fn find(&self, path: &str, encoded: bool) -> Option<Found<'_>> {
        let found = self.paths.at(path).ok()?;
        let route = &self.routes[*found.value];
        let Some(names) = &route.names else {
            return Some(Found { route, params: Params::default() });
        };
        let values = found.params.iter().map(|(_, part)| part);
        let params = if encoded {
            Params::decoded(names.clone(), values.map(path::decode))
        } else {
            let start = |part: &str| part.as_ptr().addr() - path.as_ptr().addr();
            let range = |part: &str| start(part)..start(part) + part.len();
            Params::in_path(names.clone(), values.map(range))
        };
        Some(Found { route, params })
    }

    /// A path is known, but not with this method.
    fn without_handler(&self, request: &Request, route: &Route) -> Response {
        let allow = || HeaderValue::try_from(route.methods.allow()).expect("tokens and commas");
        if *request.method() == Method::OPTIONS {
            return Response::new(StatusCode::NO_CONTENT).header(header::ALLOW, allow());
        }
        if !self.implements(request.method()) {
            return not_implemented();
        }
        Response::plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n")
            .header(header::ALLOW, allow())
    }

    fn not_found(&self, mut request: Request) -> Reply {
        if request.path() == "*" && *request.method() == Method::OPTIONS {
            let response = self.options_of_the_server();
            return finish(&self.scopes[0], request, response);
        }
        let scope = self.scope_of(request.path());
        if let Some((fallback, owner)) = scope::fallback_of(&self.scopes, scope) {
            // A fallback that was merged in brings its middleware along.
            let at = self.scopes[scope].delegate.unwrap_or(scope);
            request.states.clone_from(&owner.reach);
            return run(&self.scopes[at], request, &fallback.endpoint);
        }
        let known = self.implements(request.method());
        let response = if known { not_found() } else { not_implemented() };
        finish(&self.scopes[scope], request, response)
    }

    /// No route is equal to such a path, but a parameter may stand where it is malformed.
    fn malformed(&self, request: Request, malformed: Malformed) -> Reply {
        let bad = || Response::plain(StatusCode::BAD_REQUEST, malformed.as_str());
        if let Ok(found) = self.paths.at(request.path()) {
            let scope = &self.scopes[self.routes[*found.value].scope];
            return finish(scope, request, bad());
        }
        let scope = self.scope_of(request.path());
        if scope::fallback_of(&self.scopes, scope).is_some() {
            return self.not_found(request);
        }
        finish(&self.scopes[scope], request, bad())
    }

    /// The innermost part of the router that a path without a route belongs to.
    fn scope_of(&self, path: &str) -> usize {
        if self.nested.is_empty() {
            return 0;
        }
        // A malformed path may still be under a prefix.
        let path = path::normalize(path).unwrap_or(Cow::Borrowed(path));
        let at = |path: &str| self.prefixes.at(path).ok().map(|found| *found.value);
        // `/api/` is under `/api`, although nothing follows.
        at(&path).or_else(|| at(path.strip_suffix('/')?)).unwrap_or(0)
    }

    /// Whether a method is one of the standard or of any route. CONNECT is for proxies: only a route
    /// makes it known.
    fn implements(&self, method: &Method) -> bool {
        (routing::is_standard(method) && method != Method::CONNECT)
            || self.routes.iter().any(|route| route.methods.knows(method))
    }

    /// RFC 9110 §9.3.7.
    fn options_of_the_server(&self) -> Response {
        let mut methods = vec![Method::OPTIONS];
        for route in &self.routes {
            for method in route.methods.methods() {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let allow = HeaderValue::try_from(names.join(", ")).expect("tokens and commas");
        Response::new(StatusCode::NO_CONTENT).header(header::ALLOW, allow)
    }
}

/// Runs a handler behind the middleware of `scope`. In line: requests are large, and a call would move
/// this one.
#[inline]
fn run(scope: &Scope, request: Request, endpoint: &Endpoint) -> Reply {
    match &scope.chain {
        None => (endpoint.0)(request),
        Some(chain) => Next::new(chain.clone(), End::Endpoint(endpoint.clone())).answer(request),
    }
}

/// Gives an answer of the router's own, behind the middleware of `scope`.
fn finish(scope: &Scope, mut request: Request, response: Response) -> Reply {
    request.states.clone_from(&scope.reach);
    match &scope.chain {
        None => Reply::Ready(response),
        Some(chain) => Next::new(chain.clone(), End::Answer(Box::new(response))).answer(request),
    }
}

fn not_found() -> Response {
    Response::plain(StatusCode::NOT_FOUND, "not found\n")
}

fn not_implemented() -> Response {
    Response::plain(StatusCode::NOT_IMPLEMENTED, "method not implemented\n")
}
