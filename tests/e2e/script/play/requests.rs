//! What clients do that are no subscribers: they ask, wait or not, read or not, and leave.

use super::{Role, Stage};
use crate::script::asks::Ask;
use crate::script::steps::{Moment, Pieces};
use crate::support::{Answer, Numbers, Peer, eventually};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Longer than what is sent of it.
const ABANDONED_BODY: usize = 200_000;

impl Stage {
    pub(super) fn ask(
        &mut self,
        client: usize,
        requests: &[Ask],
        pieces: Pieces,
        last: bool,
    ) -> String {
        let mut peer = self.asking(client);
        let mut sender = peer.clone_to_send();
        let seen = std::thread::scope(|scope| {
            scope.spawn(move || {
                let bytes: String = requests.iter().map(|ask| ask.bytes()).collect();
                for piece in Numbers::new(pieces.seed).cut(bytes.as_bytes(), pieces.longest) {
                    sender.send(piece);
                }
                if last {
                    sender.finish();
                }
            });
            receive_all(&mut peer, requests)
        });
        self.answered(client, peer, &seen, last)
    }

    /// All answers were received; after the last request the connection ends.
    fn answered(&mut self, client: usize, mut peer: Peer, seen: &str, last: bool) -> String {
        if last {
            peer.expect_end();
        } else {
            self.clients[client] = Role::Asking(peer);
        }
        // Whether the last answer says so depends on how soon the end arrives.
        seen.replace("connection: close\r\n", "")
    }

    pub(super) fn misbehave(&mut self, client: usize, bytes: &str) -> String {
        let mut peer = self.asking(client);
        peer.send(bytes);
        let answer = peer.answer();
        peer.expect_end();
        show(&answer)
    }

    pub(super) fn abandon(&mut self, client: usize, moment: Moment) -> String {
        let mut peer = self.asking(client);
        let before = self.server.stats();
        // Nobody can know of a connection that is reset before it is accepted.
        self.everybody_is_accepted();
        match moment {
            Moment::InBody(bytes) => {
                let sent = Ask::Post(ABANDONED_BODY).bytes();
                peer.send(&sent[..sent.len() - ABANDONED_BODY + bytes]);
            }
            Moment::Asked(ask) => peer.send(ask.bytes()),
            Moment::Answering(ask) => {
                peer.send(ask.bytes());
                self.has_received(before.requests + 1);
            }
        }
        peer.reset();
        let seen = self.left();
        let after = self.server.stats();
        let requests = after.requests - before.requests;
        match moment {
            Moment::InBody(_) => assert_eq!(requests, 0, "it was not complete"),
            Moment::Asked(_) => {
                assert!(requests <= 1, "{requests}");
                self.tally.chance.0 += requests;
                self.tally.chance.1 += after.handler_panics - before.handler_panics;
            }
            Moment::Answering(_) => assert_eq!(requests, 1),
        }
        seen
    }

    pub(super) fn read_slowly(&mut self, client: usize, pieces: Pieces) -> String {
        let mut peer = self.asking_narrow(client);
        let ask = Ask::Get("/huge");
        peer.send(ask.bytes());
        let mut answer = Answer::receive_head(&mut peer).expect("an answer comes before the end");
        let length = answer.header("content-length").map(str::parse);
        let mut left: usize = length.expect("a length").expect("a number");
        let mut numbers = Numbers::new(pieces.seed);
        while left > 0 {
            let piece = (1 + numbers.below(pieces.longest)).min(left);
            answer.body.extend(peer.take(piece).expect("the body comes before the end"));
            left -= piece;
            if numbers.one_in(4) {
                self.bystander_is_served();
            }
        }
        self.clients[client] = Role::Asking(peer);
        check(ask, &answer);
        let uncounted = self.tally.before.1 + self.tally.chance.0;
        format!("{}, {} asked", show(&answer), self.server.stats().requests - uncounted)
    }

    pub(super) fn burst(
        &mut self,
        client: usize,
        first: Ask,
        requests: &[Ask],
        last: bool,
    ) -> String {
        let mut peer = self.asking_narrow(client);
        let stuck = first == Ask::Get("/huge");
        let before = self.server.stats().requests;
        peer.send(first.bytes());
        if stuck {
            self.has_received(before + 1);
        }
        let mut sender = peer.clone_to_send();
        let seen = std::thread::scope(|scope| {
            scope.spawn(move || {
                sender.send(requests.iter().map(|ask| ask.bytes()).collect::<String>());
                if last {
                    sender.finish();
                }
            });
            for asked in 2..10 {
                self.bystander_is_served();
                let requests = self.server.stats().requests;
                assert!(!stuck || requests == before + asked, "none is looked at before its turn");
            }
            receive_all(&mut peer, &[first]) + &receive_all(&mut peer, requests)
        });
        self.answered(client, peer, &seen, last)
    }

    fn has_received(&self, requests: u64) {
        eventually("the request is received", || self.server.stats().requests == requests);
    }
}

pub(super) fn receive_all(peer: &mut Peer, requests: &[Ask]) -> String {
    let answers = requests.iter().map(|&ask| {
        let answer = match ask {
            Ask::Head(_) => Answer::receive_head(peer).expect("an answer comes before the end"),
            _ => peer.answer(),
        };
        check(ask, &answer);
        show(&answer)
    });
    answers.collect()
}

/// Compared with what was asked for, and not only with another engine.
#[track_caller]
fn check(ask: Ask, answer: &Answer) {
    let right = ask.expected().is_none_or(|body| answer.body == body);
    assert!(right, "{ask:?} is answered with what it asked for, not {}", show(answer));
}

/// What of an answer must be the same everywhere.
fn show(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(60)]);
    let mut hasher = DefaultHasher::new();
    answer.body.hash(&mut hasher);
    let (length, hash) = (answer.body.len(), hasher.finish());
    format!("{}{length} bytes, {hash:x}: {text}\n", answer.head_without_date())
}
