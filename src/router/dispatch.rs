//! Finds what answers a request, and answers where no handler does. Which paths there are is in the
//! router; running handlers and middleware is theirs.

use super::path::{self, Malformed};
use super::scope::{self, Scope};
use super::{Route, Router};
use crate::handler::{Endpoint, Incoming, Reply};
use crate::middleware::{End, Layer, Next};
use crate::request::{Params, Request};
use crate::response::Response;
use crate::routing::{self, BodyRules};
use http::{HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;
use std::sync::Arc;

/// What was found for a path: a route, none, or that it cannot be decoded.
pub(crate) type Lookup = Result<Option<Found>, Malformed>;

/// The route of a path, and what its parameters matched.
pub(crate) struct Found {
    route: usize,
    params: Params,
}

impl Router {
    pub(crate) fn answer(&self, request: Request) -> Reply {
        let lookup = self.look_up(request.path());
        self.answer_at(&mut Incoming::new(request), lookup)
    }

    /// Answers a request whose path was looked up before.
    pub(crate) fn answer_at(&self, incoming: &mut Incoming, lookup: Lookup) -> Reply {
        let Found { route, params } = match lookup {
            Ok(Some(found)) => found,
            Ok(None) => return self.not_found(incoming.take()),
            Err(malformed) => return self.malformed(incoming.take(), malformed),
        };
        let route = &self.routes[route];
        let request = incoming.request_mut();
        request.params = params;
        let scope = &self.scopes[route.scope];
        if let Some(endpoint) = route.methods.find(request.method()) {
            request.states.clone_from(&scope.reach);
            return run(scope.chain.as_ref(), incoming, endpoint);
        }
        let response = self.without_handler(request, route);
        finish(scope, incoming.take(), response)
    }

    /// Finds the route of a path as it was sent, which is ASCII.
    pub(crate) fn look_up_bytes(&self, path: &[u8]) -> Lookup {
        if let Some(route) = self.fixed.find(path) {
            return Ok(Some(Found { route, params: Params::default() }));
        }
        let path = str::from_utf8(path).map_err(|_| Malformed::NotUtf8)?;
        Ok(match path::normalize(path)? {
            Cow::Borrowed(path) => self.find(path, false),
            Cow::Owned(path) => self.find(&path, true),
        })
    }

    /// As [`look_up_bytes`](Self::look_up_bytes).
    pub(crate) fn look_up(&self, path: &str) -> Lookup {
        self.look_up_bytes(path.as_bytes())
    }

    /// The pattern of a path's route.
    pub(crate) fn pattern_of(&self, path: &str) -> Option<&str> {
        let found = self.look_up(path).ok()??;
        Some(&self.routes[found.route].pattern)
    }

    /// Whether a request whose path was looked up is answered by a handler of streams, unless something is
    /// in the way.
    pub(crate) fn opens_stream(&self, lookup: &Lookup, method: &Method) -> bool {
        let Ok(Some(found)) = lookup else { return false };
        let endpoint = self.routes[found.route].methods.find(method);
        *method != Method::HEAD && endpoint.is_some_and(Endpoint::opens_streams)
    }

    /// What holds for the body of a request whose path was looked up.
    pub(crate) fn body_rules(&self, lookup: &Lookup) -> Option<&BodyRules> {
        let found = lookup.as_ref().ok()?.as_ref()?;
        Some(self.routes[found.route].methods.bodies())
    }

    /// The largest body that a route lets in, of those that have a limit of their own.
    pub(crate) fn largest_body_bytes(&self) -> u64 {
        let limits = self.routes.iter().filter_map(|route| route.methods.bodies().limit_bytes);
        limits.max().unwrap_or(0)
    }

    /// Lets a request whose path was looked up have what belongs to its route.
    pub(crate) fn equip(&self, request: &mut Request, lookup: &Lookup) {
        let Ok(Some(found)) = lookup else { return };
        request.params = found.params.clone();
        request.states.clone_from(&self.scopes[self.routes[found.route].scope].reach);
    }

    /// The route of a normalized path, which is not the request's own if that was encoded.
    fn find(&self, path: &str, encoded: bool) -> Option<Found> {
        let found = self.paths.at(path).ok()?;
        let route = *found.value;
        let Some(names) = &self.routes[route].names else {
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
            request.states.clone_from(&owner.reach);
            let chain = scope::chain_to_fallback(&self.scopes, scope);
            return run(chain.as_ref(), &mut Incoming::new(request), fallback);
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

/// Runs a handler behind this middleware.
fn run(chain: Option<&Arc<[Layer]>>, incoming: &mut Incoming, endpoint: &Endpoint) -> Reply {
    let Some(chain) = chain else { return endpoint.answer(incoming) };
    Next::new(chain.clone(), End::Endpoint(endpoint.clone())).answer(incoming.take())
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
