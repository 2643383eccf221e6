//! What stands between the router and its handlers: sees requests before them and answers after them.
//!
//! Middleware of your own is an asynchronous function or closure that takes a [`Request`] and the
//! [`Next`], which leads on to the handler; it stays on the request's core and need not be `Send`. See
//! [`Router::with`](crate::Router::with) for the order.
//!
//! Ready-made are [`Cors`], [`RequestId`], [`CatchPanic`] and, with the feature `tracing`, `AccessLog`. They
//! cost a handler that answers at once no allocation of their own for waiting.
//!
//! ```
//! use headwater::{IntoResponse, Request, Response, Router, http::StatusCode, middleware::Next};
//! use headwater::routing::get;
//!
//! async fn members_only(request: Request, next: Next) -> Response {
//!     if request.header("x-member").is_none() {
//!         return StatusCode::FORBIDDEN.into_response();
//!     }
//!     next.run(request).await
//! }
//!
//! let app = Router::new().route("/", get(|| "welcome")).with(members_only);
//! assert_eq!(app.call_blocking(Request::get("/").body("")?).status(), StatusCode::FORBIDDEN);
//! # Ok::<(), headwater::http::Error>(())
//! ```

#[cfg(feature = "tracing")]
mod access_log;
mod catch_panic;
mod cors;
mod request_id;
mod skip;
#[cfg(test)]
mod tests;

#[cfg(feature = "tracing")]
pub use access_log::AccessLog;
pub use catch_panic::CatchPanic;
pub use cors::Cors;
pub use request_id::{AssignedId, RequestId};
pub(crate) use skip::Skip;

use crate::handler::{Endpoint, Reply, shape};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use std::fmt;
use std::sync::Arc;

/// An asynchronous function or closure from [`Request`] and [`Next`] to what is [`IntoResponse`], or one
/// of the ready-made ones here. `Shape` is inferred.
///
/// ```
/// use headwater::{Request, Router, middleware::{Middleware, Next}, shape};
///
/// /// Middleware with settings is a function that returns a closure.
/// fn limit(bytes: usize) -> impl Middleware<shape::Async<(Request, Next)>> {
///     async move |request: Request, next: Next| {
///         if request.body().len() > bytes {
///             return Err(headwater::http::StatusCode::PAYLOAD_TOO_LARGE);
///         }
///         Ok(next.run(request).await)
///     }
/// }
///
/// let app = Router::new().fallback(|body: String| body).with(limit(3));
/// assert_eq!(app.call_blocking(Request::post("/").body("four")?).status(), 413);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not middleware",
    label = "not middleware",
    note = "middleware is `async fn(Request, Next) -> impl IntoResponse`, and `Send + Sync + 'static`"
)]
pub trait Middleware<Shape> {
    /// The middleware in its uniform shape.
    fn into_layer(self) -> Layer;
}

type Wrap = dyn Fn(Request, Next) -> Reply + Send + Sync;

/// Middleware in its uniform shape. Cheap to clone.
///
/// ```
/// use headwater::middleware::{CatchPanic, Cors, Layer, Middleware, RequestId};
/// use headwater::{Request, Router, routing::get};
///
/// /// What stands before every router of this program.
/// fn layers(is_public: bool) -> Vec<Layer> {
///     let mut layers = vec![RequestId::new().into_layer(), CatchPanic::new().into_layer()];
///     if is_public {
///         layers.push(Cors::any_origin().into_layer());
///     }
///     layers
/// }
///
/// let app = Router::new().route("/", get(|| "hello"));
/// let app = layers(true).into_iter().fold(app, |app, layer| app.with(layer));
/// let request = Request::get("/").header("origin", "https://example.com").body("")?;
/// let answer = app.call_blocking(request);
/// assert_eq!(answer.headers().get("access-control-allow-origin").unwrap(), "*");
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone)]
pub struct Layer(Arc<Wrap>);

impl Layer {
    pub(crate) fn new(wrap: impl Fn(Request, Next) -> Reply + Send + Sync + 'static) -> Self {
        Self(Arc::new(wrap))
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl Middleware<shape::Made> for Layer {
    fn into_layer(self) -> Layer {
        self
    }
}

impl<F, R> Middleware<shape::Async<(Request, Next)>> for F
where
    F: AsyncFn(Request, Next) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_layer(self) -> Layer {
        let wrap = Arc::new(self);
        Layer::new(move |request, next| {
            let wrap = wrap.clone();
            Reply::Pending(Box::pin(async move { wrap(request, next).await.into_response() }))
        })
    }
}

/// The rest of a request's way: the middleware that comes after this one, then the handler.
///
/// ```
/// use headwater::http::{HeaderName, HeaderValue};
/// use headwater::{Request, Response, Router, middleware::Next, routing::get};
/// use std::time::Instant;
///
/// /// Tells browsers how long the answer took.
/// async fn timed(request: Request, next: Next) -> Response {
///     let begin = Instant::now();
///     let mut response = next.run(request).await;
///     let took = format!("app;dur={}", begin.elapsed().as_millis());
///     if let Ok(took) = HeaderValue::try_from(took) {
///         response.headers_mut().set(HeaderName::from_static("server-timing"), took);
///     }
///     response
/// }
///
/// let app = Router::new().route("/", get(|| "hello")).with(timed);
/// assert!(app.call_blocking(Request::get("/").body("")?).headers().contains("server-timing"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub struct Next {
    chain: Arc<[Layer]>,
    at: usize,
    end: End,
}

/// Where the way ends.
pub(crate) enum End {
    Endpoint(Endpoint),
    /// The router's own answer.
    Answer(Box<Response>),
}

impl Next {
    pub(crate) fn new(chain: Arc<[Layer]>, end: End) -> Self {
        Self { chain, at: 0, end }
    }

    /// Leads the request on, and gives its answer.
    pub async fn run(self, request: Request) -> Response {
        match self.answer(request) {
            Reply::Ready(response) => response,
            Reply::Pending(answering) => answering.await,
        }
    }

    pub(crate) fn answer(mut self, request: Request) -> Reply {
        if let Some(layer) = self.chain.get(self.at).cloned() {
            self.at += 1;
            return (layer.0)(request, self);
        }
        match self.end {
            End::Endpoint(endpoint) => endpoint.call(request),
            End::Answer(response) => Reply::Ready(*response),
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("layers", &(self.chain.len() - self.at))
            .finish_non_exhaustive()
    }
}
