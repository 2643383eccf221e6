//! What a connection is doing, and how long it may.

use crate::grammar::Ask;
use crate::limits;
use crate::sent::Begun;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(crate) enum State {
    #[default]
    Idle,
    Begun(Begun),
    /// Waits to be told to send its body.
    Asked,
    /// A handler waits at the gate.
    Gate(Ask),
    Drip(Ask),
    Stream(Source),
    Tunnel,
}

/// Where the events of a stream come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A handler that waits at the gate.
    Gate,
    Feed,
    /// One that ends after a while.
    BriefFeed,
}

impl State {
    pub(crate) fn waits_at_gate(&self) -> bool {
        matches!(self, Self::Gate(_) | Self::Drip(_) | Self::Stream(Source::Gate))
    }

    /// How long it lasts at most, for a client that has sent a FIN or not.
    pub(crate) fn limit(&self, finished: bool) -> Option<Duration> {
        match self {
            Self::Idle => Some(limits::IDLE),
            Self::Begun(Begun { in_body: false, .. }) => Some(limits::HEADER),
            Self::Begun(_) | Self::Asked => Some(limits::BODY),
            Self::Gate(_) => Some(limits::HANDLER),
            Self::Drip(_) if finished => Some(limits::HALF_CLOSED),
            Self::Stream(Source::BriefFeed) => Some(limits::LIFETIME),
            Self::Drip(_) | Self::Stream(_) | Self::Tunnel => None,
        }
    }
}
