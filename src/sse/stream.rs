//! Streams from inside any handler.

use super::opening::{Asked, Way, adds_up, not_event_stream};
use super::replay::Scope;
use super::settings::{Settings, cancellable, settable};
use super::{Client, ClientReplay, Replaying, StreamHandler};
use crate::headers::Headers;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use std::fmt;
use std::sync::Arc;

/// Turns the connection of any request, whatever its method, into a stream: return it from the handler. The
/// stream ends when `handler` returns. It stays on the core that its request came to, where those of the other
/// kinds [begin where there are fewest](crate::ServerBuilder::balance_streams).
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
///                 if client.send(Event::data(word)).await.is_err() {
///                     return;
///                 }
///             }
///         })
///     }),
/// );
/// ```
pub fn stream<F>(request: &Request, handler: F) -> StreamResponse
where
    F: AsyncFnOnce(Client) + 'static,
{
    let settings = Settings::default();
    // Only what is the same whatever is set later.
    let asked = Asked::of(request, &Arc::default());
    let handler: StreamHandler =
        Box::new(move |client| Box::pin(async move { handler(client).await }));
    StreamResponse { asked, handler, settings, headers: Headers::new() }
}

/// See [`stream()`]. What may be set is as with [`Feed`](super::Feed), but for what the handler around it
/// does itself: refusing, skipping, and looking at the request.
///
/// ```
/// use headwater::http::{HeaderName, HeaderValue};
/// use headwater::{Request, Router, routing::post, sse::{self, Event}};
///
/// /// An answer that is paid for: it is let finish when the server drains, and given up when nobody
/// /// is there to read it.
/// async fn answer(request: Request) -> sse::StreamResponse {
///     sse::stream(&request, async |client| {
///         for token in ["because", "it", "is"] {
///             if client.send(Event::data(token)).await.is_err() {
///                 return;
///             }
///         }
///     })
///     .header(HeaderName::from_static("x-model"), HeaderValue::from_static("small"))
///     .finish_on_drain()
///     .cancel_on_disconnect(true)
/// }
///
/// let app = Router::new().route("/chat", post(answer));
/// let answer = app.call_blocking(Request::post("/chat").body("why?")?);
/// assert_eq!(answer.headers().get("x-model").unwrap(), "small");
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[must_use]
pub struct StreamResponse {
    asked: Asked,
    handler: StreamHandler,
    settings: Settings,
    headers: Headers,
}

settable!(StreamResponse);
cancellable!(StreamResponse);

impl StreamResponse {
    /// Keeps what the client is sent itself under this scope, and gives one that comes back with a
    /// `Last-Event-ID` what it missed: as [`StreamEndpoint::replay`](super::StreamEndpoint::replay), with the
    /// same care for whose scope it is. A store that blocks has its threads in the [`ClientReplay`]: make one,
    /// and give it to each stream.
    ///
    /// ```
    /// use headwater::sse::{self, Client, ClientReplay, Event, replay::{RingBuffer, Scope}};
    /// use headwater::{Request, Router, routing::post};
    /// use std::sync::Arc;
    ///
    /// let replay = ClientReplay::new(Arc::new(RingBuffer::new(1000)));
    /// let answer = move |request: Request| {
    ///     let conversation = request.param("conversation").unwrap_or_default();
    ///     let answer = async |client: Client| {
    ///         client.send(Event::data("because")).await.ok();
    ///     };
    ///     sse::stream(&request, answer).replay(&replay, Scope::session(conversation))
    /// };
    /// let app = Router::new().route("/chat/{conversation}", post(answer));
    /// # assert!(app.call_blocking(Request::post("/chat/7").body("why?")?).is_event_stream());
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn replay(
        mut self,
        replay: impl Into<ClientReplay>,
        scope: impl Into<Option<Scope>>,
    ) -> Self {
        let replay = replay.into();
        self.asked.replaying = scope.into().map(|scope| Replaying { replay, scope });
        self
    }

    /// Sets a header in the head of the stream, in place of others of the same name; `set-cookie` and `vary`
    /// stand beside them. With a `content-type`, which is that of event streams, the request is answered
    /// with 500.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if adds_up(&name) {
            self.headers.append(name, value);
        } else {
            self.headers.set(name, value);
        }
        self
    }
}

impl IntoResponse for StreamResponse {
    fn into_response(mut self) -> Response {
        if self.headers.contains(header::CONTENT_TYPE) {
            return not_event_stream();
        }
        self.asked.settings = Arc::new(self.settings);
        let way = Way { handler: Some(self.handler), ..Way::default() };
        self.asked.open(Ok(way), self.headers)
    }
}

impl fmt::Debug for StreamResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamResponse").field("settings", &self.settings).finish_non_exhaustive()
    }
}
