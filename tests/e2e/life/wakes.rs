//! Other threads wake handlers while their worker ends.

use crate::support::{Peer, eventually, serve};
use headwater::{Engine, Router, routing::get};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

const ROUNDS: usize = 25;
const HANDLERS: usize = 32;
const WAKERS: usize = 2;

/// A future may be dropped on its own thread only: a wake that comes too late must not carry it away.
fn foreign_wakes_during_the_end_of_a_worker_harm_nothing(engine: Engine) {
    for _ in 0..ROUNDS {
        let waiting: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let known = waiting.clone();
        let wait = async move || {
            let mut polls = 0;
            poll_fn(|context| {
                // Polled in place first, with a waker that does nothing, and then as a task.
                polls += 1;
                if polls == 2 {
                    known.lock().expect("no panics").push(context.waker().clone());
                }
                Poll::<()>::Pending
            })
            .await;
        };
        let server = serve(engine, Router::new().route("/", get(wait)));
        let _peers: Vec<Peer> = (0..HANDLERS)
            .map(|_| {
                let mut peer = Peer::connect(server.addr());
                peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
                peer
            })
            .collect();
        eventually("all handlers wait", || waiting.lock().expect("no panics").len() == HANDLERS);
        let over = AtomicBool::new(false);
        let wakers = std::mem::take(&mut *waiting.lock().expect("no panics"));
        thread::scope(|scope| {
            for _ in 0..WAKERS {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    }
                });
            }
            server.drain(Duration::from_millis(1)).wait().expect("no worker fails");
            over.store(true, Ordering::Relaxed);
        });
    }
}

on_every_engine!(foreign_wakes_during_the_end_of_a_worker_harm_nothing);
