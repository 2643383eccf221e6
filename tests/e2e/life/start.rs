//! Starting: addresses, ports that are taken, settings that cannot be, and sockets that exist already.

use crate::support::{PATIENCE, Peer, Running, builder, serve};
use headwater::sse::{self, Event};
use headwater::{Engine, Error, Hub, Router, Server, routing::get};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

fn app() -> Router {
    Router::new().route("/", get(|| "ok"))
}

#[track_caller]
fn assert_is_taken(started: Result<headwater::ServerHandle, Error>, addr: &str) {
    match started {
        Err(Error::Bind { addr: named, source }) => {
            assert_eq!((named.as_str(), source.kind()), (addr, ErrorKind::AddrInUse));
        }
        other => panic!("{other:?}"),
    }
}

fn server_says_what_it_is(engine: Engine) {
    let server = builder(engine).workers(3).serve(app()).map(Running::from).expect("a free port");
    assert_eq!((server.engine(), server.workers()), (engine, 3));
    assert_eq!(server.local_addrs().len(), 1);
    assert_ne!(server.addr().port(), 0);
    let line = server.to_string();
    let ready = format!("listening on http://{} engine={engine} workers=3", server.addr());
    assert!(line.starts_with(&ready), "{line}");
    assert!(!server.engine_reason().is_empty() && line.contains(server.engine_reason()));
}

fn port_that_is_taken_is_an_error(engine: Engine) {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = other.local_addr().expect("a bound socket").to_string();
    for workers in [1, 4] {
        assert_is_taken(builder(engine).workers(workers).bind(&addr).serve(app()), &addr);
    }
}

fn second_server_on_the_same_port_fails_whatever_their_workers(engine: Engine) {
    for (first, second) in [(1, 1), (4, 1), (1, 4), (4, 4)] {
        let server = builder(engine).workers(first).serve(app()).map(Running::from);
        let server = server.expect("a free port");
        let addr = server.addr().to_string();
        assert_is_taken(builder(engine).workers(second).bind(&addr).serve(app()), &addr);
        // The first one is none the worse for it.
        for _ in 0..8 {
            assert_eq!(server.get("/").text(), "ok");
        }
    }
}

fn port_is_free_again_after_the_end(engine: Engine) {
    // Somebody else may take the port in between, but not each time.
    let restarted = (0..10).any(|_| {
        let first = serve(engine, app());
        let addr = first.addr().to_string();
        assert_eq!(first.get("/").text(), "ok");
        first.drain(Duration::ZERO).wait().expect("no worker fails");
        match builder(engine).bind(addr).serve(app()).map(Running::from) {
            Ok(server) => server.get("/").text() == "ok",
            Err(Error::Bind { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    });
    assert!(restarted);
}

fn settings_that_cannot_be_are_refused(engine: Engine) {
    let zero = builder(engine).workers(0).serve(app());
    assert!(matches!(&zero, Err(Error::Config(why)) if why.contains("worker")), "{zero:?}");
    let many = builder(engine).workers(Hub::MAX_CORES + 1).serve(app());
    assert!(matches!(&many, Err(Error::Config(why)) if why.contains("257")), "{many:?}");
    let narrow = builder(engine).connections_per_worker(0).serve(app());
    assert!(matches!(&narrow, Err(Error::Config(why)) if why.contains("connection")), "{narrow:?}");
    let idle = builder(engine).blocking_threads(0).serve(app());
    assert!(matches!(&idle, Err(Error::Config(why)) if why.contains("blocking")), "{idle:?}");
    let nowhere = Server::builder().engine(engine).serve(app());
    assert!(matches!(&nowhere, Err(Error::Config(why)) if why.contains("address")), "{nowhere:?}");
    for addr in ["127.0.0.1", "127.0.0.1:99999", "nonsense", "", "192.0.2.1:0"] {
        let unknown = builder(engine).bind(addr).serve(app());
        assert!(
            matches!(&unknown, Err(Error::Bind { addr: named, .. }) if named == addr),
            "{addr}"
        );
    }
}

fn server_works_on_a_socket_that_listens_already(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("a bound socket");
    // Who comes before the server waits for it.
    let mut early = Peer::connect(addr);
    early.ask("/");
    let started = Server::from_listener(listener).engine(engine).workers(3).serve(app());
    let server = Running::from(started.expect("it listens"));
    assert_eq!(server.addr(), addr);
    assert_eq!(early.answer().text(), "ok");
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "ok");
    }
}

fn two_servers_may_share_one_hub(engine: Engine) {
    let hub = Hub::new();
    let news = hub.broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&news).heartbeat(None)));
    // The second one on whichever engine comes first.
    let servers = [engine, Engine::Auto].map(|engine| {
        Running::from(builder(engine).hub(&hub).serve(app.clone()).expect("a free port"))
    });
    let mut streams: Vec<_> = (0..8).map(|n| servers[n % 2].subscribe("/")).collect();
    assert_eq!(news.subscriber_count(), 8);
    for number in 0..50 {
        news.publish(Event::data(number.to_string())).expect("there is room");
        for stream in &mut streams {
            assert_eq!(stream.data(), number.to_string());
        }
    }
    let [first, second] = servers;
    drop(first);
    for (number, stream) in streams.iter_mut().enumerate() {
        if number % 2 == 0 {
            stream.rest();
        }
    }
    // A server that has ended holds nobody up: more than the ring holds goes through the other.
    assert_eq!(second.stats().streams, 4);
    for number in 0..100 {
        news.publish(Event::data(number.to_string())).expect("there is room");
        for stream in streams.iter_mut().skip(1).step_by(2) {
            assert_eq!(stream.data(), number.to_string());
        }
    }
    crate::support::eventually("half are left", || news.subscriber_count() == 4);
}

fn server_that_ended_leaves_room_in_the_ring(engine: Engine) {
    let hub = Hub::builder().ring_events(64).build();
    let news = hub.broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&news).heartbeat(None)));
    for _ in 0..4 {
        let server = builder(engine).hub(&hub).serve(app.clone()).map(Running::from);
        let server = server.expect("a free port");
        let mut stream = server.subscribe("/");
        news.publish(Event::data("first")).expect("there is room");
        assert_eq!(stream.data(), "first");
    }
    // Nobody reads any more, so nobody can be behind.
    let deadline = Some(std::time::Instant::now() + PATIENCE);
    for _ in 0..1000 {
        news.publish_wait(Event::data("unheard"), deadline).expect("there is room");
    }
}

/// There is no fall-back: whoever names an engine gets it, or an error.
#[test]
fn engine_that_is_not_in_the_build_is_an_error() {
    for engine in [Engine::IoUring, Engine::Epoll, Engine::Std] {
        if Engine::compiled().contains(&engine) {
            continue;
        }
        match builder(engine).serve(app()) {
            Err(Error::EngineUnavailable { engine: named, reason }) => {
                assert_eq!(named, engine);
                assert!(reason.contains("not part of this build"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn auto_takes_an_engine_and_says_why() {
    let server = serve(Engine::Auto, app());
    assert_eq!(server.engine(), Engine::compiled()[0]);
    assert!(server.engine_reason().starts_with("auto: "), "{}", server.engine_reason());
    assert_eq!(server.get("/").text(), "ok");
}

on_every_engine! {
    server_says_what_it_is,
    port_that_is_taken_is_an_error,
    second_server_on_the_same_port_fails_whatever_their_workers,
    port_is_free_again_after_the_end,
    settings_that_cannot_be_are_refused,
    server_works_on_a_socket_that_listens_already,
    two_servers_may_share_one_hub,
    server_that_ended_leaves_room_in_the_ring,
}
