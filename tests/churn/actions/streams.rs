//! Clients of event streams.

use crate::check::Order;
use crate::client::{Client, read_out, receive_bytes};
use crate::kinds::{BRIEF, ENDLESS, Kind, SILENT, TALK_EVENTS, TALKS, UNWELCOME, WORDS};
use crate::support::{End, Ending, Heard, PATIENCE, Peer, Subscriber, get};
use std::time::Instant;

const MOST_EVENTS: usize = 60;
/// More than a large event: whoever reads so many bytes may stop anywhere.
const MOST_BYTES: usize = 300_000;

/// A stream that is read.
struct Following {
    subscriber: Subscriber,
    order: Order,
    ends_slow: bool,
}

/// For a stream that goes on until its client leaves; in both versions of HTTP, where its end can be
/// told from its being cut.
pub(super) fn request(client: &mut Client<'_>) -> (&'static Kind, String) {
    let kind = &ENDLESS[client.numbers.below(ENDLESS.len())];
    let may_be_cut = kind.ends_slow || client.shape.restarts;
    let version = if !may_be_cut && client.numbers.one_in(4) { "1.0" } else { "1.1" };
    (kind, format!("GET {} HTTP/{version}\r\nhost: test\r\n\r\n", kind.path))
}

/// `None` if the client had to give way, or there was no thread for it.
fn subscribe(client: &mut Client<'_>, mut peer: Peer) -> Option<Following> {
    let (kind, request) = request(client);
    peer.try_send(request);
    let subscriber = open(client, peer, kind.path)?;
    Some(Following { subscriber, order: Order::of(kind), ends_slow: kind.ends_slow })
}

fn open(client: &mut Client<'_>, mut peer: Peer, path: &str) -> Option<Subscriber> {
    let head = client.head(&mut peer)?;
    if head.status == 503 {
        assert!(is_on_thread(path) || client.shape.restarts, "{path}: {head:?}");
        client.count(|tally| &tally.refused, 1);
        return None;
    }
    Some(Subscriber::after(peer, head))
}

/// There are fewer threads than there may be clients who want one.
fn is_on_thread(path: &str) -> bool {
    path.starts_with("/thread")
}

impl Following {
    /// Some events; false if the stream has ended before.
    fn hear(&mut self, client: &mut Client<'_>) -> bool {
        for _ in 0..client.numbers.below(MOST_EVENTS) {
            match event(&mut self.subscriber) {
                Ok(heard) => self.order.check(&heard),
                Err(ending) => {
                    client.stream_ended(ending, self.ends_slow);
                    return false;
                }
            }
            client.count(|tally| &tally.events, 1);
        }
        true
    }
}

/// The next event that a browser would dispatch.
fn event(subscriber: &mut Subscriber) -> Result<Heard, Ending> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Comments may keep the stream alive without end.
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: an event");
        let heard = subscriber.next()?;
        if heard.data.is_some() {
            return Ok(heard);
        }
    }
}

/// Reads some events, perhaps saying things that nobody listens to.
pub(super) fn follow(client: &mut Client<'_>) {
    let peer = client.connect();
    let Some(mut following) = subscribe(client, peer) else { return };
    if client.numbers.one_in(3) {
        following.subscriber.peer.try_send("GET /missing HTTP/1.1\r\nhost: test\r\n\r\n".repeat(9));
    }
    if following.hear(client) {
        client.leave(following.subscriber.peer);
    }
}

/// Is slow for a while, and loses events or its stream for it, but no event is torn.
pub(super) fn follow_after_a_pause(client: &mut Client<'_>) {
    let peer = client.connect_narrow();
    let Some(mut following) = subscribe(client, peer) else { return };
    for _ in 0..2 {
        if !following.hear(client) {
            return;
        }
        client.stay(800);
    }
    if following.hear(client) {
        client.leave(following.subscriber.peer);
    }
}

pub(super) fn leave_in_mid_event(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let (kind, request) = request(client);
    peer.try_send(request);
    let Some(mut subscriber) = open(client, peer, kind.path) else { return };
    let received = receive_bytes(&mut subscriber.peer, client.numbers.below(MOST_BYTES));
    let may_end = kind.ends_slow || client.shape.restarts;
    assert!(received.is_ok() || may_end, "there is more than that: {received:?}");
    client.leave(subscriber.peer);
}

/// Stops sending: the stream ends.
pub(super) fn finish(client: &mut Client<'_>) {
    let peer = client.connect();
    let Some(mut following) = subscribe(client, peer) else { return };
    if !following.hear(client) {
        return;
    }
    let peer = &mut following.subscriber.peer;
    peer.try_finish();
    // It wants nothing more, so the server may stop in mid-event.
    let end = read_out(peer);
    let may_break = following.ends_slow || client.shape.restarts;
    assert!(end == End::Closed || may_break, "{end:?}");
    client.count(|tally| &tally.endings, 1);
}

pub(super) fn finish_with_the_request(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let (_, request) = request(client);
    peer.try_send(request);
    peer.try_finish();
    read_out(&mut peer);
}

/// All events and the end of a stream that ends by itself, in a drain, too.
pub(super) fn hear_a_talk_out(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let path = TALKS[client.numbers.below(TALKS.len())];
    peer.try_send(get(path));
    let Some(mut subscriber) = open(client, peer, path) else { return };
    let mut order = Order::lossless();
    for heard in 0..TALK_EVENTS {
        match event(&mut subscriber) {
            Ok(heard) => order.check(&heard),
            Err(ending) => {
                // Whoever comes during a drain is told to come back, and hears nothing.
                if heard > 0 {
                    client.tally.shortened.add(client.site);
                }
                return client.stream_ended(ending, false);
            }
        }
        client.count(|tally| &tally.events, 1);
    }
    end(client, &mut subscriber);
}

/// A stream that nothing more is to come on but its end.
fn end(client: &mut Client<'_>, subscriber: &mut Subscriber) {
    match subscriber.rest() {
        (events, Ending::Whole) if events.is_empty() => client.count(|tally| &tally.endings, 1),
        (events, ending) if events.is_empty() => client.stream_ended(ending, false),
        (events, ending) => panic!("after the last event: {events:?}, {ending:?}"),
    }
}

/// A stream ends when it has lived for as long as it may.
pub(super) fn outlive_a_stream(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send(get(BRIEF));
    let Some(mut subscriber) = open(client, peer, BRIEF) else { return };
    let mut order = Order::of(&ENDLESS[0]);
    loop {
        match event(&mut subscriber) {
            Ok(heard) => order.check(&heard),
            Err(Ending::Whole) => return client.count(|tally| &tally.endings, 1),
            Err(ending) => return client.stream_ended(ending, false),
        }
        client.count(|tally| &tally.events, 1);
    }
}

/// Leaves a handler that waits for ever: it is cancelled.
pub(super) fn leave_in_silence(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send(get(SILENT));
    let Some(mut subscriber) = open(client, peer, SILENT) else { return };
    match event(&mut subscriber) {
        Ok(heard) => Order::lossless().check(&heard),
        Err(ending) => return client.stream_ended(ending, false),
    }
    client.stay(100);
    client.leave(subscriber.peer);
}

/// A POST that is answered by a stream.
pub(super) fn post_for_a_stream(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let words: Vec<String> = (0..client.numbers.below(20)).map(|at| format!("word-{at}")).collect();
    let body = words.join(" ");
    peer.try_send(format!(
        "POST {WORDS} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let Some(mut subscriber) = open(client, peer, WORDS) else { return };
    for word in words {
        match event(&mut subscriber) {
            Ok(heard) => assert_eq!(heard.data, Some(word)),
            Err(ending) => return client.stream_ended(ending, false),
        }
        client.count(|tally| &tally.events, 1);
    }
    end(client, &mut subscriber);
}

/// Is refused by `on_connect`.
pub(super) fn be_unwelcome(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let path = ["/feed/close", "/queue/drop"][client.numbers.below(2)];
    peer.try_send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{UNWELCOME}: yes\r\n\r\n"));
    if !client.is_heard(&mut peer) {
        return;
    }
    let Some(answer) = client.answer(&mut peer) else { return };
    assert_eq!(answer.status, 403, "{answer:?}");
    client.leave(peer);
}
