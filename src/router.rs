//! Builds routers: which paths there are, what is nested in what, and what holds for which part. How a
//! request finds its way is in `router/dispatch`.

mod check;
mod dispatch;
mod fixed;
mod path;
mod scope;
#[cfg(test)]
mod tests;

pub(crate) use dispatch::Lookup;
pub(crate) use scope::States;

use crate::handler::{Handler, Reply};
use crate::middleware::Middleware;
use crate::request::{Names, Request};
use crate::response::Response;
use crate::routing::MethodRouter;
use fixed::FixedPaths;
use http::Method;
use scope::Scope;
use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// Leads requests to handlers by path and method.
///
/// # Paths
/// A path begins with a slash. `{name}` in it matches a segment or a part of one, `{*name}` all the rest,
/// one byte at least; `{{` and `}}` are braces. Where several paths match, the more literal one counts.
/// A slash at the end counts, too: `/a` and `/a/` are two paths, and neither leads to the other.
///
/// Paths are matched decoded, those of requests and of routes: `/caf%C3%A9` is `/café`. Only `%2F`, which
/// never separates segments, and `%25` stay as they are: a route for a percent sign is written `/50%25`.
/// Parameters are decoded completely. A request whose path is malformed or not UTF-8 is answered 400. Dots mean nothing (clients resolve them, RFC 3986 §5.2.4, attackers do not): a parameter
/// may be `..` and hold slashes, a wildcard may be `../x`. Check it before it names a file.
///
/// # What is answered without a handler
/// - HEAD by the handler of GET, its body left out.
/// - OPTIONS with 204 and the methods of the path in `Allow`; `OPTIONS *` with those of all paths.
/// - 405 with `Allow`, where the path is known but not the method (RFC 9110 §15.5.6).
/// - 501 to methods that no RFC 9110 or RFC 5789 and no route knows (RFC 9110 §15.6.2), and to CONNECT,
///   unless a fallback [takes the connection over](crate::detach()).
/// - 404, unless there is a [fallback](Self::fallback).
///
/// # Parts
/// [`nest`](Self::nest) and [`merge`](Self::merge) put a router into another one. What a router has of
/// [middleware](Self::with), [state](Self::state) and [fallback](Self::fallback) holds for its own
/// routes and for all that are put into it, and stays there when it is put into another one.
///
/// ```
/// use headwater::{Request, Router, extract::Path, routing::get};
///
/// let users = Router::new()
///     .route("/", get(|| "all users"))
///     .route("/{id}", get(|Path(id): Path<u64>| format!("user {id}")));
/// let app = Router::new().route("/", get(|| "home")).nest("/users", users);
///
/// let answer = app.call_blocking(Request::get("/users/7").body("")?);
/// assert_eq!(answer.text(), Some("user 7"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Router {
    /// Paths to places in `routes`.
    paths: matchit::Router<usize>,
    /// Of them those without parameters.
    fixed: FixedPaths,
    routes: Vec<Route>,
    /// Prefixes, and everything under them, to places in `scopes`.
    prefixes: matchit::Router<usize>,
    /// The pattern of each prefix, and its scope.
    nested: Vec<(String, usize)>,
    /// The first is the whole router's. Parents come before their children.
    scopes: Vec<Scope>,
    /// Set once it is known that every handler has what it needs.
    checked: OnceLock<()>,
}

/// One path.
#[derive(Clone)]
struct Route {
    pattern: String,
    /// The names of its parameters; none for most.
    names: Option<Names>,
    methods: MethodRouter,
    scope: usize,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            paths: matchit::Router::new(),
            fixed: FixedPaths::default(),
            routes: Vec::new(),
            prefixes: matchit::Router::new(),
            nested: Vec::new(),
            scopes: vec![Scope::default()],
            checked: OnceLock::new(),
        }
    }
}

impl Router {
    /// A router that answers 404 to everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a path.
    ///
    /// # Panics
    /// If the path does not begin with a slash, has a query, is malformed, or conflicts with one that was
    /// added before.
    pub fn route(mut self, path: &str, methods: MethodRouter) -> Self {
        let pattern = path::pattern(path).unwrap_or_else(|why| panic!("route {path:?}: {why}"));
        self.insert(pattern, methods, 0);
        self.changed()
    }

    /// Answers what no route matches, in place of 404. Also within what is nested and has no fallback of
    /// its own.
    ///
    /// ```
    /// use headwater::{Request, Router, http::StatusCode};
    ///
    /// let app = Router::new()
    ///     .fallback(|request: Request| (StatusCode::NOT_FOUND, format!("no {}", request.path())));
    /// let answer = app.call_blocking(Request::get("/a").body("")?);
    /// assert_eq!((answer.status(), answer.text()), (StatusCode::NOT_FOUND, Some("no /a")));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn fallback<S>(mut self, handler: impl Handler<S>) -> Self {
        self.scopes[0].fallback = Some(handler.into_endpoint());
        self.scopes[0].delegate = None;
        self.changed()
    }

    /// Lets `middleware` see every request to this router first, and its answer last: to the routes
    /// added before and after, to what is nested, and those that no route matches. Middleware runs in the
    /// order in which it was added, that of a router before that of what is nested in it; all of it after
    /// the route was found, so that it sees the route's parameters.
    ///
    /// ```
    /// use headwater::{Request, Router, middleware::Next, routing::get};
    ///
    /// let app = Router::new().route("/", get(|| "hello")).with(async |request: Request, next: Next| {
    ///     let response = next.run(request).await;
    ///     println!("{}", response.status());
    ///     response
    /// });
    /// # app.call_blocking(Request::get("/").body("")?);
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the middleware is configured in a way that cannot work; it says how.
    pub fn with<S>(mut self, middleware: impl Middleware<S>) -> Self {
        self.scopes[0].layers.push(middleware.into_layer());
        self.changed()
    }

    /// A value that handlers take as [`State<T>`](crate::extract::State), one per type; the last one
    /// given counts, and within what is nested its own comes first.
    ///
    /// ```
    /// use headwater::{Request, Router, extract::State, routing::get};
    ///
    /// #[derive(Clone)]
    /// struct Greeting(&'static str);
    ///
    /// let app = Router::new()
    ///     .route("/", get(|State(greeting): State<Greeting>| greeting.0))
    ///     .state(Greeting("hello"));
    /// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("hello"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn state<T: Any + Clone + Send + Sync>(mut self, value: T) -> Self {
        self.scopes[0].states.set(value);
        self.changed()
    }

    /// Puts `inner` under a prefix, which may have parameters. The `/` of `inner` is the prefix itself:
    /// `/api` for the prefix `/api`, `/api/` for `/api/`. Everything under the prefix is the inner
    /// router's, also what it does not know: its middleware sees that, and its fallback, or else the
    /// nearest outer one, answers it.
    ///
    /// ```
    /// use headwater::{Request, Router, extract::Path, routing::get};
    ///
    /// let rooms = Router::new()
    ///     .route("/", get(|Path(house): Path<String>| format!("rooms of {house}")))
    ///     .fallback(|| "no such room");
    /// let app = Router::new().nest("/{house}/rooms", rooms);
    /// let ask = |path| app.call_blocking(Request::get(path).body("").expect("a path"));
    /// assert_eq!(ask("/7/rooms").text(), Some("rooms of 7"));
    /// assert_eq!(ask("/7/rooms/1").text(), Some("no such room"));
    /// assert_eq!(ask("/7").status(), 404);
    /// ```
    ///
    /// # Panics
    /// If the prefix does not begin with a slash or is only that, has a query, is malformed, ends with
    /// `{*rest}`, or has a router already, or a path conflicts with one that was added before.
    pub fn nest(mut self, prefix: &str, inner: Router) -> Self {
        assert!(prefix.starts_with('/'), "nest {prefix:?}: a prefix begins with a slash");
        assert!(prefix != "/", "nest {prefix:?}: everything is under it, use merge");
        let pattern = path::pattern(prefix).unwrap_or_else(|why| panic!("nest {prefix:?}: {why}"));
        let prefix = pattern.as_str();
        let first = self.scopes.len();
        self.insert_prefix(prefix.to_owned(), first);
        for (pattern, scope) in &inner.nested {
            self.insert_prefix(path::join(prefix, pattern), first + scope);
        }
        self.adopt(prefix, inner);
        self.changed()
    }

    /// Takes over the routes of `other`, which keep its middleware and state. A fallback of `other`
    /// becomes that of the whole.
    ///
    /// ```
    /// use headwater::{Router, routing::get};
    ///
    /// let users = Router::new().route("/users", get(|| "users"));
    /// let notes = Router::new().route("/notes", get(|| "notes"));
    /// let app = users.merge(notes);
    /// ```
    ///
    /// # Panics
    /// If both have a fallback, or a path conflicts with one that was added before.
    pub fn merge(mut self, other: Router) -> Self {
        let first = self.scopes.len();
        for (pattern, scope) in &other.nested {
            self.insert_prefix(pattern.clone(), first + scope);
        }
        if other.scopes[0].has_fallback() {
            assert!(!self.scopes[0].has_fallback(), "merge: both routers have a fallback");
            self.scopes[0].delegate = Some(first);
        }
        self.adopt("", other);
        self.changed()
    }

    /// Answers a request without a socket, as a server would: for tests, and for programs that ask
    /// themselves. Takes a [`Request`], or a `http::Request<Bytes>`. The answer to HEAD has no body; one that
    /// comes in pieces is collected by [`Response::into_bytes`]; an event stream is its head only, see
    /// [`Response::is_event_stream`]. What belongs to bodies on their way, `body_limit` and `before_body`, is
    /// not asked. Runs on whatever polls it, so that handlers cannot use
    /// [`time::sleep`](crate::time::sleep), which a server's core provides.
    ///
    /// ```
    /// use headwater::{Router, http, routing::post};
    ///
    /// # async fn test() -> Result<(), http::Error> {
    /// let app = Router::new().route("/echo", post(async |body: String| body));
    /// let request = http::Request::post("/echo").body("hello".into())?;
    /// assert_eq!(app.call(request).await.text(), Some("hello"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If a handler panics, or if one needs what the router does not have.
    pub async fn call(&self, request: impl Into<Request>) -> Response {
        let request = request.into();
        let is_head = request.method() == Method::HEAD;
        if self.checked.get().is_none() {
            self.check().unwrap_or_else(|missing| panic!("{missing}"));
        }
        let mut response = match self.answer(request) {
            Reply::Ready(response) => response,
            Reply::Pending(answering) => answering.await,
        };
        if is_head && !response.is_event_stream() {
            response = response.body(bytes::Bytes::new());
        }
        response
    }

    /// The same as [`call`](Self::call) without any runtime: the thread waits for the answer.
    ///
    /// ```
    /// use headwater::{Request, Router, routing::get};
    ///
    /// let app = Router::new().route("/", get(|| "hello"));
    /// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("hello"));
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    ///
    /// # Panics
    /// As `call` does.
    pub fn call_blocking(&self, request: impl Into<Request>) -> Response {
        crate::wait::block_on(self.call(request))
    }

    fn insert(&mut self, pattern: String, methods: MethodRouter, scope: usize) {
        assert!(pattern.starts_with('/'), "route {pattern:?}: a path begins with a slash");
        if let Err(error) = self.paths.insert(pattern.as_str(), self.routes.len()) {
            panic!("route {pattern:?}: {error}");
        }
        let names: Vec<Box<str>> = path::names(&pattern).into_iter().map(Box::from).collect();
        let names = (!names.is_empty()).then(|| Names::new(names));
        if names.is_none() {
            self.fixed.insert(&pattern, self.routes.len());
        }
        self.routes.push(Route { pattern, names, methods, scope });
    }

    fn insert_prefix(&mut self, prefix: String, scope: usize) {
        let below = path::join(&prefix, "/{*rest}");
        let itself = prefix.as_str();
        for pattern in [itself, &below] {
            if let Err(error) = self.prefixes.insert(pattern, scope) {
                panic!("nest {prefix:?}: {error}");
            }
        }
        self.nested.push((prefix, scope));
    }

    /// Takes over all but the prefixes.
    fn adopt(&mut self, prefix: &str, inner: Router) {
        let first = self.scopes.len();
        for mut scope in inner.scopes {
            scope.parent = Some(scope.parent.map_or(0, |parent| first + parent));
            scope.delegate = scope.delegate.map(|delegate| first + delegate);
            self.scopes.push(scope);
        }
        for route in inner.routes {
            self.insert(path::join(prefix, &route.pattern), route.methods, first + route.scope);
        }
    }

    fn changed(mut self) -> Self {
        scope::resolve(&mut self.scopes);
        self.checked = OnceLock::new();
        self
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| (&route.pattern, &route.methods));
        f.debug_map().entries(routes).finish()
    }
}
