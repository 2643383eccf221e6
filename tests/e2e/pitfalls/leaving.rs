//! Pitfalls 1 and 18: clients that leave, and what keeps streams alive meanwhile.

use super::{app, publish};
use crate::support::{Running, builder, eventually, serve};
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Pitfall 1: Native engine never notices that a client left; streams and tasks leak.
fn client_that_left_is_noticed_by_fin_and_reset_with_and_without_heartbeat(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, app(&broker));
    for path in ["/quiet", "/beating"] {
        for after_an_event in [false, true] {
            let mut streams: Vec<_> = (0..20).map(|_| server.subscribe(path)).collect();
            if after_an_event {
                publish(&broker, "first");
                for stream in &mut streams {
                    assert_eq!(stream.data(), "first");
                }
            }
            assert_eq!(broker.subscriber_count(), 20);
            for (number, stream) in streams.into_iter().enumerate() {
                if number % 2 == 0 { stream.peer.reset() } else { drop(stream) }
            }
            eventually("nobody is subscribed", || broker.subscriber_count() == 0);
            server.wait_for_connections(0);
            assert_eq!(server.stats().streams, 0);
        }
    }
}

/// Pitfall 1: The same of handlers: none stays behind.
fn handler_of_a_client_that_left_does_not_leak(engine: Engine) {
    let present = Arc::new(AtomicUsize::new(0));
    let inside = present.clone();
    let handler = async move |client: Client| {
        inside.fetch_add(1, Ordering::Relaxed);
        client.send(Event::data("here")).await.expect("the client is there");
        client.closed().await;
        inside.fetch_sub(1, Ordering::Relaxed);
    };
    let quiet = sse::endpoint(handler.clone()).heartbeat(None);
    let beating = sse::endpoint(handler).heartbeat(Duration::from_millis(50));
    let app = Router::new().route("/quiet", get(quiet)).route("/beating", get(beating));
    let server = builder(engine).serve(app).map(Running::from).expect("a free port");
    for path in ["/quiet", "/beating"] {
        let mut streams: Vec<_> = (0..20).map(|_| server.subscribe(path)).collect();
        for stream in &mut streams {
            assert_eq!(stream.data(), "here");
        }
        assert_eq!(present.load(Ordering::Relaxed), 20);
        for (number, stream) in streams.into_iter().enumerate() {
            if number % 2 == 0 { stream.peer.reset() } else { drop(stream) }
        }
        eventually("no handler is left", || present.load(Ordering::Relaxed) == 0);
    }
    server.wait_for_connections(0);
}

/// Pitfall 18: A heartbeat comment form that breaks real clients; something that holds events back.
fn heartbeat_is_a_named_comment_and_nothing_holds_events_back(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, app(&broker));
    let mut stream = server.subscribe("/beating");
    for name in ["content-encoding", "content-length"] {
        assert_eq!(stream.head.header(name), None);
    }
    assert_eq!(stream.head.header("x-accel-buffering"), Some("no"));
    assert_eq!(stream.head.header("cache-control"), Some("no-cache"));
    let beat = stream.next().expect("a heartbeat comes");
    // A bare `:` is no comment to some.
    assert_eq!((beat.comment.as_deref(), beat.data), (Some("heartbeat"), None));
    // Each event leaves by itself, however small, before the next is known.
    for number in 0..20 {
        publish(&broker, number.to_string());
        assert_eq!(stream.data(), number.to_string());
    }
}

on_every_engine! {
    client_that_left_is_noticed_by_fin_and_reset_with_and_without_heartbeat,
    handler_of_a_client_that_left_does_not_leak,
    heartbeat_is_a_named_comment_and_nothing_holds_events_back,
}
