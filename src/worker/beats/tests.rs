//! Heartbeats by a clock that tests move, with a whole worker over sockets in memory.

use super::MOST_BEATS;
use crate::blocking::pool::{Pool, PoolLimits};
use crate::routing::get;
use crate::server::{Settings, Timeouts};
use crate::sse;
use crate::worker::{Shared, Worker};
use crate::{HttpLimits, Hub, Request, Router};
use headwater_engine::scripted::{self, Script, Scripted};
use headwater_engine::{Clock, Driver, Key, Mailbox, ManualClock};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const HEARTBEAT: &str = "d\r\n: heartbeat\n\n\r\n";

/// A worker of a server, turned by hand.
struct Stage {
    worker: headwater_engine::Worker<Scripted, Worker>,
    script: Script,
    clock: ManualClock,
}

impl Stage {
    fn new(router: Router) -> Self {
        let (driver, script) = scripted::pair();
        let mailbox = Mailbox::new(driver.waker());
        let settings = Settings {
            http: HttpLimits::default(),
            timeouts: Timeouts::default(),
            connections_per_worker: 100,
            slow_handler: None,
            balances: false,
            reconnect: None,
        };
        let pool = || Arc::new(Pool::new(PoolLimits::default()));
        let shared = Shared {
            router,
            settings,
            hubs: Vec::new(),
            pool: pool(),
            stream_pool: pool(),
            runtime: crate::tokio::Runtime::default(),
            workers: OnceLock::new(),
        };
        let clock = ManualClock::new();
        let app = Worker::new(0, Arc::new(shared), Arc::default(), mailbox.remote());
        let on = Clock::Manual(clock.clone());
        let worker = headwater_engine::Worker::with_clock(driver, app, mailbox, on);
        Self { worker, script, clock }
    }

    /// Does all that is to be done now.
    fn settle(&mut self) {
        for _ in 0..10 {
            assert!(self.worker.turn_once().expect("sockets in memory").is_continue());
        }
    }

    /// A stream whose head was received.
    fn subscribe(&mut self, path: &str) -> Key {
        let peer = self.script.connect();
        self.script.feed(peer, format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        self.settle();
        let head = String::from_utf8(self.script.take_sent(peer)).expect("text");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        peer
    }

    /// What a stream gets in this time.
    fn after(&mut self, time: Duration, peer: Key) -> String {
        self.clock.advance(time);
        self.settle();
        String::from_utf8(self.script.take_sent(peer)).expect("text")
    }
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
        let peer = stage.subscribe(path);
        for _ in 0..3 {
            assert_eq!(stage.after(Duration::from_millis(14_900), peer), "", "{path}");
            // A sixteenth late at most, so that one wake serves many.
            assert_eq!(stage.after(Duration::from_millis(1100), peer), HEARTBEAT, "{path}");
        }
    }
}

#[test]
fn an_event_puts_the_next_heartbeat_off() {
    let news = Hub::new().broker("news").build();
    let mut stage = Stage::new(Router::new().route("/", get(sse::feed(&news))));
    let peer = stage.subscribe("/");
    for _ in 0..10 {
        news.publish(sse::Event::data("news")).expect("there is room");
        let events = stage.after(Duration::from_secs(10), peer);
        assert!(events.contains("data: news\n\n") && !events.contains("heartbeat"), "{events}");
    }
    assert_eq!(stage.after(Duration::from_secs(14), peer), "");
    // A quarter late at most, and a sixteenth.
    assert_eq!(stage.after(Duration::from_secs(6), peer), HEARTBEAT);
}

#[test]
fn a_stream_without_heartbeats_is_silent_for_ever() {
    let news = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/none", get(sse::feed(&news).heartbeat(None)))
        .route("/zero", get(sse::feed(&news).heartbeat(Duration::ZERO)));
    for path in ["/none", "/zero"] {
        let mut stage = Stage::new(app.clone());
        let peer = stage.subscribe(path);
        for _ in 0..24 {
            assert_eq!(stage.after(Duration::from_hours(1), peer), "", "{path}");
        }
        assert!(!stage.script.is_closed(peer));
    }
}

#[test]
fn intervals_past_the_limit_are_those_of_the_last() {
    let mut stage = Stage::new(Router::new());
    let worker = stage.worker.app_mut();
    for number in 0..=MOST_BEATS + 1 {
        let silence = Duration::from_secs(number as u64);
        let at = usize::from(worker.beat(Some(silence)));
        assert_eq!(at, number.min(MOST_BEATS - 1));
    }
    assert_eq!(worker.beats.len(), MOST_BEATS);
    assert_eq!(worker.beat(Some(Duration::from_secs(7))), 7, "known ones stay");
}
