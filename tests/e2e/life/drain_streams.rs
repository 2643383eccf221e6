//! Streams in a drain: when each ends, and what its client is told.

use crate::support::{
    Gate, PATIENCE, Running, Subscriber, builder, eventually, get as request, serve, serve_on_one,
};
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn feed() -> Router {
    let broker = Hub::new().broker("news").build();
    Router::new().route("/", get(sse::feed(&broker).heartbeat(None)))
}

/// Pitfall: a shutdown that ends all streams at once brings all clients back in the same second.
fn clients_are_told_to_come_back_at_different_times(engine: Engine) {
    let seconds = Duration::from_secs;
    let server = builder(engine).reconnect_after(seconds(2)..=seconds(10)).serve(feed());
    let server = Running::from(server.expect("a free port"));
    let mut streams: Vec<_> = (0..40).map(|_| server.subscribe("/")).collect();
    let drain = server.drain(PATIENCE);
    let retries: Vec<u64> = (streams.iter_mut())
        .map(|stream| {
            let blocks = stream.blocks();
            assert_eq!(blocks.len(), 1);
            blocks[0].retry.expect("the last word is when to come back")
        })
        .collect();
    drop(streams);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    assert!(retries.iter().all(|retry| (2000..=10_000).contains(retry)), "{retries:?}");
    let seconds: HashSet<u64> = retries.iter().map(|retry| retry / 1000).collect();
    assert!(seconds.len() > 3, "{retries:?}");
}

fn clients_are_told_nothing_if_so_set(engine: Engine) {
    let server = builder(engine).reconnect_after(None).serve(feed()).map(Running::from);
    let server = server.expect("a free port");
    let mut stream = server.subscribe("/");
    let drain = server.drain(PATIENCE);
    assert_eq!(stream.blocks(), []);
    drop(stream);
    drain.wait().expect("no worker fails");
}

fn ends_of_many_streams_are_spread_over_the_time(engine: Engine) {
    const STREAMS: usize = 300;
    let broker = Hub::new().broker("news").build();
    let ends = Arc::new(Mutex::new(Vec::new()));
    let told = ends.clone();
    let hook = move |_: &Client, why| {
        assert_eq!(why, Disconnect::Drain);
        told.lock().expect("no panic").push(Instant::now());
    };
    let feed = sse::feed(&broker).heartbeat(None).on_disconnect(hook);
    let server = serve_on_one(engine, Router::new().route("/", get(feed)));
    let mut streams: Vec<_> = (0..STREAMS).map(|_| server.subscribe("/")).collect();
    let drain = server.drain(PATIENCE);
    // Published while some have ended and some have not: whoever is left gets it.
    eventually("some have ended", || ends.lock().expect("no panic").len() >= STREAMS / 10);
    broker.publish(Event::data("late")).expect("there is room");
    let late =
        streams.iter_mut().map(Subscriber::blocks).filter(|blocks| blocks.len() == 2).count();
    drop(streams);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    let ends = ends.lock().expect("no panic");
    assert_eq!(ends.len(), STREAMS);
    let spread = ends[STREAMS - 1] - ends[0];
    assert!(spread > Duration::from_millis(STREAMS as u64 / 4), "all within {spread:?}");
    assert!(late > 0, "none was left for the late event");
}

fn few_streams_do_not_hold_up_a_patient_drain(engine: Engine) {
    let server = serve(engine, feed());
    let mut streams: Vec<_> = (0..5).map(|_| server.subscribe("/")).collect();
    // Half of it would be far longer than tests may take.
    let drain = server.drain(Duration::from_hours(24));
    streams.iter_mut().for_each(Subscriber::expect_end);
    drop(streams);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn stream_that_may_finish_goes_on_in_a_drain(engine: Engine) {
    let gate = Gate::default();
    let held = gate.clone();
    let answer = async move |client: Client| {
        client.send(Event::data("half of it")).await.expect("the client is there");
        held.pass().await;
        client.send(Event::data("the other half")).await.expect("the client is there");
    };
    let app = feed().route("/answer", get(sse::endpoint(answer).finish_on_drain()));
    let server = serve(engine, app);
    let mut finishing = server.subscribe("/answer");
    let mut ending = server.subscribe("/");
    assert_eq!(finishing.data(), "half of it");
    let drain = server.drain(PATIENCE);
    ending.expect_end();
    gate.open();
    let blocks = finishing.blocks();
    // It ended by itself: nobody is sent away.
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].data.as_deref(), Some("the other half"));
    drop((finishing, ending));
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn stream_that_does_not_finish_ends_whole_before_the_deadline(engine: Engine) {
    let endless = async |client: Client| {
        let mut number = 0;
        while client.send(Event::data(number.to_string())).await.is_ok() {
            number += 1;
            headwater::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(client.closed().await, Disconnect::Drain);
    };
    let app = Router::new().route("/", get(sse::endpoint(endless).finish_on_drain()));
    let server = serve(engine, app);
    let mut stream = server.subscribe("/");
    assert_eq!(stream.data(), "0");
    let within = Duration::from_secs(2);
    let begun = Instant::now();
    let drain = server.drain(within);
    let blocks = stream.blocks();
    assert!(begun.elapsed() >= within / 2, "it went on for a while");
    assert!(blocks.last().is_some_and(|last| last.retry.is_some()));
    drop(stream);
    drain.wait().expect("no worker fails");
    assert_eq!(server.stats().handler_panics, 0);
}

fn earlier_deadline_brings_all_ends_forward(engine: Engine) {
    let endless = async |client: Client| {
        client.send(Event::data("here")).await.expect("the client is there");
        client.closed().await;
    };
    let app = Router::new().route("/", get(sse::endpoint(endless).finish_on_drain()));
    let server = serve(engine, app);
    let mut stream = server.subscribe("/");
    assert_eq!(stream.data(), "here");
    let patient = server.drain(Duration::from_hours(24));
    let _hasty = server.drain(Duration::from_secs(2));
    stream.expect_end();
    drop(stream);
    patient.wait().expect("no worker fails");
}

/// Browsers give up for good after any answer but a stream (WHATWG HTML §9.2.3).
fn who_asks_for_a_stream_during_a_drain_is_told_to_come_back(engine: Engine) {
    let gate = Gate::default();
    let passed = gate.clone();
    let handler = async |client: Client| {
        client.send(Event::data("too late")).await.expect("the client is there");
    };
    let wait = async move |request: Request| {
        passed.pass().await;
        sse::stream(&request, handler)
    };
    let server = serve_on_one(engine, Router::new().route("/", get(wait.clone()).post(wait)));
    let mut peers = [server.connect(), server.connect()];
    peers[0].send(request("/"));
    peers[1].send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    eventually("both wait", || server.stats().requests == 2);
    let mut idle = server.connect();
    idle.ask("/none");
    assert_eq!(idle.answer().status, 404);
    let drain = server.drain(PATIENCE);
    idle.expect_end();
    gate.open();
    let [mut got, mut posted] = peers;
    let head = crate::support::Answer::receive_head(&mut got).expect("a head comes");
    let blocks = Subscriber::after(got, head).blocks();
    assert_eq!(blocks.len(), 1);
    assert!(blocks[0].retry.is_some() && blocks[0].data.is_none());
    // Nobody does the same POST twice by itself.
    let refused = posted.answer();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    drop((posted, idle));
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

on_every_engine! {
    clients_are_told_to_come_back_at_different_times,
    clients_are_told_nothing_if_so_set,
    ends_of_many_streams_are_spread_over_the_time,
    few_streams_do_not_hold_up_a_patient_drain,
    stream_that_may_finish_goes_on_in_a_drain,
    stream_that_does_not_finish_ends_whole_before_the_deadline,
    earlier_deadline_brings_all_ends_forward,
    who_asks_for_a_stream_during_a_drain_is_told_to_come_back,
}
