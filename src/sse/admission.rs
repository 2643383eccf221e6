//! The way from a request to a stream, or to another answer: what is skipped, what `on_connect` says, and
//! what kind of stream it becomes. Runs where handlers run, before anything is sent.

use super::farewell::Farewell;
use super::held::Held;
use super::opening::{Asked, Way, not_event_stream};
use super::{Client, Disconnect, Settings};
use crate::handler::{Endpoint, Reply};
use crate::headers::Headers;
use crate::middleware::Skip;
use crate::request::Request;
use crate::response::{IntoHeaders, IntoResponse, Response, invalid};
use http::{Method, StatusCode, header};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

/// What an `on_connect` hook returns: nothing, or a `Result` of [headers](IntoHeaders) for the stream's head
/// and the [answer](IntoResponse) in place of a stream.
///
/// ```
/// use headwater::http::StatusCode;
/// use headwater::sse::{self, Admission, Client};
/// use headwater::{Headers, Hub, IntoResponse, Request, Response, Router, routing::get};
///
/// /// What the hooks of this program say.
/// enum Verdict {
///     Welcome,
///     Full,
/// }
///
/// impl Admission for Verdict {
///     fn into_admission(self) -> Result<Headers, Box<Response>> {
///         match self {
///             Self::Welcome => Ok(Headers::new()),
///             Self::Full => Err(Box::new(StatusCode::SERVICE_UNAVAILABLE.into_response())),
///         }
///     }
/// }
///
/// let news = Hub::new().broker("news").build();
/// let count = news.clone();
/// let feed = sse::feed(&news).on_connect(async move |_: &Request, _: &Client| {
///     if count.subscriber_count() < 10_000 { Verdict::Welcome } else { Verdict::Full }
/// });
/// let app = Router::new().route("/news", get(feed));
/// assert_eq!(app.call_blocking(Request::get("/news").body("")?).status(), 200);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` neither admits nor refuses a stream",
    note = "return nothing, or a `Result` whose success is `()` or headers, and whose error is an answer"
)]
pub trait Admission {
    /// The headers, or the answer.
    ///
    /// # Errors
    /// The answer.
    fn into_admission(self) -> Result<Headers, Box<Response>>;
}

impl Admission for () {
    fn into_admission(self) -> Result<Headers, Box<Response>> {
        Ok(Headers::new())
    }
}

impl<H: IntoHeaders, R: IntoResponse> Admission for Result<H, R> {
    fn into_admission(self) -> Result<Headers, Box<Response>> {
        let headers = self.map_err(|refusal| Box::new(refusal.into_response()))?.into_headers();
        headers.map_err(|error| Box::new(invalid(&error)))
    }
}

type Admitting<'a> = Pin<Box<dyn Future<Output = Result<Headers, Box<Response>>> + 'a>>;

/// An `on_connect` hook.
pub(crate) trait Admit: Send + Sync {
    fn admit<'a>(&'a self, request: &'a Request, client: &'a Client) -> Admitting<'a>;
}

struct Hook<F, A>(F, PhantomData<fn() -> A>);

impl<F, A> Admit for Hook<F, A>
where
    F: AsyncFn(&Request, &Client) -> A + Send + Sync,
    A: Admission,
{
    fn admit<'a>(&'a self, request: &'a Request, client: &'a Client) -> Admitting<'a> {
        Box::pin(async move { (self.0)(request, client).await.into_admission() })
    }
}

pub(super) fn hook<F, A>(hook: F) -> Arc<dyn Admit>
where
    F: AsyncFn(&Request, &Client) -> A + Send + Sync + 'static,
    A: Admission + 'static,
{
    Arc::new(Hook(hook, PhantomData))
}

/// What decides about requests for streams.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(super) admit: Option<Arc<dyn Admit>>,
    pub(super) skip: Skip,
    pub(super) otherwise: Option<Endpoint>,
}

/// What a stream is made of, or why there is none.
pub(crate) type Begun = Result<Way, Unbegun>;

/// The answer in place of a stream, and what its client is told.
pub(crate) struct Unbegun {
    pub(super) answer: Box<Response>,
    pub(super) why: Disconnect,
}

impl Unbegun {
    pub(super) fn new(answer: Response, why: Disconnect) -> Self {
        Self { answer: Box::new(answer), why }
    }
}

impl From<Box<Response>> for Unbegun {
    fn from(answer: Box<Response>) -> Self {
        Self { answer, why: Disconnect::Refused }
    }
}

/// What turns a request into a stream, once that is admitted.
pub(crate) trait Begin: Send + Sync {
    /// Whether the request is answered otherwise before anybody is asked.
    fn refuse(&self) -> Option<Response> {
        None
    }

    fn begin(&self, request: Request) -> Beginning;
}

/// At once, or later.
pub(crate) enum Beginning {
    Ready(Begun),
    Pending(Pin<Box<dyn Future<Output = Begun>>>),
}

impl Gate {
    /// A handler of streams.
    pub(super) fn endpoint(
        self,
        mut needs: crate::extract::Needs,
        settings: Settings,
        kind: impl Begin + 'static,
    ) -> Endpoint {
        if let Some(otherwise) = &self.otherwise {
            needs.join(otherwise.needs());
        }
        let (settings, kind) = (Arc::new(settings), Arc::new(kind));
        Endpoint::of_streams(needs, move |incoming| self.answer(incoming.take(), &settings, &kind))
    }

    fn answer<B: Begin + 'static>(
        &self,
        request: Request,
        settings: &Arc<Settings>,
        kind: &Arc<B>,
    ) -> Reply {
        if self.skip.applies(&request) {
            return match &self.otherwise {
                Some(endpoint) => endpoint.call(request),
                None => Reply::Ready(Response::plain(StatusCode::NOT_FOUND, "not found\n")),
            };
        }
        if let Some(response) = kind.refuse() {
            return Reply::Ready(response);
        }
        let asked = Asked::of(&request, settings);
        let admit = self.admit.clone().filter(|_| *request.method() != Method::HEAD);
        let Some(admit) = admit else {
            return match kind.begin(request) {
                Beginning::Ready(begun) => Reply::Ready(asked.open(begun, Headers::new())),
                Beginning::Pending(beginning) => {
                    Reply::Pending(Box::pin(
                        async move { asked.open(beginning.await, Headers::new()) },
                    ))
                }
            };
        };
        let kind = kind.clone();
        Reply::Pending(Box::pin(async move { admitted(&*admit, request, asked, &*kind).await }))
    }
}

async fn admitted(
    admit: &dyn Admit,
    request: Request,
    mut asked: Asked,
    kind: &impl Begin,
) -> Response {
    let held = Held::new(asked.framing, &asked.settings.client, asked.origin.clone());
    if let Some(replaying) = &asked.replaying {
        replaying.attach(held.client());
    }
    let headers = match admit.admit(&request, held.client()).await {
        Ok(headers) if headers.contains(header::CONTENT_TYPE) => Err(Box::new(not_event_stream())),
        admitted => admitted,
    };
    let headers = match headers {
        Ok(headers) => headers,
        Err(refusal) => {
            held.would_end(Some(Disconnect::Refused));
            return *refusal;
        }
    };
    let client = || held.client().clone();
    asked.farewell = asked.settings.on_disconnect.clone().map(|hook| Farewell::new(hook, client()));
    asked.held = Some(held);
    let begun = match kind.begin(request) {
        Beginning::Ready(begun) => begun,
        Beginning::Pending(beginning) => beginning.await,
    };
    asked.open(begun, headers)
}
