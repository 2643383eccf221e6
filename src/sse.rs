//! Event streams: handlers that turn a connection into one, and what they work with.
//!
//! | handler | streams of |
//! |---|---|
//! | [`feed`], [`feed_of`] | what a [`Broker`] publishes; no task per subscriber |
//! | [`endpoint`] | what an asynchronous function sends, on the core that owns the connection |
//! | [`blocking_endpoint`] | what a function sends that may block, on a thread of its own |
//! | [`stream()`] | the same as an endpoint, from inside any handler of any method |
//!
//! A stream's head is `200`, `content-type: text/event-stream`, `cache-control: no-cache` and
//! `x-accel-buffering: no`, and is sent before the first event; the connection then carries events only,
//! until it closes. HEAD is answered by the head alone. A comment is sent after a time of silence (WHATWG
//! HTML §9.2.7 advises 15 seconds). What may be set is the same for all, see [`Feed`].
//!
//! # What clients missed
//! A browser that was cut off comes back with the id of the last event that it has (`Last-Event-ID`, WHATWG HTML
//! §9.2.4). What brokers publish is kept by their [stores](BrokerBuilder::replay), what handlers send by
//! [`replay`](StreamEndpoint::replay).
//!
//! # The end
//! A stream ends with everything that was sent to it, then the last chunk: when its handler returns, its
//! client is closed, its brokers are closed, its time is over, or the server drains. When its client leaves,
//! it ends at once. One that does not read the rest is cut off after
//! [`Timeouts::write`](crate::Timeouts::write). [`Client::closed`] says why, and so does `on_disconnect`, once per stream.
//!
//! While a server drains, a GET for a stream is answered by one that says when to reconnect and ends: any
//! other answer would make browsers give up for good (WHATWG HTML §9.2.3).
//!
//! # Example
//! ```
//! use headwater::sse::{self, Client, Event};
//! use headwater::{Hub, Request, Router, routing::{get, post}};
//! # use headwater::Server;
//! # use std::{io::{Read, Write}, net::TcpStream, time::Duration};
//!
//! let hub = Hub::new();
//! let news = hub.broker("news").build();
//! let publisher = news.clone();
//! let app = Router::new()
//!     // What the broker publishes, to everybody.
//!     .route("/news", get(sse::feed(&news)))
//!     .route("/publish", post(move |line: String| publisher.publish(Event::data(line)).map(drop)))
//!     // What a function sends, to each client its own.
//!     .route("/greeting", get(sse::endpoint(async |client: Client| {
//!         client.send(Event::data("hello").event("greeting")).await.ok();
//!     })));
//! // Without a socket there is the head of a stream.
//! let head = app.call_blocking(Request::get("/news").body("")?);
//! assert!(head.is_event_stream());
//! assert_eq!(head.headers().get("content-type").unwrap(), "text/event-stream");
//! # let server = Server::builder().hub(&hub).bind("127.0.0.1:0").serve(app)?;
//! # let connect = || TcpStream::connect(server.local_addrs()[0]);
//! # let mut greeting = String::new();
//! # let mut client = connect()?;
//! # client.write_all(b"GET /greeting HTTP/1.0\r\n\r\n")?;
//! # client.read_to_string(&mut greeting)?;
//! # assert!(greeting.ends_with("event: greeting\ndata: hello\n\n"), "{greeting}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod blocking;
mod endpoint;
mod farewell;
mod feed;
mod held;
mod opening;
mod replaying;
mod resuming;
mod settings;
mod stream;

pub use admission::Admission;
pub use blocking::{BlockingEndpoint, blocking_endpoint};
pub use endpoint::{StreamEndpoint, endpoint};
pub use feed::{Feed, feed, feed_of};
pub use headwater_sse::{
    Broker, BrokerBuilder, Client, ClientConfig, ClientPolicy, ClientReplay, ClientReplayBuilder,
    Disconnect, Event, EventId, EventIdError, Field, FieldError, FlushError, ForwardError,
    ForwardItem, Hub, HubBuilder, Laggard, PreparedEvent, PublishError, Published, Refusal,
    ReplayStats, ResumeError, RetryError, SendError, SendRefusal, SlowPolicy, StoreFailure,
    SubscribeError, Subscription, format_event, replay,
};
pub use stream::{StreamResponse, stream};

pub(crate) use farewell::Farewell;
pub(crate) use held::{Entered, enter};
pub(crate) use opening::Opening;
pub(crate) use replaying::Replaying;
pub(crate) use resuming::resume;
pub(crate) use settings::Settings;

use std::pin::Pin;

/// Drives one stream, on its core; the stream ends when it returns.
pub(crate) type StreamHandler = Box<dyn FnOnce(Client) -> Pin<Box<dyn Future<Output = ()>>>>;
