//! What streams look like on the wire: heads, frames, blocks, for each kind of request.

use super::{feed, publish};
use crate::support::{Answer, End, Heard, Subscriber, serve};
use headwater::Engine;
use headwater::sse::Event;
use std::time::Duration;

/// Without the date, which is between cache-control's neighbours.
const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream\r\n\
    cache-control: no-cache\r\n\
    x-accel-buffering: no\r\n";

fn head_of_a_stream_is_exact(engine: Engine) {
    let (_broker, app) = feed();
    let server = serve(engine, app);
    let stream = server.subscribe("/events");
    let framing = "transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    assert_eq!(stream.head.head_without_date(), format!("{HEAD}{framing}"));
    assert!(stream.head.header("date").is_some_and(|date| date.ends_with(" GMT")));
    let old = Subscriber::ask(server.connect(), "GET /events HTTP/1.0\r\n\r\n");
    assert_eq!(old.head.head_without_date(), format!("{HEAD}connection: close\r\n\r\n"));
}

fn events_arrive_field_by_field(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut stream = server.subscribe("/events");
    let heard = |id: &str, name: Option<&str>, data: &str| Heard {
        id: Some(id.to_owned()),
        name: name.map(str::to_owned),
        data: Some(data.to_owned()),
        ..Heard::default()
    };
    let first = broker.publish(Event::data("plain")).expect("there is room");
    assert_eq!(first.id.to_string(), "1");
    assert_eq!(stream.event(), heard("1", None, "plain"));
    let named = Event::data("two\nlines\n").event("update").retry(Duration::from_secs(3));
    broker.publish(named).expect("there is room");
    let expected = heard("2", Some("update"), "two\nlines\n");
    assert_eq!(stream.event(), Heard { retry: Some(3000), ..expected });
    // An id of the event's own stays.
    broker.publish(Event::data("").id("mine")).expect("there is room");
    assert_eq!(stream.event(), heard("mine", None, ""));
    broker.publish(Event::data("ü 漢 🦀")).expect("there is room");
    assert_eq!(stream.event(), heard("4", None, "ü 漢 🦀"));
}

fn http_1_0_stream_has_no_chunk_frames_and_ends_by_close(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut peer = server.connect();
    peer.send("GET /events HTTP/1.0\r\n\r\n");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert_eq!(head.header("transfer-encoding"), None);
    for number in 1..=3 {
        publish(&broker, format!("event {number}"));
    }
    broker.close();
    let (bytes, end) = peer.rest();
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(!text.contains('\r'), "{text:?}");
    let all = "id: 1\ndata: event 1\n\nid: 2\ndata: event 2\n\nid: 3\ndata: event 3\n\n";
    assert!(text.ends_with(all), "{text:?}");
    assert_eq!(end, End::Closed);
}

fn head_request_is_answered_with_the_head_of_the_stream(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut peer = server.connect();
    peer.send("HEAD /events HTTP/1.1\r\nhost: test\r\n\r\n");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert!(head.head.starts_with(HEAD), "{head:?}");
    assert_eq!(broker.subscriber_count(), 0);
    // The connection is an ordinary one still, and may become a stream.
    let mut stream = Subscriber::open(peer, "/events");
    publish(&broker, "first");
    assert_eq!(stream.data(), "first");
}

fn stream_may_follow_other_requests_on_its_connection(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app.route("/", headwater::routing::get(|| "ok")));
    let mut peer = server.connect();
    let requests = ["/", "/missing", "/", "/events"];
    peer.send(requests.map(|path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).concat());
    for status in [200, 404, 200] {
        assert_eq!(peer.answer().status, status);
    }
    let mut stream = Subscriber::ask(peer, "");
    publish(&broker, "first");
    assert_eq!(stream.data(), "first");
}

fn large_events_arrive_whole(engine: Engine) {
    let (broker, app) = feed();
    let server = serve(engine, app);
    let mut subscribers: Vec<_> = (0..3).map(|_| server.subscribe("/events")).collect();
    let mut old = Subscriber::ask(server.connect(), "GET /events HTTP/1.0\r\n\r\n");
    for length in [1, 4096, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 65_536, 300_000, 1_500_000] {
        let data = String::from_utf8(crate::support::pattern(length)).expect("ASCII");
        publish(&broker, data.as_str());
        for subscriber in subscribers.iter_mut().chain([&mut old]) {
            assert!(subscriber.data() == data, "{length} bytes");
        }
    }
    assert_eq!(broker.dropped_events(), 0);
}

on_every_engine! {
    head_of_a_stream_is_exact,
    events_arrive_field_by_field,
    http_1_0_stream_has_no_chunk_frames_and_ends_by_close,
    head_request_is_answered_with_the_head_of_the_stream,
    stream_may_follow_other_requests_on_its_connection,
    large_events_arrive_whole,
}
