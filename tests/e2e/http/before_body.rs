//! What is decided before a request's body comes: expectations, limits and checks of a route.

use crate::support::{Peer, Running, builder, serve};
use headwater::extract::Path;
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::{Engine, HttpLimits, IntoResponse, Request, Response, Router, detach, sse};

fn app() -> Router {
    let count = |body: bytes::Bytes| body.len().to_string();
    let check = |request: &Request| {
        assert!(request.header("panic").is_none(), "on purpose: a check panics");
        let known = request.header("key") == Some(b"secret") && request.param("door") == Some("a");
        if known { Ok(()) } else { Err((StatusCode::UNAUTHORIZED, "who are you?\n")) }
    };
    Router::new()
        .route("/", get(|| "ok"))
        .route("/plain", post(count))
        .route("/small", post(count).body_limit(10))
        .route("/great", post(count).body_limit(5000))
        .route("/detached", post(count).before_body(|_: &Request| Err(Box::new(taken()))))
        .route(
            "/streamed",
            post(count).before_body(|request: &Request| Err(Box::new(streamed(request)))),
        )
        .route("/checked/{door}", post(count).get(|| "got").before_body(check))
}

fn taken() -> Response {
    detach(Response::new(StatusCode::OK), async |_| ())
}

fn streamed(request: &Request) -> Response {
    sse::stream(request, async |_| ()).into_response()
}

fn start(engine: Engine) -> Running {
    let limits = HttpLimits::default().with_body_bytes(100);
    let server = builder(engine).http_limits(limits).serve(app());
    Running::from(server.expect("a free port of the loopback"))
}

fn head(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{more}\r\n")
}

/// The answer to a request that is not asked for its body, and the end.
#[track_caller]
fn refused(server: &Running, request: &str) -> (u16, String) {
    let mut peer = server.connect();
    peer.send(request);
    let answer = peer.answer();
    assert!(answer.is_last(), "{answer:?}");
    peer.expect_end();
    (answer.status, answer.text().to_owned())
}

/// The answer to a request that is asked for its body.
#[track_caller]
fn asked(peer: &mut Peer, head: &str, body: &str) -> String {
    peer.send(head);
    let interim = peer.take_until(b"\r\n\r\n").expect("an interim answer");
    assert_eq!(interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    peer.send(body);
    peer.answer().text().to_owned()
}

fn route_has_a_body_limit_of_its_own(engine: Engine) {
    let server = start(engine);
    let mut peer = server.connect();
    for (path, limit) in [("/plain", 100), ("/small", 10), ("/great", 5000)] {
        for length in [limit - 1, limit] {
            let body = "b".repeat(length);
            peer.send(head(path, &format!("content-length: {length}\r\n")) + &body);
            assert_eq!(peer.answer().text(), length.to_string(), "{path}");
            let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
            peer.send(head(path, "transfer-encoding: chunked\r\n") + &chunk);
            assert_eq!(peer.answer().text(), length.to_string(), "{path}");
        }
        let length = limit + 1;
        let said = head(path, &format!("content-length: {length}\r\n"));
        assert_eq!(refused(&server, &said).0, 413, "{path}");
        let expecting =
            head(path, &format!("content-length: {length}\r\nexpect: 100-continue\r\n"));
        assert_eq!(refused(&server, &expecting).0, 413, "{path}");
        let body = "b".repeat(length);
        let chunk = head(path, "transfer-encoding: chunked\r\n") + &format!("{length:x}\r\n{body}");
        assert_eq!(refused(&server, &chunk).0, 413, "{path}");
    }
}

fn body_is_checked_before_it_is_asked_for(engine: Engine) {
    let server = start(engine);
    let expecting = "content-length: 4\r\nexpect: 100-continue\r\n";
    let who = (401, "who are you?\n".to_owned());
    for head in [
        head("/checked/a", expecting),
        head("/checked/b", &format!("key: secret\r\n{expecting}")),
        head("/checked/a", "content-length: 4\r\n") + "body",
        head("/checked/a", "transfer-encoding: chunked\r\n"),
    ] {
        assert_eq!(refused(&server, &head), who);
    }
    let fails = head("/checked/a", &format!("panic: yes\r\n{expecting}"));
    assert_eq!(refused(&server, &fails).0, 500);
    assert_eq!(server.stats().handler_panics, 1);
    // Nothing takes a connection over while a body is under way.
    for path in ["/detached", "/streamed"] {
        assert_eq!(refused(&server, &head(path, expecting)).0, 500, "{path}");
        assert_eq!(refused(&server, &(head(path, "content-length: 4\r\n") + "body")).0, 500);
    }
    let mut peer = server.connect();
    let known = head("/checked/a", &format!("key: secret\r\n{expecting}"));
    assert_eq!(asked(&mut peer, &known, "body"), "4");
    // Without a body there is nothing to check.
    peer.ask("/checked/b");
    assert_eq!(peer.answer().text(), "got");
    peer.send(head("/checked/b", "content-length: 0\r\n"));
    assert_eq!(peer.answer().text(), "0");
}

fn rules_of_nested_routes_hold_under_their_prefix(engine: Engine) {
    #[derive(Clone)]
    struct Key(&'static str);
    let check = |request: &Request| {
        let Some(Key(key)) = request.state() else { return Err(StatusCode::INTERNAL_SERVER_ERROR) };
        let given = (request.param("house"), request.param("door"), request.header("key"));
        let known = given == (Some("é"), Some("a/b"), Some(key.as_bytes()));
        if known { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    };
    let show = |Path((house, door)): Path<(String, String)>, body: String| {
        format!("{house} {door} {body}")
    };
    let doors = Router::new()
        .route("/{door}", post(show).body_limit(10).before_body(check))
        .state(Key("secret"));
    let server = serve(engine, Router::new().nest("/{house}/doors", doors));
    let mut peer = server.connect();
    for encoded in ["/%C3%A9/doors/a%2Fb", "/%c3%a9/d%6fors/%61%2fb"] {
        let known = "key: secret\r\ncontent-length: 4\r\nexpect: 100-continue\r\n";
        assert_eq!(asked(&mut peer, &head(encoded, known), "body"), "é a/b body", "{encoded}");
        let unknown = head(encoded, "content-length: 4\r\nexpect: 100-continue\r\n");
        assert_eq!(refused(&server, &unknown).0, 401, "{encoded}");
        let long = head(encoded, "key: secret\r\ncontent-length: 11\r\n");
        assert_eq!(refused(&server, &long).0, 413, "{encoded}");
    }
    // Without a route, or with a path that is none, there are no rules.
    for (path, status) in [("/x/doors", 404), ("/x/doors/%zz", 400), ("/x/doors/%ff", 400)] {
        peer.send(head(path, "content-length: 11\r\n") + "hello world");
        assert_eq!(peer.answer().status, status, "{path}");
    }
}

fn unknown_expectation_is_answered_with_417(engine: Engine) {
    let server = start(engine);
    for expect in ["something", "100-continue, something", "200-ok", "100-continue=1"] {
        let request = head("/plain", &format!("content-length: 4\r\nexpect: {expect}\r\n"));
        assert_eq!(refused(&server, &request).0, 417, "{expect}");
    }
}

fn client_that_does_not_wait_is_not_asked(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let expecting = "content-length: 4\r\nexpect: 100-Continue\r\n";
    peer.send(head("/plain", expecting) + "body");
    assert_eq!(peer.answer().text(), "4");
    assert_eq!(asked(&mut peer, &head("/plain", expecting), "body"), "4");
    // HTTP/1.0 knows no interim answers.
    peer.send("POST /plain HTTP/1.0\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    peer.send("body");
    assert_eq!(peer.answer().text(), "4");
}

on_every_engine! {
    route_has_a_body_limit_of_its_own,
    body_is_checked_before_it_is_asked_for,
    rules_of_nested_routes_hold_under_their_prefix,
    unknown_expectation_is_answered_with_417,
    client_that_does_not_wait_is_not_asked,
}
