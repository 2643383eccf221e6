//! Streams of what a broker publishes, without a task for any of them.

use super::Broker;
use super::admission::{Begin, Beginning, Gate};
use super::opening::Way;
use super::settings::{Settings, admitting, settable};
use crate::extract::Needs;
use crate::handler::{Endpoint, Handler, shape};
use crate::request::Request;
use crate::response::Response;
use http::StatusCode;
use std::fmt;

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
    Feed { broker: broker.clone(), settings: Settings::default(), gate: Gate::default() }
}

/// See [`feed`].
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
    broker: Broker,
    settings: Settings,
    gate: Gate,
}

settable!(Feed);
admitting!(Feed);

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("broker", &self.broker)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Begin for Broker {
    fn refuse(&self) -> Option<Response> {
        self.is_closed().then(|| Response::new(StatusCode::NO_CONTENT))
    }

    fn begin(&self, _: Request) -> Beginning {
        Beginning::Ready(Ok(Way { brokers: vec![self.clone()], handler: None }))
    }
}

impl Handler<shape::Made> for Feed {
    fn into_endpoint(mut self) -> Endpoint {
        // Whatever else was set of clients since.
        self.settings.change_client(|client| client.ends_with_brokers(true));
        self.gate.endpoint(Needs::default(), self.settings, self.broker)
    }
}
