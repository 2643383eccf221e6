//! Config, Handler, New.

use crate::support::{eventually, serve, serve_on_one};
use headwater::http::StatusCode;
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `New`, `Config.Handler`, `Handler`
fn handler_is_called_once_per_client_and_its_return_ends_the_stream(engine: Engine) {
    let handler = async |client: Client| {
        client.send_data("only").await.expect("the client is there");
    };
    let server = serve(engine, Router::new().route("/", get(sse::endpoint(handler))));
    for _ in 0..3 {
        let mut stream = server.subscribe("/");
        assert_eq!(stream.data(), "only");
        stream.expect_end();
    }
    assert_eq!(server.stats().requests, 3);
}

/// `DefaultHeartbeatInterval`
#[test]
fn heartbeat_comes_every_15_seconds_by_default() {
    let broker = Hub::new().broker("news").build();
    let shown = format!("{:?}", sse::feed(&broker));
    assert!(shown.contains("heartbeat: Some(15s)"), "{shown}");
    let shown = format!("{:?}", sse::endpoint(async |_: Client| ()));
    assert!(shown.contains("heartbeat: Some(15s)"), "{shown}");
}

/// `Config.HeartbeatInterval`
fn heartbeat_interval_may_be_set_and_heartbeats_be_disabled(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let beating = sse::feed(&broker).heartbeat(Duration::from_millis(30));
    let app = Router::new()
        .route("/beating", get(beating))
        .route("/quiet", get(sse::feed(&broker).heartbeat(None)));
    let server = serve(engine, app);
    let mut quiet = server.subscribe("/quiet");
    let mut beating = server.subscribe("/beating");
    for _ in 0..3 {
        assert!(beating.next().expect("a heartbeat comes").comment.is_some());
    }
    broker.publish(Event::data("first")).expect("there is room");
    let first = quiet.next().expect("the event comes");
    assert_eq!(first.data.as_deref(), Some("first"));
}

/// `Config.RetryInterval`
fn retry_interval_is_sent_first_and_none_where_there_is_none(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/set", get(sse::feed(&broker).retry(Duration::from_millis(1500))))
        .route("/zero", get(sse::feed(&broker).retry(Duration::ZERO)))
        .route("/unset", get(sse::feed(&broker)));
    let server = serve(engine, app);
    let mut streams = ["/set", "/zero", "/unset"].map(|path| server.subscribe(path));
    broker.publish(Event::data("first")).expect("there is room");
    let first = streams.each_mut().map(|stream| stream.next().expect("a block comes"));
    assert_eq!(first.each_ref().map(|first| first.retry), [Some(1500), None, None]);
    assert_eq!(first.each_ref().map(|first| first.data.is_some()), [false, true, true]);
}

/// `Config.OnConnect`
fn on_connect_runs_before_the_handler_and_may_reject(engine: Engine) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (order.clone(), order.clone());
    let hook = async move |request: &Request, _: &Client| {
        first.lock().expect("no panic").push("hook");
        if request.query().is_some() { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    };
    let handler = async move |_: Client| {
        second.lock().expect("no panic").push("handler");
    };
    let endpoint = sse::endpoint(handler).on_connect(hook);
    let server = serve_on_one(engine, Router::new().route("/", get(endpoint)));
    assert_eq!(server.get("/").status, 401);
    server.subscribe("/?key").expect_end();
    assert_eq!(*order.lock().expect("no panic"), ["hook", "hook", "handler"]);
}

/// `Config.OnDisconnect`
fn on_disconnect_runs_once_after_the_stream_has_closed(engine: Engine) {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let told = ends.clone();
    let hook = move |client: &Client, why| {
        told.lock().expect("no panic").push((client.is_closed(), why));
    };
    let handler = async |client: Client| {
        client.closed().await;
    };
    let endpoint = sse::endpoint(handler).on_disconnect(hook);
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    drop(server.subscribe("/"));
    let all = || ends.lock().expect("no panic").clone();
    eventually("it is told", || all() == [(true, Disconnect::ClientGone)]);
}

/// `Config.Skip`, `Config.SkipPaths`
fn skipped_requests_are_no_streams(engine: Engine) {
    let handler = async |client: Client| {
        client.send_data("event").await.expect("the client is there");
    };
    let endpoint = sse::endpoint(handler)
        .skip(|request| request.query() == Some("skip"))
        .skip_paths(["/exactly/this"]);
    let server = serve(engine, Router::new().route("/{*path}", get(endpoint)));
    assert_eq!(server.get("/any?skip").status, 404);
    assert_eq!(server.get("/exactly/this").status, 404);
    assert_eq!(server.subscribe("/exactly/this/not").data(), "event");
}

on_every_engine! {
    handler_is_called_once_per_client_and_its_return_ends_the_stream,
    heartbeat_interval_may_be_set_and_heartbeats_be_disabled,
    retry_interval_is_sent_first_and_none_where_there_is_none,
    on_connect_runs_before_the_handler_and_may_reject,
    on_disconnect_runs_once_after_the_stream_has_closed,
    skipped_requests_are_no_streams,
}
