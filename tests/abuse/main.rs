//! Clients that mean no good, of all kinds at once, while others make requests and follow a stream: these
//! notice nothing, the bad ones are put an end to by the limits, and memory stays under what those allow.
//! In a process of its own, so that nothing else is in its resident set; the engines take turns.
#![cfg(target_os = "linux")]

#[path = "../e2e/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the end-to-end tests use all of it")]
mod support;

use bytes::Bytes;
use headwater::routing::get;
use headwater::sse::{self, Broker, Event, SlowPolicy};
use headwater::{Engine, HttpLimits, Hub, Router, Timeouts};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{PATIENCE, Peer, Running, SetAtEnd, Subscriber, builder, eventually};

/// Of each kind of abuse.
const ABUSERS: usize = 20;
const SUBSCRIBERS: usize = 10;
const ASKERS: usize = 10;

const SOON: Duration = Duration::from_millis(500);
const HEAD_BYTES: usize = 8 * 1024;
const BODY_BYTES: usize = 16 * 1024;
/// The last event of the stream that is followed.
const LAST: &str = "the end";
const EVENT_BYTES: usize = 4 * 1024;
const LARGE_BYTES: usize = 16 * 1024 * 1024;
const PAGE_BYTES: usize = 16 * 1024;
const PIPELINED: usize = LARGE_BYTES / PAGE_BYTES;
/// Connections that are given up as soon as they are there.
const PASSING: usize = 200;
/// A client that trickles sends a byte this often.
const TRICKLE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Abuse {
    SlowHead,
    SlowBody,
    UnreadStream,
    UnreadAnswer,
    Pipelining,
    Garbage,
}

const KINDS: [Abuse; 6] = [
    Abuse::SlowHead,
    Abuse::SlowBody,
    Abuse::UnreadStream,
    Abuse::UnreadAnswer,
    Abuse::Pipelining,
    Abuse::Garbage,
];

impl Abuse {
    fn begin(self, server: &Running) -> Peer {
        let mut peer = match self {
            Self::UnreadStream | Self::UnreadAnswer | Self::Pipelining => server.connect_narrow(),
            _ => server.connect(),
        };
        let ask = support::get;
        let length = BODY_BYTES;
        match self {
            Self::SlowHead => peer.send("GET / HTTP/1.1\r\nhost: test\r\nx: "),
            Self::SlowBody => peer.send(format!(
                "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\nhalf"
            )),
            Self::UnreadStream => peer.send(ask("/flood")),
            Self::UnreadAnswer => peer.send(ask("/large")),
            // More than is answered before the socket is full, and less than the kernel takes.
            Self::Pipelining => peer.send(ask("/page").repeat(PIPELINED)),
            Self::Garbage => peer.send("\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n"),
        }
        peer
    }

    fn trickles(self) -> bool {
        matches!(self, Self::SlowHead | Self::SlowBody)
    }

    /// How it must have ended, by whatever limit is for it.
    #[track_caller]
    fn check_end(self, mut peer: Peer) {
        match self {
            Self::SlowHead | Self::SlowBody => assert_eq!(peer.answer().status, 408, "{self:?}"),
            Self::Garbage => assert_eq!(peer.answer().status, 400, "{self:?}"),
            Self::UnreadStream => {
                let (bytes, _) = peer.rest();
                assert!(
                    !bytes.ends_with(b"0\r\n\r\n"),
                    "{self:?}: it was cut, and says it was not"
                );
            }
            Self::UnreadAnswer | Self::Pipelining => {
                let (bytes, _) = peer.rest();
                assert!(bytes.len() < LARGE_BYTES, "{self:?}: all was sent all the same");
            }
        }
    }
}

/// The brokers: of the stream that good clients follow, and of the one that bad ones do not read.
struct Brokers {
    news: Broker,
    flood: Broker,
}

/// A server with tight limits.
fn serve(engine: Engine, large: &Bytes) -> (Running, Brokers) {
    let hub = Hub::builder().ring_bytes(1024 * 1024).ring_events(1024).build();
    let news = hub.broker("news").subscriber_buffer(1_000_000).build();
    let flood = hub.broker("flood").slow_policy(SlowPolicy::Close);
    let flood = flood.subscriber_buffer(16).subscriber_buffer_bytes(64 * 1024).build();
    let (large, page) = (large.clone(), large.slice(..PAGE_BYTES));
    let app = Router::new()
        .route("/", get(|| "ok").post(|body: Bytes| body))
        .route("/page", get(move || page.clone()))
        .route("/large", get(move || large.clone()))
        .route("/news", get(sse::feed(&news)))
        .route("/flood", get(sse::feed(&flood)));
    let limits =
        HttpLimits::default().with_head_bytes(HEAD_BYTES).with_body_bytes(BODY_BYTES as u64);
    let timeouts = Timeouts::default().with_header(SOON).with_body(SOON).with_write(SOON);
    let server = builder(engine).hub(&hub).http_limits(limits).timeouts(timeouts);
    let server = Running::from(server.serve(app).expect("a free port of the loopback"));
    (server, Brokers { news, flood })
}

/// Publishes until told to stop. Returns how many events there were.
fn publish(brokers: &Brokers, stop: &AtomicBool) -> u64 {
    let padding = "x".repeat(EVENT_BYTES);
    let mut published = 0;
    // A core that is given no time has no room meanwhile.
    let deadline = || Some(Instant::now() + PATIENCE);
    while !stop.load(Ordering::Relaxed) {
        let news = Event::data(published.to_string());
        brokers.news.publish_wait(news, deadline()).expect("there is room in the end");
        let padding = Event::data(&*padding);
        brokers.flood.publish_wait(padding, deadline()).expect("there is room in the end");
        published += 1;
        thread::sleep(Duration::from_millis(2));
    }
    brokers.news.publish_wait(Event::data(LAST), deadline()).expect("there is room in the end");
    published
}

/// Follows a stream to its last event. Returns how many came before, none of them missing.
fn follow(mut stream: Subscriber) -> u64 {
    let mut heard = 0;
    loop {
        match stream.data() {
            last if last == LAST => return heard,
            data => assert_eq!(data, heard.to_string(), "in order, and none is lost"),
        }
        heard += 1;
    }
}

/// Asks on all connections in turn until told to stop: each request is answered.
fn ask(mut askers: Vec<Peer>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for peer in &mut askers {
            peer.ask("/");
        }
        for peer in &mut askers {
            let answer = peer.answer();
            assert_eq!((answer.status, answer.text()), (200, "ok"));
        }
    }
}

fn trickle(mut slow: Vec<Peer>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for peer in &mut slow {
            peer.try_send("x");
        }
        thread::sleep(TRICKLE);
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn abuse_of_all_kinds_is_ended_by_limits_and_the_others_notice_nothing() {
    let large = Bytes::from(vec![b'x'; LARGE_BYTES]);
    for &engine in Engine::compiled() {
        let (server, brokers) = serve(engine, &large);
        let before = resident_bytes();
        let streams: Vec<_> = (0..SUBSCRIBERS).map(|_| server.subscribe("/news")).collect();
        let askers: Vec<_> = (0..ASKERS).map(|_| server.connect()).collect();
        let abusers: Vec<_> = (0..ABUSERS * KINDS.len())
            .map(|number| KINDS[number % KINDS.len()])
            .map(|kind| (kind, kind.begin(&server)))
            .collect();
        let slow = abusers.iter().filter(|(kind, _)| kind.trickles());
        let slow = slow.map(|(_, peer)| peer.clone_to_send()).collect();
        let (stop, mut most) = (AtomicBool::new(false), 0);
        thread::scope(|scope| {
            let stop_all = SetAtEnd(&stop);
            let publisher = scope.spawn(|| publish(&brokers, &stop));
            let spawn = |stream| scope.spawn(move || follow(stream));
            let followers: Vec<_> = streams.into_iter().map(spawn).collect();
            scope.spawn(|| ask(askers, &stop));
            scope.spawn(|| trickle(slow, &stop));
            for number in 0..PASSING {
                let passing = server.connect();
                if number.is_multiple_of(2) {
                    passing.reset();
                }
            }
            eventually("all abusers were put an end to", || {
                most = resident_bytes().max(most);
                server.stats().connections == SUBSCRIBERS + ASKERS
            });
            drop(stop_all);
            let events = publisher.join().expect("it publishes");
            for follower in followers {
                assert_eq!(follower.join().expect("it follows"), events);
            }
        });
        let (bound, grown) = (server.memory_bound(), most.saturating_sub(before));
        let each = bound.connection_bytes;
        println!(
            "{engine}: {} KiB for all; {} KiB for each are allowed",
            grown / 1024,
            each / 1024
        );
        // What slow streams are owed is bounded here to much less than what the rest may cost.
        let connections = (abusers.len() + SUBSCRIBERS + ASKERS) as u64;
        assert!(grown <= connections * each, "{engine}: {grown} bytes, {each} each");
        for (kind, peer) in abusers {
            kind.check_end(peer);
        }
    }
}
