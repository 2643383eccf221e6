//! headwater: a thread-per-core HTTP/1.1 server with native Server-Sent Events.
//!
//! A [`Server`] runs worker threads over one of several [`Engine`]s. Each worker owns a listener, its
//! connections and its share of the event streams. A [`Router`] leads requests to handlers; a
//! handler answers with anything that is [`IntoResponse`], or turns its connection into an event
//! stream (see [`sse`]). Events are published into a [`Hub`]'s [`Broker`]s from any thread, formatted
//! once, and delivered by the cores that own the sockets.
//!
//! ```no_run
//! use headwater::{Hub, Router, Server, routing::get, sse};
//!
//! let hub = Hub::new();
//! let news = hub.broker("news").build();
//! let app = Router::new().route("/events", get(sse::feed(&news)));
//! let server = Server::builder().hub(&hub).bind("127.0.0.1:8080").serve(app)?;
//! news.publish(sse::Event::data("hello")).ok();
//! server.wait_for_signal(std::time::Duration::from_secs(2))?;
//! # Ok::<(), headwater::Error>(())
//! ```
#![forbid(unsafe_code)]

mod blocking;
mod body;
mod detached;
mod error;
mod handle;
mod handler;
mod headers;
mod memory;
mod random;
#[cfg(feature = "tracing")]
mod report;
#[cfg(not(feature = "tracing"))]
#[path = "report/absent.rs"]
mod report;
mod request;
mod responder;
mod response;
mod router;
mod server;
mod stats;
mod task;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(not(feature = "tokio"))]
#[path = "tokio/absent.rs"]
mod tokio;
mod wait;
mod worker;

pub mod extract;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod middleware;
pub mod routing;
#[cfg(any(test, feature = "scripted"))]
#[doc(hidden)]
pub mod scripted;
pub mod sse;
pub mod time;
#[cfg(feature = "tower")]
pub mod tower;

pub use blocking::blocking;
pub use body::Body;
pub use detached::{Detached, Ended, PeerGone, detach};
pub use error::Error;
pub use extract::{FromRequest, FromRequestParts};
pub use handle::{Drain, Drained, ServerHandle};
pub use handler::{Endpoint, Handler, HandlerWith, shape};
pub use headers::Headers;
pub use headwater_engine::Engine;
pub use headwater_http::Limits as HttpLimits;
use headwater_sse::guard;
pub use headwater_sse::{Broker, EventId, Hub};
pub use http;
pub use memory::MemoryBound;
pub use request::{Request, RequestBuilder};
pub use responder::{RespondError, Responder, respond_later};
pub use response::{CollectError, Html, IntoHeaders, IntoResponse, Redirect, Response};
pub use router::Router;
pub use server::{Server, ServerBuilder, Timeouts};
pub use stats::Stats;

/// Compiles and runs the examples of README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
