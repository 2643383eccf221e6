//! Clients that ask for something that is not a stream.

use crate::client::{Client, receive_bytes};
use crate::load;
use crate::support::{Answer, Numbers, Peer};

const MOST_PIPELINED: usize = 6;
/// The longest piece that requests are cut into.
const PIECE: usize = 5000;

/// One request with one right answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Plain,
    Later,
    /// From a thread.
    Aside,
    Large,
    Missing,
    /// Without an answer: its handler is cancelled when the connection breaks.
    Never,
    Echo(usize),
    EchoChunked(usize),
}

impl Ask {
    pub(super) fn random(numbers: &mut Numbers) -> Self {
        let bytes = [0, 1, 1000, 70_000][numbers.below(4)];
        match numbers.below(9) {
            0..3 => Self::Plain,
            3 => Self::Later,
            4 => Self::Aside,
            5 => Self::Large,
            6 => Self::Missing,
            7 => Self::Echo(bytes),
            _ => Self::EchoChunked(bytes),
        }
    }

    pub(super) fn bytes(self) -> String {
        let get = |path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        let post = |field| format!("POST /echo HTTP/1.1\r\nhost: test\r\n{field}\r\n\r\n");
        match self {
            Self::Plain => get("/"),
            Self::Later => get("/later"),
            Self::Aside => get("/aside"),
            Self::Large => get("/large"),
            Self::Missing => get("/missing"),
            Self::Never => get("/never"),
            Self::Echo(bytes) => post(format!("content-length: {bytes}")) + body(bytes),
            Self::EchoChunked(0) => post("transfer-encoding: chunked".into()) + "0\r\n\r\n",
            Self::EchoChunked(bytes) => {
                let head = post("transfer-encoding: chunked".into());
                format!("{head}{bytes:x}\r\n{}\r\n0\r\n\r\n", body(bytes))
            }
        }
    }

    #[track_caller]
    fn check(self, answer: &Answer) {
        let (status, body) = match self {
            Self::Plain => (200, Some("ok")),
            Self::Later => (200, Some("later")),
            Self::Aside => (200, Some("aside")),
            Self::Large => (200, Some(load::large())),
            Self::Missing => (404, None),
            Self::Never => panic!("answered: {answer:?}"),
            Self::Echo(bytes) | Self::EchoChunked(bytes) => (200, Some(body(bytes))),
        };
        assert_eq!(answer.status, status, "{self:?}: {}", answer.head);
        let fits = body.is_none_or(|body| answer.body == body.as_bytes());
        assert!(fits, "{self:?}: {}{} other bytes", answer.head, answer.body.len());
    }
}

fn body(bytes: usize) -> &'static str {
    &load::large()[..bytes]
}

/// Pipelines requests in random pieces, reads the answers, and leaves in some way.
pub(super) fn ask(client: &mut Client<'_>) {
    let mut peer = client.connect();
    if exchange(client, &mut peer, false) {
        client.stay(50);
        client.leave(peer);
    }
}

/// The same, but stops sending after the requests: answers come all the same, and then the end.
pub(super) fn ask_and_finish(client: &mut Client<'_>) {
    let mut peer = client.connect();
    if exchange(client, &mut peer, true) {
        client.expect_end(&mut peer);
    }
}

/// True unless the client had to give way, or was left alone.
fn exchange(client: &mut Client<'_>, peer: &mut Peer, finish: bool) -> bool {
    let numbers = &mut client.numbers;
    let asks: Vec<Ask> =
        (0..=numbers.below(MOST_PIPELINED)).map(|_| Ask::random(numbers)).collect();
    let bytes: String = asks.iter().map(|ask| ask.bytes()).collect();
    let pieces = numbers.cut(bytes.as_bytes(), PIECE);
    let mut sender = peer.clone_to_send();
    std::thread::scope(|scope| {
        // Aside: a server that is not done sending does not receive.
        scope.spawn(move || {
            for piece in pieces {
                sender.try_send(piece);
            }
            if finish {
                sender.try_finish();
            }
        });
        if !client.is_heard(peer) {
            return false;
        }
        asks.iter().all(|ask| client.answer(peer).inspect(|answer| ask.check(answer)).is_some())
    })
}

pub(super) fn reset_while_a_handler_waits(client: &mut Client<'_>) {
    let mut peer = client.connect();
    peer.try_send(Ask::Never.bytes());
    client.stay(100);
    peer.reset();
}

pub(super) fn leave_in_mid_answer(client: &mut Client<'_>) {
    let mut peer = client.connect();
    let asks = 1 + client.numbers.below(MOST_PIPELINED);
    let text: String = (0..asks)
        .map(|_| [Ask::Plain, Ask::Later, Ask::Aside, Ask::Large][client.numbers.below(4)].bytes())
        .collect();
    peer.try_send(text + &Ask::Large.bytes());
    if client.is_heard(&mut peer) {
        let received = receive_bytes(&mut peer, client.numbers.below(load::large().len()));
        assert!(received.is_ok() || client.shape.restarts, "there is more than that: {received:?}");
        client.leave(peer);
    }
}
