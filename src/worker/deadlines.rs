//! How long a connection may take for what, as the classes of its engine's deadlines. When which is
//! armed is decided where the connection is served.

use super::Worker;
use crate::server::Timeouts;
use headwater_engine::{Class, Core};
use std::time::Duration;

/// How long a connection without a request may still send one when draining has begun.
const GRACE: Duration = Duration::from_secs(1);
/// How often the end of a peer is looked for at most.
const LOOK: Duration = Duration::from_millis(100);
/// How long a closed connection may take to take note (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

/// The deadlines of connections.
#[derive(Clone, Copy)]
pub(super) struct Classes {
    pub(super) silent: Class,
    pub(super) idle: Class,
    pub(super) header: Class,
    pub(super) body: Class,
    pub(super) handler: Class,
    pub(super) write: Class,
    pub(super) half_closed: Class,
    /// Whether the peer of a paused connection has said its last word is looked for this often.
    pub(super) look: Class,
    pub(super) linger: Class,
    pub(super) grace: Class,
}

impl Classes {
    pub(super) fn new(core: &mut Core<'_>, timeouts: &Timeouts) -> Self {
        // Equal arguments give the same class, and equal time-outs must not: each gets its own tick.
        let tick = Duration::from_millis;
        Self {
            silent: core.class(timeouts.idle, tick(10)),
            idle: core.class(timeouts.idle, tick(11)),
            header: core.class(timeouts.header, tick(12)),
            body: core.class(timeouts.body, tick(13)),
            write: core.class(timeouts.write, tick(14)),
            half_closed: core.class(timeouts.half_closed, tick(15)),
            linger: core.class(LINGER, tick(16)),
            grace: core.class(GRACE, tick(17)),
            look: core.class(timeouts.half_closed.max(LOOK), tick(19)),
            handler: core.class(timeouts.handler, tick(18)),
        }
    }
}

impl Worker {
    pub(super) fn classes(&self) -> Classes {
        self.classes.expect("start() comes before everything else")
    }

    /// The deadline of a connection that has sent nothing.
    pub(super) fn silent(&self) -> Class {
        let classes = self.classes();
        if self.drain_until.is_some() { classes.grace } else { classes.silent }
    }
}
