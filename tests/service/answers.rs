//! What each request is answered, if everything before it was: said from the documentation of the router
//! and of each kind of handler.

use crate::grammar::{Ask, Body};
use crate::kind::Kind;
use crate::routes::{HUGE_BYTES, LARGE_BYTES, LIMIT_BYTES, SMALL, pattern};
use bytes::Bytes;
use std::sync::LazyLock;

/// How a request is answered.
pub(crate) enum Answering {
    /// A status, and a body if it is known.
    Whole(u16, Option<Bytes>),
    /// For the last time, over a head that is not well-formed, so that nobody knows its method.
    Malformed(u16),
    /// For the last time, before its body has come.
    Refused(u16),
    /// The same over a body whose size is known only when it has come: with 413.
    RefusedLater,
    /// Once the gate is open.
    Gate,
    Drip,
    /// By a streamed body.
    Chunks(Bytes),
    /// By one that breaks off.
    Cut(Bytes),
    Events,
    EventsAtGate,
    Feed,
    BriefFeed,
    Tunnel,
}

/// How this request is answered.
pub(crate) fn answering(ask: &Ask) -> Answering {
    if let Some(refused) = refused(ask) {
        return refused;
    }
    let whole = |status, text: &'static str| Answering::Whole(status, Some(text.into()));
    let failed = |status| Answering::Whole(status, None);
    let fits = if ask.kind.posts() { ask.method() == "POST" } else { is_get(ask) };
    match (ask.kind, ask.method()) {
        (_, "BREW") => return failed(501),
        _ if fits || ask.kind == Kind::Missing => {}
        (_, "OPTIONS") => return whole(204, ""),
        _ => return failed(405),
    }
    let head_only = ask.method() == "HEAD";
    match ask.kind {
        Kind::Small => whole(200, "small"),
        Kind::Json => whole(200, "[1,2,3]"),
        Kind::Large => Answering::Whole(200, Some(pattern(LARGE_BYTES))),
        Kind::Huge => Answering::Whole(200, Some(pattern(HUGE_BYTES))),
        Kind::Empty => whole(204, ""),
        Kind::Unchanged => whole(304, ""),
        Kind::Later => whole(200, "at last"),
        Kind::Echo | Kind::Limited | Kind::Checked => {
            Answering::Whole(200, Some(ask.content().into()))
        }
        Kind::Panics | Kind::PanicsLater | Kind::Reserved | Kind::Interim => failed(500),
        Kind::Gate => Answering::Gate,
        Kind::Tunnel if head_only => failed(500),
        Kind::Tunnel if ask.old => failed(505),
        Kind::Tunnel => Answering::Tunnel,
        // Of bodies that are streamed, HEAD gets the head.
        _ if head_only && ask.kind != Kind::Missing => Answering::Chunks(Bytes::new()),
        Kind::Drip => Answering::Drip,
        Kind::Stream | Kind::Sized => Answering::Chunks(large_and_small()),
        Kind::Short | Kind::Broken => Answering::Cut(SMALL.into()),
        Kind::Admitted if !ask.known => failed(403),
        Kind::Events | Kind::Admitted => Answering::Events,
        Kind::EventsAtGate => Answering::EventsAtGate,
        Kind::Feed => Answering::Feed,
        Kind::BriefFeed => Answering::BriefFeed,
        Kind::Missing => failed(404),
    }
}

/// Whether the answer says its length, so that HTTP/1.0 clients need no end of the connection.
pub(crate) fn has_length(ask: &Ask) -> bool {
    matches!(ask.kind, Kind::Sized | Kind::Short)
}

/// What is wrong with its framing, or refused by the rules of its path before the handler is called.
fn refused(ask: &Ask) -> Option<Answering> {
    if ask.old && matches!(ask.body, Body::Chunked(_)) {
        return Some(Answering::Malformed(400));
    }
    match ask.kind {
        Kind::Checked if ask.has_body() && !ask.known => Some(Answering::Refused(401)),
        Kind::Limited if ask.length() > LIMIT_BYTES => Some(match ask.body {
            Body::Chunked(_) => Answering::RefusedLater,
            _ => Answering::Refused(413),
        }),
        _ => None,
    }
}

fn is_get(ask: &Ask) -> bool {
    matches!(ask.method(), "GET" | "HEAD")
}

fn large_and_small() -> Bytes {
    static BOTH: LazyLock<Bytes> =
        LazyLock::new(|| [&pattern(LARGE_BYTES)[..], SMALL.as_bytes()].concat().into());
    BOTH.clone()
}
