//! The end of a worker: streams end with their terminal chunk, spread over a time, requests are answered,
//! idle connections are closed, and whatever is left at the deadline is cut.

use super::connection::{After, Phase, Slot};
use super::{Message, Worker};
use headwater_engine::{Core, Key, Mailbox};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How long a task that another thread has woken may be on its way: as long as that thread is not given a
/// core in the middle of it.
const ON_THE_WAY: Duration = Duration::from_secs(1);

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
        // Nobody may be on the way here, either.
        if core.open() == 0 && !self.executor.has_tasks() && self.counts.occupancy.end_if_empty() {
            return true;
        }
        if core.now() < until {
            return false;
        }
        let unfinished = |slot: &&Slot| {
            matches!(slot.phase, Phase::Http(_) | Phase::Stream(_) | Phase::Detached(_))
        };
        self.counts.occupancy.end();
        // Those on the way here are cut, too, by whoever drops them.
        let arriving = self.counts.arriving.load(Ordering::Relaxed);
        let cut = self.slots.iter().filter(unfinished).count() + arriving;
        self.counts.cut.store(cut, Ordering::Relaxed);
        true
    }

    /// Cancels what is left, and waits for tasks that other threads are waking at this moment.
    pub(super) fn cancel_all(&mut self, mailbox: &mut Mailbox<Message>) {
        self.cancel();
        let deadline = Instant::now() + ON_THE_WAY;
        while self.executor.has_futures() && Instant::now() < deadline {
            match mailbox.pop() {
                Some(Message::Run(woken)) => self.executor.woken(woken),
                // Nobody is there any more whom it concerns.
                Some(_) => {}
                None => thread::yield_now(),
            }
            self.run_out();
        }
    }

    fn cancel(&mut self) {
        self.door.shut();
        let surroundings = self.executor.surround();
        let _entered = surroundings.enter();
        self.cut_streams();
        // Those that were cut are closed with the driver.
        let is_here = |slot: &&Slot| !matches!(slot.phase, Phase::Vacant | Phase::Leaving(_));
        let here = self.slots.iter().filter(is_here).count();
        (0..here).for_each(|_| self.counts.occupancy.leave());
        for slot in std::mem::take(&mut self.slots) {
            self.discard(slot);
        }
        self.handlers.clear();
        self.run_out();
    }

    /// Runs what is woken. A task that was cancelled is dropped by that.
    fn run_out(&self) {
        while self.executor.is_busy() {
            while self.executor.next_command().is_some() {}
            self.executor.run(usize::MAX);
        }
    }
}

impl Drop for Worker {
    /// Of a worker that failed, there is more to cancel. Futures are dropped on this thread.
    fn drop(&mut self) {
        self.cancel();
    }
}
