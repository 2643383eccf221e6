//! Streams that an asynchronous function drives, on the core that owns the connection.

use super::admission::{Begin, Beginning, Gate, Unbegun};
use super::opening::Way;
use super::replaying::keeping;
use super::settings::{Settings, admitting, cancellable, settable};
use super::{Client, StreamHandler};
use crate::extract::Needs;
use crate::handler::{Endpoint, Handler, HandlerWith, shape};
use crate::request::Request;
use crate::response::Response;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A handler whose streams are driven by `handler`, one call per stream: an asynchronous function of a
/// [`Client`], before which it may take arguments as any handler does. The stream ends when it returns. A
/// handler whose client has left finds that out by [`Client::send`] or [`Client::closed`]; it is not
/// cancelled unless [`cancel_on_disconnect`](StreamEndpoint::cancel_on_disconnect) is set.
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
    StreamEndpoint {
        begin: Take(begin),
        needs,
        settings: Settings::default(),
        gate: Gate::default(),
    }
}

/// See [`endpoint`]. What may be set is as with [`Feed`](super::Feed).
///
/// ```
/// use headwater::sse::{self, Client, ClientPolicy, Event};
/// use headwater::{Request, Router, routing::get};
///
/// /// Who has opened a stream.
/// struct User(String);
///
/// async fn greet(client: Client) {
///     let name = client.request::<User>().map_or("nobody", |user| &user.0);
///     client.send(Event::data(format!("hello {name}"))).await.ok();
///     client.closed().await;
/// }
///
/// let endpoint = sse::endpoint(greet)
///     .keep(|request: &Request| User(request.param("user").unwrap_or_default().to_owned()))
///     .client_queue(16)
///     .slow_client(ClientPolicy::Close)
///     .cancel_on_disconnect(true);
/// let app = Router::new().route("/users/{user}", get(endpoint));
/// assert!(app.call_blocking(Request::get("/users/ada").body("")?).is_event_stream());
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[must_use]
pub struct StreamEndpoint {
    begin: Take,
    needs: Needs,
    settings: Settings,
    gate: Gate,
}

settable!(StreamEndpoint);
admitting!(StreamEndpoint);
keeping!(StreamEndpoint);
cancellable!(StreamEndpoint);

/// Takes the arguments of a handler of streams, or refuses a request that does not have them.
struct Take(Box<dyn Fn(Request) -> Result<StreamHandler, Box<Response>> + Send + Sync>);

impl Begin for Take {
    fn begin(&self, request: Request) -> Beginning {
        let way = |handler| Way { handler: Some(handler), ..Way::default() };
        Beginning::Ready((self.0)(request).map(way).map_err(Unbegun::from))
    }
}

impl fmt::Debug for StreamEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEndpoint").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Handler<shape::Made> for StreamEndpoint {
    fn into_endpoint(self) -> Endpoint {
        self.gate.endpoint(self.needs, self.settings, self.begin)
    }
}
