//! What the router answers by itself, where it matters on the wire, and what it refuses before the start.

use crate::support::{Answer, Peer, builder, serve};
use headwater::extract::{Path, PeerAddr, Query, State};
use headwater::http::Method;
use headwater::routing::{any, get, on};
use headwater::{Engine, Error, Router};

fn app() -> Router {
    let purge = Method::from_bytes(b"PURGE").expect("a token");
    let notes = Router::new()
        .route("/", get(|| "all notes").post(|note: String| note))
        .route("/{id}", get(|Path(id): Path<u32>| format!("note {id}")));
    Router::new()
        .nest("/notes", notes)
        .route("/cache", on(purge, || "purged"))
        .route("/any", any(|method: Method| method.to_string()))
}

/// Sends a request without a body, and receives its answer.
#[track_caller]
fn ask(peer: &mut Peer, method: &str, target: &str, headers: &str) -> Answer {
    peer.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
    peer.answer()
}

fn options_are_answered_with_what_is_allowed(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for (target, allow) in [
        ("/notes", "GET, POST, HEAD, OPTIONS"),
        ("/notes/7", "GET, HEAD, OPTIONS"),
        ("/cache", "PURGE, OPTIONS"),
        ("*", "OPTIONS, GET, POST, HEAD, PURGE, PUT, DELETE, TRACE, PATCH"),
    ] {
        let answer = ask(&mut peer, "OPTIONS", target, "");
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)), "{target}");
        assert_eq!(answer.header("content-length"), None);
    }
    assert_eq!(ask(&mut peer, "OPTIONS", "/any", "").text(), "OPTIONS");
}

fn head_has_the_head_of_get_and_nothing_else(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let get = ask(&mut peer, "GET", "/notes/7", "");
    assert_eq!(get.text(), "note 7");
    peer.send("HEAD /notes/7 HTTP/1.1\r\nhost: test\r\n\r\n");
    let head = Answer::receive_head(&mut peer).expect("an answer");
    assert_eq!(head.head_without_date(), get.head_without_date());
    // Nothing is between the two answers.
    assert_eq!(ask(&mut peer, "GET", "/notes", "").text(), "all notes");
}

fn unknown_methods_are_not_implemented_and_known_ones_not_allowed(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    for (method, target, status) in [
        ("BREW", "/notes", 501),
        ("BREW", "/missing", 501),
        ("PURGE", "/notes", 405),
        ("PURGE", "/cache", 200),
        ("BREW", "/any", 200),
        ("TRACE", "/notes", 405),
        ("GET", "/missing", 404),
        ("GET", "/notes/x", 400),
        ("GET", "/notes/%zz", 400),
    ] {
        assert_eq!(ask(&mut peer, method, target, "").status, status, "{method} {target}");
    }
    // The client waits for a tunnel, so nothing follows.
    let mut peer = server.connect();
    peer.send("CONNECT test:80 HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(peer.answer().status, 501);
}

fn several_arguments_are_taken_from_one_request(engine: Engine) {
    let all = async |Path(id): Path<u8>,
                     Query(query): Query,
                     PeerAddr(peer): PeerAddr,
                     State(greeting): State<&'static str>,
                     body: String| {
        assert!(peer.ip().is_loopback());
        format!("{greeting} {id} {:?} {body}", query.get("q"))
    };
    let app = Router::new().route("/{id}", any(all)).state("hello");
    let server = serve(engine, app);
    let mut peer = server.connect();
    peer.send("PUT /7?q=a+b HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody");
    assert_eq!(peer.answer().text(), "hello 7 Some(\"a b\") body");
    peer.send("PUT /7 HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\n\u{7f}");
    assert_eq!(peer.answer().text(), "hello 7 None \u{7f}");
    assert_eq!(
        server.get("/300").text(),
        "path parameter `id`: number too large to fit in target type\n"
    );
}

fn server_does_not_start_without_the_state_that_a_handler_takes(engine: Engine) {
    let takes = |State(name): State<String>| name;
    let app = Router::new().nest("/api", Router::new().route("/name", get(takes)));
    let Err(Error::Config(reason)) = builder(engine).serve(app.clone()) else {
        panic!("it must not start");
    };
    assert!(reason.contains("GET /api/name takes State<alloc::string::String>"), "{reason}");
    assert_eq!(serve(engine, app.state("ada".to_owned())).get("/api/name").text(), "ada");
}

on_every_engine! {
    options_are_answered_with_what_is_allowed,
    head_has_the_head_of_get_and_nothing_else,
    unknown_methods_are_not_implemented_and_known_ones_not_allowed,
    several_arguments_are_taken_from_one_request,
    server_does_not_start_without_the_state_that_a_handler_takes,
}
