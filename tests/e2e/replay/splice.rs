//! Clients that are cut off at any byte and come back, while many publish as fast as they can: what each
//! gets is what was published, once.

use super::store::Remote;
use super::{ask, feed_with, ring};
use crate::support::{Numbers, Peer, serve};
use headwater::Engine;
use headwater::sse::replay::ReplayStore;
use headwater::sse::{Broker, Event};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

const PUBLISHERS: u64 = 4;
const EVENTS: u64 = 2000;
const CLIENTS: u64 = 16;

/// Reads until the last event there will be, and is cut off again and again.
fn follow(addr: SocketAddr, seed: u64) -> Vec<u64> {
    let mut numbers = Numbers::new(seed);
    let (mut last, mut heard) = (0, Vec::new());
    while last < PUBLISHERS * EVENTS {
        let mut stream = ask(Peer::connect(addr), &last.to_string());
        let stays = numbers.below(1200);
        for _ in 0..stays {
            // Cut off as too slow, it comes back, too.
            let Ok(block) = stream.next() else { break };
            last = block.number();
            heard.push(last);
            if last == PUBLISHERS * EVENTS {
                break;
            }
        }
        if numbers.one_in(2) {
            // In the middle of what is on its way.
            stream.peer.reset();
        }
    }
    heard
}

fn publish_all(broker: &Broker) {
    for number in 0..EVENTS {
        let size = usize::try_from(number % 97).expect("small");
        broker.publish_wait(Event::data("x".repeat(size)), None).expect("there will be room");
    }
}

/// Pitfall: events published between "replay read" and "subscribe" are lost, or sent twice.
fn nothing_is_lost_or_doubled_between_replay_and_live(engine: Engine) {
    let stores: [Arc<dyn ReplayStore>; 2] = [ring(), Remote::new()];
    for store in stores {
        let (broker, app) = feed_with(store);
        let server = serve(engine, app);
        let addr = server.addr();
        thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|seed| scope.spawn(move || follow(addr, seed))).collect();
            for _ in 0..PUBLISHERS {
                scope.spawn(|| publish_all(&broker));
            }
            for client in clients {
                let heard = client.join().expect("no panic");
                let due: Vec<u64> = (1..=PUBLISHERS * EVENTS).collect();
                let first = heard.iter().zip(&due).position(|(heard, due)| heard != due);
                let around = first.map(|at| &heard[at.saturating_sub(3)..heard.len().min(at + 5)]);
                assert_eq!((around, heard.len()), (None, due.len()));
            }
        });
    }
}

on_every_engine! {
    nothing_is_lost_or_doubled_between_replay_and_live,
}
