//! `ClientPolicy`, `Config.MaxQueueDepth`, `Config.OnSlowClient`.

use super::{connect, large, serve_clients};
use crate::support::{block_on, eventually};
use headwater::Engine;
use headwater::sse::{Client, ClientConfig, ClientPolicy, Disconnect, SendRefusal};
use std::sync::{Arc, Mutex};

const QUEUE: usize = 4;

fn config(policy: ClientPolicy) -> ClientConfig {
    ClientConfig::new().queue_events(QUEUE).slow_policy(policy)
}

/// Sends until something other than queueing happens.
fn fill(client: &Client) -> Result<usize, SendRefusal> {
    let mut sent = 0;
    while sent < 1000 && client.dropped_events() == 0 {
        client.try_send(large(sent)).map_err(|refused| refused.refusal())?;
        sent += 1;
        // Not faster than the core takes them: the socket is to be full before the queue is.
        std::thread::yield_now();
    }
    Ok(sent)
}

/// `ClientPolicyDrop`, `Client.DroppedEvents`
fn drop_discards_the_event_and_counts_it_and_the_send_succeeds(engine: Engine) {
    let (server, clients) = serve_clients(engine, config(ClientPolicy::Drop));
    let (mut stream, client) = connect(&server, &clients, false);
    let mut sent = fill(&client).expect("a full queue is no error");
    for _ in 0..50 {
        client.try_send(large(sent)).expect("a full queue is no error");
        block_on(client.send(large(sent + 1))).expect("nor does it wait");
        sent += 2;
        assert!(client.queue_depth() <= QUEUE);
    }
    client.close();
    let heard = stream.rest().0;
    let dropped = usize::try_from(client.dropped_events()).expect("few");
    assert!(dropped > 0);
    assert_eq!(heard.len() + dropped, sent);
}

/// `ClientPolicyClose`
fn close_ends_the_stream_and_the_send_fails(engine: Engine) {
    let (server, clients) = serve_clients(engine, config(ClientPolicy::Close));
    let (mut stream, client) = connect(&server, &clients, false);
    assert_eq!(fill(&client), Err(SendRefusal::Closed));
    assert!(client.is_closed());
    // What was queued before is still delivered.
    assert!(!stream.rest().0.is_empty());
    assert_eq!(block_on(client.closed()), Disconnect::Slow);
}

/// `ClientPolicyBlock`
fn block_waits_for_room_or_for_the_end(engine: Engine) {
    let (server, clients) = serve_clients(engine, config(ClientPolicy::Block));
    let (mut stream, client) = connect(&server, &clients, false);
    assert_eq!(fill(&client), Err(SendRefusal::Full), "what never waits says so");
    let waiting = client.clone();
    let sender = std::thread::spawn(move || {
        (0..200).take_while(|&number| waiting.send_blocking(large(number)).is_ok()).count()
    });
    eventually("the queue is full", || client.queue_depth() == QUEUE);
    for _ in 0..50 {
        stream.event();
    }
    assert_eq!(client.dropped_events(), 0);
    // A client that leaves ends the wait.
    drop(stream);
    assert!(sender.join().expect("no panic") < 200);
}

/// `Config.OnSlowClient`
fn callback_sees_client_and_event_and_its_answer_is_done(engine: Engine) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let decide = move |client: &Client, event: &headwater::sse::PreparedEvent| {
        told.lock().expect("no panic").push((client.queue_depth(), event.len()));
        if client.dropped_events() < 3 { ClientPolicy::Drop } else { ClientPolicy::Close }
    };
    let config = ClientConfig::new().queue_events(QUEUE).on_slow_client(decide);
    let (server, clients) = serve_clients(engine, config);
    let (_stream, client) = connect(&server, &clients, false);
    let mut refused = None;
    eventually("it is closed", || {
        refused = client.try_send(large(0)).err();
        refused.is_some()
    });
    assert_eq!(refused.map(|refused| refused.refusal()), Some(SendRefusal::Closed));
    let seen = seen.lock().expect("no panic");
    // A queue may have been emptied between the send and the question.
    assert!(seen.len() >= 4 && seen.iter().all(|&(depth, _)| depth <= QUEUE), "{seen:?}");
    assert!(seen.iter().all(|&(_, bytes)| bytes == "data: \n\n".len() + super::LARGE));
}

/// `Config.MaxQueueDepth`
fn queue_is_bounded_by_the_depth_that_was_set(engine: Engine) {
    for depth in [1, 2, 7] {
        let config = ClientConfig::new().queue_events(depth);
        let (server, clients) = serve_clients(engine, config);
        let (_stream, client) = connect(&server, &clients, false);
        // The kernel may take some more now and then, also where it has taken nothing for a while.
        eventually("it is full", || {
            let refused = client.try_send(large(0)).err().map(|refused| refused.refusal());
            let waiting = client.queue_depth();
            assert!(waiting <= depth && refused.is_none_or(|why| why == SendRefusal::Full));
            refused.is_some() && waiting == depth && server.stats().owed_bytes > 0
        });
    }
}

on_every_engine! {
    drop_discards_the_event_and_counts_it_and_the_send_succeeds,
    close_ends_the_stream_and_the_send_fails,
    block_waits_for_room_or_for_the_end,
    callback_sees_client_and_event_and_its_answer_is_done,
    queue_is_bounded_by_the_depth_that_was_set,
}
