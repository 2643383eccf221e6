//! The figures of each worker.

use super::table::{Figure, Source};
use crate::{ServerHandle, Stats};

pub(super) const FIGURES: &[Figure<Stats>] = &[
    Figure::gauge("headwater_connections", "Connections open now.", |of| of.connections as u64),
    Figure::gauge("headwater_streams", "Event streams open now.", |of| of.streams as u64),
    Figure::gauge("headwater_owed", "Bytes that slow streams are owed now.", |of: &Stats| {
        of.owed_bytes as u64
    })
    .bytes(),
    Figure::counter("headwater_connections_accepted", "Connections accepted.", |of| of.accepted),
    Figure::counter(
        "headwater_connections_handed_over",
        "Connections handed to another worker, by the one that accepted them.",
        |of| of.handed_over,
    ),
    Figure::counter(
        "headwater_connections_closed_for_room",
        "Silent connections closed to make room for others.",
        |of| of.closed_for_room,
    ),
    Figure::counter(
        "headwater_accept_failures",
        "Times that accepting stood still for want of descriptors or memory.",
        |of| of.accept_failures,
    ),
    Figure::counter("headwater_requests", "Requests received completely.", |of| of.requests),
    Figure::counter(
        "headwater_requests_refused",
        "Requests that were malformed, too large or too slow.",
        |of| of.refused,
    ),
    Figure::counter("headwater_handler_panics", "Handlers that panicked.", |of| of.handler_panics),
    Figure::counter(
        "headwater_slow_handlers",
        "Times that a handler held its core for too long.",
        |of| of.slow_handlers,
    ),
    Figure::counter(
        "headwater_late_handlers",
        "Handlers that were answered for, as they did not answer in time.",
        |of| of.late_handlers,
    ),
    Figure::counter("headwater_failed_bodies", "Streamed bodies that failed.", |of| {
        of.failed_bodies
    }),
    Figure::counter(
        "headwater_events_delivered",
        "Events handed completely to the kernel, once per stream.",
        |of| of.events_delivered,
    ),
    Figure::counter(
        "headwater_sends",
        "Attempts to hand bytes of streams to the kernel, each with one event or several.",
        |of| of.sends,
    ),
    Figure::counter(
        "headwater_wakes",
        "Times that a publish found the worker asleep and woke it.",
        |of| of.wakes,
    ),
    Figure::counter(
        "headwater_received",
        "Bytes received; what clients of streams send is not counted.",
        |of: &Stats| of.received_bytes,
    )
    .bytes(),
    Figure::counter(
        "headwater_sent",
        "Bytes handed to the kernel: answers, streams, and connections that were taken over.",
        |of: &Stats| of.sent_bytes,
    )
    .bytes(),
];

/// In the order of their numbers.
pub(super) fn of(server: &ServerHandle) -> Vec<Source<Stats>> {
    let workers = server.worker_stats().into_iter().enumerate();
    workers
        .map(|(number, counts)| Source { label: ("worker", number.to_string()), counts })
        .collect()
}
