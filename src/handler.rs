//! Handlers: functions and closures, synchronous or not, that answer requests. Made uniform here, so
//! that the router holds one kind of thing.

use crate::request::Request;
use crate::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// Shared by all workers; what it returns stays on one.
type Answer = dyn Fn(Request) -> Reply + Send + Sync;

/// A handler in its uniform shape. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint(pub(crate) Arc<Answer>);

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

/// An answer, or the promise of one.
pub(crate) enum Reply {
    Ready(Response),
    Pending(Answering),
}

/// The future of an answer. It never leaves its core.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response>>>;

/// What a handler may take: the whole request, or its body as text or bytes.
pub trait FromRequest: Sized {
    /// Takes what it needs.
    ///
    /// # Errors
    /// The answer to a request that does not have it.
    fn from_request(request: Request) -> Result<Self, Response>;
}

impl FromRequest for Request {
    fn from_request(request: Request) -> Result<Self, Response> {
        Ok(request)
    }
}

impl FromRequest for Bytes {
    fn from_request(request: Request) -> Result<Self, Response> {
        Ok(request.body)
    }
}

impl FromRequest for String {
    fn from_request(request: Request) -> Result<Self, Response> {
        String::from_utf8(request.body.into())
            .map_err(|_| Response::plain(StatusCode::BAD_REQUEST, "the body is not UTF-8"))
    }
}

/// A function or closure that answers requests: with no argument or one that is [`FromRequest`],
/// returning what is [`IntoResponse`], `async` or not. Asynchronous handlers need not be `Send`: they
/// stay on the core that owns the connection. `Shape` is inferred.
pub trait Handler<Shape> {
    /// The handler in its uniform shape.
    fn into_endpoint(self) -> Endpoint;
}

/// Tells the shapes of handlers apart.
pub mod shape {
    use std::marker::PhantomData;

    /// Returns its answer.
    #[derive(Debug)]
    pub struct Plain<A>(PhantomData<A>);
    /// Returns a future of its answer.
    #[derive(Debug)]
    pub struct Async<A>(PhantomData<A>);
    /// Is an [`super::Endpoint`] already.
    #[derive(Debug)]
    pub struct Made;
}

impl Handler<shape::Made> for Endpoint {
    fn into_endpoint(self) -> Endpoint {
        self
    }
}

impl<F, R> Handler<shape::Plain<()>> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_endpoint(self) -> Endpoint {
        Endpoint(Arc::new(move |_| Reply::Ready(self().into_response())))
    }
}

impl<F, A, R> Handler<shape::Plain<(A,)>> for F
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: FromRequest,
    R: IntoResponse,
{
    fn into_endpoint(self) -> Endpoint {
        let answer = move |request| match A::from_request(request) {
            Ok(argument) => self(argument).into_response(),
            Err(refused) => refused,
        };
        Endpoint(Arc::new(move |request| Reply::Ready(answer(request))))
    }
}

impl<F, R> Handler<shape::Async<()>> for F
where
    F: AsyncFn() -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_endpoint(self) -> Endpoint {
        let handler = Arc::new(self);
        Endpoint(Arc::new(move |_| {
            let handler = handler.clone();
            Reply::Pending(Box::pin(async move { handler().await.into_response() }))
        }))
    }
}

impl<F, A, R> Handler<shape::Async<(A,)>> for F
where
    F: AsyncFn(A) -> R + Send + Sync + 'static,
    A: FromRequest + 'static,
    R: IntoResponse,
{
    fn into_endpoint(self) -> Endpoint {
        let handler = Arc::new(self);
        Endpoint(Arc::new(move |request| match A::from_request(request) {
            Ok(argument) => {
                let handler = handler.clone();
                Reply::Pending(Box::pin(async move { handler(argument).await.into_response() }))
            }
            Err(refused) => Reply::Ready(refused),
        }))
    }
}
