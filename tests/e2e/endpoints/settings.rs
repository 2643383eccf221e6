//! What a stream begins with, and what its client knows of its request.

use crate::support::{Subscriber, serve};
use headwater::extract::Path;
use headwater::sse::{self, Client, Event, EventId};
use headwater::{Engine, Hub, Request, Router, routing::get, routing::post};
use std::time::Duration;

fn retry_is_sent_before_the_first_event(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let after = Duration::from_millis(2500);
    let handler = async |client: Client| {
        client.send(Event::data("first")).await.expect("the client is there");
    };
    let streaming = move |request: Request| sse::stream(&request, handler).retry(after);
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).retry(after)))
        .route("/endpoint", get(sse::endpoint(handler).retry(after)))
        .route("/stream", get(streaming))
        .route("/none", get(sse::endpoint(handler).retry(None)));
    let server = serve(engine, app);
    for path in ["/feed", "/endpoint", "/stream"] {
        let first = server.subscribe(path).next().expect("a block comes");
        assert_eq!((first.retry, first.data), (Some(2500), None), "{path}");
    }
    let first = server.subscribe("/none").next().expect("a block comes");
    assert_eq!((first.retry, first.data.as_deref()), (None, Some("first")));
}

fn last_event_id_may_come_in_the_query(engine: Engine) {
    let tell = async |client: Client| {
        let last = client.last_event_id().map_or("none".to_owned(), EventId::to_string);
        client.send(Event::data(last)).await.expect("the client is there");
    };
    let app = Router::new()
        .route("/set", get(sse::endpoint(tell).last_event_id_query("lastEventId")))
        .route("/unset", get(sse::endpoint(tell)));
    let server = serve(engine, app);
    for (target, header, expected) in [
        ("/set?lastEventId=7", "", "7"),
        ("/set?x=1&lastEventId=a+b%C3%BC&lastEventId=2", "", "a bü"),
        // What the client's own code has remembered is newer than what is in its URL.
        ("/set?lastEventId=7", "last-event-id: 8\r\n", "8"),
        ("/set?lastEventId=", "", "none"),
        ("/set?lastEventId=a%0Ab", "", "none"),
        ("/set?lastEventId=%00", "", "none"),
        ("/set?lastEventId", "", "none"),
        // Not UTF-8, which every stream is: as in the header, it is no id.
        ("/set?lastEventId=%FF", "", "none"),
        ("/set?lastEventId=a%C3&lastEventId=2", "", "none"),
        ("/set?lastEventId=%EF%BF%BD", "", "\u{fffd}"),
        ("/set?&last%45ventId=7%2B1%3D8", "", "7+1=8"),
        ("/set?lastEventId=5%", "", "5%"),
        ("/set?lasteventid=7", "", "none"),
        ("/set", "", "none"),
        ("/unset?lastEventId=7", "", "none"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: test\r\n{header}\r\n");
        let mut stream = Subscriber::ask(server.connect(), request);
        assert_eq!(stream.data(), expected, "{target} {header}");
    }
}

fn client_knows_its_peer_and_what_was_kept_of_its_request(engine: Engine) {
    let tell = async |Path(name): Path<String>, client: Client| {
        let address = client.peer_addr().expect("a socket has one");
        let agent = client.request::<String>().cloned().unwrap_or_default();
        let line = format!("{name} {} {agent}", address.ip());
        client.send(Event::data(line)).await.expect("the client is there");
    };
    let agent = |request: &Request| {
        String::from_utf8_lossy(request.header("user-agent").unwrap_or_default()).into_owned()
    };
    let streaming = async |request: Request| {
        sse::stream(&request, async |client: Client| {
            let known = client.peer_addr().is_some() && client.request::<String>().is_none();
            client.send(Event::data(known.to_string())).await.expect("the client is there");
        })
    };
    let app = Router::new()
        .route("/{name}", get(sse::endpoint(tell).keep(agent)))
        .route("/", post(streaming));
    let server = serve(engine, app);
    let request = "GET /ada HTTP/1.1\r\nhost: test\r\nuser-agent: engine\r\n\r\n";
    assert_eq!(Subscriber::ask(server.connect(), request).data(), "ada 127.0.0.1 engine");
    let request = "POST / HTTP/1.1\r\nhost: test\r\n\r\n";
    assert_eq!(Subscriber::ask(server.connect(), request).data(), "true");
}

on_every_engine! {
    retry_is_sent_before_the_first_event,
    last_event_id_may_come_in_the_query,
    client_knows_its_peer_and_what_was_kept_of_its_request,
}
