//! The streams that there are, and what a client may expect of each. Both ends go by this table; the
//! handlers are in `served`.

/// Of a handler's own events: none is lost.
pub(crate) const TALK: &str = "talk";
/// Of a handler's own events, where some may be dropped.
pub(crate) const CHAT: &str = "chat";
/// Before the next event after a loss.
pub(crate) const GAP: &str = "gap";
/// What `on_connect` sends.
pub(crate) const HELLO: &str = "hello";

/// Events of a stream that ends by itself.
pub(crate) const TALK_EVENTS: u64 = 40;

/// Brokers, one of each slow policy, by name; each has a feed.
pub(crate) const BROKERS: [&str; 5] = ["drop", "drop-oldest", "remove", "close", "ask"];

/// A stream that goes on until its client leaves.
pub(crate) struct Kind {
    pub(crate) path: &'static str,
    /// Too slow a client is cut, or its stream is ended.
    pub(crate) ends_slow: bool,
    /// Its events are of one source, and each that is lost is told.
    pub(crate) tells: bool,
    /// Opens with what `on_connect` sends.
    pub(crate) greets: bool,
}

const PLAIN: Kind = Kind { path: "", ends_slow: false, tells: false, greets: false };

pub(crate) const ENDLESS: [Kind; 12] = [
    Kind { path: "/feed/drop", ..PLAIN },
    Kind { path: "/feed/drop-oldest", tells: true, greets: true, ..PLAIN },
    Kind { path: "/feed/remove", ends_slow: true, tells: true, ..PLAIN },
    Kind { path: "/feed/close", ends_slow: true, tells: true, greets: true },
    Kind { path: "/feed/ask", ends_slow: true, tells: true, ..PLAIN },
    // Events of two brokers and the handler's own.
    Kind { path: "/both", ..PLAIN },
    Kind { path: "/forward", ..PLAIN },
    // By the policy of the client's queue, and one without a queue.
    Kind { path: "/queue/drop", tells: true, greets: true, ..PLAIN },
    Kind { path: "/queue/close", ends_slow: true, greets: true, ..PLAIN },
    Kind { path: "/queue/block", greets: true, ..PLAIN },
    Kind { path: "/queue/none", greets: true, ..PLAIN },
    // On a thread.
    Kind { path: "/thread", ..PLAIN },
];

/// Events, and then an end by itself.
pub(crate) const TALKS: [&str; 2] = ["/talk", "/thread/talk"];
/// One event, and then silence.
pub(crate) const SILENT: &str = "/silent";
/// A feed whose streams live only this long.
pub(crate) const BRIEF: &str = "/brief";
pub(crate) const BRIEF_MILLIS: u64 = 200;
/// Each word that is posted is an event.
pub(crate) const WORDS: &str = "/words";
/// A header that `on_connect` refuses.
pub(crate) const UNWELCOME: &str = "x-unwelcome";
