//! What `on_connect` may do with a client whose stream has not begun.

use super::Ends;
use crate::support::{block_on, eventually, serve};
use headwater::sse::{self, Client, ClientPolicy, Disconnect, Event, SlowPolicy};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::sync::mpsc;
use std::time::Duration;

/// Sends more than the queue of its client holds, and waits if the request says so.
async fn flood(request: &Request, client: &Client) {
    while client.try_send(Event::data("more")).is_ok() {}
    if request.query() == Some("wait") {
        headwater::time::sleep(Duration::from_millis(5)).await;
    }
}

fn client_that_is_too_slow_before_its_stream_begins_is_answered_with_503(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Ends::default();
    let (sender, clients) = mpsc::channel();
    let hook = async move |request: &Request, client: &Client| {
        sender.send(client.clone()).expect("the test goes on");
        flood(request, client).await;
    };
    let waiting = async |client: Client| {
        client.closed().await;
    };
    let blocking = |client: Client| {
        block_on(client.closed());
    };
    let app = Router::new()
        .route(
            "/feed",
            get(sse::feed(&broker)
                .client_queue(2)
                .slow_client(ClientPolicy::Close)
                .on_connect(hook.clone())
                .on_disconnect(ends.hook())),
        )
        .route(
            "/endpoint",
            get(sse::endpoint(waiting)
                .client_queue(2)
                .slow_client(ClientPolicy::Close)
                .on_connect(hook.clone())
                .on_disconnect(ends.hook())),
        )
        .route(
            "/blocking",
            get(sse::blocking_endpoint(blocking)
                .client_queue(2)
                .slow_client(ClientPolicy::Close)
                .on_connect(hook)
                .on_disconnect(ends.hook())),
        );
    let server = serve(engine, app);
    let mut told = Vec::new();
    let mut peer = server.connect();
    for path in
        ["/feed", "/feed?wait", "/endpoint", "/endpoint?wait", "/blocking", "/blocking?wait"]
    {
        peer.ask(path);
        let answer = peer.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
        // The connection goes on.
        assert!(!answer.is_last());
        let client = clients.recv().expect("the hook was asked");
        assert_eq!(block_on(client.closed()), Disconnect::Slow);
        told.push(Disconnect::Slow);
        ends.expect(&told);
    }
    assert_eq!((server.stats().streams, broker.subscriber_count()), (0, 0));
    drop(peer);
    server.wait_for_connections(0);
}

fn stream_that_a_broker_closes_as_slow_before_it_begins_is_answered_with_503(engine: Engine) {
    let news = Hub::new().broker("news").subscriber_buffer(2);
    let news = news.slow_policy(SlowPolicy::Close).build();
    let ends = Ends::default();
    let early = news.clone();
    let hook = async move |_: &Request, client: &Client| {
        let _subscribed = early.subscribe(client);
        while !client.is_closed() {
            early.publish(Event::data("news")).expect("there is room");
            headwater::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let feed = sse::feed(&news).on_connect(hook).on_disconnect(ends.hook());
    let server = serve(engine, Router::new().route("/", get(feed)));
    let answer = server.get("/");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    ends.expect(&[Disconnect::Slow]);
    eventually("nothing is left", || server.stats().streams == 0 && news.subscriber_count() == 0);
}

on_every_engine! {
    client_that_is_too_slow_before_its_stream_begins_is_answered_with_503,
    stream_that_a_broker_closes_as_slow_before_it_begins_is_answered_with_503,
}
