//! Comments on streams that are silent for too long.

use super::{feed, publish};
use crate::support::{Subscriber, eventually, serve, serve_on_one};
use headwater::sse::{self, Client};
use headwater::{Engine, Hub, Router, routing::get};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(200);

fn silent_stream_gets_a_comment_now_and_then(engine: Engine) {
    let broker = Hub::new().broker("quiet").build();
    let wait = async |client: Client| {
        client.closed().await;
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).heartbeat(SOON)))
        .route("/endpoint", get(sse::endpoint(wait).heartbeat(SOON)));
    let server = serve(engine, app);
    let begun = Instant::now();
    let mut streams: Vec<_> = ["/feed", "/endpoint"].map(|path| server.subscribe(path)).into();
    streams.push(Subscriber::ask(server.connect(), "GET /feed HTTP/1.0\r\n\r\n"));
    for stream in &mut streams {
        for beats in 1..=3 {
            let heard = comment(stream);
            assert_eq!(heard, "heartbeat");
            // Never early: three quarters of the time, since streams share wakes.
            assert!(begun.elapsed() >= SOON * beats * 3 / 4, "{:?}", begun.elapsed());
        }
    }
    // Events come through as ever.
    publish(&broker, "event");
    assert_eq!(streams[0].data(), "event");
}

/// The next comment; an event before it is none of ours.
#[track_caller]
fn comment(stream: &mut Subscriber) -> String {
    loop {
        let heard = stream.next().expect("a comment comes before the end");
        assert_eq!(heard.data, None);
        if let Some(comment) = heard.comment {
            return comment;
        }
    }
}

fn busy_stream_gets_no_comment(engine: Engine) {
    let silence = Duration::from_secs(1);
    let broker = Hub::new().broker("busy").build();
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(silence)));
    let server = serve_on_one(engine, app);
    let mut stream = server.subscribe("/");
    let begun = Instant::now();
    let (mut last, mut longest) = (begun, Duration::ZERO);
    let mut comments = 0;
    while begun.elapsed() < silence * 5 / 2 {
        publish(&broker, "event");
        loop {
            let heard = stream.next().expect("the stream goes on");
            comments += usize::from(heard.comment.is_some());
            if heard.data.is_some() {
                break;
            }
        }
        longest = longest.max(last.elapsed());
        last = Instant::now();
        std::thread::sleep(Duration::from_millis(20));
    }
    // On a machine that stood still for as long, the stream was silent.
    assert!(comments == 0 || longest > silence / 4, "{comments} comments, {longest:?}");
}

fn feed_without_heartbeat_stays_silent(engine: Engine) {
    let (broker, app) = feed();
    let app = app.route("/beating", get(sse::feed(&broker).heartbeat(SOON)));
    let server = serve_on_one(engine, app);
    let mut silent = server.subscribe("/events");
    let mut beating = server.subscribe("/beating");
    for _ in 0..3 {
        comment(&mut beating);
    }
    broker.close();
    let mut blocks = Vec::new();
    while let Ok(heard) = silent.next() {
        blocks.extend(heard.comment);
    }
    assert_eq!(blocks, [""; 0]);
}

fn heartbeats_do_not_pile_up_for_a_client_that_does_not_read(engine: Engine) {
    let broker = Hub::new().broker("stuck").build();
    let app = Router::new()
        .route("/", get(sse::feed(&broker).heartbeat(SOON)))
        .route("/other", get(sse::feed(&Hub::new().broker("other").build()).heartbeat(SOON)));
    let server = serve_on_one(engine, app);
    let mut stuck = Subscriber::open(server.connect_narrow(), "/");
    let mut beating = server.subscribe("/other");
    for _ in 0..400 {
        publish(&broker, "x".repeat(10_000));
    }
    // Whoever loses events is owed no more of them.
    eventually("it loses events", || broker.dropped_events() > 0);
    let owed = server.stats().owed_bytes;
    for _ in 0..6 {
        comment(&mut beating);
    }
    // One may be on its way to the other client.
    let more = server.stats().owed_bytes.saturating_sub(owed);
    assert!(more <= "d\r\n: heartbeat\n\n\r\n".len(), "{more} bytes more");
    broker.close();
    while let Ok(heard) = stuck.next() {
        assert!(heard.data.is_none_or(|data| data.len() == 10_000));
    }
}

on_every_engine! {
    silent_stream_gets_a_comment_now_and_then,
    busy_stream_gets_no_comment,
    feed_without_heartbeat_stays_silent,
    heartbeats_do_not_pile_up_for_a_client_that_does_not_read,
}
