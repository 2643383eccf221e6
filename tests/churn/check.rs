//! What must hold for the events of one stream: each whole, in the order of its source, none twice, and
//! where losses are told, each of them told.

use crate::kinds::{CHAT, GAP, HELLO, Kind, TALK};
use crate::load;
use crate::support::Heard;
use std::collections::HashMap;

/// What one client has heard of one stream.
pub(crate) struct Order {
    tells: bool,
    /// The greeting is still to come.
    greets: bool,
    /// By source, its next event if none is lost.
    next: HashMap<String, Next>,
    missed: u64,
    told: u64,
}

#[derive(Default)]
struct Next {
    number: u64,
    /// Greater than that of the event before, where brokers give ids.
    id: u64,
}

impl Order {
    pub(crate) fn of(kind: &Kind) -> Self {
        Self { tells: kind.tells, greets: kind.greets, ..Self::lossless() }
    }

    /// Of a stream that has a handler's own events and nothing else.
    pub(crate) fn lossless() -> Self {
        let next = [TALK, CHAT].map(|name| (name.to_owned(), Next::default())).into();
        Self { tells: false, greets: false, next, missed: 0, told: 0 }
    }

    /// Checks an event.
    #[track_caller]
    pub(crate) fn check(&mut self, heard: &Heard) {
        let name = heard.name.as_deref().expect("events have names");
        let data = heard.data.as_deref().expect("events have data");
        let greets = std::mem::take(&mut self.greets);
        assert_eq!(name == HELLO, greets, "the greeting comes first, and once: {name}");
        match name {
            HELLO => {}
            GAP => {
                let missed = data.split('\n').next().and_then(|missed| missed.parse::<u64>().ok());
                self.told += missed.unwrap_or_else(|| panic!("no number of events: {data}"));
            }
            _ => self.check_number(name, load::number(data), heard),
        }
    }

    #[track_caller]
    fn check_number(&mut self, name: &str, number: u64, heard: &Heard) {
        let is_own = name == TALK || name == CHAT;
        assert_eq!(heard.id.is_none(), is_own, "{heard:?}");
        let id = if is_own { 0 } else { heard.number() };
        match self.next.insert(name.to_owned(), Next { number: number + 1, id: id + 1 }) {
            Some(next) => {
                let is_right =
                    if name == TALK { number == next.number } else { number >= next.number };
                assert!(is_right, "{name} {number}, where {} is the next", next.number);
                assert!(is_own || id >= next.id, "{name} has the id {id}, after {}", next.id - 1);
                self.missed += number - next.number;
            }
            // What was lost before the first event, nobody can tell from here.
            None => self.told = self.missed,
        }
        if self.tells {
            assert_eq!(self.missed, self.told, "lost and told before {name} {number}");
        }
    }
}
