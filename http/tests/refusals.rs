//! What is refused, and with which error. Each input is also run cut at every byte.

mod common;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{Limits, ParseError};

/// Every input must end in the same error, whatever its cut, and serve nothing first.
fn refused(error: ParseError, inputs: &[&str]) {
    for input in inputs {
        refused_bytes(error, input.as_bytes());
    }
}

fn refused_bytes(error: ParseError, input: &[u8]) {
    let seen = transcript_of_any_cut(&Limits::default(), input, false);
    assert_eq!(seen, [Seen::Refused(error)], "{}", input.escape_ascii());
}

/// As `refused`, with one header line put into a request that is fine without it.
fn header_refused(error: ParseError, lines: &[&str]) {
    for line in lines {
        let input = format!("POST / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n");
        refused_bytes(error, input.as_bytes());
    }
}

#[test]
fn lone_line_feeds_are_refused_anywhere() {
    refused(
        ParseError::LineEnd,
        &[
            "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA: b\nContent-Length: 5\r\n\r\n",
        ],
    );
}

#[test]
fn lone_carriage_returns_are_refused_anywhere() {
    refused(
        ParseError::LineEnd,
        &[
            "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n",
        ],
    );
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
fn more_than_one_empty_line_is_refused() {
    refused(ParseError::RequestLine, &["\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"]);
}

#[test]
fn folded_lines_are_refused() {
    header_refused(ParseError::Folding, &["A: b\r\n c", "A: b\r\n\tc", "A:\r\n \r\nB: c"]);
    refused(ParseError::Folding, &["GET / HTTP/1.1\r\n Host: h\r\n\r\n"]);
}

#[test]
fn malformed_request_lines_are_refused() {
    let refused_line = |line: &str| {
        refused_bytes(ParseError::RequestLine, format!("{line}\r\nHost: h\r\n\r\n").as_bytes());
    };
    for line in [
        "GET",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "/ HTTP/1.1",
        "GET HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.",
        "GET / HTTP/1.10",
        "GET / HTTP/11.1",
        "GET / HTTP/+1.1",
        "GET / RTSP/1.0",
        "G(T / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "GET / / HTTP/1.1",
        "GET / HTTP/2.0 x",
        "G:T / HTTP/2.0",
        "HTTP/1.1 200 OK",
        "GET: / HTTP/1.1",
    ] {
        refused_line(line);
    }
}

#[test]
fn other_versions_are_refused_with_505() {
    refused(
        ParseError::Version,
        &[
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
            "GET / HTTP/0.9\r\n\r\n",
            "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
            "GET / HTTP/3.1\r\n\r\n",
        ],
    );
}

#[test]
fn targets_of_no_form_or_of_the_wrong_one_are_refused() {
    for line in [
        "GET *",
        "GET a",
        "GET a:1",
        "GET ?a",
        "GET #",
        "GET /#a",
        "GET ftp://a/",
        "GET http:/a",
        "GET http://",
        "GET http:///a",
        "GET http://?a",
        "GET http://:1/",
        "GET http://a@b/",
        "GET http://a:b/",
        "GET http://a:65536/",
        "GET http://[::1/",
        "GET http://[::1]a/",
        "GET http://a\\b/",
        "POST *",
        "OPTIONS a",
        "OPTIONS **",
        "CONNECT /",
        "CONNECT a",
        "CONNECT a:",
        "CONNECT http://a/",
        "CONNECT *",
        "GET /\u{e9}",
    ] {
        refused(ParseError::Target, &[&format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n")]);
    }
}

#[test]
fn malformed_header_lines_are_refused() {
    header_refused(
        ParseError::HeaderLine,
        &["A", ":", ": b", "A : b", "A\t: b", "A b: c", "\u{e9}: b", "A[: b", "\"A\": b", "(A): b"],
    );
}

#[test]
fn a_missing_repeated_or_malformed_host_is_refused() {
    refused(ParseError::Host, &["GET / HTTP/1.1\r\n\r\n", "GET http://h/ HTTP/1.1\r\n\r\n"]);
    header_refused(ParseError::Host, &["Host: h", "host: i", "HOST:"]);
    for host in ["a b", "a, b", "a@b", "a/b", "a:b", "a:1:2", "http://a", "[::1", "\u{e9}", "%zz"] {
        refused(ParseError::Host, &[&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")]);
    }
}

#[test]
fn content_length_is_digits_said_once() {
    header_refused(
        ParseError::ContentLength,
        &[
            "Content-Length:",
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: 5, 5",
            "Content-Length: 5,",
            "Content-Length: 5 5",
            "Content-Length: 0x5",
            "Content-Length: 5.",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\ncontent-length: 6",
            "Content-Length: \u{b2}",
            "Content-Length: five",
            "Content-Length: 5_0",
            "Content-Length: 0\r\nContent-Length: 0",
        ],
    );
}

#[test]
fn a_length_too_large_to_count_is_too_large() {
    header_refused(
        ParseError::BodyTooLarge,
        &["Content-Length: 18446744073709551616", "Content-Length: 99999999999999999999999"],
    );
}

#[test]
fn malformed_or_misplaced_chunked_is_refused() {
    header_refused(
        ParseError::TransferEncoding,
        &[
            "Transfer-Encoding:",
            "Transfer-Encoding: chunked,",
            "Transfer-Encoding: ,chunked",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: chunked;a=b",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: chun ked",
            "Transfer-Encoding: chunked\u{e9}",
            "Transfer-Encoding: gzip, chunked, chunked",
            "Transfer-Encoding: [chunked]",
        ],
    );
    refused(
        ParseError::TransferEncoding,
        &[
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n",
        ],
    );
}

#[test]
fn other_transfer_codings_are_refused_with_501() {
    header_refused(
        ParseError::TransferCoding,
        &[
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: a;b=c, chunked",
        ],
    );
}

#[test]
fn a_length_and_a_coding_together_are_refused() {
    header_refused(
        ParseError::LengthConflict,
        &[
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: gzip\r\nContent-Length: 0",
        ],
    );
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
