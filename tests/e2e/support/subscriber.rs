//! A client of an event stream. Decodes strictly: chunk frames, blocks and fields must be whole, and
//! the stream must end between two blocks.

use super::answer::chunk;
use super::peer::get;
use super::{Answer, End, PATIENCE, Peer};
use std::io::BufRead;
use std::time::Instant;

pub(crate) struct Subscriber {
    pub(crate) peer: Peer,
    pub(crate) head: Answer,
    chunked: bool,
    /// Unframed, but not decoded yet.
    text: Vec<u8>,
}

/// One block of a stream.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Heard {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) comment: Option<String>,
    /// In milliseconds.
    pub(crate) retry: Option<u64>,
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// With the last chunk, then a FIN, and nothing in between.
    Whole,
    /// By a FIN alone.
    Closed,
    Reset,
}

impl Subscriber {
    #[track_caller]
    pub(crate) fn open(peer: Peer, path: &str) -> Self {
        Self::ask(peer, get(path))
    }

    /// Sends a request that is answered by a stream.
    #[track_caller]
    pub(crate) fn ask(mut peer: Peer, request: impl AsRef<[u8]>) -> Self {
        peer.send(request);
        let head = Answer::receive_head(&mut peer).expect("a head comes before the end");
        Self::after(peer, head)
    }

    /// A stream whose head was read.
    #[track_caller]
    pub(crate) fn after(peer: Peer, head: Answer) -> Self {
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        let chunked = head.header("transfer-encoding") == Some("chunked");
        Self { peer, head, chunked, text: Vec::new() }
    }

    /// The next block, whatever it is.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Result<Heard, Ending> {
        loop {
            if let Some(at) = end_of_block(&self.text) {
                let block: Vec<u8> = self.text.drain(..at + 2).collect();
                return Ok(Heard::decode(std::str::from_utf8(&block[..at]).expect("UTF-8")));
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<(), Ending> {
        let cut = |end| match end {
            End::Closed => Ending::Closed,
            End::Reset => Ending::Reset,
        };
        if !self.chunked {
            // What came together with the head is here already.
            if !self.peer.has_received()
                && let Err(end) = self.peer.receive()
            {
                self.check_whole();
                return Err(cut(end));
            }
            self.text.extend(self.peer.take_received());
            return Ok(());
        }
        let data = chunk(&mut self.peer).map_err(cut)?;
        if !data.is_empty() {
            self.text.extend(data);
            return Ok(());
        }
        self.check_whole();
        match self.peer.rest() {
            (bytes, End::Closed) => {
                assert_eq!(bytes, b"", "nothing follows the last chunk");
                Err(Ending::Whole)
            }
            (_, End::Reset) => Err(Ending::Reset),
        }
    }

    fn check_whole(&self) {
        assert_eq!(String::from_utf8_lossy(&self.text), "", "the stream ends after a block");
    }

    /// The next event that a browser would dispatch.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Heard {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Comments may keep the stream alive without end.
            assert!(Instant::now() < deadline, "not in {PATIENCE:?}: an event");
            let heard = self.next().expect("an event comes before the end");
            if heard.data.is_some() {
                return heard;
            }
        }
    }

    /// The data of the next event.
    #[track_caller]
    pub(crate) fn data(&mut self) -> String {
        self.event().data.unwrap_or_default()
    }

    /// All events until the end, and the end.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<Heard>, Ending) {
        let mut events = Vec::new();
        loop {
            match self.next() {
                Ok(heard) if heard.data.is_some() => events.push(heard),
                Ok(_) => {}
                Err(ending) => return (events, ending),
            }
        }
    }

    /// All blocks until the end, which is as it should be.
    #[track_caller]
    pub(crate) fn blocks(&mut self) -> Vec<Heard> {
        let mut blocks = Vec::new();
        loop {
            match self.next() {
                Ok(heard) => blocks.push(heard),
                Err(ending) => {
                    assert_eq!(ending, Ending::Whole);
                    return blocks;
                }
            }
        }
    }

    /// The stream ends as it should, without a further event.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.rest(), (Vec::new(), Ending::Whole));
    }
}

/// Where the first block ends; its end is two line ends.
fn end_of_block(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    loop {
        // Much faster in debug builds than looking at each pair of bytes.
        rest.skip_until(b'\n').expect("memory can be read");
        let at = text.len() - rest.len();
        match rest.first() {
            Some(b'\n') => return Some(at - 1),
            Some(_) => {}
            None => return None,
        }
    }
}

impl Heard {
    /// From the lines of a block, without its end (WHATWG HTML §9.2.6).
    fn decode(block: &str) -> Self {
        let mut heard = Self::default();
        for line in block.split('\n') {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" => heard.comment = Some(value),
                "id" => heard.id = Some(value),
                "event" => heard.name = Some(value),
                "retry" => heard.retry = Some(value.parse().expect("a number")),
                "data" => {
                    let before = heard.data.take();
                    heard.data =
                        Some(before.map_or(value.clone(), |data| data + "\n" + value.as_str()));
                }
                other => panic!("no field of an event: {other:?}"),
            }
        }
        heard
    }

    /// The id, which brokers give as a number.
    #[track_caller]
    pub(crate) fn number(&self) -> u64 {
        let id = self.id.as_deref().and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("no number: {self:?}"))
    }
}
