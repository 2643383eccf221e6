//! Which handler answers which method of one path.
//!
//! ```
//! use headwater::routing::{get, post};
//! use headwater::{Request, Router, http::Method};
//!
//! let app = Router::new()
//!     .route("/notes", get(|| "all notes").post(|note: String| format!("noted: {note}")))
//!     .route("/import", post(|| "imported").body_limit(64 * 1024 * 1024));
//! let refused = app.call_blocking(Request::builder().method(Method::DELETE).uri("/notes").body("")?);
//! assert_eq!(refused.status(), 405);
//! assert_eq!(refused.headers().get("allow").unwrap(), "GET, POST, HEAD, OPTIONS");
//! # Ok::<(), headwater::http::Error>(())
//! ```

use crate::extract::Needs;
use crate::handler::{Endpoint, Handler};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::Method;
use std::fmt;
use std::sync::Arc;

/// The handlers of one path, by method. HEAD is answered by the handler of GET, unless it has its own,
/// and OPTIONS by the router.
///
/// ```
/// use headwater::{Request, Router, routing::get};
///
/// let notes = get(|| "the notes").post(|note: String| format!("noted: {note}"));
/// let app = Router::new().route("/notes", notes);
/// let answer = app.call_blocking(Request::post("/notes").body("milk")?);
/// assert_eq!(answer.text(), Some("noted: milk"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct MethodRouter {
    entries: Vec<Entry>,
    any: Option<Entry>,
    bodies: BodyRules,
}

#[derive(Clone)]
struct Entry {
    method: Method,
    endpoint: Endpoint,
}

/// What is decided about a request's body before it is received.
#[derive(Clone, Default)]
pub(crate) struct BodyRules {
    /// In place of the server's.
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) check: Option<Arc<BodyCheck>>,
}

type BodyCheck = dyn Fn(&Request) -> Result<(), Box<Response>> + Send + Sync;

impl Entry {
    fn new<S>(method: Method, handler: impl Handler<S>) -> Self {
        Self { method, endpoint: handler.into_endpoint() }
    }
}

impl MethodRouter {
    /// Answers one more method, which may be one of your own; the last handler given for a method
    /// counts. Names of methods are case-sensitive (RFC 9110 §9.1).
    pub fn on<S>(mut self, method: Method, handler: impl Handler<S>) -> Self {
        self.entries.retain(|entry| entry.method != method);
        self.entries.push(Entry::new(method, handler));
        self
    }

    /// Answers all methods that have no handler of their own, whatever they are called.
    pub fn any<S>(mut self, handler: impl Handler<S>) -> Self {
        self.any = Some(Entry::new(Method::GET, handler));
        self
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
    /// `100 Continue` is sent to a client that expects it (RFC 9110 §10.1.1), and before middleware and
    /// the handler are called. The request it sees has the route's parameters and state, but no body yet.
    /// What it returns as an error is the answer, which no middleware sees, and after which the connection
    /// is closed; a panic is answered with 500, and so is an event stream or a
    /// [detached](crate::detach()) connection, which cannot begin where a body is under way.
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
        self.bodies.check = Some(Arc::new(move |request| {
            check(request).map_err(|refusal| Box::new(refusal.into_response()))
        }));
        self
    }

    /// What holds for the bodies of this path's requests.
    pub(crate) fn bodies(&self) -> &BodyRules {
        &self.bodies
    }

    /// The handler of a method.
    pub(crate) fn find(&self, method: &Method) -> Option<&Endpoint> {
        let exact = |wanted: &Method| self.entries.iter().find(|entry| entry.method == *wanted);
        exact(method)
            .or_else(|| exact(&Method::GET).filter(|_| method == Method::HEAD))
            .or(self.any.as_ref())
            .map(|entry| &entry.endpoint)
    }

    /// Whether a method has a handler by its name.
    pub(crate) fn knows(&self, method: &Method) -> bool {
        self.entries.iter().any(|entry| entry.method == *method)
    }

    /// The methods that are answered and have a name: all standard ones if any is.
    pub(crate) fn methods(&self) -> impl Iterator<Item = Method> {
        let own = self.entries.iter().map(|entry| entry.method.clone());
        let head = (self.knows(&Method::GET) && !self.knows(&Method::HEAD)).then_some(Method::HEAD);
        let standard = self.any.is_some().then_some(STANDARD).into_iter().flatten();
        let standard = standard.filter(|method| {
            let by_get = method == Method::HEAD && self.knows(&Method::GET);
            !by_get && !self.knows(method) && method != Method::CONNECT
        });
        own.chain(head).chain(standard)
    }

    /// The value of `Allow` (RFC 9110 §10.2.1).
    pub(crate) fn allow(&self) -> String {
        let mut methods: Vec<Method> = self.methods().collect();
        if !methods.contains(&Method::OPTIONS) {
            methods.push(Method::OPTIONS);
        }
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        names.join(", ")
    }

    /// What each handler needs.
    pub(crate) fn needs(&self) -> impl Iterator<Item = (&str, &Needs)> {
        let named = self.entries.iter().map(|entry| (entry.method.as_str(), entry));
        let all = named.chain(self.any.iter().map(|entry| ("any", entry)));
        all.map(|(name, entry)| (name, entry.endpoint.needs()))
    }
}

impl fmt::Debug for MethodRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.needs().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// The methods of RFC 9110 §9.3 and RFC 5789.
const STANDARD: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

pub(crate) fn is_standard(method: &Method) -> bool {
    STANDARD.contains(method)
}

/// Answers one method, which may be one of your own.
///
/// ```
/// use headwater::{Router, http::Method, routing::on};
///
/// let purge = Method::from_bytes(b"PURGE").expect("a token");
/// let app = Router::new().route("/cache", on(purge, || "purged"));
/// ```
pub fn on<S>(method: Method, handler: impl Handler<S>) -> MethodRouter {
    MethodRouter::default().on(method, handler)
}

/// Answers all methods, whatever they are called.
///
/// ```
/// use headwater::{Request, Router, routing::any};
///
/// let app = Router::new().route("/", any(|request: Request| request.method().to_string()));
/// ```
pub fn any<S>(handler: impl Handler<S>) -> MethodRouter {
    MethodRouter::default().any(handler)
}

macro_rules! methods {
    ($($name:ident $method:ident $and:literal)*) => {
        impl MethodRouter {
            $(
                #[doc = concat!("Also answers ", stringify!($method), $and, ".")]
                pub fn $name<S>(self, handler: impl Handler<S>) -> Self {
                    self.on(Method::$method, handler)
                }
            )*
        }

        $(
            #[doc = concat!("Answers ", stringify!($method), $and, ".")]
            ///
            /// ```
            #[doc = concat!("use headwater::{Router, routing::", stringify!($name), "};")]
            ///
            #[doc = concat!(
                "let app = Router::new().route(\"/\", ", stringify!($name), "(|| \"hello\"));"
            )]
            /// ```
            pub fn $name<S>(handler: impl Handler<S>) -> MethodRouter {
                on(Method::$method, handler)
            }
        )*
    };
}

methods! {
    get GET ", and HEAD where it has no handler of its own"
    post POST ""
    put PUT ""
    patch PATCH ""
    delete DELETE ""
    head HEAD ""
    options OPTIONS ""
    trace TRACE ""
}
