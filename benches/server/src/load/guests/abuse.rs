//! Kinds of abuse: what each sends at first and goes on with, and whether it reads. When, and what
//! becomes of it, is in `abusers`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;

use crate::load::sockets::Buffers;

/// What an abuser does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Abuse {
    /// a request's head, a byte a second
    SlowHeads,
    /// a request's body, a byte a second
    SlowBodies,
    /// a stream that is never read
    UnreadStreams,
    /// pipelined requests without end, whose answers are never read
    UnreadAnswers,
    /// bytes that are no HTTP
    Garbage,
    /// connections that are given up as soon as they are there
    Connects,
}

/// Between two bytes of a slow request.
const TRICKLE: Duration = Duration::from_secs(1);
/// What a slow body is said to have: more than trickles in.
const BODY_BYTES: usize = 32 * 1024;
/// Requests written at once by who does not read.
const PIPELINED: usize = 64;

impl Abuse {
    pub(crate) const ALL: [Self; 6] = [
        Self::SlowHeads,
        Self::SlowBodies,
        Self::UnreadStreams,
        Self::UnreadAnswers,
        Self::Garbage,
        Self::Connects,
    ];

    /// Its name on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SlowHeads => "slow-heads",
            Self::SlowBodies => "slow-bodies",
            Self::UnreadStreams => "unread-streams",
            Self::UnreadAnswers => "unread-answers",
            Self::Garbage => "garbage",
            Self::Connects => "connects",
        }
    }

    /// What it sends once it is connected.
    pub(super) fn opening(self, target: SocketAddr, paths: &Paths) -> Vec<u8> {
        let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        match self {
            Self::SlowHeads => format!("GET / HTTP/1.1\r\nHost: {target}\r\nX-Slow: "),
            Self::SlowBodies => format!(
                "POST {} HTTP/1.1\r\nHost: {target}\r\nContent-Length: {BODY_BYTES}\r\n\r\n",
                paths.publish
            ),
            Self::UnreadStreams => ask(&paths.events),
            Self::UnreadAnswers => ask(&paths.ask).repeat(PIPELINED),
            Self::Garbage => "\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n".to_owned(),
            Self::Connects => String::new(),
        }
        .into_bytes()
    }

    /// After how long it sends another byte, if it does.
    pub(super) fn trickle(self) -> Option<Duration> {
        matches!(self, Self::SlowHeads | Self::SlowBodies).then_some(TRICKLE)
    }

    /// Whether it sends more of the same whenever there is room.
    pub(super) fn floods(self) -> bool {
        self == Self::UnreadAnswers
    }

    /// Whether it reads what it is told.
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::SlowHeads | Self::SlowBodies | Self::Garbage)
    }

    pub(super) fn buffers(self) -> Buffers {
        if self.reads() { Buffers::Usual } else { Buffers::Small }
    }
}

/// What abusers ask for.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) ask: String,
    pub(crate) events: String,
    pub(crate) publish: String,
}
