//! What becomes of a handler whose stream has ended.

use crate::support::{Gate, Running, builder, eventually, serve};
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Request, Router, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts handlers that are there.
#[derive(Clone, Default)]
struct Present(Arc<AtomicUsize>);

impl Present {
    fn enter(&self) -> Guard {
        self.0.fetch_add(1, Ordering::Relaxed);
        Guard(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn handler_that_may_be_cancelled_is_dropped_with_its_stream(engine: Engine) {
    let present = Present::default();
    let (first, second) = (present.clone(), present.clone());
    // As one that waits for an upstream which says nothing.
    let deaf = async move |client: Client| {
        let _guard = first.enter();
        client.send(Event::data("begin")).await.expect("the client is there");
        std::future::pending::<()>().await;
    };
    let posted = move |request: Request| {
        let present = second.clone();
        sse::stream(&request, async move |client: Client| {
            let _guard = present.enter();
            client.send(Event::data("begin")).await.expect("the client is there");
            std::future::pending::<()>().await;
        })
        .cancel_on_disconnect(true)
    };
    let methods = get(sse::endpoint(deaf).cancel_on_disconnect(true)).post(posted);
    let server = serve(engine, Router::new().route("/", methods));
    for method in ["GET", "POST"] {
        let mut streams: Vec<_> = (0..6)
            .map(|_| {
                let request = format!("{method} / HTTP/1.1\r\nhost: test\r\n\r\n");
                crate::support::Subscriber::ask(server.connect(), request)
            })
            .collect();
        for stream in &mut streams {
            assert_eq!(stream.data(), "begin");
        }
        assert_eq!(present.count(), 6);
        for (number, stream) in streams.into_iter().enumerate() {
            if number % 2 == 0 { stream.peer.reset() } else { drop(stream) }
        }
        eventually("no handler is left", || present.count() == 0);
    }
    server.wait_for_connections(0);
    let drained = server.drain(Duration::from_secs(20)).wait().expect("no worker fails");
    assert_eq!(drained.cut, 0);
}

fn handler_finds_out_by_itself_unless_told_otherwise(engine: Engine) {
    let (present, gate) = (Present::default(), Gate::default());
    let (inside, held) = (present.clone(), gate.clone());
    let handler = async move |client: Client| {
        let _guard = inside.enter();
        client.send(Event::data("begin")).await.expect("the client is there");
        client.closed().await;
        // Cleaning up takes its time.
        held.pass().await;
    };
    let server = builder(engine).serve(Router::new().route("/", get(sse::endpoint(handler))));
    let server = Running::from(server.expect("a free port"));
    let mut stream = server.subscribe("/");
    assert_eq!(stream.data(), "begin");
    drop(stream);
    server.wait_for_connections(0);
    eventually("it cleans up", || gate.is_awaited());
    assert_eq!(present.count(), 1);
    gate.open();
    eventually("it is done", || present.count() == 0);
}

on_every_engine! {
    handler_that_may_be_cancelled_is_dropped_with_its_stream,
    handler_finds_out_by_itself_unless_told_otherwise,
}
