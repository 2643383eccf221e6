//! Frames of the chunks of a body (RFC 9112 §7.1). Their data is written by whoever has it.

/// What follows the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// What ends a chunked body. No trailers are sent.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends the size line of a chunk of `len` bytes (RFC 9112 §7.1); its data and [`CHUNK_END`] are to
/// follow.
///
/// # Panics
/// If `len` is 0: that would end the body.
///
/// ```
/// use headwater_http::encode::{CHUNK_END, chunk_header};
///
/// // One chunk of data that is in two places.
/// let parts: [&[u8]; 2] = [b"hello ", b"world, and all"];
/// let mut out = Vec::new();
/// chunk_header(&mut out, parts.iter().map(|part| part.len()).sum());
/// parts.iter().for_each(|part| out.extend_from_slice(part));
/// out.extend_from_slice(CHUNK_END);
/// assert_eq!(out, b"14\r\nhello world, and all\r\n");
/// ```
pub fn chunk_header(out: &mut Vec<u8>, len: usize) {
    assert!(len > 0, "an empty chunk ends the body: write LAST_CHUNK for that");
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4);
    out.extend((0..digits).rev().map(|place| HEX_DIGITS[len >> (4 * place) & 0xf]));
    out.extend_from_slice(b"\r\n");
}

/// Appends `data` as one chunk, or nothing if it is empty.
pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        chunk_header(out, data.len());
        out.extend_from_slice(data);
        out.extend_from_slice(CHUNK_END);
    }
}

const HEX_DIGITS: [u8; 16] = *b"0123456789abcdef";
