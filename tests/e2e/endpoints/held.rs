//! What `on_connect` may do with a client whose stream has not begun.

use super::Ends;
use crate::support::{block_on, eventually, serve};
use headwater::sse::{self, Client, ClientPolicy, Disconnect, Event, SendRefusal, SlowPolicy};
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

fn nothing_that_the_hook_sends_waits_for_the_stream_to_begin(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    // More than the queue holds by default.
    let hook = async |request: &Request, client: &Client| {
        for number in 0..600 {
            let data = format!("{number:.<1024}");
            client.send(Event::data(data)).await.expect("it may wait");
            if request.query() == Some("yield") && number % 50 == 0 {
                headwater::time::sleep(Duration::from_millis(1)).await;
            }
        }
        client.flush().await.expect("it counts as done");
    };
    let app = Router::new()
        .route("/queue", get(sse::feed(&broker).on_connect(hook)))
        .route("/none", get(sse::feed(&broker).client_queue(None).on_connect(hook)));
    let server = serve(engine, app);
    for path in ["/queue", "/queue?yield", "/none", "/none?yield"] {
        let mut stream = server.subscribe(path);
        for number in 0..600 {
            assert_eq!(stream.data(), format!("{number:.<1024}"), "{path}");
        }
        broker.publish(Event::data("news")).expect("there is room");
        assert_eq!(stream.data(), "news");
    }
}

fn hook_that_sends_more_than_may_wait_is_told_so(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let hook = async |_: &Request, client: &Client| {
        let large = || Event::data("x".repeat(64 * 1024));
        loop {
            if let Err(error) = client.send(large()).await {
                assert_eq!(error.refusal(), SendRefusal::NotBegun);
                return;
            }
        }
    };
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).on_connect(hook))));
    let mut stream = server.subscribe("/");
    let mut bytes = 0;
    while bytes < 15 * 64 * 1024 {
        bytes += stream.data().len();
    }
    assert_eq!(server.stats().handler_panics, 0);
}

on_every_engine! {
    nothing_that_the_hook_sends_waits_for_the_stream_to_begin,
    hook_that_sends_more_than_may_wait_is_told_so,
    client_that_is_too_slow_before_its_stream_begins_is_answered_with_503,
    stream_that_a_broker_closes_as_slow_before_it_begins_is_answered_with_503,
}
