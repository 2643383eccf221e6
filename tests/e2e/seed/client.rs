//! Client.

use super::{connect, large, serve_clients};
use crate::support::{Subscriber, block_on, eventually, serve};
use headwater::sse::{
    self, Client, ClientConfig, Disconnect, Event, FlushError, PreparedEvent, SendRefusal,
};
use headwater::{Engine, Router, routing::get};
use std::time::Duration;

fn config() -> ClientConfig {
    ClientConfig::new()
}

/// `Client.Close`
fn close_may_be_called_twice(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (mut stream, client) = connect(&server, &clients, true);
    block_on(client.send_data("last")).expect("the client is there");
    client.close();
    client.clone().close();
    assert_eq!(stream.data(), "last");
    stream.expect_end();
    client.close();
    assert!(client.is_closed());
}

/// `Client.Send`, `ErrClientClosed`
fn send_after_close_is_an_error_that_gives_the_event_back(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (mut stream, client) = connect(&server, &clients, true);
    client.close();
    let event = Event::data("late").id("7");
    let refused = [
        client.try_send(event.clone()),
        client.send_blocking(event.clone()),
        block_on(client.send(event.clone())),
        block_on(client.send_data("late")),
        block_on(client.send_comment("late")),
        block_on(client.send_prepared(&PreparedEvent::new(&event))),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        let refused = refused.expect_err("it is closed");
        assert_eq!(refused.refusal(), SendRefusal::Closed, "{at}");
        if at < 3 {
            assert_eq!(refused.into_event().len(), "id: 7\ndata: late\n\n".len());
        }
    }
    stream.expect_end();
}

/// `Client.Send` after the handler has returned
fn send_after_the_handler_returned_is_an_error(engine: Engine) {
    let (sender, clients) = std::sync::mpsc::channel();
    let handler = async move |client: Client| sender.send(client).expect("the test goes on");
    let server = serve(engine, Router::new().route("/", get(sse::endpoint(handler))));
    server.subscribe("/").expect_end();
    let client = clients.recv().expect("the handler ran");
    let refused = client.try_send(Event::data("late")).expect_err("the stream is over");
    assert_eq!(refused.refusal(), SendRefusal::Closed);
}

/// `Client.Context`
fn context_ends_when_the_client_disconnects_and_when_the_stream_is_closed(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (stream, client) = connect(&server, &clients, true);
    drop(stream);
    assert_eq!(block_on(client.closed()), Disconnect::ClientGone);
    let (mut stream, client) = connect(&server, &clients, true);
    assert!(!client.is_closed());
    client.close();
    stream.expect_end();
    assert_eq!(block_on(client.closed()), Disconnect::Done);
}

/// `Client.LastEventID`
fn last_event_id_is_that_of_the_header_and_none_on_the_first_connection(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (_stream, client) = connect(&server, &clients, true);
    assert_eq!(client.last_event_id(), None);
    let request = "GET / HTTP/1.1\r\nhost: test\r\nlast-event-id: 41 a\r\n\r\n";
    let _again = Subscriber::ask(server.connect(), request);
    let client = clients.recv().expect("the handler runs");
    assert_eq!(client.last_event_id().map(ToString::to_string).as_deref(), Some("41 a"));
}

/// `Client.QueueDepth`
fn queue_depth_is_what_waits_and_zero_without_a_queue(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (stream, client) = connect(&server, &clients, false);
    assert_eq!((client.queue_depth(), client.queued_bytes()), (0, 0));
    eventually("events wait", || {
        client.try_send(large(0)).expect("there is room");
        client.queue_depth() > 5
    });
    assert!(client.queued_bytes() > 5 * super::LARGE);
    drop(stream);
    eventually("nothing waits", || client.queue_depth() == 0 && client.queued_bytes() == 0);

    let (server, clients) = serve_clients(engine, config().queue_events(None));
    let (mut stream, client) = connect(&server, &clients, true);
    for number in 0..5 {
        block_on(client.send(large(number))).expect("the client reads");
        assert_eq!(client.queue_depth(), 0);
        assert_eq!(stream.data().len(), super::LARGE);
    }
}

/// `Client.Send`, blocking mode
fn without_a_queue_a_send_returns_when_the_kernel_has_the_event(engine: Engine) {
    let (server, clients) = serve_clients(engine, config().queue_events(None));
    let (mut stream, client) = connect(&server, &clients, false);
    let sender = std::thread::spawn(move || {
        let sent = (0..50).take_while(|&number| client.send_blocking(large(number)).is_ok());
        sent.count()
    });
    eventually("the socket is full", || server.stats().owed_bytes > 0);
    // It waits with the first that does not fit; nothing is queued behind it.
    assert!(server.stats().owed_bytes < 2 * super::LARGE);
    for number in 0..50 {
        assert!(stream.data().starts_with(&number.to_string()));
    }
    assert_eq!(sender.join().expect("no panic"), 50);
}

/// `Client.Send`, queued mode
fn flush_waits_until_the_kernel_has_all_that_was_queued(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (mut stream, client) = connect(&server, &clients, true);
    for number in 0..20 {
        client.try_send(large(number)).expect("there is room");
    }
    let reader = std::thread::spawn(move || (0..20).map(|_| stream.data().len()).sum::<usize>());
    client.flush_blocking().expect("the client reads");
    assert_eq!(client.queue_depth(), 0);
    assert_eq!(server.stats().events_delivered, 20);
    assert_eq!(reader.join().expect("no panic"), 20 * super::LARGE);

    let (stream, client) = connect(&server, &clients, false);
    eventually("the socket is full", || {
        client.try_send(large(0)).expect("there is room");
        client.queue_depth() > 2
    });
    drop(stream);
    assert_eq!(block_on(client.flush()), Err(FlushError::Closed(Disconnect::ClientGone)));
}

/// `Client.Send` is thread-safe, and serialized with heartbeats
fn sends_of_many_threads_and_heartbeats_never_tear_an_event(engine: Engine) {
    let (sender, clients) = std::sync::mpsc::channel();
    let handler = async move |client: Client| {
        sender.send(client.clone()).expect("the test goes on");
        client.closed().await;
    };
    let endpoint = sse::endpoint(handler).heartbeat(Duration::from_millis(1));
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut stream = server.subscribe("/");
    let client = clients.recv().expect("the handler runs");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..100 {
                    let line = format!("{thread} {number}\n").repeat(50);
                    client.send_blocking(Event::data(line)).expect("the client reads");
                }
            });
        }
        // Decodes strictly: whatever is torn is no field.
        for _ in 0..400 {
            let data = stream.data();
            let first = data.lines().next().unwrap_or_default();
            assert!(data.lines().all(|line| line == first));
        }
    });
}

/// `Client.SendComment`, `Client.SendData`
fn comment_is_one_comment_line_and_data_an_event_of_data_only(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let (mut stream, client) = connect(&server, &clients, true);
    block_on(client.send_comment("keep\nalive")).expect("the client is there");
    block_on(client.send_data("two\nlines")).expect("the client is there");
    let comment = stream.next().expect("it comes");
    assert_eq!((comment.comment.as_deref(), comment.data), (Some("keepalive"), None));
    let event = stream.next().expect("it comes");
    assert_eq!((event.data.as_deref(), event.id, event.name), (Some("two\nlines"), None, None));
}

/// `Client.WritePreparedEvent`, `PreparedEvent`, `NewPreparedEvent`
fn prepared_event_goes_to_many_clients_in_the_order_of_all_they_are_sent(engine: Engine) {
    let (server, clients) = serve_clients(engine, config());
    let mut all: Vec<_> = (0..5).map(|_| connect(&server, &clients, true)).collect();
    let prepared = PreparedEvent::new(&Event::data("prepared").id("7").event("name"));
    assert_eq!(prepared.len(), "id: 7\nevent: name\ndata: prepared\n\n".len());
    for (_, client) in &all {
        client.try_send(Event::data("before")).expect("there is room");
        block_on(client.send_prepared(&prepared)).expect("the client is there");
        client.try_send(Event::data("after")).expect("there is room");
    }
    for (stream, _) in &mut all {
        assert_eq!(stream.data(), "before");
        let heard = stream.event();
        let parts = [heard.id, heard.name, heard.data].map(Option::unwrap_or_default);
        assert_eq!(parts, ["7", "name", "prepared"]);
        assert_eq!(stream.data(), "after");
    }
}

on_every_engine! {
    close_may_be_called_twice,
    send_after_close_is_an_error_that_gives_the_event_back,
    send_after_the_handler_returned_is_an_error,
    context_ends_when_the_client_disconnects_and_when_the_stream_is_closed,
    last_event_id_is_that_of_the_header_and_none_on_the_first_connection,
    queue_depth_is_what_waits_and_zero_without_a_queue,
    without_a_queue_a_send_returns_when_the_kernel_has_the_event,
    flush_waits_until_the_kernel_has_all_that_was_queued,
    sends_of_many_threads_and_heartbeats_never_tear_an_event,
    comment_is_one_comment_line_and_data_an_event_of_data_only,
    prepared_event_goes_to_many_clients_in_the_order_of_all_they_are_sent,
}
