//! Workers that have no room for what others would hand them.

use super::{SLACK, connect_one_by_one, core_of, serve_with, streams, weigh_down};
use crate::support::{Subscriber, builder};
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, Router, routing::get};

on_every_engine!(
    full_worker_gets_no_stream_and_one_with_room_for_one_gets_one,
    connection_that_was_handed_over_makes_room_where_it_was,
);

fn full_worker_gets_no_stream_and_one_with_room_for_one_gets_one(engine: Engine) {
    const LIMIT: usize = 3 * SLACK + 1;
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
    let server = serve_with(builder(engine).connections_per_worker(LIMIT), app);
    let mut ballast = weigh_down(&server, 2 * SLACK);
    let peers: Vec<_> = (0..3).map(|_| connect_one_by_one(&server, 0)).collect();
    // Connections that are no streams: as many as there is room for, but for one.
    let silent: Vec<_> = (1..LIMIT).map(|_| connect_one_by_one(&server, 1)).collect();
    for (peer, room) in peers.into_iter().zip([1, 0, 0]) {
        let mut stream = Subscriber::open(peer, "/");
        assert_eq!((streams(&server)[1], server.stats().handed_over), (1, 1), "room: {room}");
        broker.publish(Event::data("news")).expect("there is room");
        assert_eq!(stream.data(), "news");
        ballast.push(stream);
    }
    let connections = server.worker_stats()[1].connections;
    assert_eq!((connections, server.stats().closed_for_room), (LIMIT, 0));
    drop(silent);
}

fn connection_that_was_handed_over_makes_room_where_it_was(engine: Engine) {
    const LIMIT: usize = 2 * SLACK + 1;
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
    let server = serve_with(builder(engine).connections_per_worker(LIMIT), app);
    let _ballast = weigh_down(&server, 2 * SLACK);
    // One place is left, again and again.
    let _streams: Vec<_> =
        (0..SLACK).map(|_| Subscriber::open(connect_one_by_one(&server, 0), "/")).collect();
    let connections: Vec<usize> =
        server.worker_stats().iter().map(|stats| stats.connections).collect();
    assert_eq!(connections, [2 * SLACK, SLACK]);
    assert_eq!(core_of(&mut connect_one_by_one(&server, 0)), 0);
    assert_eq!(server.stats().closed_for_room, 0);
}
