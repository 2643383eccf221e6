//! An answer as a client sees it. Strict about framing: every byte belongs to some part.

use super::{End, Peer};

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As received, the empty line included.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn receive(peer: &mut Peer) -> Result<Self, End> {
        let mut answer = Self::receive_head(peer)?;
        let coding = answer.header("transfer-encoding");
        let length = answer.header("content-length").map(str::parse::<usize>);
        answer.body = match (coding, length) {
            (Some("chunked"), None) => dechunk(peer)?,
            (None, Some(length)) => peer.take(length.expect("a number"))?,
            (None, None) if matches!(answer.status, 100..200 | 204 | 304) => Vec::new(),
            (None, None) => match peer.rest() {
                (body, End::Closed) => body,
                (_, end) => return Err(end),
            },
            (coding, length) => panic!("framed by {coding:?} and {length:?}"),
        };
        Ok(answer)
    }

    /// An answer without a body, whatever its head says: that to HEAD, or of a stream.
    #[track_caller]
    pub(crate) fn receive_head(peer: &mut Peer) -> Result<Self, End> {
        let head = String::from_utf8(peer.take_until(b"\r\n\r\n")?).expect("a head is ASCII");
        let code = head.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3));
        let status = code.and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {head:?}"));
        Ok(Self { status, head, body: Vec::new() })
    }

    /// The value of the only header with this name, which is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = (self.head.lines().skip(1).filter_map(|line| line.split_once(':')))
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim());
        let value = values.next();
        assert!(values.next().is_none(), "{name} comes twice: {}", self.head);
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// Whether the server says that this answer is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.header("connection") == Some("close")
    }

    /// The head without the header that differs from second to second.
    pub(crate) fn head_without_date(&self) -> String {
        let lines = self.head.split_inclusive("\r\n");
        lines.filter(|line| !line.starts_with("date:")).collect()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

fn dechunk(peer: &mut Peer) -> Result<Vec<u8>, End> {
    let mut body = Vec::new();
    loop {
        let piece = chunk(peer)?;
        if piece.is_empty() {
            return Ok(body);
        }
        body.extend(piece);
    }
}

/// The data of the next chunk; the last one is empty.
#[track_caller]
pub(super) fn chunk(peer: &mut Peer) -> Result<Vec<u8>, End> {
    let line = peer.take_until(b"\r\n")?;
    let digits = std::str::from_utf8(&line[..line.len() - 2]).expect("digits");
    let size = usize::from_str_radix(digits, 16);
    let size = size.unwrap_or_else(|_| panic!("no chunk size: {digits:?}"));
    let data = peer.take(size)?;
    assert_eq!(peer.take(2)?, b"\r\n", "a chunk ends where its size says");
    Ok(data)
}
