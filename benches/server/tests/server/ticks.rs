//! What the server sends of its own accord: ticks and heartbeats.

use crate::client::{Connection, Subscriber};
use crate::decode::Item;
use crate::process::Server;
use std::time::{Duration, Instant};

pub(crate) fn ticks_come_at_the_rate_and_of_the_size_asked_for(engine: &str) {
    let before = Instant::now();
    let server = Server::start(engine, "--rate 50 --size 200");
    let mut subscriber = Subscriber::open(server.addr);
    let mut last = None;
    // A second and a half by the schedule, less what came before the subscription.
    while last.is_none_or(|number| number < 75) {
        let (_, data) = subscriber.next_event();
        assert_eq!(data.len(), 200, "{data}");
        let number = data.strip_prefix("tick ").and_then(|rest| rest.split(' ').next());
        let number: u32 =
            number.and_then(|digits| digits.parse().ok()).expect("ticks are numbered");
        assert_eq!(last.unwrap_or(number - 1), number - 1, "ticks come one by one");
        // Never ahead of its time, however slow the machine.
        let due = Duration::from_millis(20) * number;
        assert!(before.elapsed() >= due, "tick {number} came after {:?}", before.elapsed());
        last = Some(number);
    }
    server.stop_after(subscriber);
}

pub(crate) fn ticks_go_on_where_nobody_can_read_complaints(engine: &str) {
    let server = Server::start_mute(engine, "--rate 50");
    let mut subscriber = Subscriber::open(server.addr);
    for _ in 0..10 {
        subscriber.next_event();
    }
    drop(subscriber);
    server.signal("TERM");
    assert_eq!(server.wait().status.code(), Some(0));
}

pub(crate) fn rate_zero_publishes_nothing(engine: &str) {
    let server = Server::start(engine, "--rate 0 --heartbeat 0.1");
    let mut subscriber = Subscriber::open(server.addr);
    // Heartbeats are the clock: ten of them take about the second in which a tick would come.
    for _ in 0..10 {
        assert_eq!(subscriber.next(), Item::Comment);
    }
    assert_eq!(Connection::open(server.addr).metric("events_published_total"), 0);
    server.stop_after(subscriber);
}

pub(crate) fn heartbeat_zero_sends_no_comments(engine: &str) {
    // Ticks are the clock here; between two of them there is time for several heartbeats.
    let comments_in_four_ticks = |flags: &str| {
        let server = Server::start(engine, flags);
        let mut subscriber = Subscriber::open(server.addr);
        let (mut ticks, mut comments) = (0, 0);
        while ticks < 4 {
            match subscriber.next() {
                Item::Event { .. } => ticks += 1,
                Item::Comment => comments += 1,
            }
        }
        server.stop_after(subscriber);
        comments
    };
    assert_ne!(comments_in_four_ticks("--rate 2 --heartbeat 0.1"), 0);
    assert_eq!(comments_in_four_ticks("--rate 2 --heartbeat 0"), 0);
}
