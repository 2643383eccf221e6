//! Clients that leave at any moment, and clients that stay when they should not: no connection is left
//! behind.

use crate::support::{Gate, Peer, Running, SetAtEnd, builder, eventually, pattern, serve};
use headwater::routing::get;
use headwater::{Engine, Router, Timeouts};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// More than the buffers on the way hold.
const LARGE: usize = 16 * 1024 * 1024;

fn app(gate: &Gate) -> Router {
    let gate = gate.clone();
    Router::new()
        .route("/", get(|| "ok").post(|body: String| body))
        .route("/large", get(|| pattern(LARGE)))
        .route("/gate", get(async move || gate.pass().await))
}

/// What a client has sent when it leaves.
const MOMENTS: [&str; 7] = [
    "",
    "GET / HT",
    "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhalf",
    "GET / HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /gate HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /large HTTP/1.1\r\nhost: test\r\n\r\nGET / HTTP/1.1\r\nhost: test\r\n\r\n",
    "nonsense\r\n\r\n",
];

fn client_that_resets_at_any_moment_leaves_nothing_behind(engine: Engine) {
    let server = serve(engine, app(&Gate::default()));
    for round in 0..5 {
        let mut peers: Vec<Peer> = MOMENTS.map(|_| server.connect_narrow()).into();
        for (peer, moment) in peers.iter_mut().zip(MOMENTS) {
            peer.send(moment);
        }
        // In the first round the server has come to all of them; later ones meet it at work.
        if round == 0 {
            eventually("all have arrived", || {
                let stats = server.stats();
                (stats.accepted, stats.requests, stats.refused) == (7, 3, 1)
            });
        }
        peers.into_iter().for_each(Peer::reset);
        server.wait_for_connections(0);
    }
}

/// Pitfall: bytes and the reset behind them are told by one wake, and the reset is forgotten over the bytes.
fn reset_right_behind_bytes_is_noticed_without_any_deadline(engine: Engine) {
    let never = Duration::MAX;
    let timeouts = Timeouts::default().with_header(never).with_body(never).with_idle(never);
    let (busy, free) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_busy, is_free) = (busy.clone(), free.clone());
    let hold_the_core = move || {
        is_busy.store(true, Ordering::Relaxed);
        eventually("all have left", || is_free.load(Ordering::Relaxed));
        "free"
    };
    let app = app(&Gate::default()).route("/hold", get(hold_the_core));
    let server = builder(engine).workers(1).timeouts(timeouts).serve(app);
    let server = Running::from(server.expect("a free port of the loopback"));
    let moments = [MOMENTS[1], MOMENTS[2], MOMENTS[4]];
    let mut peers = moments.map(|_| server.connect());
    for peer in &mut peers {
        // From now on the server waits for more of it.
        peer.ask("/");
        assert_eq!(peer.answer().text(), "ok");
    }
    let mut holder = server.connect();
    holder.ask("/hold");
    eventually("the core is held", || busy.load(Ordering::Relaxed));
    for (mut peer, moment) in peers.into_iter().zip(moments) {
        peer.send(moment);
        peer.reset();
    }
    free.store(true, Ordering::Relaxed);
    assert_eq!(holder.answer().text(), "free");
    server.wait_for_connections(1);
}

fn client_that_closes_at_any_moment_leaves_nothing_behind(engine: Engine) {
    let gate = Gate::default();
    let server = serve(engine, app(&gate));
    for _ in 0..5 {
        for moment in MOMENTS {
            let mut peer = server.connect();
            peer.send(moment);
        }
    }
    eventually("all have arrived", || server.stats().accepted == 35);
    // Only those remain that may still be reading, as far as the server can know.
    gate.open();
    server.wait_for_connections(0);
}

fn client_that_never_closes_is_closed_in_the_end(engine: Engine) {
    let server = serve(engine, app(&Gate::default()));
    let mut quiet = server.connect();
    quiet.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    assert_eq!(quiet.answer().text(), "ok");
    quiet.expect_end();
    let mut talking = server.connect();
    let mut sender = talking.clone_to_send();
    talking.send("nonsense\r\n\r\n");
    assert_eq!(talking.answer().status, 400);
    // One has heard that the server is done and does nothing, one goes on sending.
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                sender.try_send("more nonsense\r\n");
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let _stop = SetAtEnd(&over);
        server.wait_for_connections(0);
    });
    drop((quiet, talking));
}

on_every_engine! {
    client_that_resets_at_any_moment_leaves_nothing_behind,
    reset_right_behind_bytes_is_noticed_without_any_deadline,
    client_that_closes_at_any_moment_leaves_nothing_behind,
    client_that_never_closes_is_closed_in_the_end,
}
