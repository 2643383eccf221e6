//! What is still to come of a request's body, whichever way it is delimited (RFC 9112 §6). Which way
//! that is, `framing` has decided; chunks are decoded by `chunked`.

use crate::chunked::{Chunked, Piece};
use crate::{BodyLength, Limits, ParseError};
use bytes::BytesMut;

/// A body in the course of being received.
#[derive(Debug)]
pub(crate) enum Body {
    /// That many bytes more.
    Length(u64),
    Chunked(Chunked),
}

impl Body {
    /// `None` if there is nothing to come.
    pub(crate) fn new(length: BodyLength) -> Option<Self> {
        match length {
            BodyLength::None | BodyLength::Length(0) => None,
            BodyLength::Length(bytes) => Some(Self::Length(bytes)),
            BodyLength::Chunked => Some(Self::Chunked(Chunked::default())),
        }
    }

    /// Tells what the front of `input` is, and removes from it what is neither data nor of the next
    /// request.
    pub(crate) fn next_piece(
        &mut self,
        input: &mut BytesMut,
        body_limit: u64,
        limits: &Limits,
    ) -> Result<Piece, ParseError> {
        match self {
            Self::Length(left) => length_piece(left, input.len(), body_limit),
            Self::Chunked(chunked) => chunked.decode(input, body_limit, limits),
        }
    }
}

/// What the front of the input is, in a body with `left` bytes to come.
fn length_piece(left: &mut u64, available: usize, limit: u64) -> Result<Piece, ParseError> {
    // `left` only falls, so this refuses at the start, before any byte of the body.
    if *left > limit {
        return Err(ParseError::BodyTooLarge);
    }
    if *left == 0 {
        return Ok(Piece::End);
    }
    if available == 0 {
        return Ok(Piece::NeedMore);
    }
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left -= length as u64;
    Ok(Piece::Data(length))
}
