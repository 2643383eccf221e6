//! Pitfalls 15 and 16: how streams and servers end.

use super::{app, large, publish, stuck};
use crate::support::{Ending, PATIENCE, eventually, serve};
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::collections::HashSet;

/// Pitfall 15: Stream finished, but the terminal chunk is cut for a slow reader, or the connection stays open.
fn last_chunk_reaches_a_slow_reader_and_the_connection_ends(engine: Engine) {
    const EVENTS: usize = 40;
    let hub = Hub::new();
    let broker = hub.broker("news").subscriber_buffer(EVENTS).build();
    let handler = async |client: Client| {
        for number in 0..EVENTS {
            client.send(Event::data(large(number))).await.expect("the client is there");
        }
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).heartbeat(None)))
        .route("/endpoint", get(sse::endpoint(handler).heartbeat(None)));
    let server = serve(engine, app);
    let mut streams = [stuck(&server, "/feed"), stuck(&server, "/endpoint")];
    (0..EVENTS).for_each(|number| publish(&broker, large(number)));
    eventually("both are owed something", || server.stats().owed_bytes > 0);
    broker.close();
    for stream in &mut streams {
        let (heard, ending) = stream.rest();
        assert!(heard.iter().enumerate().all(|(at, heard)| heard.data == Some(large(at))));
        // Whole: the last chunk, then a FIN.
        assert_eq!((heard.len(), ending), (EVENTS, Ending::Whole));
    }
    drop(streams);
    server.wait_for_connections(0);
}

/// Pitfall 16: Graceful shutdown hangs on open streams; or kills all at once, and all reconnect in the same second.
fn drain_neither_hangs_on_open_streams_nor_brings_all_back_in_one_second(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, app(&broker));
    let mut streams: Vec<_> = (0..50).map(|_| server.subscribe("/quiet")).collect();
    publish(&broker, "news");
    let drain = server.drain(PATIENCE);
    let mut seconds = HashSet::new();
    for stream in &mut streams {
        let blocks = stream.blocks();
        assert_eq!(blocks.first().and_then(|first| first.data.as_deref()), Some("news"));
        let retry = blocks.last().and_then(|last| last.retry).expect("when to come back");
        seconds.insert(retry / 1000);
    }
    assert!(seconds.len() > 2, "all come back in seconds {seconds:?}");
    drop(streams);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

on_every_engine! {
    last_chunk_reaches_a_slow_reader_and_the_connection_ends,
    drain_neither_hangs_on_open_streams_nor_brings_all_back_in_one_second,
}
