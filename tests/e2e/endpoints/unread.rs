//! Streams that are ending, and whose clients do not read what is left.

use super::Ends;
use crate::support::{Running, Subscriber, builder, eventually};
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Hub, Router, Timeouts, routing::get};
use std::time::Duration;

/// Much longer than what is on its way needs.
const SOON: Duration = Duration::from_millis(300);

fn large() -> Event {
    Event::data("x".repeat(16 * 1024))
}

/// Sends until the queue is full.
fn fill(client: &Client) {
    while client.try_send(large()).is_ok() {}
}

fn stream_that_is_ending_is_cut_when_its_client_does_not_read(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Ends::default();
    let done = async |client: Client| fill(&client);
    let closing = async |client: Client| {
        fill(&client);
        client.close();
        std::future::pending::<()>().await;
    };
    let lasting = async |client: Client| {
        fill(&client);
        client.closed().await;
    };
    let app = Router::new()
        .route("/done", get(sse::endpoint(done).on_disconnect(ends.hook())))
        .route(
            "/closing",
            get(sse::endpoint(closing).on_disconnect(ends.hook()).cancel_on_disconnect(true)),
        )
        .route(
            "/expired",
            get(sse::endpoint(lasting).max_lifetime(SOON).on_disconnect(ends.hook())),
        )
        .route("/feed", get(sse::feed(&broker).on_disconnect(ends.hook())))
        .route("/steady", get(sse::feed(&Hub::new().broker("steady").build())));
    let timeouts = Timeouts::default().with_write(SOON);
    let server = builder(engine).timeouts(timeouts).serve(app);
    let server = Running::from(server.expect("a free port of the loopback"));
    // A stream that is not ending has all the time there is.
    let _steady = server.subscribe("/steady");
    let mut told = Vec::new();
    for (path, why) in [
        ("/done", Disconnect::Done),
        ("/closing", Disconnect::Done),
        ("/expired", Disconnect::Expired),
        ("/feed", Disconnect::BrokerClosed),
    ] {
        let stuck = Subscriber::open(server.connect_narrow(), path);
        if path == "/feed" {
            eventually("its socket is full", || {
                broker.publish(large()).expect("there is room");
                broker.dropped_events() > 0
            });
            broker.close();
        }
        told.push(why);
        ends.expect(&told);
        server.wait_for_connections(1);
        assert_eq!(server.stats().streams, 1);
        drop(stuck);
    }
    eventually("nothing is owed", || server.stats().owed_bytes == 0);
    assert_eq!(broker.subscriber_count(), 0);
}

on_every_engine! {
    stream_that_is_ending_is_cut_when_its_client_does_not_read,
}
