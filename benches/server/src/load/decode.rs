//! Decodes what one subscriber receives: response head, transfer framing, events.
//! Bytes may come cut anywhere. Nothing of an event is stored but the start of a line that a cut
//! went through. Judges nothing: order and loss are `tally`'s.

mod chunked;
mod lines;
#[cfg(test)]
mod tests;

use chunked::Chunked;
pub(crate) use lines::Block;
use lines::Lines;

/// The longest response head taken, in bytes.
const HEAD_LIMIT: usize = 8 * 1024;

/// Why a response cannot be read on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Malformed {
    /// The head has no end within its limit, or no status.
    Head,
    /// The server answered, but with another status than 200.
    Status(u16),
    /// The chunk framing is broken.
    Chunk,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => out.write_str("the response head is malformed"),
            Self::Status(status) => write!(out, "answered with status {status}"),
            Self::Chunk => out.write_str("the chunk framing is malformed"),
        }
    }
}

/// How far the response has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// The head is not complete.
    Head,
    /// The stream is open.
    Streaming,
    /// The server ended the stream properly.
    Ended,
}

/// One subscriber's response, as far as it has come.
#[derive(Debug)]
pub(crate) struct Decoder {
    framing: Framing,
    lines: Lines,
    stream_bytes: u64,
}

#[derive(Debug)]
enum Framing {
    Head(Vec<u8>),
    Chunked(Chunked),
    UntilClose,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { framing: Framing::Head(Vec::new()), lines: Lines::new(), stream_bytes: 0 }
    }

    /// Bytes that came after the head, framing included.
    pub(crate) fn stream_bytes(&self) -> u64 {
        self.stream_bytes
    }

    /// That many bytes came and were not looked at. After that no more can be decoded.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.stream_bytes += bytes as u64;
    }

    /// Takes the next bytes and reports each block of the stream they complete.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        on_block: &mut impl FnMut(Block),
    ) -> Result<Progress, Malformed> {
        let mut rest = bytes;
        if let Framing::Head(head) = &mut self.framing {
            let Some(used) = take_head(head, bytes)? else { return Ok(Progress::Head) };
            self.framing = framing_of(head)?;
            rest = &bytes[used..];
        }
        self.stream_bytes += rest.len() as u64;
        let lines = &mut self.lines;
        match &mut self.framing {
            Framing::Chunked(chunked) => {
                chunked.receive(rest, &mut |data| lines.receive(data, on_block))?;
                Ok(if chunked.ended() { Progress::Ended } else { Progress::Streaming })
            }
            Framing::UntilClose => {
                lines.receive(rest, on_block);
                Ok(Progress::Streaming)
            }
            // Replaced above as soon as the head is whole.
            Framing::Head(_) => Ok(Progress::Head),
        }
    }
}

/// Appends to `head` up to its end; gives the count of `bytes` that belong to it, `None` while the
/// end has not come.
fn take_head(head: &mut Vec<u8>, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    const END: &[u8] = b"\r\n\r\n";
    let known = head.len();
    let room = HEAD_LIMIT - known;
    head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    let from = known.saturating_sub(END.len() - 1);
    match head[from..].windows(END.len()).position(|window| window == END) {
        Some(at) => {
            head.truncate(from + at + END.len());
            Ok(Some(head.len() - known))
        }
        None if head.len() == HEAD_LIMIT => Err(Malformed::Head),
        None => Ok(None),
    }
}

fn framing_of(head: &[u8]) -> Result<Framing, Malformed> {
    let head = std::str::from_utf8(head).map_err(|_| Malformed::Head)?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or(Malformed::Head)?;
    if status != 200 {
        return Err(Malformed::Status(status));
    }
    let chunked = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding")
            && value.trim().eq_ignore_ascii_case("chunked")
    });
    Ok(if chunked { Framing::Chunked(Chunked::new()) } else { Framing::UntilClose })
}
