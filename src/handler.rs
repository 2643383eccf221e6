//! Handlers: functions and closures, synchronous or not, that answer requests. Made uniform here, so
//! that the router holds one kind of thing. What they take is in `extract`; those that get something
//! beside it are in `handler/with`.

mod with;

pub use with::HandlerWith;

use crate::extract::{FromRequest, FromRequestParts, Needs};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// Shared by all workers; what it returns stays on one.
type Answer = dyn Fn(&mut Incoming) -> Reply + Send + Sync;

/// A request on its way to its handler. Large, so it stays where it is until somebody keeps it.
pub(crate) struct Incoming(Option<Request>);

impl Incoming {
    pub(crate) fn new(request: Request) -> Self {
        Self(Some(request))
    }

    /// # Panics
    /// If it was taken.
    pub(crate) fn request(&self) -> &Request {
        self.0.as_ref().expect(TAKEN)
    }

    /// # Panics
    /// If it was taken.
    pub(crate) fn request_mut(&mut self) -> &mut Request {
        self.0.as_mut().expect(TAKEN)
    }

    /// # Panics
    /// If it was taken before.
    pub(crate) fn take(&mut self) -> Request {
        self.0.take().expect(TAKEN)
    }

    /// Drops what nobody has taken.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

const TAKEN: &str = "a request has one handler";

/// A handler in its uniform shape, with what it needs of its router. Cheap to clone.
///
/// ```
/// use headwater::{Endpoint, Handler, Request, Router, extract::Path, routing::get};
///
/// async fn greet(Path(name): Path<String>) -> String {
///     format!("hello {name}")
/// }
///
/// // Handlers of different types in one list.
/// let pages: [(&str, Endpoint); 2] =
///     [("/", (|| "hello").into_endpoint()), ("/{name}", greet.into_endpoint())];
/// let app = pages.into_iter().fold(Router::new(), |app, (path, page)| app.route(path, get(page)));
/// assert_eq!(app.call_blocking(Request::get("/ada").body("")?).text(), Some("hello ada"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone)]
pub struct Endpoint(Arc<Made<Answer>>);

struct Made<A: ?Sized> {
    needs: Needs,
    opens_streams: bool,
    answer: A,
}

impl Endpoint {
    pub(crate) fn new(
        needs: Needs,
        answer: impl Fn(&mut Incoming) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Made { needs, opens_streams: false, answer }))
    }

    /// A handler whose connections become streams as a rule.
    pub(crate) fn of_streams(
        needs: Needs,
        answer: impl Fn(&mut Incoming) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Made { needs, opens_streams: true, answer }))
    }

    pub(crate) fn opens_streams(&self) -> bool {
        self.0.opens_streams
    }

    pub(crate) fn call(&self, request: Request) -> Reply {
        self.answer(&mut Incoming::new(request))
    }

    pub(crate) fn answer(&self, incoming: &mut Incoming) -> Reply {
        (self.0.answer)(incoming)
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.0.needs
    }
}

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

impl Reply {
    /// Changes the answer, at once or when it is there.
    pub(crate) fn map(self, change: impl FnOnce(Response) -> Response + 'static) -> Self {
        match self {
            Self::Ready(response) => Self::Ready(change(response)),
            Self::Pending(answering) => {
                Self::Pending(Box::pin(async move { change(answering.await) }))
            }
        }
    }
}

/// A function or closure that answers requests. It takes up to eight arguments: parts of the request
/// that are [`FromRequestParts`], and as the last one what is [`FromRequest`], such as the body. It
/// returns what is [`IntoResponse`], `async` or not. Asynchronous handlers need not be `Send`: they stay
/// on the core that owns the connection. `Shape` is inferred.
///
/// An argument that a request does not have is answered by its rejection, and the handler not called.
///
/// ```
/// use headwater::{Request, Router, extract::{Path, Query}, routing::{get, put}};
///
/// async fn store(Path(name): Path<String>, Query(options): Query, body: String) -> String {
///     format!("{name} {:?} {body}", options.get("mode"))
/// }
///
/// let app = Router::new().route("/", get(|| "hello")).route("/files/{name}", put(store));
/// let request = Request::builder().method("PUT").uri("/files/a?mode=new").body("text")?;
/// assert_eq!(app.call_blocking(request).text(), Some("a Some(\"new\") text"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is a function, `async` or not, that is `Send + Sync + 'static`",
    note = "it takes up to eight arguments: all `FromRequestParts`, the last may be `FromRequest`",
    note = "it returns something that is `IntoResponse`"
)]
pub trait Handler<Shape> {
    /// The handler in its uniform shape.
    fn into_endpoint(self) -> Endpoint;
}

/// Tells the shapes of handlers and middleware apart. Inferred, but where one is returned: see
/// [`Middleware`](crate::middleware::Middleware).
pub mod shape {
    use std::marker::PhantomData;

    /// Returns its answer.
    #[derive(Debug)]
    pub struct Plain<A>(PhantomData<A>);
    /// Returns a future of its answer.
    #[derive(Debug)]
    pub struct Async<A>(PhantomData<A>);
    /// Is ready-made.
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
        Endpoint::new(Needs::default(), move |_| Reply::Ready(self().into_response()))
    }
}

impl<F, R> Handler<shape::Async<()>> for F
where
    F: AsyncFn() -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn into_endpoint(self) -> Endpoint {
        let handler = Arc::new(self);
        Endpoint::new(Needs::default(), move |_| {
            let handler = handler.clone();
            Reply::Pending(Box::pin(async move { handler().await.into_response() }))
        })
    }
}

/// An argument, or the end with its rejection.
macro_rules! take {
    ($taken:expr) => {
        match $taken {
            Ok(argument) => argument,
            Err(rejection) => return Reply::Ready(rejection.into_response()),
        }
    };
}

/// Handlers of one number of arguments: a type, the way it is taken, and a name for each but the last.
macro_rules! handler {
    ($($part:ident $via:ident $name:ident),*) => {
        impl<F, R, $($part, $via,)* Last, Via> Handler<shape::Plain<($($part, $via,)* Last, Via)>>
            for F
        where
            F: Fn($($part,)* Last) -> R + Send + Sync + 'static,
            $($part: FromRequestParts<$via>,)*
            Last: FromRequest<Via>,
            R: IntoResponse,
        {
            fn into_endpoint(self) -> Endpoint {
                let mut needs = Needs::default();
                $($part::needs(&mut needs);)*
                Last::needs(&mut needs);
                Endpoint::new(needs, move |incoming| {
                    $(let $name = take!($part::from_request_parts(incoming.request()));)*
                    let last = take!(Last::from_request(incoming.take()));
                    Reply::Ready(self($($name,)* last).into_response())
                })
            }
        }

        impl<F, R, $($part, $via,)* Last, Via> Handler<shape::Async<($($part, $via,)* Last, Via)>>
            for F
        where
            F: AsyncFn($($part,)* Last) -> R + Send + Sync + 'static,
            $($part: FromRequestParts<$via> + 'static,)*
            Last: FromRequest<Via> + 'static,
            R: IntoResponse,
        {
            fn into_endpoint(self) -> Endpoint {
                let mut needs = Needs::default();
                $($part::needs(&mut needs);)*
                Last::needs(&mut needs);
                let handler = Arc::new(self);
                Endpoint::new(needs, move |incoming| {
                    $(let $name = take!($part::from_request_parts(incoming.request()));)*
                    let last = take!(Last::from_request(incoming.take()));
                    let handler = handler.clone();
                    Reply::Pending(Box::pin(async move {
                        handler($($name,)* last).await.into_response()
                    }))
                })
            }
        }
    };
}

handler!();
handler!(A ViaA a);
handler!(A ViaA a, B ViaB b);
handler!(A ViaA a, B ViaB b, C ViaC c);
handler!(A ViaA a, B ViaB b, C ViaC c, D ViaD d);
handler!(A ViaA a, B ViaB b, C ViaC c, D ViaD d, E ViaE e);
handler!(A ViaA a, B ViaB b, C ViaC c, D ViaD d, E ViaE e, G ViaG g);
handler!(A ViaA a, B ViaB b, C ViaC c, D ViaD d, E ViaE e, G ViaG g, H ViaH h);
