//! What a server tells `tracing`.

use crate::body::BodyError;
use http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;

/// `route` is the pattern that the path matched, if it was one.
pub(crate) fn slow_handler(route: Option<&str>, path: &str, held: Duration) {
    let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(route, path, held_ms, "a handler held its core: everybody else there waited");
}

/// A request was refused before it reached middleware.
pub(crate) fn refused(status: StatusCode, peer: Option<SocketAddr>) {
    let peer = peer.map(tracing::field::display);
    tracing::info!(target: "headwater::access", outcome = "refused", status = status.as_u16(), peer);
}

/// An answer could not be sent, or a service of `tower` failed: the client got a 500.
pub(crate) fn failed_answer(error: &dyn std::fmt::Display) {
    tracing::error!(%error, "an answer could not be given: the client got a 500");
}

pub(crate) fn failed_body(error: &BodyError) {
    tracing::warn!(%error, "a streamed body failed: its connection was closed");
}
