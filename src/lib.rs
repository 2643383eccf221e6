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

mod error;
mod handle;
mod handler;
mod headers;
mod request;
mod response;
mod router;
mod server;
mod stats;
mod task;
mod wait;
mod worker;

pub mod extract;
pub mod middleware;
pub mod routing;
pub mod sse;
pub mod time;

pub use error::Error;
pub use extract::{FromRequest, FromRequestParts};
pub use handle::{Drain, Drained, ServerHandle};
pub use handler::{Endpoint, Handler, shape};
pub use headers::Headers;
pub use headwater_engine::Engine;
pub use headwater_http::Limits as HttpLimits;
pub use headwater_sse::{Broker, EventId, Hub};
pub use http;
pub use request::{Request, RequestBuilder};
pub use response::{Body, Html, IntoHeaders, IntoResponse, Redirect, Response};
pub use router::Router;
pub use server::{Server, ServerBuilder, Timeouts};
pub use stats::Stats;

/// Compiles and runs the examples of README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
