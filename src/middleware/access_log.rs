//! One event of `tracing` per request.

use super::skip::{Skip, skippable};
use super::{AssignedId, Layer, Middleware};
use crate::handler::shape;
use crate::request::Request;
use crate::response::Response;
use http::Method;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

/// Where the events are.
const TARGET: &str = "headwater::access";

/// Logs each request as an event of `tracing`, at the level INFO and with the target `headwater::access`.
///
/// Fields: `method`, `path` (without the query, which may hold secrets), `status`, `outcome` (`answered`,
/// `stream` for an event stream that begins, `detached` for a connection that is taken over, `cancelled`
/// where the client left before the answer, `panicked`), `body_bytes` (of a body in pieces: what it says), `duration_us` (from
/// here to the answer, not to the last byte sent), `peer` and `request_id`, each where it is known. The id is that of [`RequestId`](super::RequestId), whether that
/// stands before or after the log.
///
/// Requests that no middleware sees, because they cannot be read, are too large or too slow, or were refused
/// [before their body](crate::routing::MethodRouter::before_body), are logged by the server, whether there is
/// an `AccessLog` or not: same level and target, `outcome` is `refused`, beside it `status` and `peer`.
///
/// ```
/// use headwater::{Router, middleware::AccessLog, routing::get};
///
/// let app = Router::new()
///     .route("/", get(|| "hello"))
///     .route("/health", get(|| "well"))
///     .with(AccessLog::new().skip_paths(["/health"]));
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct AccessLog {
    skip: Skip,
}

impl AccessLog {
    /// Logs all requests.
    pub fn new() -> Self {
        Self::default()
    }
}

skippable!(AccessLog, "AccessLog::new()");

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog")
    }
}

impl Middleware<shape::Made> for AccessLog {
    fn into_layer(self) -> Layer {
        self.skip.layer(move |request, next| {
            if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
                return next.answer(request);
            }
            let entry = Entry::new(&request);
            next.answer(request).map(move |response| {
                entry.answered(&response);
                response
            })
        })
    }
}

/// A request that is not logged yet. Dropping it logs that there was no answer.
struct Entry {
    begin: Instant,
    method: Method,
    path: String,
    peer: Option<SocketAddr>,
    id: Option<AssignedId>,
    is_logged: bool,
}

impl Entry {
    fn new(request: &Request) -> Self {
        Self {
            begin: Instant::now(),
            method: request.method().clone(),
            path: request.path().to_owned(),
            peer: request.peer_addr(),
            id: request.extensions().get().cloned(),
            is_logged: false,
        }
    }

    fn answered(mut self, response: &Response) {
        self.id = self.id.take().or_else(|| response.extensions().get().cloned());
        let outcome = match (response.is_event_stream(), response.is_detached()) {
            (true, _) => "stream",
            (false, true) => "detached",
            (false, false) => "answered",
        };
        self.log(outcome, Some(response.status().as_u16()), response.body_bytes());
    }

    fn log(&mut self, outcome: &str, status: Option<u16>, body_bytes: Option<u64>) {
        self.is_logged = true;
        // 584,000 years.
        let duration_us = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: TARGET,
            method = self.method.as_str(),
            path = self.path,
            status,
            outcome,
            body_bytes,
            duration_us,
            peer = self.peer.map(tracing::field::display),
            request_id = self.id.as_ref().map(AssignedId::as_str),
        );
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_logged {
            let outcome = if std::thread::panicking() { "panicked" } else { "cancelled" };
            self.log(outcome, None, None);
        }
    }
}
