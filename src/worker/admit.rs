//! New connections, and what gives way to them when there is no room.

use super::connection::{HttpConnection, Phase, Slot};
use super::{Message, Worker};
use headwater_engine::{Core, Key};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long accepting stands still when nothing could be closed; also ended by any connection that
/// closes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may send nothing before it counts as silent: its first request is under way.
const FIRST_BYTES: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn admit(&mut self, core: &mut Core<'_>, key: Key) {
        let connection = HttpConnection::new(&self.shared.settings.http, core.now());
        self.place(key, connection);
        core.arm(key, self.silent());
        if self.counts.occupancy.enter() > self.shared.settings.connections_per_worker {
            // Here nobody can wait to be accepted: if none is old enough, the newest goes itself.
            let silent = self.oldest_silent(core).filter(|(_, from)| *from <= core.now());
            self.close_for_another(core, silent.map_or(key, |(oldest, _)| oldest));
        }
        // Whoever sees that it was accepted sees it open, or closed already. Partner: `Stats::sum`.
        self.counts.accepted.fetch_add(1, Ordering::Release);
    }

    /// Gives a new connection its slot.
    pub(super) fn place(&mut self, key: Key, connection: HttpConnection) {
        while self.slots.len() <= key.index() {
            self.slots.push(Slot::vacant());
        }
        let phase = Phase::Http(Box::new(connection));
        self.slots[key.index()] = Slot { generation: key.generation(), phase };
    }

    /// The connection that has sent nothing for the longest time, and when it counts as silent.
    fn oldest_silent(&mut self, core: &Core<'_>) -> Option<(Key, Instant)> {
        let key = core.oldest(self.classes().silent)?;
        match &self.slot(key)?.phase {
            Phase::Http(connection) => Some((key, connection.accepted_at + FIRST_BYTES)),
            _ => None,
        }
    }

    fn close_for_another(&mut self, core: &mut Core<'_>, key: Key) {
        self.counts.closed_for_room.fetch_add(1, Ordering::Relaxed);
        self.close(core, key);
    }

    /// There is no descriptor or memory for a new connection: the oldest silent one makes room, here
    /// or on another worker, or accepting waits until one counts as silent or some other ends. Called
    /// at the end of a turn, when what connections had sent before it has been received.
    pub(super) fn make_room(&mut self, core: &mut Core<'_>) {
        let pause = core.now() + ACCEPT_PAUSE;
        match self.oldest_silent(core) {
            Some((key, silent_from)) if silent_from <= core.now() => {
                self.close_for_another(core, key);
                self.resume_accept(core);
            }
            later => {
                self.accept_again = Some(later.map_or(pause, |(_, from)| from.min(pause)));
                self.ask_next(self.number);
            }
        }
    }

    /// Worker `asker` has no room and nothing to close: descriptors are the process's, and this worker
    /// may hold them all.
    pub(super) fn make_room_for(&mut self, core: &mut Core<'_>, asker: usize) {
        match self.oldest_silent(core) {
            Some((key, silent_from)) if silent_from <= core.now() => {
                self.close_for_another(core, key);
            }
            _ => self.ask_next(asker),
        }
    }

    /// Hands the wish on to the next worker, until it is back at the asker.
    fn ask_next(&self, asker: usize) {
        // While the server starts nobody is asked; the asker tries again.
        let Some(workers) = self.shared.workers.get() else { return };
        let others = (1..workers.len()).map(|step| (self.number + step) % workers.len());
        for next in others.take_while(|next| *next != asker) {
            // One that has ended holds nothing.
            if workers[next].remote.post(Message::MakeRoom(asker)).is_ok() {
                return;
            }
        }
    }

    pub(super) fn resume_accept(&mut self, core: &mut Core<'_>) {
        self.accept_failed = false;
        self.accept_again = None;
        core.resume_accept();
    }
}
