//! Takes the chunked framing off a body (RFC 9112 §7.1), handing out the data in place.
//! Never looks into the data: see `lines`.

use super::Malformed;

/// The most hex digits of a chunk size; more could only be leading zeros or an absurd size.
const SIZE_DIGITS: u8 = 15;

/// A chunked body, as far as it has come.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Size {
        size: u64,
        digits: u8,
    },
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// A line after the last chunk; an empty one is the end.
    Trailer {
        empty: bool,
    },
    Ended,
}

const SIZE: State = State::Size { size: 0, digits: 0 };

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: SIZE }
    }

    /// Whether the last chunk and its trailer have come.
    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes the next bytes and hands on the data among them.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        on_data: &mut impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if let State::Data { left } = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let (data, after) = rest.split_at(here);
                on_data(data);
                rest = after;
                // `here` came from `left`, a u64 that it does not exceed.
                let left = left - here as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data { left } };
            } else if let Some((left, after)) = next_chunk(self.state, rest) {
                self.state = State::Data { left };
                rest = after;
            } else {
                self.state = step(self.state, byte)?;
                rest = after;
            }
        }
        Ok(())
    }
}

/// The usual way from one chunk to the next, in one go: line break, plain size, line break, all of
/// them here. Anything else is left to [`step`].
fn next_chunk(state: State, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes.strip_prefix(b"\r\n").filter(|_| state == State::DataCr)?;
    let mut size = 0;
    for _ in 0..SIZE_DIGITS {
        let (&digit, after) = rest.split_first()?;
        if !digit.is_ascii_hexdigit() {
            break;
        }
        size = size << 4 | u64::from(hex(digit));
        rest = after;
    }
    let after = rest.strip_prefix(b"\r\n")?;
    (size > 0).then_some((size, after))
}

/// The state after one byte of framing.
fn step(state: State, byte: u8) -> Result<State, Malformed> {
    let size_end = |size| match size {
        0 => State::Trailer { empty: true },
        left => State::Data { left },
    };
    match (state, byte) {
        (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < SIZE_DIGITS => {
            Ok(State::Size { size: size << 4 | u64::from(hex(byte)), digits: digits + 1 })
        }
        (State::Size { size, digits: 1.. } | State::Extension { size }, b'\r') => {
            Ok(State::SizeEnd { size })
        }
        (State::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => Ok(State::Extension { size }),
        (State::Extension { .. }, _) if byte != b'\n' => Ok(state),
        (State::SizeEnd { size }, b'\n') => Ok(size_end(size)),
        (State::DataCr, b'\r') => Ok(State::DataLf),
        (State::DataLf, b'\n') => Ok(SIZE),
        (State::Trailer { .. }, b'\r') => Ok(state),
        (State::Trailer { empty: true }, b'\n') => Ok(State::Ended),
        (State::Trailer { empty: false }, b'\n') => Ok(State::Trailer { empty: true }),
        (State::Trailer { .. }, _) => Ok(State::Trailer { empty: false }),
        _ => Err(Malformed::Chunk),
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
