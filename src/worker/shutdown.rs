//! The end of a worker: streams end with their terminal chunk, spread over a
//! time, requests are answered, idle connections
//! are closed, and whatever is left at the deadline is cut.

use super::Worker;
use super::connection::{After, Phase, Slot};
use headwater_engine::{Core, Key};
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Worker {
    pub(super) fn drain(&mut self, core: &mut Core<'_>, until: Instant) {
        if self.drain_until.is_some_and(|earlier| earlier <= until) {
            return;
        }
        let began = self.drain_until.replace(until).is_none();
        self.plan_endings(core.now(), until);
        if !began {
            return;
        }
        self.drain_began = true;
        core.stop_accepting();
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if let Phase::Detached(line) = &slot.phase {
                line.drain();
            }
            let Phase::Http(connection) = &slot.phase else { continue };
            if !connection.is_idle() {
                continue;
            }
            // The index of a slot came from a key, whose index is a u32.
            let key = Key::new(u32::try_from(index).expect("a key's index"), slot.generation);
            if connection.served {
                self.with_http(core, key, |_, _, _| After::Linger);
            } else {
                // Its first request may be on its way, and few clients would try again.
                core.arm(key, self.silent());
            }
        }
    }

    /// Whether a drain has come to its end.
    pub(super) fn is_drained(&mut self, core: &mut Core<'_>) -> bool {
        let Some(until) = self.drain_until else { return false };
        if core.open() == 0 && !self.executor.has_tasks() {
            return true;
        }
        if core.now() < until {
            return false;
        }
        let unfinished = |slot: &&Slot| {
            matches!(slot.phase, Phase::Http(_) | Phase::Stream(_) | Phase::Detached(_))
        };
        let cut = self.slots.iter().filter(unfinished).count();
        self.counts.cut.store(cut, Ordering::Relaxed);
        true
    }
}

impl Drop for Worker {
    /// Cancels what is left. Futures must be dropped on this thread, so their last wake-ups are run.
    fn drop(&mut self) {
        self.door.shut();
        let surroundings = self.executor.surround();
        let _entered = surroundings.enter();
        self.cut_streams();
        self.slots.clear();
        self.handlers.clear();
        while self.executor.is_busy() {
            while self.executor.next_command().is_some() {}
            self.executor.run(usize::MAX);
        }
    }
}
