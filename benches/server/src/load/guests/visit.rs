//! One connection that comes, does one thing, and leaves in one of many manners. When they come, and
//! what they leave behind, is in `visits`.

use std::io;
use std::net::SocketAddr;

use super::abuse::Paths;
use super::wire::{End, Wire};
use crate::load::answers::Answers;

/// What a visitor does, and how it leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    /// Has its answer.
    Whole,
    WholeThenReset,
    /// Says that it sends no more, has its answer, and sees the end.
    Finish,
    /// Leaves in the middle of a head, by a FIN or a reset.
    HalfHead,
    HalfHeadThenReset,
    HalfBody,
    /// Asks and does not wait for the answer.
    AskThenReset,
    /// Opens a stream.
    Stream,
    StreamThenReset,
}

/// What a visitor is at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Under,
    /// It has had what it came for.
    Done,
}

#[derive(Debug)]
pub(super) struct Visit {
    wire: Option<Wire>,
    manner: Manner,
    answers: Answers,
    finished: bool,
    /// The end of a stream's head, as far as it has come.
    head: Vec<u8>,
    /// When it was to come.
    pub(super) since: u64,
}

/// Bytes of the longest head of a stream that is read.
const HEAD_BYTES: usize = 4 * 1024;

impl Manner {
    pub(super) const ALL: [Self; 9] = [
        Self::Whole,
        Self::WholeThenReset,
        Self::Finish,
        Self::HalfHead,
        Self::HalfHeadThenReset,
        Self::HalfBody,
        Self::AskThenReset,
        Self::Stream,
        Self::StreamThenReset,
    ];

    /// What it sends.
    pub(super) fn bytes(self, target: SocketAddr, paths: &Paths) -> Vec<u8> {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        match self {
            Self::Whole | Self::WholeThenReset | Self::Finish | Self::AskThenReset => {
                get(&paths.ask)
            }
            Self::HalfHead | Self::HalfHeadThenReset => {
                format!("GET {} HTTP/1.1\r\nHost: ", paths.ask)
            }
            Self::HalfBody => {
                let head = format!("POST {} HTTP/1.1\r\nHost: {target}\r\n", paths.publish);
                head + "Content-Length: 1000\r\n\r\n" + &"x".repeat(500)
            }
            Self::Stream | Self::StreamThenReset => get(&paths.events),
        }
        .into_bytes()
    }

    fn resets(self) -> bool {
        use Manner::{AskThenReset, HalfBody, HalfHeadThenReset, StreamThenReset, WholeThenReset};
        matches!(
            self,
            WholeThenReset | HalfHeadThenReset | HalfBody | AskThenReset | StreamThenReset
        )
    }

    fn reads(self) -> bool {
        use Manner::{Finish, Stream, StreamThenReset, Whole, WholeThenReset};
        matches!(self, Whole | WholeThenReset | Finish | Stream | StreamThenReset)
    }

    fn streams(self) -> bool {
        matches!(self, Self::Stream | Self::StreamThenReset)
    }
}

impl Visit {
    pub(super) fn new(wire: Wire, manner: Manner, since: u64) -> Self {
        let (answers, head) = (Answers::default(), Vec::new());
        Self { wire: Some(wire), manner, answers, finished: false, head, since }
    }

    /// Goes on as far as it can, and leaves when it is done.
    pub(super) fn go_on(&mut self, scratch: &mut [u8]) -> Result<Stage, String> {
        match self.try_going_on(scratch) {
            Ok(Stage::Done) => {
                if let Some(wire) = self.wire.take().filter(|_| self.manner.resets()) {
                    // Broken already is as good as reset.
                    wire.reset().ok();
                }
                Ok(Stage::Done)
            }
            // The server's end is what this one came for.
            Err(End::Closed) if self.finished && self.answers.is_between() => Ok(Stage::Done),
            Ok(Stage::Under) => Ok(Stage::Under),
            Err(end) => Err(format!("{:?}: {end}", self.manner)),
        }
    }

    fn try_going_on(&mut self, scratch: &mut [u8]) -> Result<Stage, End> {
        let Some(wire) = &mut self.wire else { return Ok(Stage::Done) };
        if !wire.advance()? {
            return Ok(Stage::Under);
        }
        if !self.manner.reads() {
            return Ok(Stage::Done);
        }
        if self.manner == Manner::Finish && !self.finished {
            wire.finish()?;
            self.finished = true;
        }
        let mut status = None;
        while let Some(count) = wire.read(scratch)? {
            if self.manner.streams() {
                self.head.extend_from_slice(&scratch[..count]);
                if self.head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let good = self.head.starts_with(b"HTTP/1.1 200");
                    return if good { Ok(Stage::Done) } else { Err(bad("no stream")) };
                }
                if self.head.len() > HEAD_BYTES {
                    return Err(bad("a head without end"));
                }
                continue;
            }
            let taken = self.answers.receive(&scratch[..count], |seen| status = Some(seen));
            taken.map_err(|error| bad(&error.to_string()))?;
            if let Some(status) = status.filter(|status| *status != 200) {
                return Err(bad(&format!("answered {status}")));
            }
            if self.answers.is_between() && !self.finished {
                return Ok(Stage::Done);
            }
        }
        Ok(Stage::Under)
    }
}

fn bad(reason: &str) -> End {
    End::Failed(io::Error::other(reason.to_owned()))
}
