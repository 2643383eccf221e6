//! Writes scripts: random, but only of what has one right outcome. Knows what state each client is in;
//! never touches a socket.

use super::asks::Ask;
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
        pieces: Pieces,
        last: bool,
    },
    /// Sends what is refused.
    Misbehave {
        client: usize,
        bytes: &'static str,
    },
    /// Leaves with a reset while the server has something to do for it.
    Abandon {
        client: usize,
        moment: Moment,
    },
    /// Asks for more than the buffers on the way hold, and takes it little by little.
    ReadSlowly {
        client: usize,
        pieces: Pieces,
    },
    /// Comes, and does not read its first answer, which makes the server stop reading, and sends these requests
    /// meanwhile; then it reads. With `last` its end is among what the server does not read yet.
    Burst {
        client: usize,
        first: Ask,
        requests: Vec<Ask>,
        last: bool,
    },
    /// Becomes a subscriber, perhaps right behind another request.
    Subscribe {
        client: usize,
        broker: usize,
        behind: Option<Ask>,
    },
    /// Asks for a stream and says in the same breath that it will send nothing more: it has left.
    SubscribeAndFinish {
        client: usize,
        broker: usize,
        behind: Option<Ask>,
    },
    Publish {
        broker: usize,
        bytes: usize,
    },
    /// A subscriber says something that nobody listens to.
    Chatter {
        client: usize,
    },
    /// Comes as a subscriber that does not read, until events are dropped for it.
    Stall {
        client: usize,
        broker: usize,
    },
    /// A stalled subscriber reads again, until it is given new events.
    ReadOn {
        client: usize,
    },
    /// A subscriber, perhaps a stalled one, says that it will send nothing more: it has left.
    Finish {
        client: usize,
    },
    Leave {
        client: usize,
        reset: bool,
    },
}

/// How something is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pieces {
    pub(super) seed: u64,
    pub(super) longest: usize,
}

/// What has happened on a connection that is abandoned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// So many bytes of a longer body were sent.
    InBody(usize),
    /// A request was sent. The server may or may not have received it.
    Asked(Ask),
    /// A request was received, and its answer cannot be sent yet.
    Answering(Ask),
}

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
    Stalled(usize),
}

type States = [State; CLIENTS];

/// A script of so many steps, always the same for a seed.
pub(super) fn write(seed: u64, steps: usize) -> Vec<Step> {
    let mut numbers = Numbers::new(seed);
    let mut states = [State::Away; CLIENTS];
    (0..steps).map(|_| step(&mut numbers, &mut states)).collect()
}

fn step(numbers: &mut Numbers, states: &mut States) -> Step {
    let client = numbers.below(CLIENTS);
    let broker = numbers.below(BROKERS);
    if numbers.below(10) < 3 {
        return Step::Publish { broker, bytes: [1, 100, 20_000, 200_000][numbers.below(4)] };
    }
    let (next, step) = match states[client] {
        State::Asking if numbers.one_in(10) => {
            (State::Away, Step::Leave { client, reset: numbers.one_in(2) })
        }
        State::Away | State::Asking => without_stream(numbers, states, client, broker),
        State::Subscribed => match numbers.below(6) {
            0 => (State::Away, Step::Leave { client, reset: numbers.one_in(2) }),
            1 => (State::Away, Step::Finish { client }),
            _ => (State::Subscribed, Step::Chatter { client }),
        },
        State::Stalled(_) => match numbers.below(6) {
            0 => (State::Away, Step::Leave { client, reset: numbers.one_in(2) }),
            1 => (State::Away, Step::Finish { client }),
            _ => (State::Subscribed, Step::ReadOn { client }),
        },
    };
    states[client] = next;
    step
}

/// The next of a client that is no subscriber.
fn without_stream(
    numbers: &mut Numbers,
    states: &States,
    client: usize,
    broker: usize,
) -> (State, Step) {
    let stays = |last| if last { State::Away } else { State::Asking };
    match numbers.below(16) {
        0..2 => {
            let behind = numbers.one_in(2).then(|| Ask::any(numbers));
            (State::Subscribed, Step::Subscribe { client, broker, behind })
        }
        2..4 => {
            let behind = (!numbers.one_in(4)).then(|| Ask::any(numbers));
            (State::Away, Step::SubscribeAndFinish { client, broker, behind })
        }
        // What is dropped is counted per broker: one at a time, so that it is known whose they were.
        4..6 if states[client] == State::Away && !states.contains(&State::Stalled(broker)) => {
            (State::Stalled(broker), Step::Stall { client, broker })
        }
        6 => (State::Away, Step::Misbehave { client, bytes: BAD[numbers.below(BAD.len())] }),
        7..9 => (State::Away, Step::Abandon { client, moment: moment(numbers) }),
        9 => (State::Asking, Step::ReadSlowly { client, pieces: pieces(numbers, 60_000) }),
        // On a connection of its own, so that it is known to take little unread.
        10..12 if states[client] == State::Away => {
            let first = Ask::Get(if numbers.one_in(3) { "/later" } else { "/huge" });
            let requests = (0..=numbers.below(30)).map(|_| Ask::any(numbers)).collect();
            let last = numbers.one_in(2);
            (stays(last), Step::Burst { client, first, requests, last })
        }
        _ => {
            let requests = (0..=numbers.below(8)).map(|_| Ask::any(numbers)).collect();
            let longest = if numbers.one_in(2) { 3000 } else { 100_000 };
            let (pieces, last) = (pieces(numbers, longest), numbers.one_in(4));
            (stays(last), Step::Ask { client, requests, pieces, last })
        }
    }
}

fn moment(numbers: &mut Numbers) -> Moment {
    match numbers.below(3) {
        0 => Moment::InBody([0, 1, 5000, 100_000][numbers.below(4)]),
        1 => Moment::Asked(Ask::any(numbers)),
        _ => Moment::Answering(Ask::Get(["/never", "/huge"][numbers.below(2)])),
    }
}

fn pieces(numbers: &mut Numbers, longest: usize) -> Pieces {
    Pieces { seed: numbers.below(1000) as u64, longest }
}
