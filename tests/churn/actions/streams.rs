//! Clients of event streams.

use crate::check::Order;
use crate::client::{Client, read_out, receive_bytes};
use crate::served::{BROKERS, TALK_EVENTS, feed_path};
use crate::support::{End, Numbers, Peer, Subscriber};

const MOST_EVENTS: usize = 60;
/// More than a large event: whoever reads so many bytes may stop anywhere.
const MOST_BYTES: usize = 300_000;

/// For a stream that goes on until its client leaves; in both versions of HTTP.
pub(super) fn request(numbers: &mut Numbers) -> String {
    let kind = numbers.below(BROKERS + 1);
    let path = if kind == BROKERS { "/both".to_owned() } else { feed_path(kind) };
    let version = if numbers.one_in(4) { "1.0" } else { "1.1" };
    format!("GET {path} HTTP/{version}\r\nhost: test\r\n\r\n")
}

/// `None` if the client had to give way.
fn subscribe(client: &mut Client<'_>, mut peer: Peer) -> Option<Subscriber> {
    peer.try_send(request(&mut client.numbers));
    client.is_heard(&mut peer).then(|| Subscriber::ask(peer, ""))
}

fn hear(client: &mut Client<'_>, subscriber: &mut Subscriber, order: &mut Order) {
    for _ in 0..client.numbers.below(MOST_EVENTS) {
        order.check(&subscriber.event());
        client.count(|tally| &tally.events, 1);
    }
}

/// Reads some events, perhaps saying things that nobody listens to.
pub(super) fn follow(client: &mut Client<'_>) {
    let peer = client.connect();
    let Some(mut subscriber) = subscribe(client, peer) else { return };
    if client.numbers.one_in(3) {
        subscriber.peer.try_send("GET /missing HTTP/1.1\r\nhost: test\r\n\r\n".repeat(9));
    }
    hear(client, &mut subscriber, &mut Order::default());
    client.leave(subscriber.peer);
}

/// Is slow for a while, and loses events for it, but none is torn.
pub(super) fn follow_after_a_pause(client: &mut Client<'_>) {
    let peer = client.connect_narrow();
    let Some(mut subscriber) = subscribe(client, peer) else { return };
    let mut order = Order::default();
    hear(client, &mut subscriber, &mut order);
    client.stay(800);
    hear(client, &mut subscriber, &mut order);
    client.leave(subscriber.peer);
}

pub(super) fn leave_in_mid_event(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send(request(&mut client.numbers));
    if client.is_heard(&mut peer) {
        receive_bytes(&mut peer, client.numbers.below(MOST_BYTES));
        client.leave(peer);
    }
}

/// Stops sending: the stream ends.
pub(super) fn finish(client: &mut Client<'_>) {
    let peer = client.connect();
    let Some(mut subscriber) = subscribe(client, peer) else { return };
    let mut order = Order::default();
    hear(client, &mut subscriber, &mut order);
    subscriber.peer.try_finish();
    // It wants nothing more, so the server may stop in mid-event.
    assert_eq!(read_out(&mut subscriber.peer), End::Closed);
    client.count(|tally| &tally.endings, 1);
}

pub(super) fn finish_with_the_request(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send(request(&mut client.numbers));
    peer.try_finish();
    read_out(&mut peer);
}

/// All events and the end of a stream that ends by itself.
pub(super) fn hear_a_talk_out(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send("GET /talk HTTP/1.1\r\nhost: test\r\n\r\n");
    if !client.is_heard(&mut peer) {
        return;
    }
    let mut subscriber = Subscriber::ask(peer, "");
    let mut order = Order::default();
    for _ in 0..TALK_EVENTS {
        order.check(&subscriber.event());
        client.count(|tally| &tally.events, 1);
    }
    subscriber.expect_end();
    client.count(|tally| &tally.endings, 1);
}
