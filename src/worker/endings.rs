//! What ends streams, and what follows: lives that are limited, drains that spread their ends over a time,
//! ends that clients do not read, and what only some streams have, a hook for their end or a handler that
//! ends with them.

use super::Worker;
use super::connection::{Live, Phase, Slot};
use super::handlers::HandlerId;
use crate::random;
use crate::sse::{Farewell, Settings};
use headwater_engine::timer::HeapId;
use headwater_engine::{Core, Key};
use headwater_sse::{Disconnect, Event, PreparedEvent, StreamId};
use std::time::{Duration, Instant};

/// In a drain, streams end this far apart at most, so that few do not take long.
const APART: Duration = Duration::from_millis(1);
/// How long before the deadline streams that may finish are ended.
const LAST_CALL: Duration = Duration::from_millis(500);

/// What a stream has beside its place in the fan-out.
pub(super) struct Attached {
    lifetime: Option<HeapId>,
    /// Ends with the stream.
    handler: Option<HandlerId>,
    /// Says that the stream has ended when it is dropped.
    _farewell: Option<Farewell>,
}

impl Worker {
    /// Notes what only some streams have.
    pub(super) fn attach(
        &mut self,
        now: Instant,
        key: Key,
        settings: &Settings,
        farewell: Option<Farewell>,
        handler: Option<HandlerId>,
    ) {
        // A life that the clock cannot name the end of has none.
        let end = settings.lifetime().and_then(|lifetime| now.checked_add(lifetime));
        let lifetime = end.map(|end| self.endings.insert(end, (key, Disconnect::Expired)));
        let handler = handler.filter(|_| settings.cancels);
        if lifetime.is_some() || handler.is_some() || farewell.is_some() {
            let attached = Attached { lifetime, handler, _farewell: farewell };
            self.attached.insert(key.index(), attached);
        }
    }

    /// A stream is over, and its client knows.
    pub(super) fn stream_ended(&mut self, key: Key) {
        let Some(attached) = self.attached.remove(&key.index()) else { return };
        if let Some(lifetime) = attached.lifetime {
            self.endings.cancel(lifetime);
        }
        if let Some(handler) = attached.handler {
            self.handlers.cancel(handler);
        }
    }

    /// Limits how long the ends of streams take whose clients do not read them.
    pub(super) fn watch_stuck_ends(&mut self, core: &mut Core<'_>) {
        loop {
            let Some(to) = self.fanout.borrow_mut().next_stuck_end() else { return };
            // A stream that is ending needs no heartbeat, whose time this takes the place of.
            core.arm(Key::from_u64(to), self.classes().write);
        }
    }

    /// The end of a stream has taken too long.
    pub(super) fn stuck_end_is_due(&mut self, core: &mut Core<'_>, key: Key, live: Live) {
        if self.fanout.borrow_mut().cut(live.id) {
            self.stream_ended(key);
            self.close(core, key);
        } else {
            // A heartbeat may be due after as long.
            self.heartbeat(core, key, live.id, live.beat);
        }
    }

    /// Ends the streams whose time has come.
    pub(super) fn end_due_streams(&mut self, now: Instant) {
        while let Some((key, why)) = self.endings.pop_expired(now) {
            if let Some(&mut Slot { phase: Phase::Stream(live), .. }) = self.slot(key) {
                self.end_stream(live.id, why);
            }
        }
    }

    /// Ends a stream in order. In a drain its client is told when to come back, which differs from client
    /// to client.
    pub(super) fn end_stream(&mut self, stream: StreamId, why: Disconnect) {
        let reconnect =
            self.shared.settings.reconnect.as_ref().filter(|_| why == Disconnect::Drain);
        let mut fanout = self.fanout.borrow_mut();
        let Some(reconnect) = reconnect else { return fanout.close(stream, why) };
        let (from, to) = (*reconnect.start(), *reconnect.end());
        let after = from + random::up_to(to.saturating_sub(from));
        fanout.close_with(stream, why, &PreparedEvent::new(&Event::new().retry(after)));
    }

    /// Plans the end of each stream in a drain, so that their clients do not all come back at once.
    pub(super) fn plan_endings(&mut self, now: Instant, until: Instant) {
        // What was published before is delivered before.
        self.fanout.borrow_mut().absorb_all();
        let within = until.saturating_duration_since(now);
        let streams: Vec<(Key, bool)> = (0..)
            .zip(&self.slots)
            .filter_map(|(index, slot)| {
                let Phase::Stream(live) = slot.phase else { return None };
                Some((Key::new(index, slot.generation), live.finishes))
            })
            .collect();
        let ending = streams.iter().filter(|(_, finishes)| !finishes).count();
        let spread =
            APART.saturating_mul(u32::try_from(ending).unwrap_or(u32::MAX)).min(within / 2);
        for (key, finishes) in streams {
            let at = if finishes {
                now + within.saturating_sub(LAST_CALL.min(within / 4))
            } else {
                now + random::up_to(spread)
            };
            self.endings.insert(at, (key, Disconnect::Drain));
        }
    }

    /// Ends what is left at once, when the worker does.
    pub(super) fn cut_streams(&mut self) {
        for slot in &self.slots {
            if let Phase::Stream(live) = slot.phase {
                self.fanout.borrow_mut().gone(live.id, Disconnect::Drain);
            }
        }
        self.attached.clear();
    }
}
