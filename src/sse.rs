//! Event streams: handlers that turn a connection into one, and what they work with.
//!
//! A stream's head is `200`, `content-type: text/event-stream`, `cache-control: no-cache` and
//! `x-accel-buffering: no`; the connection then carries events only, until it closes. A comment is sent
//! after a time of silence (WHATWG HTML §9.2.7 advises 15 seconds).

use crate::body::{Body, Content};
use crate::handler::{Endpoint, Handler, Reply, shape};
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

/// A handler whose streams are driven by `handler`, one call per stream. The stream ends when it
/// returns. A handler whose client has left finds that out by [`Client::send`] or [`Client::closed`];
/// it is not cancelled.
///
/// ```
/// use headwater::{Router, routing::get, sse::{self, Client, Event}};
///
/// let app = Router::new().route(
///     "/countdown",
///     get(sse::endpoint(async |client: Client| {
///         for n in (0..10).rev() {
///             if client.send(Event::data(n.to_string())).await.is_err() {
///                 return;
///             }
///         }
///     })),
/// );
/// ```
pub fn endpoint<F>(handler: F) -> StreamEndpoint<F>
where
    F: AsyncFn(Client) + Send + Sync + 'static,
{
    StreamEndpoint { handler, heartbeat: Some(HEARTBEAT) }
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
        Endpoint(Arc::new(move |request: Request| {
            if self.broker.is_closed() {
                return Reply::Ready(Response::new(StatusCode::NO_CONTENT));
            }
            Reply::Ready(open(Opening {
                brokers: vec![self.broker.clone()],
                handler: None,
                last_event_id: request.last_event_id(),
                heartbeat: self.heartbeat,
            }))
        }))
    }
}

/// See [`endpoint`].
#[must_use]
pub struct StreamEndpoint<F> {
    handler: F,
    heartbeat: Option<Duration>,
}

impl<F> StreamEndpoint<F> {
    /// Sends a comment after this time of silence; `None`, or no time, for none. Default 15 seconds.
    pub fn heartbeat(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = after.into().filter(|silence| !silence.is_zero());
        self
    }
}

impl<F> fmt::Debug for StreamEndpoint<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEndpoint").field("heartbeat", &self.heartbeat).finish_non_exhaustive()
    }
}

impl<F> Handler<shape::Made> for StreamEndpoint<F>
where
    F: AsyncFn(Client) + Send + Sync + 'static,
{
    fn into_endpoint(self) -> Endpoint {
        let handler = Arc::new(self.handler);
        Endpoint(Arc::new(move |request: Request| {
            let handler = handler.clone();
            let run = move |client| -> Pin<Box<dyn Future<Output = ()>>> {
                Box::pin(async move { handler(client).await })
            };
            Reply::Ready(open(Opening {
                brokers: Vec::new(),
                handler: Some(Box::new(run)),
                last_event_id: request.last_event_id(),
                heartbeat: self.heartbeat,
            }))
        }))
    }
}
