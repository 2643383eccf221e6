//! Writes scripts: random, but only of what has one right outcome. Knows what state each client is in;
//! never touches a socket.

use crate::support::Numbers;

pub(super) const CLIENTS: usize = 6;
pub(super) const BROKERS: usize = 2;

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends requests, all at once but in pieces, and receives the answers. With `last` it then stops
    /// sending, and the server ends the connection.
    Ask {
        client: usize,
        requests: Vec<Ask>,
        cut: u64,
        last: bool,
    },
    /// Sends what is refused.
    Misbehave {
        client: usize,
        bytes: &'static str,
    },
    /// Becomes a subscriber, perhaps right behind another request.
    Subscribe {
        client: usize,
        broker: usize,
        behind: Option<Ask>,
    },
    Publish {
        broker: usize,
        bytes: usize,
    },
    /// Says something that nobody listens to.
    Chatter {
        client: usize,
    },
    Leave {
        client: usize,
        reset: bool,
    },
}

/// One request with one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Get(&'static str),
    Head(&'static str),
    Post(usize),
    PostChunked(usize),
}

const PATHS: [&str; 6] = ["/", "/later", "/large", "/missing", "/fail", "/empty"];

const BAD: [&str; 6] = [
    "nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/3.0\r\nhost: test\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 99999999\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Away,
    Asking,
    Subscribed,
}

/// A script of so many steps, always the same for a seed.
pub(super) fn write(seed: u64, steps: usize) -> Vec<Step> {
    let mut numbers = Numbers::new(seed);
    let mut states = [State::Away; CLIENTS];
    (0..steps).map(|_| step(&mut numbers, &mut states)).collect()
}

fn step(numbers: &mut Numbers, states: &mut [State; CLIENTS]) -> Step {
    let client = numbers.below(CLIENTS);
    let broker = numbers.below(BROKERS);
    let state = states[client];
    match (numbers.below(10), state) {
        (0..4, _) => Step::Publish { broker, bytes: [1, 100, 20_000, 200_000][numbers.below(4)] },
        (4, State::Asking | State::Subscribed) => {
            states[client] = State::Away;
            Step::Leave { client, reset: numbers.one_in(2) }
        }
        (_, State::Subscribed) => Step::Chatter { client },
        (4 | 5, State::Away | State::Asking) => {
            states[client] = State::Subscribed;
            let behind = numbers.one_in(2).then(|| ask(numbers));
            Step::Subscribe { client, broker, behind }
        }
        (6, _) => {
            states[client] = State::Away;
            Step::Misbehave { client, bytes: BAD[numbers.below(BAD.len())] }
        }
        _ => {
            let requests = (0..=numbers.below(12)).map(|_| ask(numbers)).collect();
            let last = numbers.one_in(4);
            states[client] = if last { State::Away } else { State::Asking };
            Step::Ask { client, requests, cut: numbers.below(1000) as u64, last }
        }
    }
}

fn ask(numbers: &mut Numbers) -> Ask {
    let path = PATHS[numbers.below(PATHS.len())];
    let bytes = [0, 1, 1000, 70_000][numbers.below(4)];
    match numbers.below(6) {
        0..3 => Ask::Get(path),
        3 => Ask::Head(path),
        4 => Ask::Post(bytes),
        _ => Ask::PostChunked(bytes),
    }
}

impl Ask {
    pub(super) fn bytes(self) -> String {
        let body = |bytes: usize| "b".repeat(bytes);
        match self {
            Self::Get(path) => format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
            Self::Head(path) => format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
            Self::Post(bytes) => {
                let head = format!("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: {bytes}");
                format!("{head}\r\n\r\n{}", body(bytes))
            }
            Self::PostChunked(bytes) => {
                let head = "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked";
                let last = "0\r\n\r\n";
                let chunk = format!("{bytes:x}\r\n{}\r\n", body(bytes));
                format!("{head}\r\n\r\n{}{last}", if bytes == 0 { "" } else { &chunk })
            }
        }
    }
}
