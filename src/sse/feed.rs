//! Streams of what a broker publishes, without a task for any of them.

use super::admission::{Begin, Beginning, Gate, Unbegun};
use super::opening::Way;
use super::settings::{Settings, admitting, settable};
use super::{Broker, Disconnect};
use crate::extract::Needs;
use crate::handler::{Endpoint, Handler, shape};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::StatusCode;
use std::fmt;
use std::sync::Arc;

/// A handler whose streams carry the events of `broker` published from then on. There is no task and no
/// queue per subscriber. A stream ends when the broker is closed; a request after that is answered
/// 204, which tells browsers not to come back.
///
/// Where the broker [has a store](crate::sse::BrokerBuilder::replay), a client that comes back with a
/// `Last-Event-ID` is first given what it missed, in pages as it takes them, and a new one is told the id
/// after which it gets everything, so that it can come back from then on. An id that the store does not know
/// makes it a new one: see [`unknown_id_notice`](Feed::unknown_id_notice). While the store cannot be asked,
/// the stream ends, and the client tries again; a new client stays if events
/// [go without ids](crate::sse::StoreFailure::SendWithoutId) then. Of streams whose client has what the store
/// had, none ends because the store is gone.
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
    Feed::new(Source::One(broker.clone()))
}

/// The same of brokers that `choose` names for each request, such as one per user; it must not block. A
/// stream ends when all of them are closed, and a request for which none is open is answered 204. What a
/// client missed it is given where one broker is named and that has a store: ids are a store's own.
///
/// ```
/// use headwater::{Hub, Request, Router, http::StatusCode, routing::get, sse::{self, Broker}};
/// use std::collections::HashMap;
///
/// let hub = Hub::new();
/// let rooms: HashMap<&str, Broker> =
///     ["kitchen", "attic"].into_iter().map(|name| (name, hub.broker(name).build())).collect();
/// let choose = move |request: &Request| {
///     let room = request.param("room").and_then(|name| rooms.get(name));
///     room.map(|room| vec![room.clone()]).ok_or(StatusCode::NOT_FOUND)
/// };
/// let app = Router::new().route("/rooms/{room}", get(sse::feed_of(choose)));
/// # let request = Request::get("/rooms/cellar").body("")?;
/// # assert_eq!(app.call_blocking(request).status(), StatusCode::NOT_FOUND);
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub fn feed_of<F, R>(choose: F) -> Feed
where
    F: Fn(&Request) -> Result<Vec<Broker>, R> + Send + Sync + 'static,
    R: IntoResponse,
{
    Feed::new(Source::Chosen(Arc::new(move |request| {
        choose(request).map_err(|refusal| Box::new(refusal.into_response()))
    })))
}

/// See [`feed`] and [`feed_of`].
///
/// ```
/// use headwater::sse::{self, Client, Disconnect, Event};
/// use headwater::{Hub, Request, Router, routing::get};
/// use std::time::Duration;
///
/// let news = Hub::new().broker("news").build();
/// let feed = sse::feed(&news)
///     .heartbeat(Duration::from_secs(45))
///     .retry(Duration::from_secs(2))
///     .max_lifetime(Duration::from_secs(3600))
///     .lifetime_jitter(Duration::from_secs(600))
///     .gap_notice("missed")
///     .last_event_id_query("lastEventId")
///     .on_connect(async |_: &Request, client: &Client| {
///         // Whoever has left already needs no greeting.
///         client.send(Event::data("hello").event("greeting")).await.ok();
///     })
///     .on_disconnect(|_: &Client, why: Disconnect| println!("{why}"));
/// let app = Router::new().route("/news", get(feed));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Feed {
    source: Source,
    settings: Settings,
    gate: Gate,
}

settable!(Feed);
admitting!(Feed);

/// Whose events the streams carry.
#[derive(Clone)]
enum Source {
    One(Broker),
    Chosen(Arc<Choose>),
}

type Choose = dyn Fn(&Request) -> Result<Vec<Broker>, Box<Response>> + Send + Sync;

impl Feed {
    fn new(source: Source) -> Self {
        Self { source, settings: Settings::default(), gate: Gate::default() }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Begin for Source {
    fn refuse(&self) -> Option<Response> {
        match self {
            Self::One(broker) => broker.is_closed().then(over),
            Self::Chosen(_) => None,
        }
    }

    fn begin(&self, request: Request) -> Beginning {
        let brokers = match self {
            Self::One(broker) => Ok(vec![broker.clone()]),
            Self::Chosen(choose) => choose(&request).map_err(Unbegun::from),
        };
        Beginning::Ready(brokers.and_then(|brokers| {
            if brokers.iter().all(Broker::is_closed) {
                return Err(Unbegun::new(over(), Disconnect::BrokerClosed));
            }
            Ok(Way { brokers, ..Way::default() })
        }))
    }
}

/// Browsers do not come back after this (WHATWG HTML §9.2.3).
fn over() -> Response {
    Response::new(StatusCode::NO_CONTENT)
}

impl Handler<shape::Made> for Feed {
    fn into_endpoint(mut self) -> Endpoint {
        // Whatever else was set of clients since.
        self.settings.change_client(|client| client.ends_with_brokers(true));
        self.gate.endpoint(Needs::default(), self.settings, self.source)
    }
}
