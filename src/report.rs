//! What a server tells `tracing`.

use crate::body::BodyError;
use std::time::Duration;

pub(crate) fn slow_handler(path: &str, held: Duration) {
    let held_ms = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(path, held_ms, "a handler held its core: everybody else there waited");
}

pub(crate) fn failed_body(error: &BodyError) {
    tracing::warn!(%error, "a streamed body failed: its connection was closed");
}
