//! Bytes in and out, as clients see them.

use crate::support::{Peer, eventually, pattern, serve_on_one};
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, Router, Stats, routing::get};

/// More than sockets take at once.
const LARGE: usize = 8 * 1024 * 1024;

/// Asks, with a request that ends the connection, and returns how many bytes went either way.
fn moved(peer: &mut Peer, path: &str, meanwhile: impl FnOnce()) -> (u64, u64) {
    let request = format!("GET {path} HTTP/1.0\r\nhost: test\r\n\r\n");
    peer.send(&request);
    meanwhile();
    let (answer, _) = peer.rest();
    (request.len() as u64, answer.len() as u64)
}

fn bytes_in_and_out_are_counted_exactly(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/small", get(|| "small"))
        .route("/large", get(|| pattern(LARGE)))
        .route("/events", get(sse::feed(&broker)));
    let server = serve_on_one(engine, app);
    let mut expected = (0, 0);
    for path in ["/small", "/large", "/events"] {
        let (asked, answered) = moved(&mut server.connect(), path, || {
            if path == "/events" {
                eventually("it is subscribed", || broker.subscriber_count() == 1);
                broker.publish(Event::data("one")).expect("there is room");
                broker.close();
            }
        });
        assert!(path != "/large" || answered > LARGE as u64);
        expected = (expected.0 + asked, expected.1 + answered);
    }
    // Counted at the end of the turn, after the last byte has left.
    let counted = |Stats { received_bytes, sent_bytes, .. }: Stats| (received_bytes, sent_bytes);
    eventually("all is counted", || counted(server.stats()) == expected);
}

on_every_engine!(bytes_in_and_out_are_counted_exactly);
