//! Requests that are answered from elsewhere.

use crate::support::{Running, eventually, serve_on_one};
use headwater::http::StatusCode;
use headwater::routing::get;
use headwater::{
    Engine, IntoResponse, Request, RespondError, Responder, Router, respond_later, sse,
};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// `/later` hands its responder to the test.
fn start(engine: Engine) -> (Running, Receiver<(Request, Responder)>) {
    let (asked, inbox) = mpsc::channel();
    let later = respond_later(move |request: Request, responder: Responder| {
        assert!(request.header("panic").is_none(), "on purpose: a handler panics");
        asked.send((request, responder)).expect("the test waits for it");
    });
    let app = Router::new().route("/later", get(later)).route("/", get(|| "ok"));
    (serve_on_one(engine, app), inbox)
}

fn request_is_answered_from_another_thread(engine: Engine) {
    let (server, inbox) = start(engine);
    let mut peer = server.connect();
    // The one behind waits its turn.
    peer.ask("/later?number=7");
    peer.ask("/");
    let (request, responder) = inbox.recv().expect("it is asked");
    for _ in 0..5 {
        assert_eq!(server.get("/").text(), "ok");
    }
    assert!(!responder.is_closed());
    let answer = (StatusCode::ACCEPTED, request.query().unwrap_or_default().to_owned());
    let answering = thread::spawn(move || responder.respond(answer).is_ok());
    let answer = peer.answer();
    assert_eq!((answer.status, answer.text()), (202, "number=7"));
    assert_eq!(peer.answer().text(), "ok");
    assert!(answering.join().expect("it was sent"));
}

fn request_is_answered_before_its_handler_returns(engine: Engine) {
    let at_once =
        respond_later(|responder: Responder| responder.respond("at once").expect("it waits"));
    let server = serve_on_one(engine, Router::new().route("/", get(at_once)));
    let mut peer = server.connect();
    for _ in 0..5 {
        peer.ask("/");
        assert_eq!(peer.answer().text(), "at once");
    }
}

fn responder_that_is_dropped_answers_500(engine: Engine) {
    let (server, inbox) = start(engine);
    let mut peer = server.connect();
    peer.ask("/later");
    drop(inbox.recv().expect("it is asked"));
    assert_eq!(peer.answer().status, 500);
    peer.send("GET /later HTTP/1.1\r\nhost: test\r\npanic: yes\r\n\r\n");
    assert_eq!(peer.answer().status, 500);
    assert_eq!(server.stats().handler_panics, 1);
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

fn responder_knows_that_its_client_has_left(engine: Engine) {
    let (server, inbox) = start(engine);
    let mut peer = server.connect();
    peer.ask("/later");
    let (_, responder) = inbox.recv().expect("it is asked");
    peer.reset();
    eventually("the client has left", || responder.is_closed());
    let Err(RespondError::ClientGone(answer)) = responder.respond("too late") else {
        panic!("nobody is there to be answered");
    };
    assert_eq!(answer.bytes(), Some(b"too late".as_slice()));
    server.wait_for_connections(0);
}

fn client_that_only_stops_sending_is_answered(engine: Engine) {
    let (server, inbox) = start(engine);
    let mut peer = server.connect();
    peer.ask("/later");
    peer.finish();
    let (_, responder) = inbox.recv().expect("it is asked");
    assert!(!responder.is_closed());
    responder.respond("still there").expect("it waits");
    assert_eq!(peer.answer().text(), "still there");
    peer.expect_end();
}

fn responder_refuses_a_stream(engine: Engine) {
    let (server, inbox) = start(engine);
    let mut peer = server.connect();
    peer.ask("/later");
    let (request, responder) = inbox.recv().expect("it is asked");
    let stream = sse::stream(&request, async |_| ()).into_response();
    assert!(matches!(responder.respond(stream), Err(RespondError::Streamed(_))));
    assert_eq!(peer.answer().status, 500);
}

on_every_engine! {
    request_is_answered_from_another_thread,
    request_is_answered_before_its_handler_returns,
    responder_that_is_dropped_answers_500,
    responder_knows_that_its_client_has_left,
    client_that_only_stops_sending_is_answered,
    responder_refuses_a_stream,
}
