//! Handlers that make streams: of any method, with the client's last event id, and in trouble.

use crate::support::{Ending, Subscriber, eventually, serve, serve_on_one};
use headwater::http::{HeaderName, HeaderValue, StatusCode};
use headwater::routing::{get, post};
use headwater::sse::{self, Client, Event, EventId};
use headwater::{Engine, Request, Router};
use std::time::Duration;

fn post_may_be_answered_by_a_stream(engine: Engine) {
    let handler = |request: Request| {
        let words = String::from_utf8_lossy(request.body()).into_owned();
        sse::stream(&request, async move |client| {
            for (number, word) in words.split_whitespace().enumerate() {
                headwater::time::sleep(Duration::from_millis(1)).await;
                let event = Event::data(word).id(number.to_string()).event("word");
                client.send(event).await.expect("the client is there");
            }
        })
    };
    let server = serve(engine, Router::new().route("/say", post(handler)));
    let head = "POST /say HTTP/1.1\r\nhost: test\r\ncontent-length: 13\r\n\r\n";
    let mut stream = Subscriber::ask(server.connect(), format!("{head}one two three"));
    let (events, ending) = stream.rest();
    let shown: Vec<String> = (events.iter())
        .map(|heard| {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            format!("{} {} {}", part(&heard.id), part(&heard.name), part(&heard.data))
        })
        .collect();
    assert_eq!(shown, ["0 word one", "1 word two", "2 word three"]);
    assert_eq!(ending, Ending::Whole);
}

fn handler_knows_the_last_event_id_of_its_client(engine: Engine) {
    let tell = async |client: Client| {
        let last = client.last_event_id().map_or("none".to_owned(), EventId::to_string);
        client.send(Event::data(last)).await.expect("the client is there");
    };
    let ask = move |request: Request| sse::stream(&request, tell);
    let app =
        Router::new().route("/endpoint", get(sse::endpoint(tell))).route("/stream", post(ask));
    let server = serve(engine, app);
    for start in ["GET /endpoint", "POST /stream"] {
        for (header, expected) in [
            ("last-event-id: 1007\r\n", "1007"),
            ("Last-Event-ID:   ab c-ü \r\n", "ab c-ü"),
            ("last-event-id: 007\r\n", "007"),
            ("last-event-id:\r\n", "none"),
            ("", "none"),
        ] {
            let request = format!("{start} HTTP/1.1\r\nhost: test\r\n{header}\r\n");
            let mut stream = Subscriber::ask(server.connect(), request);
            assert_eq!(stream.data(), expected);
            stream.expect_end();
        }
    }
}

fn id_of_one_client_is_not_told_to_another(engine: Engine) {
    let tell = async |client: Client| {
        // The bytes that it came in are long since another's.
        headwater::time::sleep(Duration::from_millis(30)).await;
        let last = client.last_event_id().map_or("none".to_owned(), EventId::to_string);
        client.send(Event::data(last)).await.expect("the client is there");
    };
    let server = serve_on_one(engine, Router::new().route("/", get(sse::endpoint(tell))));
    let mut streams: Vec<_> = (0..20)
        .map(|number| {
            let header = format!("last-event-id: client-{number}");
            let request = format!("GET / HTTP/1.1\r\nhost: test\r\n{header}\r\n\r\n");
            Subscriber::ask(server.connect(), request)
        })
        .collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.data(), format!("client-{number}"));
    }
}

fn handler_may_refuse_a_stream(engine: Engine) {
    let handler = |request: Request| {
        if request.query() != Some("key") {
            return Err((StatusCode::UNAUTHORIZED, "no key"));
        }
        Ok(sse::stream(&request, async |client| {
            client.send(Event::data("secret")).await.expect("the client is there");
        }))
    };
    let server = serve(engine, Router::new().route("/", get(handler)));
    let mut peer = server.connect();
    // A connection that was refused is answered and goes on.
    for _ in 0..2 {
        peer.ask("/");
        let answer = peer.answer();
        assert_eq!((answer.status, answer.text()), (401, "no key"));
    }
    let mut stream = Subscriber::open(peer, "/?key");
    assert_eq!(stream.data(), "secret");
    stream.expect_end();
}

fn stream_may_have_headers_of_its_own(engine: Engine) {
    let with = |name: &'static str| {
        move |request: Request| {
            let stream = sse::stream(&request, async |client| {
                client.send(Event::data("event")).await.expect("the client is there");
            });
            stream.header(HeaderName::from_static(name), HeaderValue::from_static("value"))
        }
    };
    let app = Router::new()
        .route("/good", get(with("x-own")))
        .route("/bad", get(with("content-length")))
        .route("/", get(|| "ok"));
    let server = serve(engine, app);
    let mut stream = server.subscribe("/good");
    assert_eq!(stream.head.header("x-own"), Some("value"));
    assert_eq!(stream.data(), "event");
    stream.expect_end();
    // What was answered before is not lost with it.
    let mut peer = server.connect();
    peer.send("GET / HTTP/1.1\r\nhost: test\r\n\r\nGET /bad HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!(peer.answer().status, 500);
}

fn handler_that_panics_ends_its_stream_and_no_other(engine: Engine) {
    let fail = async |client: Client| {
        client.send(Event::data("first")).await.expect("the client is there");
        headwater::time::sleep(Duration::from_millis(1)).await;
        panic!("on purpose: in a stream");
    };
    let at_once = async |_: Client| panic!("on purpose: before the first await");
    let go_on = async |client: Client| {
        let mut number = 0;
        while client.send(Event::data(number.to_string())).await.is_ok() {
            headwater::time::sleep(Duration::from_millis(1)).await;
            number += 1;
        }
    };
    let app = Router::new()
        .route("/late", get(sse::endpoint(fail)))
        .route("/at-once", get(sse::endpoint(at_once)))
        .route("/", get(sse::endpoint(go_on)));
    let server = serve_on_one(engine, app);
    let mut steady = server.subscribe("/");
    assert_eq!(steady.data(), "0");
    let mut late = server.subscribe("/late");
    assert_eq!(late.data(), "first");
    late.expect_end();
    server.subscribe("/at-once").expect_end();
    assert_eq!(server.stats().handler_panics, 2);
    for number in 1..20 {
        assert_eq!(steady.data(), number.to_string());
    }
    drop((late, steady));
    eventually("all streams are over", || server.stats().streams == 0);
}

/// Fails when it is dropped.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on purpose: while cleaning up a stream");
    }
}

fn handler_that_panics_while_cleaning_up_ends_its_stream_and_no_other(engine: Engine) {
    let brittle = async |client: Client| {
        let _brittle = Brittle;
        client.send(Event::data("first")).await.expect("the client is there");
    };
    let steady = async |client: Client| {
        while client.send(Event::data("steady")).await.is_ok() {
            headwater::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let app = Router::new()
        .route("/brittle", get(sse::endpoint(brittle)))
        .route("/", get(sse::endpoint(steady)));
    let server = serve_on_one(engine, app);
    let mut steady = server.subscribe("/");
    let mut ending = server.subscribe("/brittle");
    assert_eq!(ending.data(), "first");
    ending.expect_end();
    for _ in 0..10 {
        assert_eq!(steady.data(), "steady");
    }
}

on_every_engine! {
    post_may_be_answered_by_a_stream,
    handler_knows_the_last_event_id_of_its_client,
    id_of_one_client_is_not_told_to_another,
    handler_may_refuse_a_stream,
    stream_may_have_headers_of_its_own,
    handler_that_panics_ends_its_stream_and_no_other,
    handler_that_panics_while_cleaning_up_ends_its_stream_and_no_other,
}
