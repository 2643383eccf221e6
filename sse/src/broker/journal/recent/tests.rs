//! What is told of recent events, and every interleaving of those who store, send and resume.

use super::*;

fn cursor(after: u64, mark: Option<u64>) -> Cursor {
    Cursor { mark, ..Cursor::new(Some(after.into())) }
}

fn ids(recent: &Recent, cursor: &Cursor) -> Option<Vec<u64>> {
    let Lacking::Events(events) = recent.since(cursor) else { return None };
    Some(events.iter().filter_map(|(id, _)| id.as_number()).collect())
}

#[test]
fn what_was_read_before_it_was_sent_is_waited_for() {
    let mut recent = Recent::default();
    recent.begin();
    // The store has it, and it will be sent.
    assert_eq!(recent.since(&cursor(1, Some(0))), Lacking::Ahead);
    let (mut turn, mut next) = (Turn::default(), Turn::default());
    assert!(!recent.is_over(&mut turn, Waker::noop()));
    recent.push(1.into(), PreparedEvent::nothing());
    assert_eq!(ids(&recent, &cursor(1, Some(0))), Some(vec![]));
    assert_eq!(recent.end().count(), 1);
    recent.begin();
    assert!(recent.is_over(&mut turn, Waker::noop()), "this is another batch");
    assert!(!recent.is_over(&mut next, Waker::noop()));
    recent.forget(next);
    assert_eq!(recent.end().count(), 0);
    // By somebody else.
    assert_eq!(ids(&recent, &cursor(7, Some(1))), Some(vec![]));
}

#[test]
fn what_was_sent_since_the_store_was_read_is_told_as_long_as_it_is_here() {
    let mut recent = Recent::default();
    assert_eq!(ids(&recent, &cursor(0, None)), None, "the store was not read to its end");
    assert_eq!(ids(&recent, &cursor(0, Some(0))), Some(vec![]));
    for id in 1..=EVENTS as u64 + 10 {
        recent.push((2 * id).into(), PreparedEvent::nothing());
    }
    let sent = recent.sent();
    assert_eq!(ids(&recent, &cursor(20, Some(9))), None, "one of these is gone");
    assert_eq!(ids(&recent, &cursor(20, Some(10))).map(|ids| ids.len()), Some(EVENTS));
    // The store had two that were sent since.
    let last = 2 * sent;
    assert_eq!(ids(&recent, &cursor(last - 4, Some(sent - 4))), Some(vec![last - 2, last]));
    assert_eq!(ids(&recent, &cursor(last, Some(sent))), Some(vec![]));
}

#[test]
fn bytes_are_limited_too() {
    let mut recent = Recent::default();
    let large = PreparedEvent::new(&crate::Event::data("x".repeat(BYTES)));
    for id in 1..=3u64 {
        recent.push(id.into(), large.clone());
        assert_eq!(recent.events.len(), 1);
    }
}

/// What a store's thread does with two batches, one step after the other.
#[derive(Clone, Copy)]
enum Storing {
    Begin,
    Append(u64),
    Send(u64),
    End,
}

const STORING: [Storing; 10] = [
    Storing::Begin,
    Storing::Append(2),
    Storing::Send(1),
    Storing::Send(2),
    Storing::End,
    Storing::Begin,
    Storing::Append(3),
    Storing::Send(3),
    Storing::End,
    // Somebody else's, after all.
    Storing::Append(4),
];

/// Where a stream is that resumes.
#[derive(Clone, Copy, PartialEq)]
enum Resuming {
    Mark,
    Read(u64),
    Splice,
    Wait(Turn),
    /// From this many sent events on.
    Live(u64),
}

/// One run, in which `moves` says who moves next: the stream, or the store's thread.
struct Run {
    recent: Recent,
    /// Events in the store.
    stored: u64,
    sent: Vec<u64>,
    resuming: Resuming,
    cursor: Cursor,
    heard: Vec<u64>,
    page: u64,
}

impl Run {
    fn store(&mut self, step: Storing) {
        match step {
            Storing::Begin => self.recent.begin(),
            Storing::Append(last) => self.stored = last,
            Storing::Send(id) => {
                self.recent.push(id.into(), PreparedEvent::nothing());
                self.sent.push(id);
            }
            Storing::End => drop(self.recent.end()),
        }
    }

    fn hear(&mut self, ids: impl IntoIterator<Item = u64>) {
        for id in ids {
            self.heard.push(id);
            self.cursor.after = Some(id.into());
        }
    }

    fn resume(&mut self) {
        let after = self.cursor.after.as_ref().and_then(EventId::as_number).unwrap_or(0);
        self.resuming = match self.resuming {
            Resuming::Mark => Resuming::Read(self.recent.sent()),
            Resuming::Read(mark) => {
                let last = self.stored.min(after + self.page);
                self.hear(after + 1..=last);
                self.cursor.mark = (last == self.stored).then_some(mark);
                Resuming::Splice
            }
            Resuming::Splice => match self.recent.since(&self.cursor) {
                Lacking::Events(events) => {
                    self.hear(events.iter().filter_map(|(id, _)| id.as_number()));
                    Resuming::Live(self.recent.sent())
                }
                Lacking::Unknown => Resuming::Mark,
                Lacking::Ahead => Resuming::Wait(Turn::default()),
            },
            Resuming::Wait(mut turn) => {
                let over = self.recent.is_over(&mut turn, Waker::noop());
                if over { Resuming::Splice } else { Resuming::Wait(turn) }
            }
            live @ Resuming::Live(_) => live,
        };
    }
}

#[test]
fn every_interleaving_of_storing_and_resuming_gives_each_event_once() {
    let mut runs = 0;
    // Each bit says who moves. What is left then, all do.
    for (after, page) in [(0, 1), (0, 2), (0, 9), (1, 1), (1, 9), (2, 9)] {
        for moves in 0..1u32 << 18 {
            if moves.count_ones() > 8 {
                continue;
            }
            let mut run = Run {
                recent: Recent::default(),
                stored: 0,
                sent: Vec::new(),
                resuming: Resuming::Mark,
                cursor: cursor(after, None),
                heard: Vec::new(),
                page,
            };
            let mut storing = STORING.into_iter();
            // The client has seen its event, so that is stored.
            for step in storing.by_ref().take(if after > 0 { 4 } else { 0 }) {
                run.store(step);
            }
            for bit in 0..18 {
                if moves >> bit & 1 == 1 {
                    run.resume();
                } else if let Some(step) = storing.next() {
                    run.store(step);
                }
            }
            storing.for_each(|step| run.store(step));
            for _ in 0..30 {
                run.resume();
            }
            let Resuming::Live(from) = run.resuming else { panic!("it never gets there") };
            let live = &run.sent[usize::try_from(from).expect("few")..];
            // The fourth is another's: it comes with the store's pages, or never.
            let heard: Vec<u64> =
                run.heard.iter().chain(live).copied().filter(|id| *id != 4).collect();
            assert_eq!(heard, (after + 1..=3).collect::<Vec<_>>(), "{moves:018b}");
            runs += 1;
        }
    }
    assert!(runs > 100_000, "{runs}");
}
