//! Which chunked bodies are refused. Each input is also run cut at every byte.

mod common;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{Limits, ParseError};

/// However the input is cut, the request must be told, and its body never completed.
fn chunks_refused(bodies: &[&str]) {
    for body in bodies {
        let input =
            format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        match &transcript_of_any_cut(&Limits::default(), input.as_bytes(), false)[..] {
            [Seen::Request { complete: false, .. }, Seen::Refused(ParseError::Chunk)] => {}
            other => panic!("{body:?}: {other:?}"),
        }
    }
}

#[test]
fn malformed_chunk_sizes_are_refused() {
    chunks_refused(&[
        "\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\n",
        "1\t\r\n",
        "g\r\n",
        "1_0\r\n",
        "1g\r\n",
        "1.\r\n",
        ";a\r\n",
        "1 a\r\n",
        "\u{661}\r\n",
        "10000000000000000\r\n",
        "00000000000000000\r\n",
        "f0000000000000003\r\n",
    ]);
}

#[test]
fn malformed_chunk_extensions_are_refused() {
    chunks_refused(&[
        "1;\r\n",
        "1; \r\n",
        "1;;a\r\n",
        "1;=b\r\n",
        "1;a=\r\n",
        "1;a=b=c\r\n",
        "1;a b\r\n",
        "1;a \r\n",
        "1;a=b \r\n",
        "1;a=\"b\r\n",
        "1;a=\"b\"c\r\n",
        "1;a=\"b\\\r\n",
        "1;a\0\r\n",
        "1;a=\"\x01\"\r\n",
    ]);
}

#[test]
fn lone_line_ends_in_chunk_frames_are_refused() {
    chunks_refused(&[
        "1\n",
        "1\ra",
        "1;a\n",
        "1;a\rb",
        "1\r\na\n",
        "1\r\na\rb",
        "1\r\nab",
        "1\r\na0\r\n\r\n",
        "0\r\n\n",
        "0\r\n\ra",
        "0\r\nA: b\n",
        "0\r\nA: b\rc",
    ]);
}

#[test]
fn malformed_trailers_are_refused() {
    chunks_refused(&[
        "0\r\n:a\r\n",
        "0\r\nA\r\n",
        "0\r\n A: b\r\n",
        "0\r\nA : b\r\n",
        "0\r\nA: b\r\n c\r\n",
        "0\r\nA: \0\r\n",
        "0\r\nGET / HTTP/1.1\r\n",
    ]);
}
