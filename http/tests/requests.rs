//! What is told of a request that is served. What is served at all, row by row: `vectors`.

mod common;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{BodyLength, Connection, Head, Limits, ParseError, Step, Version};

/// The head of a single request without a body.
fn head(input: &str) -> Head {
    let mut connection = Connection::new(&Limits::default());
    connection.receive(input.as_bytes());
    match connection.step() {
        Ok(Step::Request(head)) => head,
        other => panic!("{input:?}: {other:?}"),
    }
}

#[test]
fn every_target_form_has_a_path() {
    let path = |line: &str| head(&format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n")).path().to_owned();
    assert_eq!(path("GET /a/b?c"), "/a/b");
    assert_eq!(path("GET http://x/a?b"), "/a");
    assert_eq!(path("GET HTTPS://x:1"), "/");
    assert_eq!(path("OPTIONS *"), "*");
    assert_eq!(path("CONNECT x:1"), "");
}

#[test]
fn the_targets_authority_goes_before_the_host_field() {
    let authority = |target: &str| {
        head(&format!("GET {target} HTTP/1.1\r\nHost: h:1\r\n\r\n")).authority().map(str::to_owned)
    };
    assert_eq!(authority("/").as_deref(), Some("h:1"));
    assert_eq!(authority("http://x:2/").as_deref(), Some("x:2"));
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").authority(), None);
}

#[test]
fn headers_are_found_in_any_case_and_listed_as_sent() {
    let head = head("GET / HTTP/1.1\r\nHOST: h\r\nX-A:  one \t\r\nx-a: two\r\nE:\r\n\r\n");
    assert_eq!(head.header("x-A"), Some(b"one".as_slice()));
    assert_eq!(head.header("e"), Some(b"".as_slice()));
    assert_eq!(head.header("x"), None);
    let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["HOST", "X-A", "x-a", "E"]);
    assert_eq!((head.version(), head.body()), (Version::Http11, BodyLength::None));
}

#[test]
fn more_headers_than_fit_in_place_are_all_there() {
    for count in [15, 16, 17, 99] {
        let lines: Vec<_> = (1..count).map(|index| format!("x-{index}: {index}\r\n")).collect();
        let head = head(&format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", lines.concat()));
        assert_eq!(head.headers().count(), count);
        for index in 1..count {
            assert_eq!(head.header(&format!("X-{index}")), Some(index.to_string().as_bytes()));
        }
    }
}

#[test]
fn any_token_is_a_method() {
    assert_eq!(head("M-SEARCH!x / HTTP/1.1\r\nHost: h\r\n\r\n").method(), "M-SEARCH!x");
    let long = "A".repeat(100);
    assert_eq!(head(&format!("{long} / HTTP/1.1\r\nHost: h\r\n\r\n")).method(), long.as_str());
}

#[test]
fn debug_output_shows_no_credentials() {
    let head = head("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: secret\r\n\r\n");
    assert!(!format!("{head:?}").contains("secret"));
}

#[test]
fn keep_alive_is_the_default_of_1_1_and_asked_for_in_1_0() {
    let keep_alive = |version: &str, connection: &str| {
        head(&format!("GET / HTTP/{version}\r\nHost: h\r\n{connection}\r\n")).keep_alive()
    };
    assert!(keep_alive("1.1", ""));
    assert!(keep_alive("1.1", "Connection: upgrade, x\r\n"));
    assert!(!keep_alive("1.1", "Connection: Close\r\n"));
    assert!(!keep_alive("1.1", "Connection: x ,\tclose\r\n"));
    assert!(!keep_alive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    assert!(!keep_alive("1.0", ""));
    assert!(keep_alive("1.0", "Connection: Keep-Alive\r\n"));
    assert!(!keep_alive("1.0", "Connection: keep-alive, close\r\n"));
}

#[test]
fn expectations_count_only_where_a_body_follows_in_1_1() {
    let expects = |version: &str, field: &str| {
        let input =
            format!("PUT / HTTP/{version}\r\nHost: h\r\nExpect: 100-Continue\r\n{field}\r\n");
        head(&input).expects_continue()
    };
    assert!(expects("1.1", "Content-Length: 1\r\n"));
    assert!(expects("1.1", "Transfer-Encoding: chunked\r\n"));
    assert!(!expects("1.1", "Content-Length: 0\r\n"));
    assert!(!expects("1.1", ""));
    assert!(!expects("1.0", "Content-Length: 1\r\n"));
}

#[test]
fn the_end_of_the_stream_inside_a_request_is_an_error() {
    let whole =
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    for cut in 1..whole.len() {
        let seen = transcript_of_any_cut(&Limits::default(), &whole[..cut], true);
        assert_eq!(seen.last(), Some(&Seen::Refused(ParseError::Incomplete)), "{cut}");
    }
}

#[test]
fn a_request_that_came_with_the_end_of_the_stream_is_still_answered() {
    let mut connection = Connection::new(&Limits::default());
    connection.receive(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    connection.receive_end();
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
    assert!(!connection.keep_alive(), "nothing can follow");
    assert!(matches!(connection.step(), Ok(Step::End)));
    assert!(matches!(connection.step(), Ok(Step::Paused)));
    connection.response_done();
    assert!(matches!(connection.step(), Ok(Step::Closed)));
    assert!(matches!(connection.step(), Ok(Step::Closed)));
}
