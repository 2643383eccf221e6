//! Event, `FormatEvent`: what stands on the wire.

use super::{connect, serve_clients};
use headwater::Engine;
use headwater::sse::{ClientConfig, Event, PreparedEvent, format_event};
use std::time::Duration;

/// An event, and its bytes.
fn table() -> Vec<(Event, &'static str)> {
    let data = || Event::data("x");
    vec![
        // `Event.ID`: if there is one; CR, LF and NUL are taken out.
        (data().id("7"), "id: 7\ndata: x\n\n"),
        (data().id("a\r\nb\0c"), "id: abc\ndata: x\n\n"),
        // `Event.Event`: if there is one.
        (data().event("tick"), "event: tick\ndata: x\n\n"),
        (data().event(""), "data: x\n\n"),
        (data().event("a\ndata: smuggled"), "event: adata: smuggled\ndata: x\n\n"),
        // `Event.Data`: each line gets its own field.
        (Event::data("a\nb"), "data: a\ndata: b\n\n"),
        (Event::data("a\r\nb\rc"), "data: a\ndata: b\ndata: c\n\n"),
        (Event::data("a\n"), "data: a\ndata: \n\n"),
        (Event::data(""), "data: \n\n"),
        // `Event.Retry`: milliseconds, if more than none.
        (data().retry(Duration::from_millis(2500)), "retry: 2500\ndata: x\n\n"),
        (data().retry(Duration::ZERO), "data: x\n\n"),
        // All of them, in this order.
        (
            data().retry(Duration::from_secs(1)).event("e").id("1"),
            "id: 1\nevent: e\nretry: 1000\ndata: x\n\n",
        ),
    ]
}

/// `FormatEvent`
#[test]
fn format_event_appends_the_bytes_of_an_event() {
    for (event, bytes) in table() {
        let mut out = b"before ".to_vec();
        format_event(&mut out, &event);
        assert_eq!(String::from_utf8(out).expect("text"), format!("before {bytes}"));
    }
}

/// `PreparedEvent.Len`
#[test]
fn length_of_a_prepared_event_is_that_of_its_bytes() {
    for (event, bytes) in table() {
        assert_eq!(PreparedEvent::new(&event).len(), bytes.len());
    }
}

/// `Event`
fn every_form_of_event_arrives_as_its_bytes(engine: Engine) {
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (mut stream, client) = connect(&server, &clients, true);
    for (event, bytes) in table() {
        client.try_send(event).expect("there is room");
        let chunk = format!("{:x}\r\n{bytes}\r\n", bytes.len());
        let received = stream.peer.take(chunk.len()).expect("it comes");
        assert_eq!(String::from_utf8(received).expect("text"), chunk);
    }
}

on_every_engine! {
    every_form_of_event_arrives_as_its_bytes,
}
