//! The end of a server: streams end whole, requests are answered, and nothing takes longer than it may.

use crate::support::{
    Ending, Gate, PATIENCE, Peer, Running, Subscriber, block_on, builder, eventually, pattern,
    serve, serve_on_one,
};
use headwater::sse::{self, Broker, Client, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::time::{Duration, Instant};

fn app(gate: &Gate) -> (Broker, Router) {
    let broker = Hub::new().broker("news").build();
    let gate = gate.clone();
    let wait = async move || {
        gate.pass().await;
        "passed"
    };
    let live = async |client: Client| {
        client.send(Event::data("begin")).await.expect("the client is there");
        client.closed().await;
    };
    let app = Router::new()
        .route("/", get(|| "ok"))
        .route("/gate", get(wait))
        .route("/large", get(|| pattern(LARGE)))
        .route("/events", get(sse::feed(&broker).heartbeat(None)))
        .route("/live", get(sse::endpoint(live).heartbeat(None)));
    (broker, app)
}

const LARGE: usize = 8 * 1024 * 1024;

/// Nobody listens any more.
#[track_caller]
fn assert_is_over(server: &Running) {
    // Tried again: a connection may meet itself where nobody listens.
    eventually("nobody accepts", || !Peer::try_connect(server.addr()));
}

fn drain_ends_every_stream_with_its_last_chunk(engine: Engine) {
    let (broker, app) = app(&Gate::default());
    let server = serve(engine, app);
    let mut feeds: Vec<_> = (0..10).map(|_| server.subscribe("/events")).collect();
    let mut others: Vec<_> = (0..10).map(|_| server.subscribe("/live")).collect();
    for number in 0..50 {
        broker.publish(Event::data(number.to_string())).expect("there is room");
    }
    let begun = Instant::now();
    let drain = server.drain(PATIENCE);
    for feed in &mut feeds {
        let (events, ending) = feed.rest();
        // What was published before is delivered before.
        assert_eq!((events.len(), ending), (50, Ending::Whole));
    }
    for other in &mut others {
        let (events, ending) = other.rest();
        assert_eq!((events.len(), ending), (1, Ending::Whole));
    }
    drop((feeds, others));
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    assert!(begun.elapsed() < PATIENCE, "it did not wait for the deadline");
    assert_eq!((broker.subscriber_count(), server.stats().connections), (0, 0));
    assert_is_over(&server);
}

fn stuck_client_is_cut_at_the_deadline(engine: Engine) {
    let (broker, app) = app(&Gate::default());
    let server = serve(engine, app);
    let stuck = Subscriber::open(server.connect_narrow(), "/events");
    let mut reader = server.subscribe("/events");
    for _ in 0..100 {
        broker.publish(Event::data("x".repeat(10_000))).expect("there is room");
        reader.data();
    }
    eventually("bytes are owed", || server.stats().owed_bytes > 0);
    let within = Duration::from_millis(500);
    let begun = Instant::now();
    let drain = server.drain(within);
    reader.expect_end();
    drop(reader);
    assert_eq!(drain.wait().expect("no worker fails").cut, 1);
    assert!(begun.elapsed() >= within);
    drop(stuck);
}

/// Pitfall: a blocking drain wedged 11 of 13 workers.
fn drain_never_blocks_a_worker_on_its_stuck_clients(engine: Engine) {
    let gate = Gate::default();
    let (broker, app) = app(&gate);
    let server = builder(engine).workers(4).serve(app).map(Running::from).expect("a free port");
    // Enough for some on each worker.
    let stuck: Vec<_> =
        (0..32).map(|_| Subscriber::open(server.connect_narrow(), "/events")).collect();
    let mut readers: Vec<_> = (0..32).map(|_| server.subscribe("/events")).collect();
    for _ in 0..40 {
        broker.publish(Event::data("x".repeat(10_000))).expect("there is room");
        for reader in &mut readers {
            reader.data();
        }
    }
    eventually("bytes are owed", || server.stats().owed_bytes > 0);
    let mut asking = server.connect();
    asking.ask("/gate");
    eventually("the request waits", || gate.is_awaited());
    let drain = server.drain(PATIENCE);
    readers.iter_mut().for_each(Subscriber::expect_end);
    // Requests are still answered while the stuck ones stay.
    gate.open();
    assert_eq!(asking.answer().text(), "passed");
    drop((readers, asking));
    eventually("only the stuck are left", || server.stats().connections == stuck.len());
    drop(stuck);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn drain_can_be_awaited(engine: Engine) {
    let (_, app) = app(&Gate::default());
    let server = serve(engine, app);
    let mut stream = server.subscribe("/events");
    let drain = server.drain(PATIENCE);
    stream.expect_end();
    drop(stream);
    // Once by each of several, and once more when it is over.
    let other = drain.clone();
    let aside = std::thread::spawn(move || block_on(other));
    assert_eq!(block_on(drain).expect("no worker fails").cut, 0);
    assert_eq!(aside.join().expect("no panic").expect("no worker fails").cut, 0);
    assert_eq!(block_on(server.drain(PATIENCE)).expect("no worker fails").cut, 0);
}

fn drain_can_be_awaited_by_a_handler_of_another_server(engine: Engine) {
    let (_, app) = app(&Gate::default());
    let ending = builder(engine).serve(app).expect("a free port");
    let handler = async move || {
        let drained = ending.drain(PATIENCE).await;
        format!("{:?}", drained.map(|drained| drained.cut).ok())
    };
    let server = serve(engine, Router::new().route("/drain", get(handler)));
    assert_eq!(server.get("/drain").text(), "Some(0)");
}

fn requests_in_flight_are_answered_during_a_drain(engine: Engine) {
    let gate = Gate::default();
    let (_, app) = app(&gate);
    let server = serve_on_one(engine, app);
    let mut idle = server.connect();
    idle.ask("/");
    assert_eq!(idle.answer().text(), "ok");
    let mut pending = server.connect();
    pending.ask("/gate");
    let mut partial = server.connect();
    partial.send("GET / HTTP/1.1\r\nho");
    let mut slow = server.connect_narrow();
    slow.ask("/large");
    eventually("the handler waits", || gate.is_awaited());
    eventually("all were accepted", || server.stats().requests == 3);
    eventually("the head has begun", || server.stats().accepted == 4);
    let drain = server.drain(PATIENCE);
    // The server has heard of it once an idle connection is closed.
    idle.expect_end();
    gate.open();
    let answer = pending.answer();
    assert_eq!((answer.text(), answer.is_last()), ("passed", true));
    pending.expect_end();
    partial.try_send("st: test\r\n\r\n");
    let answer = partial.answer();
    assert_eq!((answer.text(), answer.is_last()), ("ok", true));
    partial.expect_end();
    // Its head was written before the drain, so only its end can say that it was the last.
    assert!(slow.answer().body == pattern(LARGE));
    slow.expect_end();
    drop((idle, pending, partial, slow));
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    assert_is_over(&server);
}

fn pipelined_requests_are_answered_during_a_drain(engine: Engine) {
    let gate = Gate::default();
    let (_, app) = app(&gate);
    let server = serve_on_one(engine, app);
    let mut idle = server.connect();
    idle.ask("/");
    assert_eq!(idle.answer().text(), "ok");
    let mut peer = server.connect();
    let paths = ["/gate", "/", "/events"];
    peer.send(paths.map(|path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).concat());
    eventually("the handler waits", || gate.is_awaited());
    let drain = server.drain(PATIENCE);
    idle.expect_end();
    gate.open();
    // The first answer after the drain began is the last one.
    let answer = peer.answer();
    assert_eq!((answer.text(), answer.is_last()), ("passed", true));
    peer.expect_end();
    drop((idle, peer));
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn new_connections_are_refused_during_a_drain(engine: Engine) {
    let gate = Gate::default();
    let (_, app) = app(&gate);
    let server = serve(engine, app);
    let mut pending = server.connect();
    pending.ask("/gate");
    eventually("the handler waits", || gate.is_awaited());
    let drain = server.drain(PATIENCE);
    eventually("nobody accepts", || !Peer::try_connect(server.addr()));
    gate.open();
    assert_eq!(pending.answer().text(), "passed");
    drop(pending);
    drain.wait().expect("no worker fails");
}

fn connections_that_wait_to_be_accepted_are_served_by_a_drain(engine: Engine) {
    let (_, app) = app(&Gate::default());
    let server = serve(engine, app);
    let mut peers: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.ask("/");
    }
    let drain = server.drain(PATIENCE);
    for peer in &mut peers {
        assert_eq!(peer.answer().text(), "ok");
        peer.expect_end();
    }
    drop(peers);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn earliest_of_several_deadlines_counts(engine: Engine) {
    let gate = Gate::default();
    let (_, app) = app(&gate);
    let server = serve(engine, app);
    let mut pending = server.connect();
    pending.ask("/gate");
    eventually("the handler waits", || gate.is_awaited());
    // For ever is a time, too.
    let patient = server.drain(Duration::MAX);
    let _later = server.drain(Duration::from_hours(1));
    let hasty = server.drain(Duration::from_millis(1));
    let _later = server.drain(Duration::MAX);
    assert_eq!(hasty.wait().expect("no worker fails").cut, 1);
    assert_eq!(patient.wait().expect("no worker fails").cut, 1);
    let (bytes, _) = pending.rest();
    assert!(bytes.is_empty());
}

fn server_without_handles_ends(engine: Engine) {
    let (broker, app) = app(&Gate::default());
    let handle = builder(engine).serve(app).expect("a free port");
    let addr = handle.local_addrs()[0];
    let mut stream = Subscriber::open(Peer::connect(addr), "/events");
    let other = handle.clone();
    drop(handle);
    broker.publish(Event::data("one handle is left")).expect("there is room");
    assert_eq!(stream.data(), "one handle is left");
    drop(other);
    stream.expect_end();
    drop(stream);
    eventually("nobody accepts", || !Peer::try_connect(addr));
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
}

on_every_engine! {
    drain_ends_every_stream_with_its_last_chunk,
    stuck_client_is_cut_at_the_deadline,
    drain_never_blocks_a_worker_on_its_stuck_clients,
    drain_can_be_awaited,
    drain_can_be_awaited_by_a_handler_of_another_server,
    requests_in_flight_are_answered_during_a_drain,
    pipelined_requests_are_answered_during_a_drain,
    new_connections_are_refused_during_a_drain,
    connections_that_wait_to_be_accepted_are_served_by_a_drain,
    earliest_of_several_deadlines_counts,
    server_without_handles_ends,
}
