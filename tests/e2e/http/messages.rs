//! Single requests: methods, bodies, versions, and the headers of answers.

use crate::support::{Answer, End, pattern, serve};
use bytes::Bytes;
use headwater::http::{Method, StatusCode};
use headwater::routing::{get, post, put};
use headwater::{Engine, Request, Router};

fn app() -> Router {
    Router::new()
        .route("/", get(|| "Hello, World!"))
        .route("/empty", get(|| ()))
        .route("/none", get(|| StatusCode::NO_CONTENT))
        .route("/teapot", get(|| (StatusCode::IM_A_TEAPOT, "short and stout")))
        .route("/odd", get(|| StatusCode::from_u16(299).expect("three digits")))
        .route("/echo", post(|body: Bytes| body).on(Method::PUT, |body: Bytes| body))
        .route("/length", post(|body: Bytes| body.len().to_string()))
        .route("/large", get(|| pattern(LARGE)))
        .route("/asked", get(asked))
}

const LARGE: usize = 8 * 1024 * 1024;

/// What of the request reached the handler.
#[allow(clippy::needless_pass_by_value, reason = "handlers own their requests")]
fn asked(request: Request) -> String {
    let headers = request.headers().map(|(name, value)| {
        format!("{}={}", name.to_ascii_lowercase(), String::from_utf8_lossy(value))
    });
    let headers: Vec<String> = headers.collect();
    let peer = request.peer_addr().map(|addr| addr.ip().to_string());
    let target = (request.path(), request.query());
    format!("{} {target:?} {} {peer:?}", request.method(), headers.join(" "))
}

fn get_is_answered_with_type_length_and_date(engine: Engine) {
    let server = serve(engine, app());
    let answer = server.get("/");
    assert_eq!((answer.status, answer.text()), (200, "Hello, World!"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("content-length"), Some("13"));
    assert_eq!(answer.header("connection"), None);
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
}

fn request_reaches_its_handler_as_it_was_sent(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    peer.send("GET /asked?a=%20b&c HTTP/1.1\r\nHost: there\r\nX-One:  1 \r\nX-One: 2\r\n\r\n");
    let expected =
        r#"GET ("/asked", Some("a=%20b&c")) host=there x-one=1 x-one=2 Some("127.0.0.1")"#;
    assert_eq!(peer.answer().text(), expected);
}

fn head_is_answered_like_get_without_the_body(engine: Engine) {
    let server = serve(engine, app());
    for path in ["/", "/empty", "/large", "/missing"] {
        let mut peer = server.connect();
        peer.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let head = Answer::receive_head(&mut peer).expect("a head");
        // The next answer begins right behind the head.
        peer.ask(path);
        let answer = peer.answer();
        assert_eq!(head.head_without_date(), answer.head_without_date());
    }
}

fn date_is_in_gmt(engine: Engine) {
    let server = serve(engine, app());
    let answer = server.get("/");
    let date = answer.header("date").expect("RFC 9110 §6.6.1 asks for one");
    let shape: String = (date.chars())
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            other => other,
        })
        .collect();
    assert_eq!(shape, "Aaa, 99 Aaa 9999 99:99:99 AAA");
    assert!(date.ends_with(" GMT"), "{date}");
}

fn empty_answer_says_content_length_zero(engine: Engine) {
    let server = serve(engine, app());
    assert_eq!(server.get("/empty").header("content-length"), Some("0"));
    // RFC 9110 §8.6: none with 204.
    assert_eq!(server.get("/none").header("content-length"), None);
}

fn status_without_a_name_is_not_called_unknown(engine: Engine) {
    let server = serve(engine, app());
    let teapot = server.get("/teapot");
    assert_eq!((teapot.status, teapot.text()), (418, "short and stout"));
    let odd = server.get("/odd");
    assert!(odd.head.starts_with("HTTP/1.1 299 \r\n"), "{odd:?}");
}

fn body_with_a_length_reaches_the_handler_whole(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for length in [0, 1, 1000, 64 * 1024, 1024 * 1024] {
        let body = pattern(length);
        peer.send(format!("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n"));
        peer.send(&body);
        assert!(peer.answer().body == body, "{length} bytes");
    }
}

fn chunked_body_reaches_the_handler_whole(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for chunk in [1, 7, 1000, 100_000] {
        let body = pattern(100_000);
        let head = "PUT /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut request = head.as_bytes().to_vec();
        for piece in body.chunks(chunk) {
            request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            request.extend_from_slice(piece);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        peer.send(request);
        assert!(peer.answer().body == body, "chunks of {chunk}");
    }
}

fn body_is_asked_for_when_the_client_expects_that(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n";
    peer.send(format!("{head}expect: 100-continue\r\n\r\n"));
    let interim = peer.take_until(b"\r\n\r\n").expect("an interim answer");
    assert_eq!(interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("hello");
    assert_eq!(peer.answer().text(), "hello");
    // The connection goes on.
    peer.ask("/");
    assert_eq!(peer.answer().status, 200);
}

fn connection_serves_many_requests(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for _ in 0..200 {
        peer.ask("/");
        assert_eq!(peer.answer().text(), "Hello, World!");
    }
    let stats = server.stats();
    assert_eq!((stats.accepted, stats.requests, stats.refused), (1, 200, 0));
}

fn http_1_0_is_answered_with_a_length_and_a_close(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.0\r\n\r\n");
    let answer = peer.answer();
    assert_eq!((answer.status, answer.text()), (200, "Hello, World!"));
    assert_eq!(answer.header("content-length"), Some("13"));
    assert_eq!(answer.header("transfer-encoding"), None);
    peer.expect_end();
}

fn http_1_0_connection_stays_when_both_want_it(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for _ in 0..3 {
        peer.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        assert_eq!(peer.answer().header("connection"), Some("keep-alive"));
    }
    peer.send("GET / HTTP/1.0\r\n\r\n");
    assert!(peer.answer().is_last());
    peer.expect_end();
}

fn connection_is_closed_when_the_client_wants_that(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let last = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    // What follows the last request is not looked at, and costs nothing of its answer.
    peer.send(format!("{last}GET /large HTTP/1.1\r\nhost: test\r\n\r\n"));
    assert!(peer.answer().is_last());
    peer.expect_end();
    assert_eq!(server.stats().requests, 1);
}

fn connection_header_is_a_list_of_tokens(engine: Engine) {
    let server = serve(engine, app());
    for (version, lines, last) in [
        ("1.1", "connection: x-one, Close ,x-two", true),
        ("1.1", "connection: x-one\r\nconnection: close", true),
        ("1.1", "connection: keep-alive, close", true),
        ("1.1", "connection: closed, x-close", false),
        ("1.0", "connection: x-one ,Keep-Alive", false),
        ("1.0", "connection: x-keep-alive", true),
        ("1.0", "connection: keep-alive, close", true),
    ] {
        let mut peer = server.connect();
        peer.send(format!("GET / HTTP/{version}\r\nhost: test\r\n{lines}\r\n\r\n"));
        let answer = peer.answer();
        assert_eq!((answer.status, answer.is_last()), (200, last), "{version} {lines}");
        if last {
            peer.expect_end();
        } else {
            peer.ask("/");
            assert_eq!(peer.answer().status, 200);
        }
    }
}

fn large_answer_arrives_intact_at_a_reader_that_stalls(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect_narrow();
    peer.ask("/large");
    // More than the buffers on the way hold, so the server has to wait for this client.
    let mut other = server.connect();
    for _ in 0..20 {
        other.ask("/");
        assert_eq!(other.answer().status, 200);
    }
    assert!(peer.answer().body == pattern(LARGE));
    peer.ask("/");
    assert_eq!(peer.answer().text(), "Hello, World!");
}

fn client_that_stops_sending_is_answered_in_full(engine: Engine) {
    let server = serve(engine, app());
    for path in ["/", "/large"] {
        let mut peer = server.connect();
        peer.ask(path);
        peer.finish();
        let length = if path == "/" { 13 } else { LARGE };
        assert_eq!(peer.answer().body.len(), length);
        peer.expect_end();
    }
    server.wait_for_connections(0);
}

fn last_of_several_answers_says_so_when_the_client_stops_sending(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(3));
    peer.finish();
    for _ in 0..3 {
        assert_eq!(peer.answer().text(), "Hello, World!");
    }
    let (rest, end) = peer.rest();
    assert_eq!((rest.len(), end), (0, End::Closed));
}

fn half_a_request_is_refused_when_the_client_stops_sending(engine: Engine) {
    let server = serve(engine, app());
    for begun in ["GET / HT", "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nhalf"]
    {
        let mut peer = server.connect();
        peer.send(begun);
        peer.finish();
        let answer = peer.answer();
        assert_eq!(answer.status, 400);
        assert!(answer.is_last());
        peer.expect_end();
    }
}

fn method_router_knows_more_than_get_and_post(engine: Engine) {
    let app = Router::new().route("/", put(|body: String| body).get(|| "got"));
    let server = serve(engine, app);
    let mut peer = server.connect();
    peer.send("PUT / HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nput");
    assert_eq!(peer.answer().text(), "put");
    peer.ask("/");
    assert_eq!(peer.answer().text(), "got");
}

on_every_engine! {
    get_is_answered_with_type_length_and_date,
    request_reaches_its_handler_as_it_was_sent,
    head_is_answered_like_get_without_the_body,
    date_is_in_gmt,
    empty_answer_says_content_length_zero,
    status_without_a_name_is_not_called_unknown,
    body_with_a_length_reaches_the_handler_whole,
    chunked_body_reaches_the_handler_whole,
    body_is_asked_for_when_the_client_expects_that,
    connection_serves_many_requests,
    http_1_0_is_answered_with_a_length_and_a_close,
    http_1_0_connection_stays_when_both_want_it,
    connection_is_closed_when_the_client_wants_that,
    connection_header_is_a_list_of_tokens,
    large_answer_arrives_intact_at_a_reader_that_stalls,
    client_that_stops_sending_is_answered_in_full,
    last_of_several_answers_says_so_when_the_client_stops_sending,
    half_a_request_is_refused_when_the_client_stops_sending,
    method_router_knows_more_than_get_and_post,
}
