//! Clients that are cut off at any byte and come back, while their handlers send as fast as they can: what each
//! gets is what it was sent, once, and nothing of anybody else's.

use super::store::Remote;
use super::{of_user, ring, scope};
use crate::support::{Gate, Numbers, Peer, Subscriber, serve};
use headwater::sse::replay::ReplayStore;
use headwater::sse::{self, Client, ClientReplay, Event};
use headwater::{Engine, Request, Router, routing::get};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const EVENTS: u64 = 3000;
const CLIENTS: u64 = 12;

/// What a user is being sent, by the handler whose turn it is.
#[derive(Default)]
struct Work {
    turn: u64,
    done: u64,
    /// Opens when the last handler that ran has returned.
    ended: Option<Gate>,
}

type Works = Arc<Mutex<HashMap<String, Work>>>;

/// A client's user, and its turn.
struct Visit {
    user: String,
    turn: AtomicU64,
}

/// Opens when its handler returns, and when that is dropped.
struct Ended(Gate);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// One stream at a time appends to a scope: the one before has ended before the next is given what it missed.
async fn take_over(works: &Works, client: &Client) {
    let visit = client.request::<Visit>().expect("it is kept");
    let before = {
        let mut works = works.lock().expect("no panic");
        let work = works.entry(visit.user.clone()).or_default();
        work.turn += 1;
        visit.turn.store(work.turn, Ordering::Relaxed);
        work.ended.clone()
    };
    if let Some(before) = before {
        before.pass().await;
    }
}

/// Goes on where the handler before has stopped.
async fn work(works: &Works, client: &Client) {
    let visit = client.request::<Visit>().expect("it is kept");
    let mine = |work: &Work| work.turn == visit.turn.load(Ordering::Relaxed);
    let gate = Gate::default();
    let _ended = Ended(gate.clone());
    let mut number = {
        let mut works = works.lock().expect("no panic");
        let work = works.entry(visit.user.clone()).or_default();
        if !mine(work) {
            return;
        }
        work.ended = Some(gate);
        work.done
    };
    while number < EVENTS {
        number += 1;
        let size = usize::try_from(number % 97).expect("small");
        let data = format!("{} {number} {}", visit.user, "x".repeat(size));
        // What is taken is stored, and what is not is not.
        if client.send(Event::data(data)).await.is_err() {
            return;
        }
        let mut works = works.lock().expect("no panic");
        let work = works.entry(visit.user.clone()).or_default();
        work.done = number;
        if !mine(work) {
            return;
        }
    }
    client.closed().await;
}

fn app(store: Arc<dyn ReplayStore>) -> Router {
    let works = Works::default();
    let theirs = works.clone();
    let endpoint = sse::endpoint(async move |client: Client| work(&theirs, &client).await);
    let keep = |request: &Request| Visit {
        user: String::from_utf8_lossy(request.header("x-user").unwrap_or_default()).into_owned(),
        turn: AtomicU64::new(0),
    };
    let admit = async move |_: &Request, client: &Client| take_over(&works, client).await;
    let endpoint = endpoint.replay(ClientReplay::new(store), scope).keep(keep).on_connect(admit);
    Router::new().route("/", get(endpoint.heartbeat(None)))
}

/// Reads until the last event there will be, and is cut off again and again.
fn follow(addr: SocketAddr, user: &str, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let mut last = 0;
    while last < EVENTS {
        let mut stream = Subscriber::ask(Peer::connect(addr), of_user("/", user, Some(last)));
        for _ in 0..numbers.below(700) {
            let Ok(heard) = stream.next() else { break };
            last += 1;
            let begin = format!("{user} {last} ");
            assert_eq!(heard.number(), last);
            assert!(heard.data.as_ref().is_some_and(|data| data.starts_with(&begin)), "{heard:?}");
            if last == EVENTS {
                break;
            }
        }
        if numbers.one_in(2) {
            // In the middle of what is on its way.
            stream.peer.reset();
        }
    }
}

fn each_client_gets_its_own_sequence_wherever_it_is_cut_off(engine: Engine) {
    let stores: [Arc<dyn ReplayStore>; 2] = [ring(), Remote::new()];
    for store in stores {
        let server = serve(engine, app(store));
        let addr = server.addr();
        thread::scope(|scope| {
            for seed in 0..CLIENTS {
                scope.spawn(move || follow(addr, &format!("user{seed}"), seed));
            }
        });
    }
}

on_every_engine! {
    each_client_gets_its_own_sequence_wherever_it_is_cut_off,
}
