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
    // The store has it, and it will be sent.
    assert_eq!(recent.since(&cursor(1, Some(0))), Lacking::Ahead);
    let (mut turn, mut next) = (Turn::default(), Turn::default());
    assert!(!recent.is_over(&mut turn, Waker::noop()));
    recent.push(1.into(), PreparedEvent::nothing());
    assert_eq!(ids(&recent, &cursor(1, Some(0))), Some(vec![]));
    assert_eq!(recent.end().count(), 1);
    assert!(recent.is_over(&mut turn, Waker::noop()));
    assert!(!recent.is_over(&mut next, Waker::noop()), "that is another batch");
    recent.forget(next);
    assert_eq!(recent.end().count(), 0);
    recent.begin(0);
    assert_eq!(recent.newest(), Some(1), "it has begun before");
}

#[test]
fn what_was_sent_since_the_store_was_read_is_told_as_long_as_it_is_here() {
    let mut recent = Recent::default();
    recent.begin(0);
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

/// What a broker's thread does next.
#[derive(Clone, Copy, PartialEq)]
enum Storing {
    Idle,
    /// It has given the store so many, of which the first is this.
    Stored(u64, u64),
    /// It has sent what others had stored before these.
    Sending(u64, u64),
    /// It sends what others have stored, up to here.
    Looking(u64),
}

/// Where a stream is that resumes.
#[derive(Clone, Copy, PartialEq)]
enum Resuming {
    Mark,
    Read(u64),
    Splice,
    Wait(Turn),
    /// From this many sent events on.
    Live(usize),
}

/// One run: a broker's thread, somebody else who stores, and a stream.
struct Run {
    recent: Recent,
    /// Events in the store.
    stored: u64,
    /// Batches that are still to be stored.
    batches: Vec<u64>,
    looks: bool,
    storing: Storing,
    sent: Vec<u64>,
    resuming: Resuming,
    cursor: Cursor,
    heard: Vec<u64>,
    page: u64,
}

impl Run {
    fn new(after: u64, page: u64) -> Self {
        let mut run = Self {
            recent: Recent::default(),
            stored: 0,
            batches: vec![1, 2],
            looks: false,
            storing: Storing::Idle,
            sent: Vec::new(),
            resuming: Resuming::Mark,
            cursor: cursor(after, None),
            heard: Vec::new(),
            page,
        };
        // The client has seen its event, so that is stored: by the process before.
        run.stored = after;
        run
    }

    fn send(&mut self, id: u64) {
        self.recent.push(id.into(), PreparedEvent::nothing());
        self.sent.push(id);
    }

    /// As `foreign::send_foreign`.
    fn send_foreign(&mut self, first: Option<u64>) {
        let begin = first.map_or(self.stored, |first| first - 1);
        self.recent.begin(begin);
        let newest = self.recent.newest().expect("it has begun");
        let end = first.unwrap_or(self.stored + 1);
        (newest + 1..end).for_each(|id| self.send(id));
    }

    /// One step of the broker's thread.
    fn store(&mut self) {
        self.storing = match self.storing {
            Storing::Idle if self.looks => {
                self.looks = false;
                Storing::Looking(self.stored)
            }
            Storing::Idle => match self.batches.pop() {
                Some(many) => {
                    self.stored += many;
                    Storing::Stored(many, self.stored + 1 - many)
                }
                None => Storing::Idle,
            },
            Storing::Looking(_) => {
                self.send_foreign(None);
                drop(self.recent.end());
                Storing::Idle
            }
            Storing::Stored(many, first) => {
                self.send_foreign(Some(first));
                Storing::Sending(many, first)
            }
            Storing::Sending(0, _) => {
                drop(self.recent.end());
                Storing::Idle
            }
            Storing::Sending(many, id) => {
                self.send(id);
                Storing::Sending(many - 1, id + 1)
            }
        };
    }

    fn hear(&mut self, ids: impl IntoIterator<Item = u64>) {
        for id in ids {
            self.heard.push(id);
            self.cursor.after = Some(id.into());
        }
    }

    /// One step of the stream.
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
                    Resuming::Live(self.sent.len())
                }
                Lacking::Unknown => Resuming::Mark,
                Lacking::Ahead => Resuming::Wait(Turn::default()),
            },
            Resuming::Wait(mut turn) => {
                let over = self.recent.is_over(&mut turn, Waker::noop());
                self.looks |= !over;
                if over { Resuming::Splice } else { Resuming::Wait(turn) }
            }
            live @ Resuming::Live(_) => live,
        };
    }

    /// All go on until nothing is left to do.
    fn finish(&mut self) {
        for _ in 0..60 {
            self.store();
            self.resume();
        }
        self.looks = true;
        self.store();
        self.store();
    }
}

#[test]
fn every_interleaving_of_storing_and_resuming_gives_each_event_once() {
    const MOVES: u32 = 13;
    let mut runs = 0;
    for (after, page) in [(0, 1), (0, 9), (2, 1), (2, 9)] {
        // Each bit says who moves, and somebody else stores two events in between.
        for moves in 0..1u32 << MOVES {
            for (one, other) in (0..MOVES).flat_map(|one| [(one, one), (one, MOVES / 2)]) {
                let mut run = Run::new(after, page);
                for at in 0..MOVES {
                    run.stored += u64::from(at == one) + u64::from(at == other);
                    if moves >> at & 1 == 1 { run.resume() } else { run.store() }
                }
                run.finish();
                let Resuming::Live(from) = run.resuming else { panic!("it never gets there") };
                let heard: Vec<u64> = run.heard.iter().chain(&run.sent[from..]).copied().collect();
                let due: Vec<u64> = (after + 1..=after + 5).collect();
                assert_eq!(heard, due, "{moves:013b}, {one} and {other}");
                runs += 1;
            }
        }
    }
    assert!(runs > 500_000, "{runs}");
}
