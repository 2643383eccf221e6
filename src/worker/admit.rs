//! New connections, and what gives way to them when there is no room.

use super::Worker;
use super::connection::{HttpConnection, Phase, Slot};
use headwater_engine::{Core, Key};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long accepting stands still when nothing could be closed; also ended by any connection that
/// closes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Worker {
    pub(super) fn admit(&mut self, core: &mut Core<'_>, key: Key) {
        while self.slots.len() <= key.index() {
            self.slots.push(Slot::vacant());
        }
        let connection = Box::new(HttpConnection::new(&self.shared.settings.http));
        self.slots[key.index()] =
            Slot { generation: key.generation(), phase: Phase::Http(connection) };
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        core.arm(key, self.classes().silent);
        if core.open() > self.shared.settings.connections_per_worker {
            self.close_oldest_silent(core);
        }
        self.counts.open.store(core.open(), Ordering::Relaxed);
    }

    /// Closes the connection that has sent nothing for the longest time. Just after `admit` there is
    /// one, since the newest counts.
    fn close_oldest_silent(&mut self, core: &mut Core<'_>) -> bool {
        let oldest = core.oldest(self.classes().silent);
        if let Some(key) = oldest {
            self.close(core, key);
        }
        oldest.is_some()
    }

    /// There is no descriptor or memory for a new connection: the oldest silent one makes room, or
    /// accepting waits for some other to end.
    pub(super) fn make_room(&mut self, core: &mut Core<'_>, _error: &io::Error) {
        self.counts.accept_failures.fetch_add(1, Ordering::Relaxed);
        if self.close_oldest_silent(core) {
            self.resume_accept(core);
        } else {
            self.accept_again = Some(core.now() + ACCEPT_PAUSE);
        }
    }

    pub(super) fn resume_accept(&mut self, core: &mut Core<'_>) {
        self.accept_again = None;
        core.resume_accept();
    }
}
