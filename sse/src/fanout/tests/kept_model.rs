//! Clients whose events are kept and that come and go at random: each has its sequence, and nobody else's.

use super::kept::{coming, numbered, seen};
use super::stores::{Task, finish};
use super::*;
use crate::replay::{RingBuffer, Scope};
use crate::{ClientReplay, Disconnect};
use proptest::prelude::*;

/// A client of one scope that comes and goes, while what it is sent is numbered by its store alone.
#[derive(Default)]
struct Life {
    /// All that it has seen, in all of its streams.
    heard: Vec<(Option<u64>, String)>,
    stream: Option<(Peer, Client, Task)>,
    sent: u64,
}

impl Life {
    fn cut(&mut self, core: &mut Core) {
        let Some((peer, ..)) = self.stream.take() else { return };
        core.fanout.gone(peer.id, Disconnect::ClientGone);
        self.heard.extend(seen(core, peer));
    }

    fn come(&mut self, core: &mut Core, replay: &ClientReplay, scope: Scope) {
        self.cut(core);
        let last = self.heard.last().and_then(|(id, _)| *id).unwrap_or(0);
        let (peer, client, mut task, _) = coming(core, &Arc::default(), replay, scope, Some(last));
        // What comes before this is no part of the sequence.
        task.poll();
        self.stream = Some((peer, client, task));
    }

    fn send(&mut self) {
        let Some((_, client, _)) = &self.stream else { return };
        if client.try_send(Event::data((self.sent + 1).to_string())).is_ok() {
            self.sent += 1;
        }
    }
}

proptest! {
    #[test]
    fn each_client_has_its_sequence_wherever_it_is_cut_off(
        ops in prop::collection::vec((0..5u8, 0..3usize, 0..200usize), 1..60),
    ) {
        let replay = ClientReplay::new(Arc::new(RingBuffer::new(100_000)));
        let (mut core, mut lives) = (Core::new(), [(); 3].map(|()| Life::default()));
        let scopes = [Scope::user("a"), Scope::user("b"), Scope::session("a")];
        for (op, which, size) in ops {
            let life = &mut lives[which];
            match op {
                0 => life.come(&mut core, &replay, scopes[which].clone()),
                1 => (0..size).for_each(|_| life.send()),
                2 => if let Some((peer, ..)) = &life.stream {
                    core.allow(*peer, 10 * size);
                },
                3 => life.cut(&mut core),
                _ => {
                    core.step();
                    if let Some((.., task)) = &mut life.stream {
                        task.poll();
                    }
                }
            }
        }
        for (life, scope) in lives.iter_mut().zip(scopes) {
            life.come(&mut core, &replay, scope);
            if let Some((_, _, task)) = &mut life.stream {
                finish(&mut core, task);
            }
            life.cut(&mut core);
            prop_assert_eq!(&life.heard, &numbered(1, life.sent));
        }
    }
}
