//! Room for connections: how many a worker holds, and who gives way to whom.

use crate::support::{Answer, Peer, Running, builder, eventually, get};
use headwater::{Engine, Router, routing};
use std::time::{Duration, Instant};

/// One worker that holds this many connections.
fn serve(engine: Engine, connections: usize) -> Running {
    let app = Router::new().route("/", routing::get(|| "ok"));
    let server = builder(engine).workers(1).connections_per_worker(connections).serve(app);
    Running::from(server.expect("a free port"))
}

/// Connects, and waits until the server knows.
#[track_caller]
fn connect(server: &Running) -> Peer {
    let before = server.stats().accepted;
    let peer = server.connect();
    eventually("it is accepted", || server.stats().accepted == before + 1);
    peer
}

#[track_caller]
fn is_served(peer: &mut Peer) {
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

/// Connects again and again until the server takes it.
#[track_caller]
fn connect_until_served(server: &Running) -> Peer {
    let mut found = None;
    eventually("there is room", || {
        let mut peer = server.connect();
        // A connection that finds no room is closed, perhaps before this is sent.
        peer.try_send(get("/"));
        found = Answer::receive(&mut peer).is_ok().then_some(peer);
        found.is_some()
    });
    found.expect("it was served")
}

fn oldest_silent_connection_gives_way_to_a_new_one(engine: Engine) {
    let server = serve(engine, 3);
    let mut peers: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    server.wait_for_connections(3);
    let mut fourth = connect_until_served(&server);
    peers.remove(0).expect_end();
    server.wait_for_connections(3);
    let mut fifth = connect_until_served(&server);
    peers.remove(0).expect_end();
    for peer in [&mut peers[0], &mut fourth, &mut fifth] {
        is_served(peer);
    }
    let stats = server.stats();
    assert_eq!(stats.accepted - stats.closed_for_room, 3);
}

fn young_connection_does_not_give_way(engine: Engine) {
    let server = serve(engine, 2);
    let begun = Instant::now();
    let mut first = connect(&server);
    let mut second = connect(&server);
    let mut third = connect(&server);
    eventually("one had to go", || server.stats().closed_for_room == 1);
    if begun.elapsed() < Duration::from_secs(1) {
        third.expect_end();
        is_served(&mut first);
    }
    is_served(&mut second);
    assert_eq!(server.stats().connections, 2);
}

fn connection_that_has_sent_something_is_not_closed_for_another(engine: Engine) {
    let server = serve(engine, 3);
    let mut first = connect(&server);
    is_served(&mut first);
    let mut silent = connect(&server);
    let mut begun = connect(&server);
    begun.send("GET / HT");
    // The one in the middle goes, although it is neither first nor last.
    let mut fourth = connect_until_served(&server);
    // If the first bytes are not there yet, `begun` counts as silent, but as the younger one.
    silent.expect_end();
    is_served(&mut first);
    begun.send("TP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(begun.answer().text(), "ok");
    // All have spoken now: it is the newest itself that finds no room.
    for _ in 0..3 {
        connect(&server).expect_end();
        server.wait_for_connections(3);
    }
    for peer in [&mut first, &mut begun, &mut fourth] {
        is_served(peer);
    }
    drop(begun);
    server.wait_for_connections(2);
    is_served(&mut connect(&server));
}

fn connections_below_the_limit_are_left_alone(engine: Engine) {
    let server = serve(engine, 20);
    let mut peers: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    server.wait_for_connections(20);
    for peer in &mut peers {
        is_served(peer);
    }
    for _ in 0..20 {
        drop(peers.pop());
        server.wait_for_connections(peers.len());
        let mut next = connect(&server);
        is_served(&mut next);
        drop(next);
        server.wait_for_connections(peers.len());
    }
}

on_every_engine! {
    oldest_silent_connection_gives_way_to_a_new_one,
    young_connection_does_not_give_way,
    connection_that_has_sent_something_is_not_closed_for_another,
    connections_below_the_limit_are_left_alone,
}
