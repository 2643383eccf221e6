//! The ways in which a handler can answer, each with a path of its own.

use arbitrary::Arbitrary;

/// What stands behind a path.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Small,
    Json,
    Large,
    Huge,
    Empty,
    Unchanged,
    Later,
    Gate,
    Panics,
    PanicsLater,
    Reserved,
    Interim,
    Stream,
    Sized,
    Short,
    Broken,
    Drip,
    Events,
    EventsAtGate,
    Feed,
    BriefFeed,
    Admitted,
    Tunnel,
    Echo,
    Limited,
    Checked,
    Missing,
}

impl Kind {
    /// The path, without its slash.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Json => "json",
            Self::Large => "large",
            Self::Huge => "huge",
            Self::Empty => "empty",
            Self::Unchanged => "unchanged",
            Self::Later => "later",
            Self::Gate => "gate",
            Self::Panics => "panics",
            Self::PanicsLater => "panics-later",
            Self::Reserved => "reserved",
            Self::Interim => "interim",
            Self::Stream => "stream",
            Self::Sized => "sized",
            Self::Short => "short",
            Self::Broken => "broken",
            Self::Drip => "drip",
            Self::Events => "events",
            Self::EventsAtGate => "events-at-gate",
            Self::Feed => "feed",
            Self::BriefFeed => "brief-feed",
            Self::Admitted => "admitted",
            Self::Tunnel => "tunnel",
            Self::Echo => "echo",
            Self::Limited => "limited",
            Self::Checked => "checked",
            Self::Missing => "missing",
        }
    }

    /// Whether the path answers POST instead of GET.
    pub(crate) fn posts(self) -> bool {
        matches!(self, Self::Echo | Self::Limited | Self::Checked)
    }
}
