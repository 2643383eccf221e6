//! Handlers that block, on threads of their own.

use crate::support::{Gate, PATIENCE, Peer, Running, block_on, builder, eventually};
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::{Engine, Request, Router, ServerBuilder, blocking, sse};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What blocking handlers have done.
#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    done: AtomicUsize,
}

impl Counts {
    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

/// `/gate` blocks its thread until the gate opens.
fn app(gate: &Gate) -> (Arc<Counts>, Router) {
    let counts = Arc::new(Counts::default());
    let (gate, counted) = (gate.clone(), counts.clone());
    let wait = move || {
        counted.begun.fetch_add(1, Ordering::Relaxed);
        block_on(gate.pass());
        counted.done.fetch_add(1, Ordering::Relaxed);
        "passed"
    };
    let fail = || -> &'static str { panic!("on purpose: on a blocking thread") };
    let stream = |request: Request| sse::stream(&request, async |_| ());
    let app = Router::new()
        .route("/gate", get(blocking(wait)))
        .route("/fail", get(blocking(fail)))
        .route("/echo", post(blocking(|body: String| (StatusCode::CREATED, body))))
        .route("/later", get(blocking(async || "later")))
        .route("/stream", get(blocking(stream)))
        .route("/", get(|| "ok"));
    (counts, app)
}

/// One worker, so that a handler that holds it up is noticed.
fn start(builder: ServerBuilder, app: Router) -> Running {
    Running::from(builder.workers(1).serve(app).expect("a free port of the loopback"))
}

#[track_caller]
fn ask(server: &Running, path: &str) -> Peer {
    let mut peer = server.connect();
    peer.ask(path);
    peer
}

fn blocking_handler_does_not_hold_up_its_core(engine: Engine) {
    let gate = Gate::default();
    let (counts, app) = app(&gate);
    let server = start(builder(engine), app);
    let mut waiting = [(); 4].map(|()| ask(&server, "/gate"));
    eventually("all have begun", || counts.begun() == 4);
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "ok");
    }
    gate.open();
    for peer in &mut waiting {
        assert_eq!(peer.answer().text(), "passed");
        peer.ask("/");
        assert_eq!(peer.answer().text(), "ok");
    }
}

fn blocking_handler_takes_and_gives_what_others_do(engine: Engine) {
    let server = start(builder(engine), app(&Gate::default()).1);
    let mut peer = server.connect();
    peer.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello");
    let answer = peer.answer();
    assert_eq!((answer.status, answer.text()), (201, "hello"));
    peer.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\n\u{ff}");
    assert_eq!(peer.answer().status, 400);
    let mut peer = server.connect();
    peer.ask("/later");
    assert_eq!(peer.answer().text(), "later");
    // A stream cannot leave the thread that it was made on.
    peer.ask("/stream");
    assert_eq!(peer.answer().status, 500);
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

fn requests_past_threads_and_queue_are_answered_with_503(engine: Engine) {
    for (threads, queue) in [(2, 2), (1, 0)] {
        let gate = Gate::default();
        let (counts, app) = app(&gate);
        let limited = builder(engine).blocking_threads(threads).blocking_queue(queue);
        let server = start(limited, app);
        let mut waiting: Vec<_> = (0..threads).map(|_| ask(&server, "/gate")).collect();
        eventually("all threads are at work", || counts.begun() == threads);
        waiting.extend((0..queue).map(|_| ask(&server, "/gate")));
        eventually("all have asked", || server.stats().requests == (threads + queue) as u64);
        let mut refused = ask(&server, "/gate");
        let answer = refused.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        gate.open();
        for peer in &mut waiting {
            assert_eq!(peer.answer().text(), "passed");
        }
        // There is room again, on the same connection.
        refused.ask("/gate");
        assert_eq!(refused.answer().text(), "passed");
    }
}

fn panic_on_a_blocking_thread_costs_a_500_and_no_thread(engine: Engine) {
    let server = start(builder(engine).blocking_threads(1), app(&Gate::default()).1);
    let mut peer = server.connect();
    for count in 1..4 {
        peer.ask("/fail");
        let answer = peer.answer();
        assert_eq!((answer.status, answer.text()), (500, "the handler failed\n"));
        assert_eq!(server.stats().handler_panics, count);
        peer.ask("/later");
        assert_eq!(peer.answer().text(), "later");
    }
}

fn client_that_leaves_takes_its_waiting_request_with_it(engine: Engine) {
    let gate = Gate::default();
    let (counts, app) = app(&gate);
    let server = start(builder(engine).blocking_threads(1), app);
    let mut first = ask(&server, "/gate");
    eventually("the thread is at work", || counts.begun() == 1);
    let leaving = [(); 5].map(|()| ask(&server, "/gate"));
    eventually("all have asked", || server.stats().requests == 6);
    leaving.into_iter().for_each(Peer::reset);
    server.wait_for_connections(1);
    gate.open();
    assert_eq!(first.answer().text(), "passed");
    first.ask("/later");
    assert_eq!(first.answer().text(), "later");
    assert_eq!((counts.begun(), counts.done()), (1, 1));
}

fn drain_waits_for_blocking_handlers(engine: Engine) {
    let gate = Gate::default();
    let (counts, app) = app(&gate);
    let server = start(builder(engine), app);
    let mut peer = ask(&server, "/gate");
    eventually("it has begun", || counts.begun() == 1);
    let drain = server.drain(PATIENCE);
    eventually("all workers have heard of it", || !Peer::try_connect(server.addr()));
    gate.open();
    let answer = peer.answer();
    assert!(answer.is_last());
    assert_eq!(answer.text(), "passed");
    drop(peer);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn drain_waits_for_a_blocking_handler_whose_client_has_left(engine: Engine) {
    let gate = Gate::default();
    let (counts, app) = app(&gate);
    let server = start(builder(engine), app);
    let leaving = ask(&server, "/gate");
    eventually("it has begun", || counts.begun() == 1);
    leaving.reset();
    server.wait_for_connections(0);
    let drain = server.drain(PATIENCE);
    let opener = thread::spawn(move || {
        // A drain that does not wait is over by then.
        thread::sleep(Duration::from_millis(200));
        gate.open();
    });
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
    assert_eq!(counts.done(), 1);
    opener.join().expect("it only opens the gate");
}

fn drain_leaves_blocking_handlers_behind_at_its_deadline(engine: Engine) {
    let gate = Gate::default();
    let (counts, app) = app(&gate);
    let server = start(builder(engine), app);
    let _peer = ask(&server, "/gate");
    eventually("it has begun", || counts.begun() == 1);
    assert_eq!(server.drain(Duration::from_millis(50)).wait().expect("no worker fails").cut, 1);
    // Its thread goes on, and finds nobody to answer.
    assert_eq!(counts.done(), 0);
    gate.open();
    eventually("it is done", || counts.done() == 1);
}

on_every_engine! {
    blocking_handler_does_not_hold_up_its_core,
    blocking_handler_takes_and_gives_what_others_do,
    requests_past_threads_and_queue_are_answered_with_503,
    panic_on_a_blocking_thread_costs_a_500_and_no_thread,
    client_that_leaves_takes_its_waiting_request_with_it,
    drain_waits_for_blocking_handlers,
    drain_waits_for_a_blocking_handler_whose_client_has_left,
    drain_leaves_blocking_handlers_behind_at_its_deadline,
}
