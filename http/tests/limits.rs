//! Every limit, one below, at, and one above. Each input is also run cut at every byte.

mod common;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{Connection, Limits, ParseError, Step};

/// Whether the single request in `input` is served, or why not.
fn outcome(limits: Limits, input: &str) -> Result<(), ParseError> {
    let seen = transcript_of_any_cut(&limits, input.as_bytes(), false);
    match seen.last() {
        Some(Seen::Request { complete: true, .. }) if seen.len() == 1 => Ok(()),
        Some(Seen::Refused(error)) => Err(*error),
        other => panic!("{other:?}"),
    }
}

/// `n - 1` and `n` are served, `n + 1` is not.
fn edge(limit: usize, over: ParseError, input: impl Fn(usize) -> (Limits, String)) {
    for size in [limit - 1, limit, limit + 1] {
        let (limits, input) = input(size);
        let expected = if size > limit { Err(over) } else { Ok(()) };
        assert_eq!(outcome(limits, &input), expected, "{size} of {limit}");
    }
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[test]
fn the_request_line_is_counted_without_its_line_end() {
    edge(40, ParseError::RequestLineTooLong, |size| {
        let line = format!("GET /{} HTTP/1.1", "a".repeat(size - "GET / HTTP/1.1".len()));
        assert_eq!(line.len(), size);
        let limits = Limits::default().with_request_line_bytes(40);
        (limits, format!("{line}\r\nHost: a\r\n\r\n"))
    });
}

#[test]
fn the_head_is_counted_with_all_its_line_ends() {
    edge(60, ParseError::HeadTooLarge, |size| {
        let bare = "GET / HTTP/1.1\r\nHost: h\r\nA: \r\n\r\n".len();
        let filler = "b".repeat(size - bare);
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {filler}\r\n\r\n");
        assert_eq!(head.len(), size);
        (Limits::default().with_head_bytes(60), head)
    });
}

#[test]
fn an_empty_line_before_the_request_is_not_counted() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let limits = Limits::default().with_head_bytes(head.len()).with_request_line_bytes(14);
    assert_eq!(outcome(limits, &format!("\r\n{head}")), Ok(()));
    for bytes in [0, 1, 2] {
        let limits = Limits::default().with_head_bytes(bytes).with_request_line_bytes(0);
        assert_eq!(transcript_of_any_cut(&limits, b"\r\n", true), [Seen::Closed], "{bytes}");
    }
}

#[test]
fn headers_are_counted_one_by_one() {
    for limit in [3, 16, 100] {
        edge(limit, ParseError::TooManyHeaders, |count| {
            let more = "a: b\r\n".repeat(count - 1);
            let limits = Limits::default().with_headers(limit);
            (limits, format!("GET / HTTP/1.1\r\nHost: h\r\n{more}\r\n"))
        });
    }
}

#[test]
fn bodies_with_a_length_are_limited() {
    edge(10, ParseError::BodyTooLarge, |size| {
        let body = "b".repeat(size);
        let limits = Limits::default().with_body_bytes(10);
        (limits, format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n{body}"))
    });
}

#[test]
fn chunked_bodies_are_limited_over_all_chunks() {
    edge(10, ParseError::BodyTooLarge, |size| {
        let limits = Limits::default().with_body_bytes(10);
        let (first, second) = ("b".repeat(4), "c".repeat(size - 4));
        let body = format!("4\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", size - 4);
        (limits, chunked(&body))
    });
}

#[test]
fn sizes_that_would_overflow_together_are_too_large() {
    let limits = Limits::default().with_body_bytes(u64::MAX);
    let input = chunked("1\r\na\r\nffffffffffffffff\r\n");
    assert_eq!(outcome(limits, &input), Err(ParseError::BodyTooLarge));
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_any_of_the_body() {
    let mut connection = Connection::new(&Limits::default().with_body_bytes(10));
    connection.receive(
        b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n",
    );
    assert!(matches!(connection.step(), Ok(Step::Request(head)) if head.expects_continue()));
    assert_eq!(connection.step().err(), Some(ParseError::BodyTooLarge));
}

#[test]
fn a_body_limit_can_be_set_for_one_request() {
    let request = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
    let mut connection = Connection::new(&Limits::default().with_body_bytes(10));
    connection.receive(request);
    connection.receive(request);
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
    connection.set_body_limit(11);
    assert!(matches!(connection.step(), Ok(Step::Body(bytes)) if bytes == "hello world"));
    assert!(matches!(connection.step(), Ok(Step::End)));
    connection.response_done();
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
    assert_eq!(connection.step().err(), Some(ParseError::BodyTooLarge));
}

#[test]
fn a_body_limit_for_one_request_has_the_same_edge() {
    for chunked in [false, true] {
        for size in [9usize, 10, 11] {
            let body = "b".repeat(size);
            let input = if chunked {
                self::chunked(&format!("{size:x}\r\n{body}\r\n0\r\n\r\n"))
            } else {
                format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n{body}")
            };
            let mut connection = Connection::new(&Limits::default().with_body_bytes(0));
            connection.receive(input.as_bytes());
            assert!(matches!(connection.step(), Ok(Step::Request(_))));
            connection.set_body_limit(10);
            match connection.step() {
                Ok(Step::Body(bytes)) => assert_eq!((bytes.len(), size <= 10), (size, true)),
                Err(error) => assert_eq!((error, size > 10), (ParseError::BodyTooLarge, true)),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn chunk_sizes_have_at_most_16_digits() {
    edge(16, ParseError::Chunk, |digits| {
        let size = format!("{:0digits$}", 1);
        assert_eq!(size.len(), digits);
        (Limits::default(), chunked(&format!("{size}\r\na\r\n0\r\n\r\n")))
    });
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let limits = Limits::default;
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(outcome(limits().with_headers(0), get), Err(ParseError::TooManyHeaders));
    let bare = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(outcome(limits().with_headers(1), bare), Ok(()));
    assert_eq!(outcome(limits().with_head_bytes(0), get), Err(ParseError::RequestLineTooLong));
    assert_eq!(
        outcome(limits().with_request_line_bytes(0), get),
        Err(ParseError::RequestLineTooLong)
    );
    let put = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na";
    assert_eq!(outcome(limits().with_body_bytes(0), get), Ok(()));
    assert_eq!(outcome(limits().with_body_bytes(0), put), Err(ParseError::BodyTooLarge));
}

#[test]
fn the_defaults_are_what_the_documentation_says() {
    let limits = Limits::default();
    assert_eq!((limits.head_bytes, limits.headers), (16 * 1024, 100));
    assert_eq!((limits.request_line_bytes, limits.body_bytes), (8 * 1024, 1024 * 1024));
}

#[test]
fn extensions_of_chunks_are_counted_together() {
    // Semicolon and name count, size and line end do not.
    edge(100, ParseError::ChunkExtrasTooLarge, |size| {
        let limits = Limits::default().with_head_bytes(100);
        let (first, second) = ("a".repeat(48), "b".repeat(size - 50));
        (limits, chunked(&format!("1;{first}\r\nx\r\n0;{second}\r\n\r\n")))
    });
}

#[test]
fn trailers_are_counted_with_their_line_ends() {
    edge(100, ParseError::ChunkExtrasTooLarge, |size| {
        let limits = Limits::default().with_head_bytes(100);
        let trailer = format!("A: {}\r\n", "b".repeat(size - 5));
        assert_eq!(trailer.len(), size);
        (limits, chunked(&format!("0\r\n{trailer}\r\n")))
    });
}

#[test]
fn trailer_fields_are_counted_like_headers() {
    edge(5, ParseError::TooManyHeaders, |count| {
        let limits = Limits::default().with_headers(5);
        (limits, chunked(&format!("0\r\n{}\r\n", "a: b\r\n".repeat(count))))
    });
}
