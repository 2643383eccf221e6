//! Many clients that come and go while connections are handed over and events are published.

use super::{connect, serve, wait_for_rest, weigh_down};
use crate::support::{Numbers, SetAtEnd, Subscriber};
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

on_every_engine!(streams_come_and_go_between_workers_and_nothing_is_lost_or_left);

const CLIENTS: u64 = 6;
const STREAMS_EACH: usize = 40;

fn streams_come_and_go_between_workers_and_nothing_is_lost_or_left(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let ballast = weigh_down(&server, 60);
    let published = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let next = published.fetch_add(1, Ordering::Relaxed) + 1;
                broker.publish(Event::data(next.to_string())).expect("there is room");
                thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        let _end = SetAtEnd(&over);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|seed| {
                let server = &server;
                scope.spawn(move || live(server, &mut Numbers::new(seed)))
            })
            .collect();
        for client in clients {
            client.join().expect("no event is missing");
        }
    });
    assert!(server.stats().handed_over > CLIENTS * STREAMS_EACH as u64 / 3);
    drop(ballast);
    wait_for_rest(&server);
    assert_eq!((broker.subscriber_count(), server.stats().owed_bytes), (0, 0));
}

/// Opens streams, hears some events of each without a gap, and leaves in any way at any time.
fn live(server: &crate::support::Running, numbers: &mut Numbers) {
    let mut held = Vec::new();
    for _ in 0..STREAMS_EACH {
        let mut peer = connect(server, 0);
        peer.ask("/");
        match numbers.below(6) {
            0 => drop(peer),
            1 => peer.reset(),
            _ => {
                let mut stream = Subscriber::ask(peer, "");
                let first = stream.event().number();
                for next in first + 1..=first + numbers.below(6) as u64 {
                    assert_eq!(stream.event().number(), next);
                }
                held.push(stream);
            }
        }
        if held.len() > 5 {
            let stream = held.swap_remove(numbers.below(held.len()));
            if numbers.one_in(2) { stream.peer.reset() } else { drop(stream) }
        }
    }
}
