//! Event streams: handlers that turn a connection into one, and what they work with.
//!
//! A stream's head is `200`, `content-type: text/event-stream`, `cache-control: no-cache` and
//! `x-accel-buffering: no`; the connection then carries events only, until it closes. A comment is sent
//! after a time of silence (WHATWG HTML §9.2.7 advises 15 seconds).

use crate::body::{Body, Content};
use crate::extract::Needs;
use crate::handler::{Endpoint, Handler, HandlerWith, Reply, shape};
use crate::request::Request;
use crate::response::Response;
use http::{HeaderValue, StatusCode, header};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use headwater_sse::{
    Broker, BrokerBuilder, Client, Disconnect, Event, EventId, EventIdError, Field, FieldError,
    Hub, HubBuilder, PreparedEvent, PublishError, Published, Refusal, SendError, SendRefusal,
    SlowPolicy, Subscription, format_event,
};

/// Silence after which a comment is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a worker needs to turn a connection into a stream.
pub(crate) struct Opening {
    pub(crate) brokers: Vec<Broker>,
    pub(crate) handler: Option<StreamHandler>,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) heartbeat: Option<Duration>,
}

impl Opening {
    /// What is left in a response whose opening was taken.
    pub(crate) fn nothing() -> Self {
        Self { brokers: Vec::new(), handler: None, last_event_id: None, heartbeat: None }
    }
}

/// Drives one stream, on its core; the stream ends when it returns.
pub(crate) type StreamHandler = Box<dyn FnOnce(Client) -> Pin<Box<dyn Future<Output = ()>>>>;

/// A handler whose streams carry the events of `broker` published from then on. There is no task and no
/// queue per subscriber. A stream ends when the broker is closed; a request after that is answered
/// 204, which tells browsers not to come back.
///
/// ```
/// use headwater::{Hub, Router, routing::get, sse};
/// use std::time::Duration;
///
/// let news = Hub::new().broker("news").build();
/// let app = Router::new()
///     .route("/news", get(sse::feed(&news)))
///     .route("/quiet", get(sse::feed(&news).heartbeat(Duration::from_secs(45))));
/// ```
pub fn feed(broker: &Broker) -> Feed {
    Feed { broker: broker.clone(), heartbeat: Some(HEARTBEAT) }
}

/// A handler whose streams are driven by `handler`, one call per stream: an asynchronous function of a
/// [`Client`], before which it may take arguments as any handler does. The stream ends when it returns. A
/// handler whose client has left finds that out by [`Client::send`] or [`Client::closed`]; it is not
/// cancelled.
///
/// ```
/// use headwater::{Router, extract::Path, routing::get, sse::{self, Client, Event}};
///
/// let app = Router::new().route(
///     "/countdown/{from}",
///     get(sse::endpoint(async |Path(from): Path<u32>, client: Client| {
///         for n in (0..from).rev() {
///             if client.send(Event::data(n.to_string())).await.is_err() {
///                 return;
///             }
///         }
///     })),
/// );
/// ```
pub fn endpoint<H, S>(handler: H) -> StreamEndpoint
where
    H: HandlerWith<Client, S, Output = Pin<Box<dyn Future<Output = ()>>>>,
{
    let mut needs = Needs::default();
    H::needs(&mut needs);
    let handler = Arc::new(handler);
    let begin = Box::new(move |request| -> Result<StreamHandler, Box<Response>> {
        Ok(Box::new(handler.clone().take(request)?))
    });
    StreamEndpoint { begin, needs, heartbeat: Some(HEARTBEAT) }
}

/// Turns the connection of any request, whatever its method, into a stream: return the response from
/// the handler.
///
/// ```
/// use headwater::{Request, Router, routing::post, sse::{self, Event}};
///
/// let app = Router::new().route(
///     "/echo",
///     post(|request: Request| {
///         let words = String::from_utf8_lossy(request.body()).into_owned();
///         sse::stream(&request, async move |client| {
///             for word in words.split_whitespace() {
///                 client.send(Event::data(word)).await.ok();
///             }
///         })
///     }),
/// );
/// ```
pub fn stream<F>(request: &Request, handler: F) -> Response
where
    F: AsyncFnOnce(Client) + 'static,
{
    open(Opening {
        brokers: Vec::new(),
        handler: Some(Box::new(move |client| Box::pin(async move { handler(client).await }))),
        last_event_id: request.last_event_id(),
        heartbeat: Some(HEARTBEAT),
    })
}

fn open(opening: Opening) -> Response {
    let fixed = HeaderValue::from_static;
    Response::new(StatusCode::OK)
        .header(header::CONTENT_TYPE, fixed("text/event-stream"))
        .header(header::CACHE_CONTROL, fixed("no-cache"))
        .header(http::HeaderName::from_static("x-accel-buffering"), fixed("no"))
        .body(Body(Content::Stream(Box::new(opening))))
}

/// See [`feed`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Feed {
    broker: Broker,
    heartbeat: Option<Duration>,
}

impl Feed {
    /// Sends a comment after this time of silence; `None`, or no time, for none. Default 15 seconds.
    pub fn heartbeat(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = after.into().filter(|silence| !silence.is_zero());
        self
    }
}

impl Handler<shape::Made> for Feed {
    fn into_endpoint(self) -> Endpoint {
        Endpoint::new(Needs::default(), move |request: Request| {
            if self.broker.is_closed() {
                return Reply::Ready(Response::new(StatusCode::NO_CONTENT));
            }
            Reply::Ready(open(Opening {
                brokers: vec![self.broker.clone()],
                handler: None,
                last_event_id: request.last_event_id(),
                heartbeat: self.heartbeat,
            }))
        })
    }
}

/// See [`endpoint`].
#[must_use]
pub struct StreamEndpoint {
    begin: Box<Begin>,
    needs: Needs,
    heartbeat: Option<Duration>,
}

/// Takes the arguments of a handler of streams, or refuses a request that does not have them.
type Begin = dyn Fn(Request) -> Result<StreamHandler, Box<Response>> + Send + Sync;

impl StreamEndpoint {
    /// Sends a comment after this time of silence; `None`, or no time, for none. Default 15 seconds.
    pub fn heartbeat(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = after.into().filter(|silence| !silence.is_zero());
        self
    }
}

impl fmt::Debug for StreamEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEndpoint").field("heartbeat", &self.heartbeat).finish_non_exhaustive()
    }
}

impl Handler<shape::Made> for StreamEndpoint {
    fn into_endpoint(self) -> Endpoint {
        let Self { begin, needs, heartbeat } = self;
        Endpoint::new(needs, move |request: Request| {
            let last_event_id = request.last_event_id();
            Reply::Ready(match begin(request) {
                Ok(handler) => {
                    let handler = Some(handler);
                    open(Opening { brokers: Vec::new(), handler, last_event_id, heartbeat })
                }
                Err(rejected) => *rejected,
            })
        })
    }
}
