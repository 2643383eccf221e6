//! Cross-origin requests (Fetch standard §3.3): which origins, methods and headers are allowed. What that
//! means for one answer is in `cors/answer`, what origins are in `cors/origin`.

mod answer;
mod origin;

use super::skip::{Skip, skippable};
use super::{Layer, Middleware};
use crate::handler::{Reply, shape};
use crate::request::Request;
use http::{HeaderName, HeaderValue, Method};
use origin::Origins;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Lets pages of other origins use this server, as browsers ask it to (Fetch standard §3.3, the CORS
/// protocol).
///
/// Preflights, which are OPTIONS requests with `Origin` and `Access-Control-Request-Method`, are answered
/// here with 204, whatever the path; all others go on, and their answers get the headers that they need,
/// `Vary` among them. An origin that is not allowed gets the same answers without permission: browsers
/// keep them from their page. This protects users of browsers, and nothing else.
///
/// What no middleware sees, such as a body that is too large (413), is answered without permission: to a
/// page that looks like a failure of the network.
///
/// Requests to a private network (`Access-Control-Request-Private-Network`) get no permission.
///
/// ```
/// use headwater::{Request, Router, http::Method, middleware::Cors, routing::put};
/// use std::time::Duration;
///
/// let cors = Cors::origins(["https://app.example.com"])
///     .methods([Method::PUT])
///     .headers(["content-type", "authorization"])
///     .credentials()
///     .max_age(Duration::from_secs(3600));
/// let app = Router::new().route("/notes", put(|note: String| note)).with(cors);
///
/// let preflight = Request::builder()
///     .method(Method::OPTIONS)
///     .uri("/notes")
///     .header("origin", "https://app.example.com")
///     .header("access-control-request-method", "PUT")
///     .body("")?;
/// let answer = app.call_blocking(preflight);
/// assert_eq!(answer.status(), 204);
/// let allowed = answer.headers().get("access-control-allow-origin").unwrap();
/// assert_eq!(allowed, "https://app.example.com");
/// # Ok::<(), headwater::http::Error>(())
/// ```
///
/// # Panics
/// [`Router::with`](crate::Router::with) panics over what browsers would refuse or what would give any
/// page the user's rights: credentials together with [any origin](Self::any_origin), with the origin
/// `null`, or with [all headers exposed](Self::expose_all).
#[derive(Clone)]
#[must_use]
pub struct Cors {
    origins: Origins,
    methods: Allowed,
    headers: Allowed,
    exposed: Exposed,
    credentials: bool,
    max_age: Option<HeaderValue>,
    skip: Skip,
}

/// What requests may have.
#[derive(Clone)]
enum Allowed {
    /// Nothing that needs permission.
    Safelisted,
    Listed(HeaderValue),
    /// Whatever they ask for.
    Asked,
}

/// What pages may see of answers.
#[derive(Clone)]
enum Exposed {
    Safelisted,
    Listed(HeaderValue),
    All,
}

impl Cors {
    /// Allows these origins, each as a browser sends it: `https://example.com`, with a port where it is
    /// not the scheme's own.
    ///
    /// # Panics
    /// If one is no origin, such as `*` or one with a path or a capital letter: it would never match.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::with(Origins::list(origins))
    }

    /// Allows any origin, by `*`. Not together with [credentials](Self::credentials).
    ///
    /// ```
    /// use headwater::{Request, Router, middleware::Cors, routing::get};
    ///
    /// let app = Router::new().route("/weather", get(|| "fair")).with(Cors::any_origin());
    /// let request = Request::get("/weather").header("origin", "https://example.com").body("")?;
    /// let answer = app.call_blocking(request);
    /// assert_eq!(answer.headers().get("access-control-allow-origin").unwrap(), "*");
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn any_origin() -> Self {
        Self::with(Origins::Any)
    }

    /// Allows the origins of which this is true. The request is there to look up what belongs to it, such
    /// as the host. Matching parts of an origin is error-prone: `example.com.evil.test` begins with
    /// `example.com`.
    ///
    /// ```
    /// use headwater::middleware::Cors;
    ///
    /// let local = Cors::origin_if(|origin, _| origin == "http://localhost:5173");
    /// ```
    pub fn origin_if(predicate: impl Fn(&str, &Request) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Origins::If(Arc::new(predicate)))
    }

    fn with(origins: Origins) -> Self {
        Self {
            origins,
            methods: Allowed::Safelisted,
            headers: Allowed::Safelisted,
            exposed: Exposed::Safelisted,
            credentials: false,
            max_age: None,
            skip: Skip::default(),
        }
    }

    /// Allows these methods, in place of those set before. GET, HEAD and POST need no permission.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        let names: Vec<Method> = methods.into_iter().collect();
        self.methods =
            listed(names.iter().map(Method::as_str)).map_or(Allowed::Safelisted, Allowed::Listed);
        self
    }

    /// Allows every method.
    pub fn any_method(mut self) -> Self {
        self.methods = Allowed::Asked;
        self
    }

    /// Allows these headers of requests, in place of those set before. `Accept`, `Accept-Language`,
    /// `Content-Language` and the content types of forms need no permission.
    ///
    /// # Panics
    /// If one is not the name of a header.
    pub fn headers<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
    {
        self.headers = header_names(names).map_or(Allowed::Safelisted, Allowed::Listed);
        self
    }

    /// Allows every header of requests, `Authorization` too.
    ///
    /// ```
    /// use headwater::{Request, Router, middleware::Cors, routing::get};
    ///
    /// let cors = Cors::origins(["https://app.example.com"]).any_header();
    /// let app = Router::new().route("/", get(|| "hello")).with(cors);
    /// let preflight = Request::builder()
    ///     .method("OPTIONS")
    ///     .header("origin", "https://app.example.com")
    ///     .header("access-control-request-method", "GET")
    ///     .header("access-control-request-headers", "x-tenant")
    ///     .body("")?;
    /// let answer = app.call_blocking(preflight);
    /// assert_eq!(answer.headers().get("access-control-allow-headers").unwrap(), "x-tenant");
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn any_header(mut self) -> Self {
        self.headers = Allowed::Asked;
        self
    }

    /// Lets pages see these headers of answers, in place of those set before. `Cache-Control`,
    /// `Content-Language`, `Content-Length`, `Content-Type`, `Expires`, `Last-Modified` and `Pragma` they
    /// always see.
    ///
    /// ```
    /// use headwater::middleware::Cors;
    ///
    /// // Pages may read how many requests they have left.
    /// let cors = Cors::any_origin().expose(["x-ratelimit-remaining", "x-ratelimit-reset"]);
    /// ```
    ///
    /// # Panics
    /// If one is not the name of a header.
    pub fn expose<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
    {
        self.exposed = header_names(names).map_or(Exposed::Safelisted, Exposed::Listed);
        self
    }

    /// Lets pages see all headers of answers. Not together with [credentials](Self::credentials).
    pub fn expose_all(mut self) -> Self {
        self.exposed = Exposed::All;
        self
    }

    /// Allows requests with the user's cookies, certificates and saved passwords.
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// How long browsers may remember the answer to a preflight, in whole seconds. They take 5 seconds
    /// without this, and none more than a day.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(HeaderValue::from(age.as_secs()));
        self
    }

    /// What is wrong with the whole of it.
    fn contradiction(&self) -> Option<&'static str> {
        if !self.credentials {
            return None;
        }
        match (&self.origins, &self.exposed) {
            (Origins::Any, _) => Some("credentials need origins that are named, not any origin"),
            (_, Exposed::All) => Some("credentials need exposed headers that are named, not all"),
            (origins, _) if origins.lists("null") => {
                Some("any page can have the origin null, which must not get credentials")
            }
            _ => None,
        }
    }
}

skippable!(Cors, "Cors::any_origin()");

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cors")
            .field("origins", &self.origins)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Middleware<shape::Made> for Cors {
    fn into_layer(mut self) -> Layer {
        if let Some(wrong) = self.contradiction() {
            panic!("Cors: {wrong}");
        }
        let skip = std::mem::take(&mut self.skip);
        let cors = Arc::new(self);
        skip.layer(move |request, next| {
            if answer::is_preflight(&request) {
                return Reply::Ready(cors.preflight(&request));
            }
            let permission = cors.permission(&request);
            let cors = cors.clone();
            next.answer(request).map(move |response| cors.permit(response, permission))
        })
    }
}

fn header_names<N>(names: impl IntoIterator<Item = N>) -> Option<HeaderValue>
where
    N: TryInto<HeaderName, Error: fmt::Debug>,
{
    let valid = |name: N| name.try_into().expect("the name of a header");
    let names: Vec<HeaderName> = names.into_iter().map(valid).collect();
    listed(names.iter().map(HeaderName::as_str))
}

/// The value of a header that lists these names; None for none.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| names.join(", ").parse().expect("tokens and commas"))
}
