//! Every interleaving of those who store, send and resume, over a store that tells the truth at once or takes
//! two steps, and a ring that is full for a while: the outlet and the splice themselves, and one stream.

use super::super::Broker;
use super::outlet::Outlet;
use super::*;
use crate::Hub;
use crate::event::Event;
use crate::replay::{Ids, Replayed, UnknownId};
use crate::ring::{Reader, Wake};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

/// What the store has: an id is given first, and its event written with it or later.
#[derive(Default)]
struct World {
    /// By id, from 1: whether the event is there. `None` where it never will be.
    events: Mutex<Vec<Option<bool>>>,
    takes_time: bool,
}

impl World {
    fn all(&self) -> MutexGuard<'_, Vec<Option<bool>>> {
        self.events.lock().expect("no panic under the lock")
    }

    fn give(&self, written: Option<bool>) -> u64 {
        let mut all = self.all();
        all.push(written);
        all.len() as u64
    }

    fn write_all(&self) {
        self.all().iter_mut().flatten().for_each(|written| *written = true);
    }
}

impl ReplayStore for World {
    fn append(&self, _: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        let first = events.iter().map(|_| self.give(Some(true))).collect::<Vec<_>>()[0];
        Ok(Ids::consecutive(first, events.len()))
    }

    fn since(&self, _: &Scope, after: Option<&EventId>, max: usize) -> Result<Page, StoreError> {
        let all = self.all();
        let asked = after.expect("only those with an id come here");
        let mut at = usize::try_from(asked.as_number().expect("a number")).expect("a small one");
        if at > all.len() {
            return Err(StoreError::unknown(asked, UnknownId::Future));
        }
        let mut page = Page::default();
        // The dense prefix; past the place of one that is never written only if there is something behind.
        while let Some(rest) = all.get(at..).filter(|rest| rest.contains(&Some(true))) {
            match rest[0] {
                Some(false) => break,
                Some(true) if page.events.len() == max.min(2) => {
                    page.more = true;
                    break;
                }
                Some(true) => page
                    .events
                    .push(Replayed { id: (at as u64 + 1).into(), event: Event::data("x").into() }),
                None => {}
            }
            at += 1;
        }
        Ok(page)
    }

    fn tail(&self, _: &Scope) -> Result<EventId, StoreError> {
        Ok((self.all().len() as u64).into())
    }

    fn blocks(&self) -> bool {
        true
    }

    fn settles_within(&self) -> Duration {
        if self.takes_time { SETTLES } else { Duration::ZERO }
    }
}

/// Nothing waits so long: a stream is told that it has passed.
const SETTLES: Duration = Duration::from_hours(1);

struct Sleeps(AtomicBool);

impl Wake for Sleeps {
    fn wake(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where a stream is that resumes.
enum Resuming {
    Mark,
    Read(Mark),
    Splice,
    Wait(Turn),
    /// From this place in the ring on.
    Live(u64),
}

/// One run: a broker's thread, somebody else who stores, a core and a stream.
struct Run {
    world: Arc<World>,
    broker: Broker,
    outlet: Outlet,
    core: Reader<Entry>,
    /// Batches that are still to be stored.
    batches: Vec<usize>,
    /// What is stored and still to be sent.
    stored: VecDeque<u64>,
    looks: bool,
    has_looked: bool,
    /// By place.
    sent: Vec<(u64, u64)>,
    resuming: Resuming,
    cursor: Cursor,
    heard: Vec<u64>,
    settled: bool,
}

impl Run {
    /// The store has so many events that the client has seen, and one id more if somebody was killed then.
    fn new(after: u64, takes_time: bool, killed: bool) -> Self {
        let world = Arc::new(World { takes_time, ..World::default() });
        (0..after).for_each(|_| _ = world.give(Some(true)));
        if killed {
            world.give(None);
        }
        let hub = Hub::builder().ring_events(2).build();
        let broker = hub.broker("model").replay(world.clone());
        let broker = broker.patience(Duration::ZERO, Duration::ZERO, Duration::ZERO).build();
        let core = hub.shared.ring.join(Arc::new(Sleeps(AtomicBool::default()))).expect("a seat");
        let journal = broker.shared.journal.as_ref().expect("it has a store");
        Self {
            outlet: Outlet::new(journal.kept.clone()),
            world,
            broker,
            core,
            batches: vec![1, 2],
            stored: VecDeque::new(),
            looks: false,
            has_looked: false,
            sent: Vec::new(),
            resuming: Resuming::Mark,
            cursor: Cursor::new(Some(after.into())),
            heard: Vec::new(),
            settled: !takes_time,
        }
    }

    fn journal(&self) -> &Journal {
        self.broker.shared.journal.as_ref().expect("it has a store")
    }

    /// One step of the broker's thread.
    fn store(&mut self) {
        let shared = self.broker.shared.clone();
        let kept = self.journal().kept.clone();
        if let Some(id) = self.stored.pop_front() {
            let event = PreparedEvent::new(&Event::data("x")).with_id(&id.into());
            let sent = self.outlet.deliver(&shared, Settled { event, id: Some(id.into()) });
            sent.expect("the store has it");
            if self.stored.is_empty() {
                drop(kept.lock().end());
            }
        } else if !self.has_looked && (self.looks || self.outlet.is_behind()) {
            (self.looks, self.has_looked) = (false, true);
            self.outlet.look(&shared);
            drop(kept.lock().end());
        } else {
            self.has_looked = false;
            for _ in 0..self.batches.pop().unwrap_or(0) {
                self.stored.push_back(self.world.give(Some(true)));
            }
        }
    }

    /// The core reads.
    fn read(&mut self) {
        let sent = &mut self.sent;
        self.core.take(10, |position, entry| {
            sent.push((position, entry.event.id().and_then(|id| id.as_number()).expect("an id")));
            ControlFlow::Continue(())
        });
    }

    fn hear(&mut self, events: &[PreparedEvent]) {
        let ids = events.iter().map(|event| event.id().and_then(|id| id.as_number()));
        self.heard.extend(ids.map(|id| id.expect("a number")));
        self.cursor.after = self.heard.last().map(|id| (*id).into()).or(self.cursor.after.take());
    }

    /// One step of the stream.
    fn resume(&mut self) {
        let kept = self.journal().kept.clone();
        self.resuming = match std::mem::replace(&mut self.resuming, Resuming::Splice) {
            Resuming::Mark => {
                let now = Instant::now() + if self.settled { SETTLES } else { Duration::ZERO };
                Resuming::Read(kept.lock().mark(now))
            }
            Resuming::Read(mark) => {
                let read = kept.keeper.read(&kept.scope, self.cursor.after.as_ref());
                let (page, _) = read.expect("what it has was stored");
                let events: Vec<_> = page.events.iter().map(Replayed::with_id).collect();
                self.hear(&events);
                self.cursor.mark = (!page.more).then_some(mark);
                Resuming::Splice
            }
            Resuming::Splice => {
                let spliced = self.journal().splice(&self.broker.shared, &self.cursor);
                match spliced.expect("nothing is read") {
                    Splice::More(events, cursor) => {
                        self.hear(&events);
                        self.cursor = cursor;
                        Resuming::Splice
                    }
                    Splice::Live(events, position) => {
                        self.hear(&events);
                        Resuming::Live(position)
                    }
                    Splice::Ask => Resuming::Mark,
                    Splice::Wait => Resuming::Wait(Turn::default()),
                }
            }
            Resuming::Wait(mut turn) => {
                let over = kept.lock().is_over(&mut turn);
                self.looks |= !over;
                if over { Resuming::Splice } else { Resuming::Wait(turn) }
            }
            live @ Resuming::Live(_) => live,
        };
    }

    /// All go on until nothing is left to do.
    fn finish(&mut self) {
        self.settled = true;
        self.world.write_all();
        for _ in 0..200 {
            self.store();
            self.read();
            self.resume();
            let done = self.stored.is_empty() && self.batches.is_empty();
            if done && matches!(self.resuming, Resuming::Live(_)) && !self.outlet.is_behind() {
                break;
            }
        }
        // What others stored at the end.
        for _ in 0..6 {
            (self.looks, self.has_looked) = (true, false);
            self.store();
            self.read();
        }
    }
}

const MOVES: u32 = 9;

/// What differs between runs besides who moves when.
#[derive(Clone, Copy, Debug)]
struct Case {
    after: u64,
    /// Ids are given before their events are written.
    takes_time: bool,
    /// Somebody was killed in between, before this began and once more.
    killed: bool,
    /// When somebody else stores an event, and another.
    others: (u32, u32),
    /// When the core reads nothing.
    full: (u32, u32),
}

fn check(case: Case, moves: u32) {
    let mut run = Run::new(case.after, case.takes_time, case.killed);
    for at in 0..MOVES {
        if at == case.others.0 {
            run.world.give((!case.killed).then_some(!case.takes_time));
        }
        if at == case.others.1 {
            run.world.write_all();
            run.world.give(Some(true));
            // Whatever was given an id before is written.
            run.settled = true;
        }
        if moves >> at & 1 == 1 {
            run.resume();
        } else {
            run.store();
        }
        if !(case.full.0..case.full.1).contains(&at) {
            run.read();
        }
    }
    run.finish();
    let Resuming::Live(from) = run.resuming else {
        panic!("it never gets there: {case:?} {moves:b}")
    };
    let live = run.sent.iter().filter(|(position, _)| *position >= from).map(|(_, id)| *id);
    let heard: Vec<u64> = run.heard.iter().copied().chain(live).collect();
    let due: Vec<u64> = (1..)
        .zip(run.world.all().iter())
        .filter(|(id, event)| *id > case.after && event.is_some())
        .map(|(id, _)| id)
        .collect();
    assert_eq!(heard, due, "{case:?} {moves:b}");
    let others = if case.killed { 1 } else { 2 };
    assert_eq!(due.len(), others + 3, "those of others, and three of the broker");
    let sent: Vec<u64> = run.sent.iter().map(|(_, id)| *id).collect();
    assert!(sent.is_sorted_by(|one, next| one < next), "{sent:?}: {case:?} {moves:b}");
    assert!(!run.outlet.is_behind());
    let passed = run.journal().stats().passed_over;
    assert!(passed <= u64::from(case.killed), "{passed}: {case:?} {moves:b}");
}

#[test]
fn every_interleaving_of_storing_and_resuming_gives_each_event_once() {
    let mut runs = 0;
    for (takes_time, killed) in [(false, false), (true, false), (true, true)] {
        for after in [0, 2] {
            for one in 0..MOVES {
                for other in [one, (one + 2).min(MOVES - 1), (one + 5).min(MOVES - 1)] {
                    for full in [(0, 0), (0, 5), (2, 9)] {
                        let others = (one, other);
                        let case = Case { after, takes_time, killed, others, full };
                        (0..1 << MOVES).for_each(|moves| check(case, moves));
                        runs += 1 << MOVES;
                    }
                }
            }
        }
    }
    assert!(runs > 200_000, "{runs}");
}
