//! Handlers that are not done at once: waking, sleeping, their core, and what becomes of one whose
//! client has left.

use crate::support::{
    Gate, Running, SetAtEnd, block_on, builder, eventually, get as request_of, serve, serve_on_one,
};
use headwater::routing::get;
use headwater::{Engine, Request, Router, Timeouts, blocking};
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long handlers may take where that is limited.
const LATE: Duration = Duration::from_millis(200);

/// A route whose handler waits for the gate, and one whose handler does not.
fn gated(gate: &Gate) -> Router {
    let gate = gate.clone();
    let pass = async move || {
        gate.pass().await;
        "passed"
    };
    Router::new().route("/gate", get(pass)).route("/", get(|| "ok"))
}

fn pending_handler_is_woken_from_another_thread(engine: Engine) {
    let gate = Gate::default();
    let server = serve(engine, gated(&gate));
    let mut peers: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.ask("/gate");
    }
    eventually("all handlers wait", || server.stats().requests == 8);
    eventually("the gate is awaited", || gate.is_awaited());
    gate.open();
    for peer in &mut peers {
        assert_eq!(peer.answer().text(), "passed");
        // The connection goes on.
        peer.ask("/");
        assert_eq!(peer.answer().text(), "ok");
    }
}

fn pending_handler_does_not_hold_up_its_core(engine: Engine) {
    let gate = Gate::default();
    let server = serve_on_one(engine, gated(&gate));
    let mut waiting = server.connect();
    waiting.ask("/gate");
    eventually("the handler waits", || gate.is_awaited());
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "ok");
    }
    gate.open();
    assert_eq!(waiting.answer().text(), "passed");
}

fn handler_sleeps_as_long_as_it_asked_for(engine: Engine) {
    let sleep = async |request: Request| {
        let millis = request.param("millis").and_then(|millis| millis.parse().ok()).unwrap_or(0);
        headwater::time::sleep(Duration::from_millis(millis)).await;
        millis.to_string()
    };
    let server = serve_on_one(engine, Router::new().route("/sleep/{millis}", get(sleep)));
    let begun = Instant::now();
    let times = [80, 0, 300, 10, 150];
    let mut sleepers = times.map(|_| server.connect());
    for (sleeper, millis) in sleepers.iter_mut().zip(times) {
        sleeper.ask(&format!("/sleep/{millis}"));
    }
    for (sleeper, millis) in sleepers.iter_mut().zip(times) {
        assert_eq!(sleeper.answer().text(), millis.to_string());
        assert!(begun.elapsed() >= Duration::from_millis(millis));
    }
}

fn sleep_that_is_dropped_wakes_nobody(engine: Engine) {
    /// Polls a long sleep once, then forgets it.
    async fn impatient() -> &'static str {
        let mut sleep = std::pin::pin!(headwater::time::sleep(Duration::MAX));
        std::future::poll_fn(|context| {
            assert!(sleep.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        headwater::time::sleep(Duration::from_millis(5)).await;
        "awake"
    }
    let server = serve(engine, Router::new().route("/", get(async || impatient().await)));
    let mut peer = server.connect();
    for _ in 0..5 {
        peer.ask("/");
        assert_eq!(peer.answer().text(), "awake");
    }
}

fn handler_that_never_rests_does_not_starve_the_others(engine: Engine) {
    let done = Arc::new(AtomicBool::new(false));
    let (stop, begun) = (done.clone(), Gate::default());
    let started = begun.clone();
    let restless = async move || {
        started.open();
        while !stop.load(Ordering::Relaxed) {
            let mut yielded = false;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        "rests"
    };
    let app = Router::new().route("/restless", get(restless)).route("/", get(|| "ok"));
    let server = serve_on_one(engine, app);
    let _stop = SetAtEnd(&done);
    let mut peer = server.connect();
    peer.ask("/restless");
    block_on(begun.pass());
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "ok");
    }
    done.store(true, Ordering::Relaxed);
    assert_eq!(peer.answer().text(), "rests");
}

fn handler_may_hold_what_cannot_leave_its_thread(engine: Engine) {
    let handler = async || {
        let here = Rc::new(Cell::new(1));
        headwater::time::sleep(Duration::from_millis(5)).await;
        here.set(here.get() + 1);
        here.get().to_string()
    };
    let server = serve(engine, Router::new().route("/", get(handler)));
    assert_eq!(server.get("/").text(), "2");
}

/// Counts those that are gone.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn client_that_leaves_cancels_its_pending_handler(engine: Engine) {
    let (gate, dropped) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (held, count) = (gate.clone(), dropped.clone());
    let handler = async move || {
        let _counted = Counted(count.clone());
        held.pass().await;
        "never"
    };
    let server = serve(engine, Router::new().route("/", get(handler)));
    let mut peers: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.ask("/");
    }
    eventually("all handlers wait", || server.stats().requests == 10);
    for peer in peers {
        peer.reset();
    }
    eventually("all handlers are cancelled", || dropped.load(Ordering::Relaxed) == 10);
    server.wait_for_connections(0);
}

fn client_that_only_stops_sending_keeps_its_pending_handler(engine: Engine) {
    let gate = Gate::default();
    let server = serve(engine, gated(&gate));
    let mut peer = server.connect();
    peer.ask("/gate");
    peer.finish();
    eventually("the handler waits", || gate.is_awaited());
    gate.open();
    assert_eq!(peer.answer().text(), "passed");
    peer.expect_end();
}

fn handler_that_takes_too_long_is_answered_for(engine: Engine) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    let never = async move || {
        let _dropped = CountEnd(count.clone());
        std::future::pending::<&str>().await
    };
    let gate = Gate::default();
    let held = gate.clone();
    let slowly = blocking(move || {
        block_on(held.pass());
        "at last"
    });
    let soon = async || {
        headwater::time::sleep(LATE / 8).await;
        "in time"
    };
    let app = Router::new()
        .route("/never", get(never))
        .route("/slowly", get(slowly))
        .route("/soon", get(soon))
        .route("/", get(|| "ok"));
    let timeouts = Timeouts::default().with_handler(LATE).with_idle(Duration::MAX);
    let server = Running::from(builder(engine).timeouts(timeouts).serve(app).expect("a free port"));
    let mut peer = server.connect();
    for path in ["/never", "/slowly", "/never"] {
        // The connection goes on, with what is behind it.
        peer.send(request_of(path) + &request_of("/"));
        assert_eq!(peer.answer().status, 503, "{path}");
        assert_eq!(peer.answer().text(), "ok", "{path}");
    }
    eventually("both are dropped", || dropped.load(Ordering::Relaxed) == 2);
    assert_eq!(server.stats().late_handlers, 3);
    gate.open();
    // Each handler has the whole time.
    eventually("one is in time", || server.get("/soon").status == 200);

    // A client that has said its last word is answered, too.
    peer.ask("/never");
    peer.finish();
    assert_eq!(peer.answer().status, 503);
    peer.expect_end();
    server.wait_for_connections(0);
}

/// Counts its end.
struct CountEnd(Arc<AtomicUsize>);

impl Drop for CountEnd {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn server_that_ends_drops_its_pending_handlers(engine: Engine) {
    let (gate, dropped) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (held, count) = (gate.clone(), dropped.clone());
    let handler = async move || {
        let _counted = Counted(count.clone());
        held.pass().await;
    };
    let server = serve(engine, Router::new().route("/", get(handler)));
    let mut peer = server.connect();
    peer.ask("/");
    eventually("the handler waits", || gate.is_awaited());
    let drained = server.drain(Duration::ZERO).wait().expect("no worker fails");
    assert_eq!((drained.cut, dropped.load(Ordering::Relaxed)), (1, 1));
    // A wake that comes too late does no harm.
    gate.open();
}

fn pipelined_request_behind_a_pending_handler_waits_its_turn(engine: Engine) {
    let gate = Gate::default();
    let server = serve(engine, gated(&gate));
    let mut peer = server.connect();
    peer.send("GET /gate HTTP/1.1\r\nhost: test\r\n\r\nGET / HTTP/1.1\r\nhost: test\r\n\r\n");
    peer.ask("/missing");
    eventually("the first handler waits", || gate.is_awaited());
    assert_eq!(server.stats().requests, 1);
    gate.open();
    assert_eq!(peer.answer().text(), "passed");
    assert_eq!(peer.answer().text(), "ok");
    assert_eq!(peer.answer().status, 404);
}

on_every_engine! {
    pending_handler_is_woken_from_another_thread,
    pending_handler_does_not_hold_up_its_core,
    handler_sleeps_as_long_as_it_asked_for,
    sleep_that_is_dropped_wakes_nobody,
    handler_that_never_rests_does_not_starve_the_others,
    handler_may_hold_what_cannot_leave_its_thread,
    client_that_leaves_cancels_its_pending_handler,
    client_that_only_stops_sending_keeps_its_pending_handler,
    handler_that_takes_too_long_is_answered_for,
    server_that_ends_drops_its_pending_handlers,
    pipelined_request_behind_a_pending_handler_waits_its_turn,
}
