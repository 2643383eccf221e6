//! Streams from inside any handler.

use super::opening::{Asked, Way};
use super::settings::{Settings, cancellable, settable};
use super::{Client, StreamHandler};
use crate::headers::Headers;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
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
    /// Adds a header to the head of the stream, beside others of the same name.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

impl IntoResponse for StreamResponse {
    fn into_response(mut self) -> Response {
        self.asked.settings = Arc::new(self.settings);
        let way = Way { brokers: Vec::new(), handler: Some(self.handler) };
        self.asked.open(Ok(way), self.headers)
    }
}

impl fmt::Debug for StreamResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamResponse").field("settings", &self.settings).finish_non_exhaustive()
    }
}
