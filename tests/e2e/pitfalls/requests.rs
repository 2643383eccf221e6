//! Pitfalls 12 to 14: what becomes of requests for streams, and of their bytes.

use super::{app, publish};
use crate::support::{Subscriber, serve, serve_on_one};
use headwater::http::StatusCode;
use headwater::sse::{self, Client, Event, EventId};
use headwater::{Engine, Hub, Request, routing::get};
use std::time::Duration;

/// Pitfall 12: A rejected connection hangs, because the response head was already taken over.
fn rejected_connection_gets_its_answer_at_once(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let reject = async |_: &Request, _: &Client| Err::<(), _>((StatusCode::FORBIDDEN, "not you"));
    let reject_later = async |_: &Request, _: &Client| {
        headwater::time::sleep(Duration::from_millis(5)).await;
        Err::<(), _>((StatusCode::TOO_MANY_REQUESTS, "not now"))
    };
    let app = app(&broker)
        .route("/no", get(sse::feed(&broker).on_connect(reject)))
        .route("/later", get(sse::feed(&broker).on_connect(reject_later)));
    let server = serve(engine, app);
    let mut peer = server.connect();
    for (path, status, text) in [("/no", 403, "not you"), ("/later", 429, "not now")].repeat(3) {
        peer.ask(path);
        let answer = peer.answer();
        assert_eq!((answer.status, answer.text()), (status, text));
    }
    // Neither the connection nor a stream is left over.
    let mut stream = Subscriber::open(peer, "/quiet");
    publish(&broker, "news");
    assert_eq!(stream.data(), "news");
    assert_eq!(server.stats().streams, 1);
}

/// Pitfall 13: Bytes that a client sends on a live stream are parsed as a new request.
fn bytes_on_a_live_stream_are_no_request(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, app(&broker).route("/secret", get(|| "secret")));
    let smuggled = "GET /secret HTTP/1.1\r\nhost: test\r\n\r\n";
    let with_it = format!("GET /quiet HTTP/1.1\r\nhost: test\r\n\r\n{smuggled}");
    let mut stream = Subscriber::ask(server.connect(), with_it);
    stream.peer.send(smuggled.repeat(1000));
    publish(&broker, "first");
    assert_eq!(stream.data(), "first");
    stream.peer.send("\r\n\r\nnonsense");
    publish(&broker, "second");
    assert_eq!(stream.data(), "second");
    assert_eq!((server.stats().requests, server.stats().refused), (1, 0));
}

/// Pitfall 14: Last-Event-ID or an event string borrowed from a receive buffer that was recycled.
fn last_event_id_outlives_the_buffer_that_it_came_in(engine: Engine) {
    const CLIENTS: usize = 30;
    let tell = async |client: Client| {
        // Meanwhile the core receives all the others, in the same buffers.
        headwater::time::sleep(Duration::from_millis(50)).await;
        let last = client.last_event_id().map_or("none".to_owned(), EventId::to_string);
        let kept = client.request::<String>().cloned().unwrap_or_default();
        client.send(Event::data(format!("{last} {kept}"))).await.expect("the client is there");
    };
    let keep = |request: &Request| request.target().to_owned();
    let app = headwater::Router::new().route("/{name}", get(sse::endpoint(tell).keep(keep)));
    let server = serve_on_one(engine, app);
    let mut streams: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let id = "x".repeat(number) + &number.to_string();
            let request =
                format!("GET /{number} HTTP/1.1\r\nhost: test\r\nlast-event-id: {id}\r\n\r\n");
            Subscriber::ask(server.connect(), request)
        })
        .collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.data(), "x".repeat(number) + &format!("{number} /{number}"));
    }
}

on_every_engine! {
    rejected_connection_gets_its_answer_at_once,
    bytes_on_a_live_stream_are_no_request,
    last_event_id_outlives_the_buffer_that_it_came_in,
}
