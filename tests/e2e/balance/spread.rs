//! How evenly streams are spread, and which stay where they are.

use super::{
    SLACK, connect, core_name, core_of, number, serve, serve_with, streams, wait_for_end,
    weigh_down,
};
use crate::support::{Peer, Running, Subscriber, builder, eventually};
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Hub, Request, Router, http::StatusCode, routing::get};
use std::sync::{Arc, Mutex};

fn tells_its_core() -> impl AsyncFn(Client) + Send + Sync + 'static {
    async |client: Client| {
        client.send(Event::data(core_name())).await.ok();
        wait_for_end(&client).await;
    }
}

/// Opens connections until this many belong to the first worker.
fn crowd(server: &Running, count: usize) -> Vec<Peer> {
    (0..count).map(|_| connect(server, 0)).collect()
}

on_every_engine!(
    streams_of_one_workers_connections_are_spread_over_both,
    requests_that_come_together_are_spread_as_evenly,
    each_of_many_subscribers_gets_every_event_in_order_wherever_it_is,
    few_streams_stay_where_they_are,
    streams_stay_where_they_are_if_so_set,
    every_kind_of_handler_is_called_where_its_stream_is,
    stream_that_a_handler_began_stays_on_its_core,
    head_request_stays_where_it_is,
    plain_requests_stay_where_they_are,
    streams_are_spread_over_eight_workers,
);

fn streams_of_one_workers_connections_are_spread_over_both(engine: Engine) {
    // A thread each on the std engine.
    let count = if engine == Engine::Std { 300 } else { 2000 };
    let broker = Hub::new().broker("news").build();
    let feed = sse::feed(&broker).heartbeat(None);
    let server = serve(engine, Router::new().route("/", get(feed)));
    let peers = crowd(&server, count);
    let before = server.stats();
    let mut subscribers: Vec<_> =
        peers.into_iter().map(|peer| Subscriber::open(peer, "/")).collect();
    let [mine, theirs] = streams(&server)[..] else { panic!("two workers") };
    assert_eq!(mine + theirs, count);
    assert!(mine.abs_diff(theirs) * 20 < count, "{mine} and {theirs} differ by 5 % or more");
    for number in 0..5 {
        broker.publish(Event::data(number.to_string())).expect("there is room");
    }
    for subscriber in &mut subscribers {
        for number in 0..5 {
            assert_eq!(subscriber.data(), number.to_string());
        }
    }
    let after = server.stats();
    assert_eq!(after.accepted, before.accepted, "nobody is accepted twice");
    assert_eq!(after.requests - before.requests, count as u64, "each is asked once");
    assert_eq!((after.connections, after.handed_over), (count, theirs as u64));
    drop(subscribers);
    super::wait_for_rest(&server);
    assert_eq!(broker.subscriber_count(), 0);
}

fn requests_that_come_together_are_spread_as_evenly(engine: Engine) {
    const STREAMS: usize = 100;
    // Holds the core until all requests are there.
    let hold = || std::thread::sleep(std::time::Duration::from_millis(300));
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker))).route("/hold", get(hold));
    let server = serve(engine, app);
    let mut holder = connect(&server, 0);
    let mut peers = crowd(&server, STREAMS);
    holder.ask("/hold");
    for peer in &mut peers {
        peer.ask("/");
    }
    let _subscribers: Vec<_> = peers.into_iter().map(|peer| Subscriber::ask(peer, "")).collect();
    let streams = streams(&server);
    assert!(streams[0].abs_diff(streams[1]) <= SLACK + 1, "{streams:?}");
}

fn each_of_many_subscribers_gets_every_event_in_order_wherever_it_is(engine: Engine) {
    const SUBSCRIBERS: usize = 60;
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let _ballast = weigh_down(&server, SUBSCRIBERS + SLACK);
    let mut published = 0;
    let mut publish = |times: usize| {
        for _ in 0..times {
            published += 1;
            broker.publish(Event::data(published.to_string())).expect("there is room");
        }
        published
    };
    // Published meanwhile: a stream has all from the first that it gets.
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let mut peer = connect(&server, 0);
        publish(1);
        peer.ask("/");
        publish(1);
        subscribers.push(Subscriber::ask(peer, ""));
    }
    let last = publish(10);
    for subscriber in &mut subscribers {
        let mut next: usize = subscriber.data().parse().expect("a number");
        while next < last {
            next += 1;
            assert_eq!(subscriber.data(), next.to_string());
        }
    }
    assert_eq!(server.stats().handed_over, SUBSCRIBERS as u64);
}

fn few_streams_stay_where_they_are(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker))));
    let peers = crowd(&server, SLACK + 2);
    let open = |peer| Subscriber::open(peer, "/");
    let mut peers = peers.into_iter();
    let mut subscribers: Vec<_> = peers.by_ref().take(SLACK).map(open).collect();
    assert_eq!((streams(&server), server.stats().handed_over), (vec![SLACK, 0], 0));
    subscribers.push(open(peers.next().expect("one is left")));
    assert_eq!((streams(&server), server.stats().handed_over), (vec![SLACK, 1], 1));
    subscribers.push(open(peers.next().expect("one is left")));
    assert_eq!((streams(&server), server.stats().handed_over), (vec![SLACK + 1, 1], 1));
}

fn streams_stay_where_they_are_if_so_set(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker)));
    let server = serve_with(builder(engine).balance_streams(false), app);
    let peers = crowd(&server, 3 * SLACK);
    let _subscribers: Vec<_> = peers.into_iter().map(|peer| Subscriber::open(peer, "/")).collect();
    assert_eq!((streams(&server), server.stats().handed_over), (vec![3 * SLACK, 0], 0));
}

fn every_kind_of_handler_is_called_where_its_stream_is(engine: Engine) {
    let hub = Hub::new();
    let broker = hub.broker("news").build();
    let chosen = broker.clone();
    let choose = move |_: &Request| Ok::<_, StatusCode>(vec![chosen.clone()]);
    // The same core at the beginning and at the end.
    let ended = Arc::new(Mutex::new(Vec::new()));
    let note = |ended: &Arc<Mutex<Vec<String>>>| {
        let ended = ended.clone();
        move |_: &Client, _| ended.lock().expect("no panic").push(core_name())
    };
    let greet = async |_: &Request, client: &Client| {
        client.send(Event::data(core_name())).await.ok();
    };
    let blocking = sse::blocking_endpoint(|client: Client| {
        // Not on a core: the hook has told.
        while client.send_blocking(Event::new().comment("still here")).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).on_connect(greet).on_disconnect(note(&ended))))
        .route("/of", get(sse::feed_of(choose).on_connect(greet).on_disconnect(note(&ended))))
        .route("/async", get(sse::endpoint(tells_its_core()).on_disconnect(note(&ended))))
        .route("/blocking", get(blocking.on_connect(greet).on_disconnect(note(&ended))));
    let server = serve(engine, app);
    let _ballast = weigh_down(&server, 4 * SLACK);
    let paths = ["/feed", "/of", "/async", "/blocking"];
    for (at, path) in (1..).zip(paths) {
        let mut subscriber = Subscriber::open(connect(&server, 0), path);
        assert_eq!(number(&subscriber.data()), 1, "{path}");
        assert_eq!(streams(&server), [4 * SLACK, 1], "{path}");
        drop(subscriber);
        eventually("its end is told", || ended.lock().expect("no panic").len() == at);
        eventually("it is gone", || streams(&server) == [4 * SLACK, 0]);
    }
    assert_eq!(*ended.lock().expect("no panic"), ["headwater-1"; 4]);
    assert_eq!(server.stats().handed_over, 4);
}

fn stream_that_a_handler_began_stays_on_its_core(engine: Engine) {
    let begin = |request: Request| sse::stream(&request, tells_its_core());
    let server = serve(engine, Router::new().route("/", get(begin)));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut subscriber = Subscriber::open(connect(&server, 0), "/");
    assert_eq!(number(&subscriber.data()), 0);
    assert_eq!(server.stats().handed_over, 0);
}

fn head_request_stays_where_it_is(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut peer = connect(&server, 0);
    peer.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n");
    let head = crate::support::Answer::receive_head(&mut peer).expect("an answer");
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!((core_of(&mut peer), server.stats().handed_over), (0, 0));
}

fn plain_requests_stay_where_they_are(engine: Engine) {
    let server = serve(engine, Router::new().route("/wait", get(async || "waited")));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut peer = connect(&server, 0);
    for path in ["/wait", "/missing", "/core"] {
        peer.ask(path);
        peer.answer();
    }
    assert_eq!((core_of(&mut peer), server.stats().handed_over), (0, 0));
}

fn streams_are_spread_over_eight_workers(engine: Engine) {
    const WORKERS: usize = 8;
    const EACH: usize = 25;
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
    let server = serve_with(builder(engine).workers(WORKERS), app);
    // Half of them from two workers, the others wherever the kernel puts them.
    let mut peers: Vec<Peer> = Vec::new();
    while peers.len() < WORKERS * EACH / 2 {
        let mut peer = server.connect();
        if core_of(&mut peer) < 2 {
            peers.push(peer);
        }
    }
    peers.extend((0..WORKERS * EACH / 2).map(|_| server.connect()));
    let _subscribers: Vec<_> = peers.into_iter().map(|peer| Subscriber::open(peer, "/")).collect();
    let streams = streams(&server);
    let (least, most) = (streams.iter().min(), streams.iter().max());
    let spread = most.expect("workers") - least.expect("workers");
    assert!(spread <= SLACK, "{streams:?}");
}
