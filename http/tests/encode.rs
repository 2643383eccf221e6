//! What response heads and chunk frames look like on the wire.

use headwater_http::Version::{self, Http10, Http11};
use headwater_http::encode::{
    self, BodyFraming, Connection, DateField, EncodeError, Promise, encode_head,
};
use http::StatusCode;

const NONE: [(&str, &str); 0] = [];

/// Sun, 06 Nov 1994 08:49:37 GMT.
fn date() -> DateField {
    DateField::new(784_111_777)
}

/// The head without status line and date, and what it promises.
fn fields(
    status: u16,
    version: Version,
    framing: BodyFraming,
    connection: Connection,
) -> (String, Promise) {
    let mut out = Vec::new();
    let status = StatusCode::from_u16(status).expect("a status of the test");
    let promise = encode_head(&mut out, status, version, NONE, framing, connection, &date());
    let text = String::from_utf8(out).expect("ASCII");
    let (_, rest) = text.split_once("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n").expect("a date");
    let fields = rest.strip_suffix("\r\n").expect("an empty line");
    (fields.to_owned(), promise.expect("no headers to refuse"))
}

fn promised(framing: BodyFraming, connection: Connection) -> Promise {
    Promise { framing, connection }
}

#[test]
fn a_plain_head_is_written_byte_for_byte() {
    let mut out = b"before".to_vec();
    let headers = [("content-type", "text/plain"), ("x-empty", "")];
    let framing = BodyFraming::Length(12);
    let promise = encode_head(
        &mut out,
        StatusCode::OK,
        Http11,
        headers,
        framing,
        Connection::KeepAlive,
        &date(),
    );
    assert_eq!(promise, Ok(promised(framing, Connection::KeepAlive)));
    assert_eq!(
        out.escape_ascii().to_string(),
        b"beforeHTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-empty: \r\n\
          date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 12\r\n\r\n"
            .escape_ascii()
            .to_string()
    );
}

#[test]
fn content_length_0_is_never_missing() {
    for status in (200..=599).filter(|status| ![204, 304].contains(status)) {
        for version in [Http10, Http11] {
            let (fields, promise) = fields(status, version, BodyFraming::None, Connection::Close);
            assert_eq!(fields, "content-length: 0\r\nconnection: close\r\n", "{status}");
            assert_eq!(promise, promised(BodyFraming::None, Connection::Close));
        }
    }
}

#[test]
fn status_205_has_an_empty_body_and_says_so() {
    let framings = [BodyFraming::Length(7), BodyFraming::Chunked, BodyFraming::UntilClose];
    for framing in framings.into_iter().chain([BodyFraming::None]) {
        assert_eq!(
            fields(205, Http11, framing, Connection::KeepAlive),
            ("content-length: 0\r\n".into(), promised(BodyFraming::None, Connection::KeepAlive))
        );
    }
}

#[test]
fn the_answer_to_head_is_that_to_get_without_its_body() {
    let answer = |method: &str| {
        let mut connection = headwater_http::Connection::new(&headwater_http::Limits::default());
        connection.receive(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        let Ok(headwater_http::Step::Request(head)) = connection.step() else { panic!("a head") };
        let (status, framing) = (StatusCode::OK, BodyFraming::Length(5));
        let mut out = Vec::new();
        let keep = Connection::KeepAlive;
        let promise = encode_head(&mut out, status, head.version(), NONE, framing, keep, &date());
        assert_eq!(promise, Ok(promised(framing, keep)));
        if *head.method() != http::Method::HEAD {
            out.extend_from_slice(b"hello");
        }
        out
    };
    let (get, head) = (answer("GET"), answer("HEAD"));
    assert_eq!(get, [head.as_slice(), b"hello"].concat());
    assert!(head.ends_with(b"content-length: 5\r\n\r\n"));
}

#[test]
fn statuses_without_a_body_get_none_and_no_length() {
    for status in [100, 103, 204, 304] {
        for framing in [BodyFraming::None, BodyFraming::Chunked, BodyFraming::UntilClose] {
            assert_eq!(
                fields(status, Http11, framing, Connection::KeepAlive),
                (String::new(), promised(BodyFraming::None, Connection::KeepAlive)),
                "{status} {framing:?}"
            );
        }
    }
    let length = BodyFraming::Length(7);
    assert_eq!(fields(204, Http11, length, Connection::KeepAlive).0, "");
    assert_eq!(
        fields(304, Http11, length, Connection::KeepAlive),
        ("content-length: 7\r\n".into(), promised(BodyFraming::None, Connection::KeepAlive))
    );
}

#[test]
fn http_1_0_is_never_answered_with_chunked() {
    assert_eq!(
        fields(200, Http11, BodyFraming::Chunked, Connection::KeepAlive),
        (
            "transfer-encoding: chunked\r\n".into(),
            promised(BodyFraming::Chunked, Connection::KeepAlive)
        )
    );
    assert_eq!(
        fields(200, Http10, BodyFraming::Chunked, Connection::KeepAlive),
        ("connection: close\r\n".into(), promised(BodyFraming::UntilClose, Connection::Close))
    );
}

#[test]
fn a_body_until_close_closes() {
    assert_eq!(
        fields(200, Http11, BodyFraming::UntilClose, Connection::KeepAlive),
        ("connection: close\r\n".into(), promised(BodyFraming::UntilClose, Connection::Close))
    );
}

#[test]
fn persistence_is_said_where_it_is_not_the_default() {
    let connection = |version, connection| fields(200, version, BodyFraming::None, connection).0;
    assert_eq!(connection(Http11, Connection::KeepAlive), "content-length: 0\r\n");
    assert_eq!(connection(Http11, Connection::Close), "content-length: 0\r\nconnection: close\r\n");
    assert_eq!(connection(Http10, Connection::Close), "content-length: 0\r\nconnection: close\r\n");
    assert_eq!(
        connection(Http10, Connection::KeepAlive),
        "content-length: 0\r\nconnection: keep-alive\r\n"
    );
}

#[test]
fn an_unknown_status_has_an_empty_text_and_never_unknown() {
    let line = |status: u16| {
        let mut out = Vec::new();
        let status = StatusCode::from_u16(status).expect("a status of the test");
        let framing = BodyFraming::None;
        let promise =
            encode_head(&mut out, status, Http11, NONE, framing, Connection::Close, &date());
        assert!(promise.is_ok());
        String::from_utf8(out).expect("ASCII").lines().next().map(str::to_owned)
    };
    assert_eq!(line(404).as_deref(), Some("HTTP/1.1 404 Not Found"));
    assert_eq!(line(299).as_deref(), Some("HTTP/1.1 299 "));
    assert_eq!(line(999).as_deref(), Some("HTTP/1.1 999 "));
}

#[test]
fn nothing_that_could_split_a_response_gets_out() {
    let refused = |name: &str, value: &str| {
        let mut out = b"before".to_vec();
        let headers = [("a", "b"), (name, value)];
        let error = encode_head(
            &mut out,
            StatusCode::OK,
            Http11,
            headers,
            BodyFraming::None,
            Connection::Close,
            &date(),
        )
        .err();
        assert_eq!(out, b"before", "a refused head leaves nothing behind");
        error
    };
    for byte in (0..=0x1fu8).chain([0x7f]).filter(|byte| *byte != b'\t') {
        let byte = char::from(byte);
        assert_eq!(refused("x", &format!("a{byte}b")), Some(EncodeError::Value), "{byte:?}");
        assert_eq!(refused(&format!("a{byte}b"), "x"), Some(EncodeError::Name), "{byte:?}");
    }
    for name in ["", " ", "a b", "a:", "a\t", "\u{e9}", "a(", "a\r\nb"] {
        assert_eq!(refused(name, "x"), Some(EncodeError::Name), "{name:?}");
    }
    for name in ["Content-Length", "transfer-encoding", "CONNECTION"] {
        assert_eq!(refused(name, "x"), Some(EncodeError::Reserved), "{name:?}");
    }
}

#[test]
fn a_handlers_own_date_is_the_only_one() {
    let mut out = Vec::new();
    let headers = [("Date", "Thu, 01 Jan 1970 00:00:00 GMT")];
    let (status, framing) = (StatusCode::OK, BodyFraming::None);
    let promise =
        encode_head(&mut out, status, Http11, headers, framing, Connection::Close, &date());
    assert!(promise.is_ok());
    let text = String::from_utf8(out).expect("ASCII").to_ascii_lowercase();
    assert_eq!(text.matches("\r\ndate: ").count(), 1);
    assert!(text.contains("1970"));
}

#[test]
fn lengths_are_written_in_full() {
    for length in [0, 9, 10, 1_234_567, u64::MAX] {
        let (fields, _) = fields(200, Http11, BodyFraming::Length(length), Connection::KeepAlive);
        assert_eq!(fields, format!("content-length: {length}\r\n"));
    }
}

#[test]
fn chunk_headers_are_hex_without_leading_zeros() {
    for len in [1, 9, 10, 15, 16, 255, 256, 65_536, 0xdead_beef] {
        let mut out = Vec::new();
        encode::chunk_header(&mut out, len);
        assert_eq!(String::from_utf8_lossy(&out), format!("{len:x}\r\n"));
    }
}

#[test]
fn an_empty_chunk_never_ends_a_body_by_accident() {
    let mut out = Vec::new();
    encode::chunk(&mut out, b"");
    assert!(out.is_empty());
    encode::chunk(&mut out, b"hello");
    out.extend_from_slice(encode::LAST_CHUNK);
    assert_eq!(out, b"5\r\nhello\r\n0\r\n\r\n");
    assert!(std::panic::catch_unwind(|| encode::chunk_header(&mut Vec::new(), 0)).is_err());
}
