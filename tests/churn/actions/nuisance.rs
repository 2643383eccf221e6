//! Clients that are no use to anybody.

use super::requests::Ask;
use super::streams;
use crate::client::Client;

/// Each is refused, or waited for the rest of.
const GARBAGE: [&str; 7] = [
    "nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/3.0\r\nhost: test\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 99999999\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    "GET / HTTP/1.1\r\nhost: test\r\nno colon\r\n\r\n",
];

pub(super) fn say_nothing(client: &mut Client<'_>) {
    let peer = client.connect();
    client.stay(300);
    client.leave(peer);
}

/// In the head or in the body, wherever that is.
pub(super) fn stop_in_mid_request(client: &mut Client<'_>) {
    let request = Ask::random(&mut client.numbers).bytes();
    let part = &request[..client.numbers.below(request.len())];
    let mut peer = client.connect();
    peer.try_send(part);
    client.stay(200);
    client.leave(peer);
}

pub(super) fn garbage(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let known = client.numbers.below(GARBAGE.len() + 1);
    let Some(text) = GARBAGE.get(known) else {
        let bytes: Vec<u8> = (0..client.numbers.below(3000))
            .map(|_| u8::try_from(client.numbers.below(256)).expect("below 256"))
            .collect();
        peer.try_send(bytes);
        client.stay(50);
        return client.leave(peer);
    };
    peer.try_send(text);
    if !client.is_heard(&mut peer) {
        return;
    }
    let Some(answer) = client.answer(&mut peer) else { return };
    assert!(matches!(answer.status, 400..=505) && answer.is_last(), "{answer:?}");
    client.expect_end(&mut peer);
}

/// Asks for more than the buffers on the way hold.
pub(super) fn never_read_an_answer(client: &mut Client<'_>) {
    let mut peer = client.connect_narrow();
    peer.try_send(Ask::Large.bytes().repeat(1 + client.numbers.below(8)));
    client.stay(700);
    client.leave(peer);
}

pub(super) fn never_read_a_stream(client: &mut Client<'_>) {
    let mut peer = client.connect_narrow();
    let (_, request) = streams::request(client);
    peer.try_send(request);
    client.stay(1500);
    client.leave(peer);
}
