//! The engine's callbacks, each handed to the part that knows the phase the connection is in. Decides
//! who is asked, never what is done.

use super::connection::{After, Phase, Slot};
use super::deadlines::Classes;
use super::{Message, Worker};
use headwater_engine::{App, Class, Core, Departure, Handover, Key, Mailbox, Turn};
use headwater_sse::Disconnect;
use std::io;
use std::sync::atomic::Ordering;

/// Tasks polled per turn.
const TASKS_PER_TURN: usize = 256;

impl App for Worker {
    type Message = Message;

    fn start(&mut self, core: &mut Core<'_>) {
        self.classes = Some(Classes::new(core, &self.shared.settings.timeouts));
        let mut fanout = self.fanout.borrow_mut();
        for hub in &self.shared.hubs {
            // A hub that has no seat left is tried again by each stream, which is refused then.
            fanout.join(hub).ok();
        }
    }

    fn accepted(&mut self, core: &mut Core<'_>, key: Key) {
        self.admit(core, key);
    }

    fn received(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]) {
        if let Some(Slot { phase: Phase::Detached(line), .. }) = self.slot(key) {
            return line.receive(core, key, bytes);
        }
        let spare = self.spare.take();
        if let Some(Slot { phase: Phase::Http(connection), .. }) = self.slot(key) {
            let unused = spare.and_then(|buffer| connection.http.lend(buffer).err());
            connection.http.receive(bytes);
            self.spare = unused;
            self.with_http(core, key, |worker, core, connection| {
                worker.advance(core, key, connection)
            });
        }
    }

    fn writable(&mut self, core: &mut Core<'_>, key: Key) {
        match self.slot(key).map(|slot| &slot.phase) {
            Some(&Phase::Stream(live)) => self.fanout.borrow_mut().writable(live.id),
            Some(Phase::Detached(_)) => self.serve_line(core, key),
            Some(Phase::Http(connection)) if connection.unsent.is_some() => {
                self.with_http(core, key, |worker, core, connection| {
                    worker.send_rest(core, key, connection)
                });
            }
            _ => {}
        }
    }

    fn gone(&mut self, core: &mut Core<'_>, key: Key, how: Departure) {
        match (self.slot(key).map(|slot| &slot.phase), how) {
            (Some(Phase::Http(_)), Departure::Finished) => {
                self.with_http(core, key, |worker, core, connection| {
                    worker.peer_finished(core, key, connection)
                });
            }
            (Some(&Phase::Stream(live)), _) => {
                self.fanout.borrow_mut().gone(live.id, Disconnect::ClientGone);
                self.stream_ended(key);
                self.close(core, key);
            }
            (Some(Phase::Detached(line)), Departure::Finished) => {
                line.finish();
                self.serve_line(core, key);
            }
            (Some(_), _) => self.close(core, key),
            (None, _) => {}
        }
    }

    fn released(&mut self, core: &mut Core<'_>, key: Key, connection: Handover) {
        self.send_away(core, key, connection);
    }

    fn accept_failed(&mut self, _core: &mut Core<'_>, _error: &io::Error) {
        self.counts.accept_failures.fetch_add(1, Ordering::Relaxed);
        // What the others have sent is received first: see `make_room`.
        self.accept_failed = true;
    }

    fn timeout(&mut self, core: &mut Core<'_>, key: Key, class: Class) {
        let classes = self.classes();
        match self.slot(key).map(|slot| &slot.phase) {
            Some(&Phase::Stream(live)) if class == classes.write => {
                self.stuck_end_is_due(core, key, live);
            }
            Some(&Phase::Stream(live)) => self.heartbeat(core, key, live.id, live.beat),
            Some(Phase::Http(_)) if class == classes.header || class == classes.body => {
                self.with_http(core, key, |worker, core, connection| {
                    worker.too_slow(core, key, connection)
                });
            }
            Some(Phase::Http(_)) if class == classes.handler => {
                self.with_http(core, key, |worker, core, connection| {
                    worker.too_late(core, key, connection)
                });
            }
            Some(Phase::Http(_)) if class == classes.look => {
                let finished = core.has_finished(key);
                core.arm(key, if finished { classes.half_closed } else { classes.look });
            }
            Some(Phase::Http(_)) if class == classes.idle || class == classes.grace => {
                self.with_http(core, key, |_, _, _| After::Linger);
            }
            Some(_) => self.close(core, key),
            None => {}
        }
    }

    fn message(&mut self, core: &mut Core<'_>, message: Message) {
        match message {
            Message::Run(woken) => self.executor.woken(woken),
            Message::Stream(command) => self.fanout.borrow_mut().command(command),
            Message::JobDone => self.executor.job_done(),
            Message::Drain(until) => self.drain(core, until),
            Message::MakeRoom(asker) => self.make_room_for(core, asker),
            Message::Arrival(arrival) => self.arrive(core, *arrival),
        }
    }

    fn turn(&mut self, core: &mut Core<'_>) -> Turn {
        crate::time::wake_sleepers(core.now());
        self.take_answers(core);
        self.executor.run(TASKS_PER_TURN);
        self.take_answers(core);
        self.serve_told(core);
        let more = self.serve_streams(core);
        // Nothing is sent after this.
        self.counts.note_traffic(core.traffic());
        let drain_began = std::mem::take(&mut self.drain_began);
        if !drain_began && self.is_drained(core) {
            return Turn::Stop;
        }
        if std::mem::take(&mut self.accept_failed) {
            self.make_room(core);
        }
        if self.accept_again.is_some_and(|at| at <= core.now()) {
            self.resume_accept(core);
        }
        if more || drain_began || self.executor.is_busy() {
            return Turn::Again;
        }
        let ending = self.endings.next_deadline();
        let deadlines = [crate::time::next_wake(), self.accept_again, self.drain_until, ending];
        Turn::WaitUntil(deadlines.into_iter().flatten().min())
    }

    fn prepare_sleep(&mut self) -> bool {
        self.fanout.borrow_mut().prepare_sleep()
    }

    fn awake(&mut self) {
        self.fanout.borrow_mut().awake();
    }

    fn stopped(&mut self, mailbox: &mut Mailbox<Message>) {
        self.cancel_all(mailbox);
    }
}
