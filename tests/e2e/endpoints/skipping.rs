//! Requests that are to get something else than a stream.

use crate::support::serve;
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Request, Router, extract::State, routing::get};

fn skipped_requests_get_404_or_what_answers_otherwise(engine: Engine) {
    let handler = async |client: Client| {
        client.send(Event::data("event")).await.expect("the client is there");
    };
    let no_stream = |request: &Request| {
        request.header("accept").is_some_and(|accept| accept == b"application/json")
    };
    let endpoint =
        sse::endpoint(handler).skip(no_stream).skip_paths(["/events/off", "/events/none"]);
    let otherwise = sse::endpoint(handler)
        .skip(|request| request.query() == Some("poll"))
        .otherwise(|State(text): State<&'static str>| text);
    let app = Router::new()
        .route("/events/{topic}", get(endpoint))
        .route("/other", get(otherwise))
        .state("state");
    let server = serve(engine, app);
    assert_eq!(server.subscribe("/events/on").data(), "event");
    assert_eq!(server.get("/events/off").status, 404);
    assert_eq!(server.get("/events/none").status, 404);
    let mut peer = server.connect();
    peer.send("GET /events/on HTTP/1.1\r\nhost: test\r\naccept: application/json\r\n\r\n");
    assert_eq!(peer.answer().status, 404);
    assert_eq!(server.subscribe("/other").data(), "event");
    assert_eq!(server.get("/other?poll").text(), "state");
}

/// What answers otherwise is looked at before the first request, like any handler.
#[test]
fn needs_of_what_answers_otherwise_are_checked_at_start() {
    let endpoint =
        sse::endpoint(async |_: Client| ()).otherwise(|State(text): State<&'static str>| text);
    let app = Router::new().route("/", get(endpoint));
    let refused = headwater::Server::builder().bind("127.0.0.1:0").serve(app);
    let refused = refused.expect_err("there is no state");
    assert!(refused.to_string().contains("State<&str>"), "{refused}");
}

on_every_engine! {
    skipped_requests_get_404_or_what_answers_otherwise,
}
