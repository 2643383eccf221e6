//! A stream that is about to begin, and the head that it begins with. Made where handlers run, and carried
//! out by the worker, in `worker::streams`.

use super::admission::Begun;
use super::farewell::Farewell;
use super::held::Held;
use super::{Broker, Disconnect, EventId, Replaying, Settings, StreamHandler};
use crate::body::{Body, Content};
use crate::guard::guard;
use crate::headers::Headers;
use crate::request::Request;
use crate::response::{Response, invalid};
use crate::task;
use headwater_sse::{Framing, Origin, Resumed};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a stream carries.
#[derive(Default)]
pub(crate) struct Way {
    pub(crate) brokers: Vec<Broker>,
    /// The last event that the client has of its broker, where there is one broker and that has a store.
    pub(crate) after: Option<EventId>,
    pub(crate) handler: Option<StreamHandler>,
    /// What a task has to go on with, of brokers with stores.
    pub(crate) rest: Vec<(Broker, Resumed)>,
}

/// What a worker needs to turn a connection into a stream.
pub(crate) struct Opening {
    pub(crate) way: Way,
    pub(crate) settings: Arc<Settings>,
    pub(crate) origin: Option<Arc<dyn Origin>>,
    /// Where the client's own events are kept, if they are.
    pub(crate) replaying: Option<Replaying>,
    /// Whether a client comes back when the stream ends, as those that GET it do.
    pub(crate) reconnects: bool,
    /// Dropped after the next, so that a stream which is given up has ended before that is told.
    pub(crate) held: Option<Held>,
    pub(crate) farewell: Option<Farewell>,
}

impl Opening {
    /// Says why the stream never begins, if that is what comes; `None` for whatever ends its request then.
    pub(crate) fn would_end(&self, why: Option<Disconnect>) {
        if let Some(held) = &self.held {
            held.would_end(why);
        }
    }
}

/// What is known of a client.
struct Visit {
    last_event_id: Option<EventId>,
    peer: Option<SocketAddr>,
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl Origin for Visit {
    fn last_event_id(&self) -> Option<&EventId> {
        self.last_event_id.as_ref()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn request(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.kept.as_deref()
    }
}

impl Drop for Visit {
    /// Wherever the last handle goes, on a core too: what users kept may panic then.
    fn drop(&mut self) {
        let kept = self.kept.take();
        if guard(|| drop(kept)).is_err() {
            task::count_panic();
        }
    }
}

/// A request for a stream, as far as the stream needs it.
pub(crate) struct Asked {
    pub(super) settings: Arc<Settings>,
    pub(super) framing: Framing,
    pub(super) origin: Arc<dyn Origin>,
    pub(super) replaying: Option<Replaying>,
    reconnects: bool,
    pub(super) held: Option<Held>,
    pub(super) farewell: Option<Farewell>,
}

impl Asked {
    pub(super) fn of(request: &Request, settings: &Arc<Settings>) -> Self {
        let by_query = || id_in(request.query()?, settings.last_event_id_query.as_deref()?);
        let visit = Visit {
            last_event_id: request.last_event_id().or_else(by_query),
            peer: request.peer_addr(),
            kept: settings.keep.as_ref().map(|keep| keep(request)),
        };
        Self {
            settings: settings.clone(),
            framing: if request.is_http_1_0() { Framing::Plain } else { Framing::Chunked },
            origin: Arc::new(visit),
            replaying: settings.replay.as_ref().and_then(|of| of.of(request)),
            reconnects: *request.method() == Method::GET,
            held: None,
            farewell: None,
        }
    }

    /// The answer to the request.
    pub(super) fn open(self, begun: Begun, headers: Headers) -> Response {
        // Whoever puts another answer in place of this one refuses the stream.
        let why = begun.as_ref().map_or_else(|unbegun| unbegun.why, |_| Disconnect::Refused);
        if let Some(held) = &self.held {
            held.would_end(Some(why));
        }
        let mut way = match begun {
            Ok(way) => way,
            Err(unbegun) => return *unbegun.answer,
        };
        if let [broker] = &*way.brokers
            && broker.has_store()
        {
            way.after = self.origin.last_event_id().cloned();
        }
        let Self { settings, origin, replaying, reconnects, held, farewell, .. } = self;
        let origin = is_asked_for(&way, &settings).then_some(origin);
        let opening = Opening { way, settings, origin, replaying, reconnects, held, farewell };
        let mut response = head().body(Body(Content::Stream(Some(Box::new(opening)))));
        add(&mut response.headers, headers);
        response
    }
}

/// The id that the first parameter of this name holds. What no client can have received is no id, as in the
/// header: nothing is replaced where it is not UTF-8.
fn id_in(query: &str, name: &str) -> Option<EventId> {
    let is_named = |pair: &&str| {
        form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(known, _)| known == name)
    };
    let (_, value) = query.split('&').find(is_named)?.split_once('=')?;
    let value: Vec<u8> = percent_decode_str(&value.replace('+', " ")).collect();
    EventId::from_header(&value).ok()
}

/// Adds what users want in the head of a stream. It takes the place of what is there of the same name, where
/// that does not come as often as one likes.
fn add(head: &mut Headers, wanted: Headers) {
    for (name, _) in wanted.iter().filter(|(name, _)| !adds_up(name)) {
        head.remove(name);
    }
    head.extend(wanted);
}

/// Whether headers of this name stand beside each other.
pub(super) fn adds_up(name: &HeaderName) -> bool {
    *name == header::SET_COOKIE || *name == header::VARY
}

/// In place of a stream that would not be one for clients (WHATWG HTML §9.2.3).
pub(super) fn not_event_stream() -> Response {
    invalid(&"the content-type of a stream is text/event-stream")
}

/// Whether somebody may ask a stream's client where it is from. A plain feed has nobody who would, and
/// thousands of streams; its laggards are known by the addresses of their sockets.
fn is_asked_for(way: &Way, settings: &Settings) -> bool {
    way.handler.is_some()
        || settings.on_disconnect.is_some()
        || settings.keep.is_some()
        || way.brokers.iter().any(Broker::has_slow_callback)
}

fn head() -> Response {
    let fixed = HeaderValue::from_static;
    Response::new(StatusCode::OK)
        .header(header::CONTENT_TYPE, fixed("text/event-stream"))
        .header(header::CACHE_CONTROL, fixed("no-cache"))
        .header(HeaderName::from_static("x-accel-buffering"), fixed("no"))
}
