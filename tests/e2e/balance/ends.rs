//! Hand-overs while the server drains or a worker dies.

use super::dying::with_death;
use super::{SLACK, connect, serve, weigh_down};
use crate::support::{Ending, PATIENCE, Peer, Subscriber, builder, eventually};
use headwater::http::StatusCode;
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Error, Hub, Request, Router, routing::get, routing::post};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

on_every_engine!(
    drain_during_hand_overs_ends_every_stream_in_order,
    nothing_is_handed_over_in_a_drain,
    drain_that_has_no_time_cuts_hand_overs_and_ends,
    worker_that_dies_takes_no_stream_along_but_its_own,
);

fn drain_during_hand_overs_ends_every_stream_in_order(engine: Engine) {
    for round in 0..5 {
        let broker = Hub::new().broker("news").build();
        let told = Arc::new(AtomicUsize::new(0));
        let counts = told.clone();
        let hook = move |_: &Client, why| {
            assert_eq!(why, Disconnect::Drain);
            counts.fetch_add(1, Ordering::Relaxed);
        };
        let feed = sse::feed(&broker).heartbeat(None).on_disconnect(hook);
        let server = serve(engine, Router::new().route("/", get(feed)));
        let ballast = weigh_down(&server, 30);
        // Of both workers. Their first requests are waited for, drain or not.
        let peers: Vec<Peer> = (0..40).map(|_| server.connect()).collect();
        let begin = Barrier::new(2);
        thread::scope(|scope| {
            let client = scope.spawn(|| {
                let mut peers = peers;
                begin.wait();
                for peer in &mut peers {
                    peer.ask("/");
                }
                for peer in peers {
                    // Before, on the way, or after: whole, and told when to come back.
                    let mut stream = Subscriber::ask(peer, "");
                    let blocks = stream.blocks();
                    assert!(blocks.last().is_some_and(|last| last.retry.is_some()), "{blocks:?}");
                }
            });
            begin.wait();
            if round > 0 {
                eventually("some are there", || server.stats().streams >= 30 + round);
            }
            let drain = server.drain(PATIENCE);
            client.join().expect("every client is served");
            drop(ballast);
            assert_eq!(drain.wait().expect("no worker fails").cut, 0);
        });
        assert_eq!(told.load(Ordering::Relaxed), 40);
    }
}

fn nothing_is_handed_over_in_a_drain(engine: Engine) {
    let begun = Arc::new(AtomicBool::new(false));
    let note = begun.clone();
    let check = move |_: &Request| {
        note.store(true, Ordering::Relaxed);
        Ok::<_, StatusCode>(())
    };
    let handler = async |_: String, client: Client| super::wait_for_end(&client).await;
    let stay = |request: Request| {
        sse::stream(&request, async |client: Client| super::wait_for_end(&client).await)
            .finish_on_drain()
    };
    let app = Router::new()
        .route("/", post(sse::endpoint(handler)).before_body(check))
        .route("/stay", get(stay));
    let server = serve(engine, app);
    let gone = Subscriber::open(connect(&server, 0), "/ballast");
    // They are not what the drain ends: the worker has too many as before.
    let ballast: Vec<_> =
        (0..3 * SLACK).map(|_| Subscriber::open(connect(&server, 0), "/stay")).collect();
    // And the other one lives on.
    let other = Subscriber::open(connect(&server, 1), "/stay");
    let mut late = connect(&server, 0);
    late.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n");
    eventually("its request has begun", || begun.load(Ordering::Relaxed));
    let drain = server.drain(PATIENCE);
    eventually("the drain has begun", || server.stats().streams == 3 * SLACK + 1);
    late.send("body");
    assert_eq!(late.answer().status, 503);
    assert_eq!(server.stats().handed_over, 0);
    drop((ballast, other, late, gone));
    drain.wait().expect("no worker fails");
}

fn drain_that_has_no_time_cuts_hand_overs_and_ends(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    for _ in 0..5 {
        let feed = sse::feed(&broker).heartbeat(None);
        let server = serve(engine, Router::new().route("/", get(feed)));
        let ballast = weigh_down(&server, 20);
        let mut peers: Vec<Peer> = (0..10).map(|_| connect(&server, 0)).collect();
        for peer in &mut peers {
            peer.ask("/");
        }
        server.drain(Duration::ZERO).wait().expect("no worker fails");
        for mut peer in peers {
            // Whatever became of it, it has ended.
            peer.rest();
        }
        drop(ballast);
        eventually("nobody is subscribed", || broker.subscriber_count() == 0);
    }
}

fn worker_that_dies_takes_no_stream_along_but_its_own(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/", get(sse::feed(&broker).heartbeat(None)))
        .route("/core", get(super::core_name));
    let (app, ended) = with_death(app);
    // Not one that must end well.
    let server = builder(engine).serve(app).expect("a free port");
    let running = |server: &headwater::ServerHandle| Peer::connect(server.local_addrs()[0]);
    let connect = |worker| loop {
        let mut peer = running(&server);
        if super::core_of(&mut peer) == worker {
            return peer;
        }
    };
    let open = |peer| Subscriber::open(peer, "/");
    let mut before: Vec<Subscriber> = (0..SLACK).map(|_| open(connect(0))).collect();
    let mut crowd: Vec<Peer> = (0..40).map(|_| connect(0)).collect();
    let mut killer = connect(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            killer.ask("/die");
            killer.rest();
        });
        for peer in &mut crowd {
            peer.ask("/");
        }
    });
    // Each got a stream from one worker or the other, or sees that the other one died.
    let mut streams = Vec::new();
    for mut peer in crowd {
        if let Ok(head) = crate::support::Answer::receive_head(&mut peer) {
            streams.push(Subscriber::after(peer, head));
        }
    }
    eventually("the worker is dead", || ended.load(Ordering::Relaxed));
    // From now on the one that is left keeps what comes.
    let mut after: Vec<Subscriber> = (0..3 * SLACK).map(|_| open(running(&server))).collect();
    broker.publish(Event::data("news")).expect("there is room");
    for subscriber in before.iter_mut().chain(&mut after) {
        assert_eq!(subscriber.data(), "news");
    }
    for mut stream in streams {
        let heard = stream.next();
        let lives = heard.as_ref().is_ok_and(|heard| heard.data.as_deref() == Some("news"));
        assert!(lives || matches!(heard, Err(Ending::Closed | Ending::Reset)), "{heard:?}");
    }
    assert!(server.worker_stats()[0].streams >= 4 * SLACK);
    let outcome = server.drain(Duration::ZERO).wait();
    assert!(matches!(outcome, Err(Error::WorkerFailed { worker: 1, .. })), "{outcome:?}");
}
