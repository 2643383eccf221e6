//! Streams that have a thread of their own.

use super::Ends;
use crate::support::{
    Ending, Running, Subscriber, block_on, builder, eventually, get as request, serve,
};
use headwater::extract::Path;
use headwater::http::StatusCode;
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Request, Router, routing::get};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

fn blocking_handler_sends_in_order_and_its_stream_ends_when_it_returns(engine: Engine) {
    let handler = |Path(count): Path<usize>, client: Client| {
        for number in 0..count {
            // A thread may wait in any way.
            block_on(client.send(Event::data(number.to_string()))).expect("the client reads");
        }
    };
    let app = Router::new().route("/{count}", get(sse::blocking_endpoint(handler)));
    let server = serve(engine, app);
    let mut stream = server.subscribe("/3000");
    let (events, ending) = stream.rest();
    assert!(events.iter().enumerate().all(|(at, heard)| heard.data == Some(at.to_string())));
    assert_eq!((events.len(), ending), (3000, Ending::Whole));
    // Its arguments are refused before the head, as with any handler.
    assert_eq!(server.get("/many").status, 400);
}

fn blocking_handlers_do_not_hold_up_their_core(engine: Engine) {
    const STREAMS: usize = 8;
    let barrier = Arc::new(Barrier::new(STREAMS + 1));
    let all = barrier.clone();
    let handler = move |client: Client| {
        all.wait();
        block_on(client.send(Event::data("together"))).expect("the client is there");
    };
    let app = Router::new()
        .route("/", get(|| "ok"))
        .route("/events", get(sse::blocking_endpoint(handler)));
    let server = builder(engine).workers(1).serve(app).map(Running::from).expect("a free port");
    let mut streams: Vec<_> = (0..STREAMS).map(|_| server.subscribe("/events")).collect();
    assert_eq!(server.get("/").text(), "ok");
    barrier.wait();
    for stream in &mut streams {
        assert_eq!(stream.data(), "together");
        stream.expect_end();
    }
}

fn requests_past_the_threads_for_streams_are_answered_with_503(engine: Engine) {
    let (sender, clients) = mpsc::channel();
    let handler = move |client: Client| {
        sender.send(client.clone()).expect("the test goes on");
        block_on(client.closed());
    };
    let app = Router::new().route("/", get(sse::blocking_endpoint(handler)));
    let server =
        builder(engine).stream_threads(2).serve(app).map(Running::from).expect("a free port");
    let first = server.subscribe("/");
    let _second = server.subscribe("/");
    for _ in 0..3 {
        let refused = server.get("/");
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    }
    drop(first);
    drop((clients.recv(), clients.recv()));
    eventually("there is a thread again", || {
        let mut peer = server.connect();
        peer.ask("/");
        let head = crate::support::Answer::receive_head(&mut peer).expect("an answer");
        head.status == 200
    });
}

fn blocking_handler_learns_that_its_client_left(engine: Engine) {
    let (sender, ends) = mpsc::channel();
    let handler = move |client: Client| {
        while block_on(client.send(Event::data("tick"))).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        sender.send(block_on(client.closed())).expect("the test goes on");
    };
    let server = serve(engine, Router::new().route("/", get(sse::blocking_endpoint(handler))));
    for reset in [false, true] {
        let mut stream = server.subscribe("/");
        assert_eq!(stream.data(), "tick");
        if reset {
            stream.peer.reset();
        } else {
            drop(stream);
        }
        assert_eq!(ends.recv(), Ok(Disconnect::ClientGone));
    }
}

fn blocking_handler_that_panics_ends_its_stream_and_no_other(engine: Engine) {
    let ends = Ends::default();
    let handler = |client: Client| {
        block_on(client.send(Event::data("last words"))).expect("the client is there");
        assert!(client.is_closed(), "on purpose: on a thread");
    };
    let endpoint = sse::blocking_endpoint(handler).on_disconnect(ends.hook());
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    for number in 1..4 {
        let mut stream = server.subscribe("/");
        assert_eq!(stream.data(), "last words");
        stream.expect_end();
        eventually("it is counted", || server.stats().handler_panics == number);
    }
    ends.expect(&[Disconnect::Failed; 3]);
}

fn blocking_stream_may_be_refused_before_its_head(engine: Engine) {
    let (sender, begun) = mpsc::channel();
    let handler = move |client: Client| {
        sender.send(()).expect("the test goes on");
        block_on(client.send(Event::data("in"))).expect("the client is there");
    };
    let hook = async |request: &Request, _: &Client| match request.query() {
        Some(_) => Ok(()),
        None => Err((StatusCode::FORBIDDEN, "out")),
    };
    let endpoint = sse::blocking_endpoint(handler).on_connect(hook);
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut peer = server.connect();
    peer.send(request("/"));
    let answer = peer.answer();
    assert_eq!((answer.status, answer.text()), (403, "out"));
    assert!(begun.try_recv().is_err(), "no thread has begun");
    assert_eq!(Subscriber::open(peer, "/?key").data(), "in");
}

on_every_engine! {
    blocking_handler_sends_in_order_and_its_stream_ends_when_it_returns,
    blocking_handlers_do_not_hold_up_their_core,
    requests_past_the_threads_for_streams_are_answered_with_503,
    blocking_handler_learns_that_its_client_left,
    blocking_handler_that_panics_ends_its_stream_and_no_other,
    blocking_stream_may_be_refused_before_its_head,
}
