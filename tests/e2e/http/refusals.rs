//! Requests that are refused: each is answered before the connection ends, and the answer arrives.

use crate::support::{Running, builder, serve};
use headwater::routing::{get, post};
use headwater::{Engine, HttpLimits, Router};

fn app() -> Router {
    let echo = |body: String| body;
    Router::new().route("/", get(|| "ok").post(echo)).route("/only-post", post(echo))
}

/// Sends bytes and expects this status and the end.
#[track_caller]
fn refused(server: &Running, request: impl AsRef<[u8]>, status: u16) {
    let request = request.as_ref();
    let mut peer = server.connect();
    peer.send(request);
    let answer = peer.answer();
    let shown = String::from_utf8_lossy(&request[..request.len().min(80)]);
    assert_eq!(answer.status, status, "{shown:?}");
    assert!(answer.is_last(), "{answer:?}");
    peer.expect_end();
}

fn malformed_requests_are_answered_with_400(engine: Engine) {
    #[cfg(feature = "tracing")]
    crate::support::reports::listen();
    let server = serve(engine, app());
    for request in [
        "nonsense\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\nhost: test\n\n",
        "GET / HTTP/1.1\r\nhost : test\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: test\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: te\rst\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: te\0st\r\n\r\n",
    ] {
        refused(&server, request, 400);
    }
    #[cfg(feature = "tracing")]
    assert!(crate::support::reports::have("outcome=\"refused\"\nstatus=400\npeer=127.0.0.1:"));
}

fn requests_with_two_possible_lengths_are_refused(engine: Engine) {
    let server = serve(engine, app());
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "content-length: +5",
        "content-length: 5, 5",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ncontent-length: 5",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding : chunked",
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\nhello");
        refused(&server, request, 400);
    }
    for body in
        ["+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n"]
    {
        let head = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
        refused(&server, format!("{head}{body}"), 400);
    }
}

/// RFC 9110 §9.3.2: whoever asks for a head reads no further than that.
fn head_whose_body_is_refused_is_answered_by_a_head(engine: Engine) {
    let server = serve(engine, app());
    for (request, status) in [
        ("transfer-encoding: chunked\r\n\r\nno size\r\n", 400),
        ("content-length: 2000000\r\n\r\n", 413),
    ] {
        let mut peer = server.connect();
        peer.send(format!("HEAD / HTTP/1.1\r\nhost: test\r\n{request}"));
        let head = peer.take_until(b"\r\n\r\n").expect("an answer comes before the end");
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        peer.expect_end();
    }
}

fn unknown_path_is_answered_with_404_and_the_connection_goes_on(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for path in ["/missing", "/only-post/", "/only"] {
        peer.ask(path);
        assert_eq!(peer.answer().status, 404);
    }
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

fn wrong_method_is_answered_with_405_and_the_methods_that_are_right(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for (path, method, allow) in [
        ("/", "DELETE", "GET, POST, HEAD, OPTIONS"),
        ("/only-post", "GET", "POST, OPTIONS"),
        ("/only-post", "PATCH", "POST, OPTIONS"),
    ] {
        peer.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let answer = peer.answer();
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)));
    }
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

fn limits_hold_at_their_edges(engine: Engine) {
    let limits = HttpLimits::default()
        .with_head_bytes(500)
        .with_headers(5)
        .with_request_line_bytes(200)
        .with_body_bytes(1000);
    let server = builder(engine).http_limits(limits).serve(app()).map(Running::from);
    let server = server.expect("a free port of the loopback");
    let mut peer = server.connect();
    let body = |length: usize| {
        let body = "b".repeat(length);
        format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let chunked = |length: usize| {
        let head = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{length:x}\r\n{}\r\n0\r\n\r\n", "b".repeat(length))
    };
    let line = |length: usize| {
        let fill = "a".repeat(length - "GET /? HTTP/1.1".len());
        format!("GET /?{fill} HTTP/1.1\r\nhost: test\r\n\r\n")
    };
    let head = |length: usize| {
        let fill = "a".repeat(length - "GET / HTTP/1.1\r\nhost: test\r\na: \r\n\r\n".len());
        format!("GET / HTTP/1.1\r\nhost: test\r\na: {fill}\r\n\r\n")
    };
    let headers = |count: usize| {
        let fill = "a: b\r\n".repeat(count - 1);
        format!("GET / HTTP/1.1\r\nhost: test\r\n{fill}\r\n")
    };
    for served in [
        body(999),
        body(1000),
        chunked(999),
        chunked(1000),
        line(199),
        line(200),
        head(499),
        head(500),
        headers(4),
        headers(5),
    ] {
        peer.send(&served);
        assert_eq!(peer.answer().status, 200, "{}", served.lines().next().unwrap_or_default());
    }
    refused(&server, body(1001), 413);
    refused(&server, chunked(1001), 413);
    refused(&server, line(201), 414);
    refused(&server, head(501), 431);
    refused(&server, headers(6), 431);
}

fn refusal_arrives_although_the_client_is_still_sending(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    // Twice the limit, of which most is on its way when the refusal is sent.
    let length = 2 * 1024 * 1024;
    let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
    let mut request = head.into_bytes();
    request.resize(request.len() + length, b'x');
    let sender = peer.send_aside(request);
    assert_eq!(peer.answer().status, 413);
    peer.expect_end();
    sender.join().expect("the server read on");
}

fn body_that_is_too_large_is_refused_without_asking_for_it(engine: Engine) {
    let server = serve(engine, app());
    let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9999999\r\n";
    refused(&server, format!("{head}expect: 100-continue\r\n\r\n"), 413);
}

fn other_versions_are_answered_with_505(engine: Engine) {
    let server = serve(engine, app());
    for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/0.9"] {
        refused(&server, format!("GET / {version}\r\nhost: test\r\n\r\n"), 505);
    }
}

fn preface_of_http_2_gets_an_answer_and_a_close(engine: Engine) {
    let server = serve(engine, app());
    for _ in 0..20 {
        refused(&server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 505);
    }
    assert_eq!(server.get("/").text(), "ok");
}

fn unknown_transfer_coding_is_answered_with_501(engine: Engine) {
    let server = serve(engine, app());
    let head = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip, chunked\r\n\r\n";
    refused(&server, head, 501);
}

fn answers_before_a_refusal_arrive_first(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    peer.send(
        "GET / HTTP/1.1\r\nhost: test\r\n\r\nGET / HTTP/1.1\r\nhost: test\r\n\r\nnonsense\r\n\r\n",
    );
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!(peer.answer().status, 400);
    peer.expect_end();
    assert_eq!(server.stats().refused, 1);
}

on_every_engine! {
    malformed_requests_are_answered_with_400,
    requests_with_two_possible_lengths_are_refused,
    head_whose_body_is_refused_is_answered_by_a_head,
    unknown_path_is_answered_with_404_and_the_connection_goes_on,
    wrong_method_is_answered_with_405_and_the_methods_that_are_right,
    limits_hold_at_their_edges,
    refusal_arrives_although_the_client_is_still_sending,
    body_that_is_too_large_is_refused_without_asking_for_it,
    other_versions_are_answered_with_505,
    preface_of_http_2_gets_an_answer_and_a_close,
    unknown_transfer_coding_is_answered_with_501,
    answers_before_a_refusal_arrive_first,
}
