//! Clients whose own events are kept in a store that blocks, stalls and fails: who waits for it, and who does
//! not.

use super::store::{Remote, State};
use super::{of_user, scope};
use crate::support::{
    Ending, Gate, PATIENCE, Subscriber, block_on, eventually, serve, serve_on_one,
};
use headwater::sse::{self, Client, ClientReplay, Disconnect, Event, SendRefusal, StoreFailure};
use headwater::{Engine, Router, routing::get};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// A store that does not answer holds up no core: neither other clients, nor requests, nor the heartbeats of
/// those who wait for it.
fn stalled_store_of_clients_stalls_nobody_else(engine: Engine) {
    let (store, other) = (Remote::new(), super::ring());
    let replay = ClientReplay::builder(store.clone()).store_queue(2).build();
    let (tell, told) = mpsc::channel();
    let endpoint = sse::endpoint(async move |client: Client| {
        let sent = [(); 4].map(|()| client.try_send(Event::data("x")).map_err(|e| e.refusal()));
        tell.send(sent).expect("the test waits");
        let on_a_core = client.send_blocking(Event::data("x")).map_err(|e| e.refusal());
        assert_eq!(on_a_core, Err(SendRefusal::Busy));
        client.send(Event::data("awaited")).await.expect("it is stored");
        client.closed().await;
    });
    let beats = endpoint.replay(&replay, scope).heartbeat(Duration::from_millis(50));
    let quick = sse::endpoint(async |client: Client| {
        for number in 0..100 {
            client.send(Event::data(number.to_string())).await.expect("it is there");
        }
    });
    let app = Router::new()
        .route("/slow", get(beats))
        .route("/quick", get(quick.replay(other, scope)))
        .route("/plain", get(|| "plain"));
    let server = serve_on_one(engine, app);
    // It is asked before its handler runs, and does not answer.
    store.set(State::Stalls);
    let mut slow = Subscriber::ask(server.connect(), of_user("/slow", "ada", None));
    (0..3).for_each(|_| assert!(slow.next().expect("a beat").comment.is_some()));
    assert!(told.try_recv().is_err());
    store.set(State::Works);
    let begin = loop {
        let heard = slow.next().expect("a stream goes on");
        if heard.comment.is_none() {
            break heard;
        }
    };
    assert_eq!(begin.id.as_deref(), Some("0"));
    let sent = told.recv().expect("it runs");
    // As many as may wait, unless the store was quick.
    assert!(sent[..2].iter().all(Result::is_ok), "{sent:?}");
    let taken = sent.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert!(sent.iter().all(|outcome| matches!(outcome, Ok(()) | Err(SendRefusal::Busy))));
    for number in 1..=taken {
        assert_eq!(slow.event().number(), number);
    }
    let awaited = slow.event();
    assert_eq!((awaited.number(), awaited.data.as_deref()), (taken + 1, Some("awaited")));

    store.set(State::Stalls);
    let mut stuck = Subscriber::ask(server.connect(), of_user("/slow", "eve", Some(0)));
    (0..3).for_each(|_| assert!(stuck.next().expect("a beat").comment.is_some()));
    assert_eq!(server.get("/plain").text(), "plain");
    let mut quick = Subscriber::ask(server.connect(), of_user("/quick", "bob", None));
    (1..=100).for_each(|number| assert_eq!(quick.event().number(), number));
    assert_eq!(quick.next(), Err(Ending::Whole));
    (0..3).for_each(|_| assert!(slow.next().expect("a beat").comment.is_some()));
    store.set(State::Works);
}

fn threads_wait_for_a_store_that_stalls_and_lose_nothing(engine: Engine) {
    const EVENTS: u64 = 50;
    let store = Remote::new();
    let replay = ClientReplay::builder(store.clone()).store_queue(3).build();
    let gate = Gate::default();
    let its = gate.clone();
    let endpoint = sse::blocking_endpoint(move |client: Client| {
        block_on(its.pass());
        for number in 1..=EVENTS {
            client.send_blocking(Event::data(number.to_string())).expect("it is stored");
        }
    });
    let endpoint = endpoint.replay(&replay, scope).heartbeat(None);
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let users = ["a", "b", "c", "d", "e"];
    let mut streams: Vec<_> = (users.iter())
        .map(|user| Subscriber::ask(server.connect(), of_user("/", user, None)))
        .collect();
    for stream in &mut streams {
        stream.next().expect("it is told where it begins");
    }
    store.set(State::Stalls);
    gate.open();
    eventually("as many wait as may", || replay.stats().waiting == 3);
    for _ in 0..3 {
        store.set(State::Works);
        store.set(State::Stalls);
        eventually("somebody waits, or all is done", || {
            let stats = replay.stats();
            stats.waiting > 0 || stats.stored == users.len() as u64 * EVENTS
        });
    }
    store.set(State::Works);
    for stream in &mut streams {
        for number in 1..=EVENTS {
            let event = stream.event();
            assert_eq!((event.number(), event.data), (number, Some(number.to_string())));
        }
        assert_eq!(stream.next(), Err(Ending::Whole));
    }
}

/// A handler is told, and its client's stream goes on; one that comes back meanwhile comes back later.
fn failing_store_refuses_events_or_lets_them_go_without_ids(engine: Engine) {
    for failure in [StoreFailure::Refuse, StoreFailure::SendWithoutId] {
        let store = Remote::new();
        let replay = ClientReplay::builder(store.clone()).store_failure(failure).build();
        let clients = Arc::new(Mutex::new(Vec::<Client>::new()));
        let (here, ends) = (clients.clone(), Arc::new(Mutex::new(Vec::new())));
        let endpoint = sse::endpoint(async move |client: Client| {
            here.lock().expect("no panic").push(client.clone());
            client.closed().await;
        });
        let ended = ends.clone();
        let endpoint = endpoint.replay(&replay, scope).heartbeat(None).on_disconnect(
            move |_: &Client, why: Disconnect| ended.lock().expect("no panic").push(why),
        );
        let server = serve(engine, Router::new().route("/", get(endpoint)));
        let mut stream = Subscriber::ask(server.connect(), of_user("/", "ada", Some(0)));
        eventually("its handler runs", || clients.lock().expect("no panic").len() == 1);
        let client = clients.lock().expect("no panic")[0].clone();
        let send = |data: &str| client.send_blocking(Event::data(data));
        send("1").expect("it is stored");
        store.set(State::Fails);
        let meanwhile = send("meanwhile");
        let mut back = Subscriber::ask(server.connect(), of_user("/", "ada", Some(0)));
        assert_eq!(back.next(), Err(Ending::Whole));
        eventually("it is told why", || *ends.lock().expect("no panic") == [Disconnect::Failed]);
        store.set(State::Works);
        send("2").expect("it is stored");
        assert_eq!(stream.event().number(), 1);
        let stats = replay.stats();
        if failure == StoreFailure::SendWithoutId {
            meanwhile.expect("it is sent");
            let event = stream.event();
            assert_eq!((event.id, event.data.as_deref()), (None, Some("meanwhile")));
            assert_eq!((stats.refused, stats.without_id, stats.read_failures), (0, 1, 1));
        } else {
            let refused = meanwhile.expect_err("it fails");
            assert_eq!(refused.refusal(), SendRefusal::Store);
            assert!(refused.store_error().is_some());
            assert_eq!(refused.into_event(), Event::data("meanwhile").into());
            assert_eq!((stats.refused, stats.without_id, stats.read_failures), (1, 0, 1));
        }
        assert_eq!(stream.event().number(), 2);
        let mut back = Subscriber::ask(server.connect(), of_user("/", "ada", Some(0)));
        assert_eq!([(); 2].map(|()| back.event().number()), [1, 2]);
    }
}

/// Room that an event had is given to who waits for it, and a flush waits for nothing that will not come.
fn handler_is_told_when_an_event_is_refused_that_it_did_not_wait_for(engine: Engine) {
    let (store, gate) = (Remote::new(), Gate::default());
    let replay = ClientReplay::new(store.clone());
    let (tell, told) = mpsc::channel();
    let pass = gate.clone();
    let endpoint = sse::endpoint(async move |client: Client| {
        pass.pass().await;
        client.try_send(Event::data("1")).expect("room");
        let waited = client.send(Event::data("2")).await.map_err(|error| error.refusal());
        tell.send(waited).expect("the test waits");
        pass.pass().await;
        client.try_send(Event::data("3")).expect("room");
        client.flush().await.expect("it is there");
        tell.send(Ok(())).expect("the test waits");
    });
    let endpoint = endpoint.replay(&replay, scope).heartbeat(None).client_queue(1);
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut stream = Subscriber::ask(server.connect(), of_user("/", "ada", None));
    stream.next().expect("it is told where it begins");
    for outcome in [Err(SendRefusal::Store), Ok(())] {
        eventually("its handler waits", || gate.is_awaited());
        store.set(State::Stalls);
        gate.open();
        eventually("one waits", || replay.stats().waiting == 1);
        gate.close();
        store.set(State::Fails);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(outcome));
    }
    assert_eq!(stream.next(), Err(Ending::Whole));
    assert_eq!(replay.stats().refused, 3);
}

/// The handler has returned, or closed its client, and the store has not said what becomes of its last events.
fn end_of_a_stream_waits_for_what_the_store_has(engine: Engine) {
    for closes in [false, true] {
        let (store, gate) = (Remote::new(), Gate::default());
        let replay = ClientReplay::new(store.clone());
        let pass = gate.clone();
        let endpoint = sse::endpoint(async move |client: Client| {
            pass.pass().await;
            for number in 1..=10 {
                client.try_send(Event::data(number.to_string())).expect("room");
            }
            if closes {
                client.close();
                client.closed().await;
            }
        });
        let endpoint = endpoint.replay(&replay, scope).heartbeat(None);
        let server = serve(engine, Router::new().route("/", get(endpoint)));
        let mut stream = Subscriber::ask(server.connect(), of_user("/", "ada", None));
        stream.next().expect("it is told where it begins");
        eventually("its handler runs", || gate.is_awaited());
        store.set(State::Stalls);
        gate.open();
        eventually("all wait", || replay.stats().waiting == 10);
        store.set(State::Works);
        for number in 1..=10 {
            assert_eq!(stream.event().number(), number);
        }
        assert_eq!(stream.next(), Err(Ending::Whole));
    }
}

on_every_engine! {
    stalled_store_of_clients_stalls_nobody_else,
    threads_wait_for_a_store_that_stalls_and_lose_nothing,
    failing_store_refuses_events_or_lets_them_go_without_ids,
    handler_is_told_when_an_event_is_refused_that_it_did_not_wait_for,
    end_of_a_stream_waits_for_what_the_store_has,
}
