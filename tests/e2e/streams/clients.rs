//! Handles of clients: where they may be used from, what they refuse, and how they learn of the end.

use crate::support::{Ending, Running, Subscriber, block_on, builder, eventually, serve};
use headwater::sse::{self, Client, Disconnect, Event, SendRefusal};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Serves streams whose handlers give their clients away and wait for the end.
fn serve_clients(engine: Engine) -> (Running, mpsc::Receiver<Client>) {
    let (sender, clients) = mpsc::channel();
    let handler = async move |client: Client| {
        sender.send(client.clone()).expect("the test goes on");
        client.closed().await;
    };
    let app = Router::new().route("/", get(sse::endpoint(handler).heartbeat(None)));
    (serve(engine, app), clients)
}

fn client_may_be_driven_from_another_thread(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let mut stream = server.subscribe("/");
    let client = clients.recv().expect("the handler runs");
    let sender = std::thread::spawn(move || {
        for number in 0..2000 {
            // More than the queue holds: waits for the core to take some.
            block_on(client.send(Event::data(number.to_string()))).expect("the client reads");
        }
        client.close();
        (block_on(client.closed()), client.is_closed())
    });
    for number in 0..2000 {
        assert_eq!(stream.data(), number.to_string());
    }
    stream.expect_end();
    assert_eq!(sender.join().expect("no panic"), (Disconnect::Done, true));
}

fn events_of_several_threads_all_arrive(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let mut stream = server.subscribe("/");
    let client = clients.recv().expect("the handler runs");
    let mut heard: Vec<String> = std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || {
                for number in 0..200 {
                    let event = Event::data(format!("{thread} {number:03}"));
                    block_on(client.send(event)).expect("the client reads");
                }
            });
        }
        (0..800).map(|_| stream.data()).collect()
    });
    for thread in 0..4 {
        let own = heard.iter().filter(|data| data.starts_with(&format!("{thread} ")));
        assert!(own.is_sorted(), "each thread's events keep their order");
    }
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard.len(), 800);
}

fn queue_of_a_client_that_does_not_read_is_bounded(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let mut stream = Subscriber::open(server.connect_narrow(), "/");
    let client = clients.recv().expect("the handler runs");
    let data = "x".repeat(10_000);
    let mut taken = 0;
    let mut refused = None;
    eventually("the queue is full, and the socket too", || {
        match client.try_send(Event::data(data.as_str())) {
            Ok(()) => taken += 1,
            Err(error) => refused = Some(error).filter(|_| server.stats().owed_bytes > 0),
        }
        assert!(taken < 10_000, "100 MB were queued");
        refused.is_some()
    });
    let refused = refused.expect("it was waited for");
    assert_eq!(refused.refusal(), SendRefusal::Full);
    assert_eq!(refused.into_event().len(), "data: \n\n".len() + data.len());
    assert!(client.queue_depth() > 0);
    let empty = client.try_send(Event::new()).expect_err("no bytes");
    assert_eq!(empty.refusal(), SendRefusal::Empty);
    client.close();
    let closed = client.try_send(Event::data("late")).expect_err("closed");
    assert_eq!(closed.refusal(), SendRefusal::Closed);
    let (events, ending) = stream.rest();
    assert_eq!((events.len(), ending), (taken, Ending::Whole));
}

fn client_is_told_why_its_stream_ended(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let client = || clients.recv().expect("the handler runs");

    let mut stream = server.subscribe("/");
    let closing = client();
    closing.close();
    stream.expect_end();
    assert_eq!(block_on(closing.closed()), Disconnect::Done);

    for reset in [false, true] {
        let stream = server.subscribe("/");
        let left = client();
        if reset {
            stream.peer.reset();
        } else {
            drop(stream);
        }
        assert_eq!(block_on(left.closed()), Disconnect::ClientGone);
        let refused = left.try_send(Event::data("late")).expect_err("nobody is there");
        assert_eq!(refused.refusal(), SendRefusal::Closed);
    }

    let mut stream = server.subscribe("/");
    let drained = client();
    let drain = server.drain(Duration::from_secs(20));
    stream.expect_end();
    assert_eq!(block_on(drained.closed()), Disconnect::Drain);
    drop(stream);
    assert_eq!(drain.wait().expect("no worker fails").cut, 0);
}

fn sender_that_waits_for_room_hears_that_its_client_left(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let stream = Subscriber::open(server.connect_narrow(), "/");
    let client = clients.recv().expect("the handler runs");
    let sender = std::thread::spawn(move || {
        let data = "x".repeat(10_000);
        loop {
            if let Err(error) = block_on(client.send(Event::data(data.as_str()))) {
                return error.refusal();
            }
        }
    });
    eventually("bytes are owed", || server.stats().owed_bytes > 0);
    stream.peer.reset();
    assert_eq!(sender.join().expect("no panic"), SendRefusal::Closed);
}

fn subscription_of_a_handler_delivers_beside_its_own_events(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let feed = broker.clone();
    let ends = Arc::new(Mutex::new(Vec::new()));
    let ended = ends.clone();
    let handler = async move |client: Client| {
        let _subscribed = feed.subscribe(&client);
        // Twice is once.
        let _again = feed.subscribe(&client);
        for number in 0..3 {
            client.send(Event::data(format!("own {number}"))).await.expect("the client is there");
        }
        let why = client.closed().await;
        ended.lock().expect("no panic").push(why);
    };
    let server =
        serve(engine, Router::new().route("/", get(sse::endpoint(handler).heartbeat(None))));
    let mut stream = server.subscribe("/");
    for number in 0..3 {
        assert_eq!(stream.data(), format!("own {number}"));
    }
    assert_eq!(broker.subscriber_count(), 1);
    for number in 0..10 {
        super::publish(&broker, format!("news {number}"));
        assert_eq!(stream.data(), format!("news {number}"));
    }
    stream.peer.reset();
    eventually("the handler is done", || {
        *ends.lock().expect("no panic") == [Disconnect::ClientGone]
    });
    eventually("nobody is subscribed", || broker.subscriber_count() == 0);
}

fn subscription_that_is_dropped_delivers_nothing_more(engine: Engine) {
    let hub = Hub::new();
    let (news, sport) = (hub.broker("news").build(), hub.broker("sport").build());
    let (first, second) = (news.clone(), sport.clone());
    let handler = async move |client: Client| {
        let kept = second.subscribe(&client);
        let dropped = first.subscribe(&client);
        super::publish(&first, "before");
        drop(dropped);
        super::publish(&first, "after");
        super::publish(&second, "marker");
        client.closed().await;
        drop(kept);
    };
    let app = Router::new().route("/", get(sse::endpoint(handler).heartbeat(None)));
    let server = builder(engine).serve(app).map(Running::from).expect("a free port");
    let mut stream = server.subscribe("/");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "marker") {
        heard.push(stream.data());
    }
    assert!(!heard.contains(&"after".to_owned()), "{heard:?}");
    assert_eq!((news.subscriber_count(), sport.subscriber_count()), (0, 1));
}

fn client_knows_what_the_kernel_has_and_its_peer_has_not(engine: Engine) {
    let (server, clients) = serve_clients(engine);
    let mut stream = Subscriber::open(server.connect_narrow(), "/");
    let client = clients.recv().expect("the handler runs");
    let on_linux = cfg!(target_os = "linux");
    let is = |expected: fn(usize) -> bool| match client.unsent_bytes() {
        Some(bytes) => on_linux && expected(bytes),
        None => !on_linux,
    };
    eventually("it has the head", || is(|bytes| bytes == 0));
    let mut sent = 0;
    eventually("its socket is full", || {
        while client.try_send(Event::data("x".repeat(16 * 1024))).is_ok() {
            sent += 1;
        }
        is(|bytes| bytes > 0) && server.stats().owed_bytes > 0
    });
    for _ in 0..sent {
        stream.data();
    }
    eventually("it has read everything", || is(|bytes| bytes == 0));
    drop(stream);
    eventually("it has left", || client.is_closed() && client.unsent_bytes().is_none());
}

on_every_engine! {
    client_knows_what_the_kernel_has_and_its_peer_has_not,
    client_may_be_driven_from_another_thread,
    events_of_several_threads_all_arrive,
    queue_of_a_client_that_does_not_read_is_bounded,
    client_is_told_why_its_stream_ended,
    sender_that_waits_for_room_hears_that_its_client_left,
    subscription_of_a_handler_delivers_beside_its_own_events,
    subscription_that_is_dropped_delivers_nothing_more,
}
