//! Decodes the chunked transfer coding (RFC 9112 §7.1): tells which bytes of the input are data,
//! and takes away the rest. Extensions and trailers are checked and dropped, within limits. Whether
//! a body is chunked at all, `framing` has decided.

use crate::{Limits, ParseError, chars};
use bytes::{Buf, BytesMut};

/// A body in the course of being decoded.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: State,
    /// The size of the current chunk while it is read, then what is left of its data.
    chunk_bytes: u64,
    size_digits: u8,
    /// Data of all chunks announced so far.
    body_bytes: u64,
    /// Extensions and trailers so far.
    extra_bytes: usize,
    trailers: usize,
}

/// What the front of the input is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Nothing yet.
    NeedMore,
    /// That many bytes of data, which the caller takes away.
    Data(usize),
    /// The body has ended; what follows is the next request.
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// Blanks after the size, which only an extension may follow.
    SizeBlank,
    /// After the semicolon.
    ExtensionStart,
    ExtensionName,
    ExtensionNameBlank,
    /// After the equals sign.
    ExtensionValueStart,
    ExtensionToken,
    ExtensionQuoted,
    ExtensionEscape,
    ExtensionQuoteEnd,
    ExtensionValueBlank,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    FinalLf,
    End,
}

/// A 64-bit size; more digits are refused even if they are zeros.
const MAX_SIZE_DIGITS: u8 = 16;

impl Chunked {
    /// Goes on with the front of `input`, from which everything but data is removed.
    pub(crate) fn decode(
        &mut self,
        input: &mut BytesMut,
        body_limit: u64,
        limits: &Limits,
    ) -> Result<Piece, ParseError> {
        let mut seen = 0;
        while self.state != State::Data && self.state != State::End {
            let Some(&byte) = input.get(seen) else {
                input.clear();
                return Ok(Piece::NeedMore);
            };
            seen += 1;
            let next = self.after(byte).ok_or(ParseError::Chunk)?;
            self.count(next, limits)?;
            if self.state == State::SizeLf {
                self.begin_chunk(body_limit)?;
            }
            self.state = if next == State::Data && self.chunk_bytes == 0 {
                State::TrailerStart
            } else {
                next
            };
        }
        input.advance(seen);
        if self.state == State::End {
            return Ok(Piece::End);
        }
        if input.is_empty() {
            return Ok(Piece::NeedMore);
        }
        let length = usize::try_from(self.chunk_bytes).unwrap_or(usize::MAX).min(input.len());
        self.chunk_bytes -= length as u64;
        if self.chunk_bytes == 0 {
            self.state = State::DataCr;
        }
        Ok(Piece::Data(length))
    }

    /// The state that `byte` leads to, if it may stand here (RFC 9112 §7.1, §7.1.1, §7.1.2).
    fn after(&mut self, byte: u8) -> Option<State> {
        use State::{
            Data, DataCr, DataLf, End, ExtensionEscape, ExtensionName, ExtensionNameBlank,
            ExtensionQuoteEnd, ExtensionQuoted, ExtensionStart, ExtensionToken,
            ExtensionValueBlank, ExtensionValueStart, FinalLf, Size, SizeBlank, SizeLf, TrailerLf,
            TrailerName, TrailerStart, TrailerValue,
        };
        Some(match (self.state, byte) {
            (Size, _) if byte.is_ascii_hexdigit() => return self.add_digit(byte).then_some(Size),
            (Size, _) if self.size_digits == 0 => return None,
            (Size | ExtensionName | ExtensionToken | ExtensionQuoteEnd, b'\r') => SizeLf,
            (
                Size | SizeBlank | ExtensionName | ExtensionNameBlank | ExtensionToken
                | ExtensionQuoteEnd | ExtensionValueBlank,
                b';',
            ) => ExtensionStart,
            (Size | SizeBlank, b' ' | b'\t') => SizeBlank,
            (ExtensionName | ExtensionNameBlank, b' ' | b'\t') => ExtensionNameBlank,
            (ExtensionToken | ExtensionQuoteEnd | ExtensionValueBlank, b' ' | b'\t') => {
                ExtensionValueBlank
            }
            (ExtensionStart | ExtensionValueStart, b' ' | b'\t') => self.state,
            (ExtensionStart | ExtensionName, _) if chars::is_token(byte) => ExtensionName,
            (ExtensionName | ExtensionNameBlank, b'=') => ExtensionValueStart,
            (ExtensionValueStart | ExtensionToken, _) if chars::is_token(byte) => ExtensionToken,
            (ExtensionValueStart, b'"') => ExtensionQuoted,
            (ExtensionQuoted, b'"') => ExtensionQuoteEnd,
            (ExtensionQuoted, b'\\') => ExtensionEscape,
            (ExtensionQuoted | ExtensionEscape, _) if chars::is_value(byte) => ExtensionQuoted,
            (SizeLf, b'\n') => Data,
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => Size,
            (TrailerStart, b'\r') => FinalLf,
            (TrailerStart | TrailerName, _) if chars::is_token(byte) => TrailerName,
            (TrailerName, b':') => TrailerValue,
            (TrailerValue, b'\r') => TrailerLf,
            (TrailerValue, _) if chars::is_value(byte) => TrailerValue,
            (TrailerLf, b'\n') => TrailerStart,
            (FinalLf, b'\n') => End,
            _ => return None,
        })
    }

    /// False when there are too many digits to count.
    fn add_digit(&mut self, digit: u8) -> bool {
        let value = char::from(digit).to_digit(16).unwrap_or_default();
        self.chunk_bytes = self.chunk_bytes << 4 | u64::from(value);
        self.size_digits += 1;
        self.size_digits <= MAX_SIZE_DIGITS
    }

    /// Bounds what costs work and brings no data, over the whole body: otherwise each byte of it
    /// could come with an extension of its own.
    fn count(&mut self, next: State, limits: &Limits) -> Result<(), ParseError> {
        if self.state == State::TrailerStart && next == State::TrailerName {
            self.trailers += 1;
            if self.trailers > limits.headers {
                return Err(ParseError::TooManyHeaders);
            }
        }
        if next.is_extra() {
            self.extra_bytes += 1;
            if self.extra_bytes > limits.head_bytes {
                return Err(ParseError::ChunkExtrasTooLarge);
            }
        }
        Ok(())
    }

    /// At the end of a size line.
    fn begin_chunk(&mut self, body_limit: u64) -> Result<(), ParseError> {
        self.size_digits = 0;
        self.body_bytes = self
            .body_bytes
            .checked_add(self.chunk_bytes)
            .filter(|&total| total <= body_limit)
            .ok_or(ParseError::BodyTooLarge)?;
        Ok(())
    }
}

impl State {
    /// Whether the byte that led here belongs to an extension or a trailer line.
    fn is_extra(self) -> bool {
        !matches!(
            self,
            Self::Size
                | Self::SizeLf
                | Self::Data
                | Self::DataCr
                | Self::DataLf
                | Self::FinalLf
                | Self::End
        )
    }
}
