//! `on_disconnect`: once per stream, with the reason.

use super::Ends;
use crate::support::{Running, builder, serve};
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::time::Duration;

fn end_of_every_stream_is_told_once_with_its_reason(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Ends::default();
    let done = async |client: Client| {
        client.send(Event::data("only")).await.expect("the client is there");
    };
    let failing = async |client: Client| {
        client.send(Event::data("last words")).await.expect("the client is there");
        panic!("on purpose: in a stream");
    };
    let waiting = async |client: Client| {
        client.closed().await;
    };
    let streaming = {
        let ends = ends.clone();
        move |request: Request| sse::stream(&request, done).on_disconnect(ends.hook())
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).on_disconnect(ends.hook())))
        .route("/done", get(sse::endpoint(done).on_disconnect(ends.hook())))
        .route("/failing", get(sse::endpoint(failing).on_disconnect(ends.hook())))
        .route("/waiting", get(sse::endpoint(waiting).on_disconnect(ends.hook())))
        .route("/stream", get(streaming));
    let server = serve(engine, app);
    let mut told = Vec::new();
    for (path, why) in [
        ("/done", Disconnect::Done),
        ("/stream", Disconnect::Done),
        ("/failing", Disconnect::Failed),
    ] {
        let mut stream = server.subscribe(path);
        stream.data();
        stream.expect_end();
        told.push(why);
        ends.expect(&told);
    }
    for path in ["/feed", "/waiting"] {
        for reset in [false, true] {
            let stream = server.subscribe(path);
            if reset {
                stream.peer.reset();
            } else {
                drop(stream);
            }
            told.push(Disconnect::ClientGone);
            ends.expect(&told);
        }
    }
    let mut closed = server.subscribe("/feed");
    broker.close();
    closed.expect_end();
    told.push(Disconnect::BrokerClosed);
    ends.expect(&told);
    let mut drained = server.subscribe("/waiting");
    let drain = server.drain(Duration::from_secs(20));
    drained.expect_end();
    drop((drained, closed));
    drain.wait().expect("no worker fails");
    told.push(Disconnect::Drain);
    ends.expect(&told);
}

fn end_of_streams_that_are_cut_is_told_too(engine: Engine) {
    let ends = Ends::default();
    let forever = async |client: Client| {
        client.send(Event::data("here")).await.expect("the client is there");
        std::future::pending::<()>().await;
    };
    let endpoint = sse::endpoint(forever).on_disconnect(ends.hook()).finish_on_drain();
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut streams: Vec<_> = (0..5).map(|_| server.subscribe("/")).collect();
    for stream in &mut streams {
        assert_eq!(stream.data(), "here");
    }
    server.drain(Duration::ZERO).wait().expect("no worker fails");
    ends.expect(&[Disconnect::Drain; 5]);
}

fn hook_that_panics_harms_no_other_stream(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let feed = sse::feed(&broker).on_disconnect(|_, why| panic!("on purpose: {why}"));
    let server = builder(engine).workers(1).serve(Router::new().route("/", get(feed)));
    let server = Running::from(server.expect("a free port"));
    let mut steady = server.subscribe("/");
    for _ in 0..3 {
        drop(server.subscribe("/"));
    }
    server.wait_for_connections(1);
    assert_eq!(server.stats().handler_panics, 3);
    broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(steady.data(), "news");
}

on_every_engine! {
    end_of_every_stream_is_told_once_with_its_reason,
    end_of_streams_that_are_cut_is_told_too,
    hook_that_panics_harms_no_other_stream,
}
