//! Which status a refusal has. What is refused, row by row: `vectors`; at which size: `limits`.

mod common;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{Limits, ParseError};

fn refused_bytes(error: ParseError, input: &[u8]) {
    let seen = transcript_of_any_cut(&Limits::default(), input, false);
    assert_eq!(seen, [Seen::Refused(error)], "{}", input.escape_ascii());
}

/// The status that all of `inputs` are refused with, after however much of them was told.
fn refused_with(status: u16, limits: &Limits, inputs: &[&str]) {
    for input in inputs {
        match transcript_of_any_cut(limits, input.as_bytes(), false).last() {
            Some(Seen::Refused(error)) => assert_eq!(error.status().as_u16(), status, "{input:?}"),
            other => panic!("{input:?}: {other:?}"),
        }
    }
}

#[test]
fn malformed_requests_are_refused_with_400() {
    refused_with(
        400,
        &Limits::default(),
        &[
            "GET /\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        ],
    );
}

#[test]
fn bodies_that_are_too_large_are_refused_with_413() {
    refused_with(
        413,
        &Limits::default().with_body_bytes(1),
        &[
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n",
        ],
    );
}

#[test]
fn request_lines_that_are_too_long_are_refused_with_414() {
    refused_with(
        414,
        &Limits::default().with_request_line_bytes(20),
        &["GET /aaaaaaa HTTP/1.1\r\n"],
    );
}

#[test]
fn unknown_expectations_are_refused_with_417() {
    refused_with(
        417,
        &Limits::default(),
        &[
            "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na",
            "GET / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n",
        ],
    );
}

#[test]
fn heads_and_chunk_extras_that_are_too_large_are_refused_with_431() {
    refused_with(
        431,
        &Limits::default().with_headers(2).with_head_bytes(70),
        &[
            "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n",
            "GET / HTTP/1.1\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA:\r\nB:\r\nC:\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
             aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
        ],
    );
}

#[test]
fn unknown_transfer_codings_are_refused_with_501() {
    refused_with(
        501,
        &Limits::default(),
        &["PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    );
}

#[test]
fn other_versions_are_refused_with_505() {
    refused_with(505, &Limits::default(), &["GET / HTTP/2.0\r\nHost: h\r\n\r\n"]);
}

#[test]
fn control_bytes_are_refused_at_once() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        // No line end follows: whoever speaks another protocol need not wait for a time-out.
        refused_bytes(ParseError::ControlByte, &[byte]);
        refused_bytes(
            ParseError::ControlByte,
            &[b"GET / HTTP/1.1\r\nA: b".as_slice(), &[byte]].concat(),
        );
    }
}

#[test]
fn each_error_has_its_status_and_says_what_is_wrong() {
    use ParseError as E;
    let statuses = [
        (
            400,
            vec![
                E::RequestLine,
                E::Target,
                E::LineEnd,
                E::ControlByte,
                E::Folding,
                E::HeaderLine,
                E::Host,
                E::ContentLength,
                E::TransferEncoding,
                E::LengthConflict,
                E::Chunk,
                E::Incomplete,
            ],
        ),
        (413, vec![E::BodyTooLarge]),
        (414, vec![E::RequestLineTooLong]),
        (417, vec![E::Expectation]),
        (431, vec![E::HeadTooLarge, E::TooManyHeaders, E::ChunkExtrasTooLarge]),
        (501, vec![E::TransferCoding]),
        (505, vec![E::Version]),
    ];
    let mut texts = std::collections::HashSet::new();
    for (status, errors) in statuses {
        for error in errors {
            assert_eq!(error.status().as_u16(), status, "{error:?}");
            assert!(texts.insert(error.to_string()) && !error.to_string().contains('\n'));
        }
    }
}
