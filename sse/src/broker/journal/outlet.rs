//! The way from a store that blocks into the ring: each event in the place that its id gives it. What is
//! missing before one, since others gave it to the store under the same scope, and what could not be sent in
//! time, is read from there. Waits for nobody for ever: who is stuck, or cannot be read, is tried again later.

use super::Kept;
use crate::broker::{BrokerShared, Published};
use crate::guard::guard;
use crate::hub::Entry;
use crate::id::EventId;
use crate::keeper::Settled;
use crate::pause::Backoff;
use crate::replay::StoreError;
use std::sync::Arc;
use std::time::Instant;

/// Times its patience with a ring that stands still, the outlet has with one that moves and never has room
/// enough: others are quicker, or the event is large.
const PATIENCE_WITH_PROGRESS: u32 = 4;

/// When the store is looked at next.
pub(super) struct Pace {
    pub(super) due: Instant,
    backoff: Backoff,
}

pub(super) struct Outlet {
    kept: Arc<Kept>,
    pub(super) pace: Pace,
    /// The ring had no room for as long as is waited for it: until an event has found some, nobody waits.
    is_stuck: bool,
    /// What this broker stored and could not send, by its first and last ids.
    left: Option<(u64, u64)>,
    hole: Option<Hole>,
}

/// A place where the store has no event, although it has given later ids.
struct Hole {
    after: u64,
    /// The id up to which there is nothing, if there still is nothing when it has been waited for.
    upto: u64,
    since: Instant,
}

/// What reading on has come to.
enum Read {
    /// Events were sent, or there are none that are not: whether there are more to read.
    On(bool),
    /// The ring is full, or the store cannot be asked.
    Later,
    /// The store has nothing.
    Nothing,
}

impl Pace {
    fn new() -> Self {
        Self { due: Instant::now(), backoff: Backoff::default() }
    }

    /// Something was brought: there may be more.
    fn restart(&mut self) {
        *self = Self::new();
    }

    pub(super) fn slow_down(&mut self) {
        self.due = Instant::now() + self.backoff.next();
    }
}

impl Outlet {
    pub(super) fn new(kept: Arc<Kept>) -> Self {
        Self { kept, pace: Pace::new(), is_stuck: false, left: None, hole: None }
    }

    /// Whether there are events that this broker stored and has still to send.
    pub(super) fn is_behind(&self) -> bool {
        self.left.is_some()
    }

    /// Sends an event that the store has, or that goes without. One that the store has is taken care of, even
    /// if it cannot be sent now; `None` if one that goes without cannot.
    pub(super) fn deliver(
        &mut self,
        broker: &Arc<BrokerShared>,
        settled: Settled,
    ) -> Option<Published> {
        let number = settled.id.as_ref().and_then(EventId::as_number);
        let Some(number) = number else {
            let position = self.send(broker, &settled);
            if position.is_none() {
                self.kept.keeper.take_back_without_id();
            }
            return Some(super::published(settled, position?));
        };
        if self.is_next(broker, number) && self.send(broker, &settled).is_some() {
            self.pace.restart();
        } else {
            if !self.is_behind() {
                self.pace.slow_down();
            }
            let first = self.left.map_or(number, |(first, _)| first);
            self.left = Some((first, number));
        }
        Some(super::published(settled, 0))
    }

    /// Whether all was sent that comes before this event, which the broker has stored.
    fn is_next(&mut self, broker: &Arc<BrokerShared>, number: u64) -> bool {
        if self.is_behind() {
            return false;
        }
        let before = number.saturating_sub(1);
        let settles = Instant::now() + self.kept.settles;
        let mut order = self.kept.lock();
        match order.newest() {
            None => order.begin(before, settles),
            Some(newest) if number <= newest => {
                // The store has lost its events, and begins anew.
                order.begin(before, settles);
                self.kept.keeper.count_passed_over(1);
            }
            Some(newest) if newest == before => {}
            Some(_) => {
                drop(order);
                while matches!(self.read_on(broker, Some(number)), Read::On(true)) {}
                return self.kept.lock().newest() == Some(before);
            }
        }
        true
    }

    /// Sends a page of what the store has and nobody was sent. Whether there is more.
    pub(super) fn look(&mut self, broker: &Arc<BrokerShared>) -> bool {
        let sent = self.kept.lock().sent();
        let began = Instant::now();
        let read = if self.kept.lock().newest().is_none() {
            self.begin();
            Read::Later
        } else {
            self.read_on(broker, None)
        };
        if matches!(read, Read::Nothing) {
            self.step_over(began);
        }
        let order = self.kept.lock();
        if self.left.is_some_and(|(_, last)| order.newest() >= Some(last)) {
            self.left = None;
        }
        // Also where the broker has begun, or something was passed over.
        let brought = order.sent() > sent;
        drop(order);
        if brought {
            self.pace.restart();
        } else {
            self.pace.slow_down();
        }
        matches!(read, Read::On(true))
    }

    /// Sends what is left, if that can be done.
    pub(super) fn drain(&mut self, broker: &Arc<BrokerShared>) {
        self.is_stuck = false;
        if let Some((_, last)) = self.left.take() {
            while matches!(self.read_on(broker, Some(last.saturating_add(1))), Read::On(true)) {}
        }
    }

    /// Where the broker begins: nobody was sent anything before.
    fn begin(&self) {
        let kept = &self.kept;
        if let Some(tail) = self.tail() {
            kept.lock().begin(tail, Instant::now() + kept.settles);
        }
    }

    /// Sends a page of what the store has after what was sent, and before `end`.
    fn read_on(&mut self, broker: &Arc<BrokerShared>, end: Option<u64>) -> Read {
        let kept = self.kept.clone();
        let Some(newest) = kept.lock().newest() else { return Read::Later };
        let page = match kept.keeper.read(&kept.scope, Some(&newest.into())) {
            Ok((page, _)) => page,
            Err(StoreError::Unknown { .. }) => return self.pass_over(newest, end),
            Err(_) => {
                kept.keeper.count_read_failure();
                return Read::Later;
            }
        };
        if page.events.is_empty() {
            return Read::Nothing;
        }
        for event in page.events {
            let number = event.id.as_number().filter(|number| *number > newest);
            let Some(number) = number else { return Read::Later };
            if let Some(end) = end.filter(|end| number >= *end) {
                kept.lock().is_filled_to(end - 1);
                return Read::On(false);
            }
            let settled = Settled { event: event.with_id(), id: Some(event.id) };
            if self.send(broker, &settled).is_none() {
                return Read::Later;
            }
        }
        Read::On(page.more || end.is_some_and(|end| kept.lock().newest() < end.checked_sub(1)))
    }

    /// The store does not keep any more what followed this event, which was not sent for that reason: goes on
    /// with the oldest that it has.
    fn pass_over(&mut self, newest: u64, end: Option<u64>) -> Read {
        let kept = self.kept.clone();
        // Nothing is read from `end` on, whether the store still has it or not.
        let Some(last) = end.map(|end| end - 1).or_else(|| self.tail()) else { return Read::Later };
        if last == newest {
            return Read::Nothing;
        }
        let Some(to) = self.oldest(newest, last) else {
            kept.keeper.count_read_failure();
            return Read::Later;
        };
        // Where it has nothing of all this, or has lost its events, nobody knows how many there were.
        kept.keeper.count_passed_over(if to < last { to - newest } else { 1 });
        if to < newest && self.left.is_some_and(|(_, left)| left > to) {
            self.left = None;
        }
        kept.lock().begin(to, Instant::now() + kept.settles);
        Read::On(to < last)
    }

    /// The first event between these after which the store can be read, or the last of them. `None` if it
    /// cannot be asked.
    fn oldest(&self, newest: u64, last: u64) -> Option<u64> {
        let (mut gone, mut found) = (newest, last);
        while gone.saturating_add(1) < found {
            let middle = gone + (found - gone) / 2;
            match self.kept.keeper.is_known(&self.kept.scope, &middle.into()) {
                Ok(true) => found = middle,
                Ok(false) => gone = middle,
                // The caller counts it.
                Err(_) => return None,
            }
        }
        Some(found)
    }

    /// Where the store's ids end, if it can be asked.
    fn tail(&self) -> Option<u64> {
        let kept = &self.kept;
        let tail = kept.keeper.tail(&kept.scope);
        kept.keeper.count_read(&tail);
        // It is counted, and asked again with the next look.
        tail.ok()?.as_number()
    }

    /// After what is missing, if this broker has stored something after it: the event before that.
    fn next_left(&self, newest: u64) -> Option<u64> {
        let (first, last) = self.left?;
        let to = if newest + 1 < first { first - 1 } else { last };
        (to > newest).then_some(to)
    }

    /// The store had nothing when it was asked, at this time. If it has given ids nevertheless, and their
    /// events would have been written for long, there are none.
    fn step_over(&mut self, asked: Instant) {
        let kept = &self.kept;
        let Some(newest) = kept.lock().newest() else { return };
        // A hole that is waited for stays one while the store cannot be asked where it ends.
        let Some(upto) = self.next_left(newest).or_else(|| self.tail()) else { return };
        if upto <= newest {
            self.hole = None;
            return;
        }
        match &self.hole {
            Some(hole) if hole.after == newest => {
                if asked >= hole.since + kept.settles + kept.times.answer {
                    kept.keeper.count_passed_over(hole.upto - newest);
                    kept.lock().begin(hole.upto, Instant::now());
                    self.hole = None;
                }
            }
            _ => self.hole = Some(Hole { after: newest, upto, since: Instant::now() }),
        }
    }

    /// Puts an event into the ring, once there is room. `None` if there is none for too long.
    fn send(&mut self, broker: &Arc<BrokerShared>, settled: &Settled) -> Option<u64> {
        let (ring, weight) = (&broker.hub.ring, broker.weight(&settled.event));
        let patience = self.kept.times.room;
        let begun = Instant::now();
        let (mut released, mut since) = (ring.released(), begun);
        loop {
            if let Some(position) = self.try_send(broker, settled, weight) {
                self.is_stuck = false;
                return Some(position);
            }
            if self.is_stuck {
                return None;
            }
            // Often enough to see progress that makes no room.
            let soon = Instant::now() + patience / 10;
            ring.wait_for_room_unless(|| false, weight, Some(soon.min(since + patience)));
            let now = ring.released();
            if now != released {
                (released, since) = (now, Instant::now());
            }
            self.is_stuck =
                since.elapsed() >= patience || begun.elapsed() >= patience * PATIENCE_WITH_PROGRESS;
        }
    }

    fn try_send(&self, broker: &Arc<BrokerShared>, settled: &Settled, weight: u64) -> Option<u64> {
        let mut order = self.kept.lock();
        let mut at = None;
        // The event is there before a core is woken, and a core whose waker panics has its own trouble.
        guard(|| {
            broker.hub.ring.publish_with(weight, |position| {
                at = Some(position);
                Entry { broker: broker.clone(), event: settled.event.clone() }
            })
        })
        .ok();
        let position = at?;
        if let Some(id) = &settled.id {
            order.push(id.clone(), settled.event.clone());
        }
        Some(position)
    }
}
