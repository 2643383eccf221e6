//! What may be set of streams, the same for every kind of handler. Applied in `opening`, `admission` and by
//! the worker; the settings of a client's queue are the fan-out's own.

use super::farewell::OnDisconnect;
use super::replaying::ReplayOf;
use super::{Client, ClientConfig, Disconnect};
use crate::request::Request;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Silence after which a comment is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) on_disconnect: Option<Arc<OnDisconnect>>,
    pub(crate) max_lifetime: Option<Duration>,
    /// How much earlier a stream's life may end; by default a tenth of it.
    pub(crate) lifetime_jitter: Option<Duration>,
    pub(crate) last_event_id_query: Option<Arc<str>>,
    pub(crate) keep: Option<Arc<Keep>>,
    /// Where clients' own events are kept, and whose they are.
    pub(crate) replay: Option<ReplayOf>,
    /// What tells a client that its last event id is unknown, if anything does.
    pub(crate) unknown_id_notice: Option<Arc<str>>,
    pub(crate) finishes_in_drain: bool,
    pub(crate) cancels: bool,
}

/// Makes what a client's handle is to know of its request.
pub(crate) type Keep = dyn Fn(&Request) -> Arc<dyn Any + Send + Sync> + Send + Sync;

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Some(HEARTBEAT),
            client: Arc::default(),
            on_disconnect: None,
            max_lifetime: None,
            lifetime_jitter: None,
            last_event_id_query: None,
            keep: None,
            replay: None,
            unknown_id_notice: None,
            finishes_in_drain: false,
            cancels: false,
        }
    }
}

impl Settings {
    pub(super) fn change_client(&mut self, change: impl FnOnce(ClientConfig) -> ClientConfig) {
        let config = Arc::make_mut(&mut self.client);
        *config = change(std::mem::take(config));
    }

    pub(super) fn set_on_disconnect(
        &mut self,
        hook: impl Fn(&Client, Disconnect) + Send + Sync + 'static,
    ) {
        self.on_disconnect = Some(Arc::new(hook));
    }

    pub(super) fn set_keep<T: Any + Send + Sync>(
        &mut self,
        keep: impl Fn(&Request) -> T + Send + Sync + 'static,
    ) {
        self.keep = Some(Arc::new(move |request| Arc::new(keep(request))));
    }

    /// How long one stream may live, if that is limited.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        let most = self.max_lifetime?;
        let jitter = self.lifetime_jitter.unwrap_or(most / 10).min(most);
        Some(most.saturating_sub(crate::random::up_to(jitter)))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("heartbeat", &self.heartbeat)
            .field("client", &self.client)
            .field("max_lifetime", &self.max_lifetime)
            .field("finishes_in_drain", &self.finishes_in_drain)
            .field("cancels", &self.cancels)
            .finish_non_exhaustive()
    }
}

/// The methods that each kind of handler has for its settings.
macro_rules! settable {
    ($handler:ty) => {
        impl $handler {
            /// Sends a comment after this time of silence; `None`, or no time, for none. Default 15 seconds.
            pub fn heartbeat(mut self, after: impl Into<Option<std::time::Duration>>) -> Self {
                self.settings.heartbeat = after.into().filter(|silence| !silence.is_zero());
                self
            }

            /// Tells clients at the start of each stream how long to wait before they reconnect (`retry:`,
            /// WHATWG HTML §9.2.6). Default `None`: nothing is said, and browsers wait about 3 seconds.
            pub fn retry(mut self, after: impl Into<Option<std::time::Duration>>) -> Self {
                self.settings.change_client(|client| client.retry(after));
                self
            }

            /// How the queues of these streams' clients behave: their length, what happens when they are
            /// full, and whether clients are told of what they missed. Keep it before
            #[doc = "[`retry`](Self::retry), which is a part of it."]
            pub fn client(mut self, config: crate::sse::ClientConfig) -> Self {
                self.settings.client = std::sync::Arc::new(config);
                self
            }

            /// How many events that are sent to a client may wait: 256 by default. With `None` there is no
            /// queue: each send waits until the kernel has the event, but for those of an `on_connect`.
            pub fn client_queue(mut self, events: impl Into<Option<usize>>) -> Self {
                self.settings.change_client(|client| client.queue_events(events));
                self
            }

            /// How many bytes such events may have together; any one is let in alone. Default 1 MiB.
            pub fn client_queue_bytes(mut self, bytes: usize) -> Self {
                self.settings.change_client(|client| client.queue_bytes(bytes));
                self
            }

            /// What a send does that finds the queue full. Default
            /// [`ClientPolicy::Block`](crate::sse::ClientPolicy::Block).
            pub fn slow_client(mut self, policy: crate::sse::ClientPolicy) -> Self {
                self.settings.change_client(|client| client.slow_policy(policy));
                self
            }

            /// Asks `decide` each time that a send finds the queue full, on the sender's thread. It sees
            /// the client and the event.
            pub fn on_slow_client(
                mut self,
                decide: impl Fn(
                    &crate::sse::Client,
                    &crate::sse::PreparedEvent,
                ) -> crate::sse::ClientPolicy
                + Send
                + Sync
                + 'static,
            ) -> Self {
                self.settings.change_client(|client| client.on_slow_client(decide));
                self
            }

            /// Sends an event of this name before the next event after a loss: see
            /// [`ClientConfig::gap_notice`](crate::sse::ClientConfig::gap_notice). Default: none is sent.
            pub fn gap_notice<'a>(mut self, name: impl Into<Option<&'a str>>) -> Self {
                self.settings.change_client(|client| client.gap_notice(name));
                self
            }

            /// Sends an event of this name to a client that came back with an id which the store does not know:
            /// its data is `malformed`, `aged-out`, `never-recorded`, `future` or `unknown`, and in a second
            /// line the id. The client is then treated as a new one. Default: nothing is sent.
            pub fn unknown_id_notice<'a>(mut self, name: impl Into<Option<&'a str>>) -> Self {
                self.settings.unknown_id_notice = name.into().map(std::sync::Arc::from);
                self
            }

            /// Calls `hook` once for each stream that has ended, whatever ended it, on the stream's core;
            /// it must not block. Where there is an `on_connect`, it is called exactly for those that this
            /// has admitted, also where the stream does not begin after all, because its request is
            /// answered otherwise ([`Refused`](crate::sse::Disconnect::Refused)), there is no room for it
            /// ([`Overloaded`](crate::sse::Disconnect::Overloaded)), the server drains, something fails,
            /// or the request is given up, which counts as its client's leaving. The handler of the stream
            /// may still be at work. A panic in the hook is counted like one of a handler.
            pub fn on_disconnect(
                mut self,
                hook: impl Fn(&crate::sse::Client, crate::sse::Disconnect) + Send + Sync + 'static,
            ) -> Self {
                self.settings.set_on_disconnect(hook);
                self
            }

            /// Ends each stream after this time, so that clients reconnect now and then, to another server
            /// maybe. A tenth of it earlier at most, drawn for each stream, so that they do not all come
            /// back together: see
            #[doc = "[`lifetime_jitter`](Self::lifetime_jitter). Default: for ever."]
            pub fn max_lifetime(mut self, most: impl Into<Option<std::time::Duration>>) -> Self {
                self.settings.max_lifetime = most.into();
                self
            }

            /// How much earlier than `max_lifetime` a stream may end.
            pub fn lifetime_jitter(mut self, by: std::time::Duration) -> Self {
                self.settings.lifetime_jitter = Some(by);
                self
            }

            /// Lets these streams go on while the server drains: they end by themselves, or shortly before
            /// the deadline, in order. For answers that are worth waiting for.
            pub fn finish_on_drain(mut self) -> Self {
                self.settings.finishes_in_drain = true;
                self
            }
        }
    };
}

/// The methods of those that drive a stream by a future.
macro_rules! cancellable {
    ($handler:ty) => {
        impl $handler {
            /// Whether the handler's future is dropped as soon as its stream has ended, because the client
            /// left or for another reason, and with it whatever the handler waits for: a request to
            /// somebody else, for example. By default it goes on and finds out by
            /// [`Client::send`](crate::sse::Client::send) or
            /// [`Client::closed`](crate::sse::Client::closed), so that it can clean up.
            pub fn cancel_on_disconnect(mut self, cancel: bool) -> Self {
                self.settings.cancels = cancel;
                self
            }
        }
    };
}

/// The methods of those that see a request before its stream.
macro_rules! admitting {
    ($handler:ty) => {
        impl $handler {
            /// Asks `hook` before each stream: it sees the request and the client, may wait, and what it
            /// sends to the client comes first on the stream. It returns nothing, or a `Result`:
            /// [headers](crate::IntoHeaders) for the stream's head, or the
            /// [answer](crate::IntoResponse) to the request in place of a stream. HEAD does not ask it.
            ///
            /// Headers take the place of those that a stream has anyway, such as `cache-control`;
            /// `set-cookie` and `vary` stand beside others of theirs. With a `content-type`, which is that of
            /// event streams, the request is answered with 500.
            ///
            /// Nothing leaves before it returns, so nothing waits for that:
            /// [`flush`](crate::sse::Client::flush) counts queued events as seen out, and a send that would
            /// wait for room is let past the queue, up to 1 MiB in all; past that it fails with
            /// [`SendRefusal::NotBegun`](crate::sse::SendRefusal::NotBegun). `slow_client` applies as ever:
            /// where it closes the stream, or a broker does that `hook` subscribed to, the request is
            /// answered with 503 and `Retry-After: 1`.
            ///
            /// ```
            /// use headwater::http::{StatusCode, header};
            /// use headwater::sse::{self, Client, Event};
            /// use headwater::{Hub, Request, Router, routing::get};
            ///
            /// async fn admit(
            ///     request: &Request,
            ///     client: &Client,
            /// ) -> Result<[(&'static str, &'static str); 1], (StatusCode, &'static str)> {
            ///     if request.header("authorization").is_none() {
            ///         return Err((StatusCode::UNAUTHORIZED, "who are you?"));
            ///     }
            ///     client.send(Event::data("welcome")).await.ok();
            ///     Ok([("set-cookie", "seen=1")])
            /// }
            ///
            /// let news = Hub::new().broker("news").build();
            /// let app = Router::new().route("/news", get(sse::feed(&news).on_connect(admit)));
            /// let refused = app.call_blocking(Request::get("/news").body("")?);
            /// assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
            /// # Ok::<(), headwater::http::Error>(())
            /// ```
            pub fn on_connect<F, A>(mut self, hook: F) -> Self
            where
                F: AsyncFn(&crate::Request, &crate::sse::Client) -> A + Send + Sync + 'static,
                A: crate::sse::Admission + 'static,
            {
                self.gate.admit = Some(crate::sse::admission::hook(hook));
                self
            }

            /// Where a client may say its last event id beside the header, which counts first: in this
            /// parameter of the query. For clients that cannot set headers. An id that is empty or not UTF-8,
            /// or holds CR, LF or NUL, is none. Default: nowhere.
            pub fn last_event_id_query(mut self, name: &str) -> Self {
                self.settings.last_event_id_query = Some(name.into());
                self
            }

            /// Keeps something of each request for the life of its stream, for
            /// [`Client::request`](crate::sse::Client::request).
            pub fn keep<T: std::any::Any + Send + Sync>(
                mut self,
                keep: impl Fn(&crate::Request) -> T + Send + Sync + 'static,
            ) -> Self {
                self.settings.set_keep(keep);
                self
            }

            /// Makes no stream of requests of which this is true, beside those skipped before: see
            #[doc = "[`otherwise`](Self::otherwise)."]
            pub fn skip(
                mut self,
                predicate: impl Fn(&crate::Request) -> bool + Send + Sync + 'static,
            ) -> Self {
                self.gate.skip.add(predicate);
                self
            }

            /// Makes no stream of requests with exactly one of these paths, as they are sent: not decoded,
            /// without the query.
            pub fn skip_paths(
                mut self,
                paths: impl IntoIterator<Item = impl Into<String>>,
            ) -> Self {
                self.gate.skip.add_paths(paths);
                self
            }

            /// What answers skipped requests. By default they are answered with 404, since the router has
            /// found this handler and looks for no other.
            pub fn otherwise<S>(mut self, handler: impl crate::Handler<S>) -> Self {
                self.gate.otherwise = Some(handler.into_endpoint());
                self
            }
        }
    };
}

pub(super) use {admitting, cancellable, settable};
