//! What a server tells `tracing`.

use crate::body::BodyError;
use std::time::Duration;

/// `route` is the pattern that the path matched, if it was one.
pub(crate) fn slow_handler(route: Option<&str>, path: &str, held: Duration) {
    let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(route, path, held_ms, "a handler held its core: everybody else there waited");
}

pub(crate) fn failed_body(error: &BodyError) {
    tracing::warn!(%error, "a streamed body failed: its connection was closed");
}
