//! Heartbeats by a clock that tests move, with a whole worker over sockets in memory.

use super::MOST_BEATS;
use crate::routing::get;
use crate::scripted::{Key, Stage};
use crate::sse;
use crate::{Hub, Request, Router};
use std::time::Duration;

const HEARTBEAT: &str = "d\r\n: heartbeat\n\n\r\n";

/// A stream whose head was received.
fn subscribe(stage: &mut Stage, path: &str) -> Key {
    let peer = stage.script().connect();
    stage.script().feed(peer, format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
    stage.settle();
    let head = String::from_utf8(stage.script().take_sent(peer)).expect("text");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    peer
}

/// What a stream gets in this time.
fn after(stage: &mut Stage, time: Duration, peer: Key) -> String {
    stage.jump(time);
    String::from_utf8(stage.script().take_sent(peer)).expect("text")
}

#[test]
fn streams_are_silent_for_15_seconds_by_default_before_a_heartbeat_is_sent() {
    let news = Hub::new().broker("news").build();
    let wait = async |client: sse::Client| {
        client.closed().await;
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&news)))
        .route("/endpoint", get(sse::endpoint(wait)))
        .route("/stream", get(move |request: Request| sse::stream(&request, wait)));
    for path in ["/feed", "/endpoint", "/stream"] {
        let mut stage = Stage::new(app.clone());
        let peer = subscribe(&mut stage, path);
        for _ in 0..3 {
            assert_eq!(after(&mut stage, Duration::from_millis(14_900), peer), "", "{path}");
            // A sixteenth late at most, so that one wake serves many.
            assert_eq!(after(&mut stage, Duration::from_millis(1100), peer), HEARTBEAT, "{path}");
        }
    }
}

#[test]
fn an_event_puts_the_next_heartbeat_off() {
    let news = Hub::new().broker("news").build();
    let mut stage = Stage::new(Router::new().route("/", get(sse::feed(&news))));
    let peer = subscribe(&mut stage, "/");
    for _ in 0..10 {
        news.publish(sse::Event::data("news")).expect("there is room");
        let events = after(&mut stage, Duration::from_secs(10), peer);
        assert!(events.contains("data: news\n\n") && !events.contains("heartbeat"), "{events}");
    }
    assert_eq!(after(&mut stage, Duration::from_secs(14), peer), "");
    // A quarter late at most, and a sixteenth.
    assert_eq!(after(&mut stage, Duration::from_secs(6), peer), HEARTBEAT);
}

#[test]
fn a_stream_without_heartbeats_is_silent_for_ever() {
    let news = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/none", get(sse::feed(&news).heartbeat(None)))
        .route("/zero", get(sse::feed(&news).heartbeat(Duration::ZERO)));
    for path in ["/none", "/zero"] {
        let mut stage = Stage::new(app.clone());
        let peer = subscribe(&mut stage, path);
        for _ in 0..24 {
            assert_eq!(after(&mut stage, Duration::from_hours(1), peer), "", "{path}");
        }
        assert!(!stage.script().is_closed(peer));
    }
}

#[test]
fn intervals_past_the_limit_are_those_of_the_last() {
    let mut stage = Stage::new(Router::new());
    let worker = stage.app_mut();
    for number in 0..=MOST_BEATS + 1 {
        let silence = Duration::from_secs(number as u64);
        let at = usize::from(worker.beat(Some(silence)));
        assert_eq!(at, number.min(MOST_BEATS - 1));
    }
    assert_eq!(worker.beats.len(), MOST_BEATS);
    assert_eq!(worker.beat(Some(Duration::from_secs(7))), 7, "known ones stay");
}
