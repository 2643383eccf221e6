//! What one worker of a server does with its connections: the engine's callbacks, each handed to the
//! part that knows the phase the connection is in. HTTP is in `exchange`, streams in `streams`, limits
//! of accepting in `admit`, the end in `shutdown`.

mod admit;
mod beats;
mod before_body;
mod connection;
mod date;
mod deadlines;
mod endings;
mod exchange;
mod guarded;
mod handlers;
mod held;
mod pieces;
mod respond;
mod shutdown;
mod streams;
mod takeover;
mod tell;

pub(crate) use tell::Tell;

use crate::blocking::pool::Pool;
use crate::handler::Reply;
use crate::response::Response;
use crate::router::Router;
use crate::server::Settings;
use crate::sse::Entered;
use crate::stats::WorkerCounts;
use crate::task::{Executor, Woken};
use crate::tokio::Runtime;
use bytes::BytesMut;
use connection::{After, HttpConnection, Phase, Slot};
use deadlines::Classes;
use endings::Attached;
use handlers::{HandlerId, Handlers};
use headwater_engine::timer::Heap;
use headwater_engine::{App, Class, Core, Departure, Key, Remote, Turn};
use headwater_sse::{Command, Disconnect, Fanout, Hub, StreamId};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tell::Told;

/// Tasks polled per turn.
const TASKS_PER_TURN: usize = 256;
/// A handler that returned, and its event stream, if it had one, with how that ends.
type Returned = (HandlerId, Option<(StreamId, Disconnect)>);

/// What other threads tell a worker.
pub(crate) enum Message {
    /// A task was woken.
    Run(Woken),
    /// A client's handle wants something of its stream.
    Stream(Command),
    /// A blocking job is done.
    JobDone,
    /// Finish until then.
    Drain(Instant),
    /// The worker of this number needs a descriptor.
    MakeRoom(usize),
}

/// What the workers of a server share.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) settings: Settings,
    pub(crate) hubs: Vec<Hub>,
    /// Threads of blocking handlers, shared by their requests.
    pub(crate) pool: Arc<Pool>,
    /// Threads of blocking streams, one for each.
    pub(crate) stream_pool: Arc<Pool>,
    pub(crate) runtime: Runtime,
    /// By number, once all have started.
    pub(crate) workers: OnceLock<Vec<Remote<Message>>>,
}

pub(crate) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    counts: Arc<WorkerCounts>,
    slots: Vec<Slot>,
    fanout: Rc<RefCell<Fanout>>,
    executor: Executor,
    /// Answers of handlers that were pending.
    answers: Rc<RefCell<VecDeque<(Key, Response)>>>,
    /// Connections whose streamed bodies, or those who took them over, have something for them.
    told: Told,
    /// Handlers of streams and of connections that were taken over.
    handlers: Handlers,
    /// Those that returned.
    returned: Rc<RefCell<VecDeque<Returned>>>,
    classes: Option<Classes>,
    /// Streams that wait to be admitted.
    door: Entered,
    /// Streams that have something beside their place in the fan-out, by the index of their connection.
    attached: HashMap<usize, Attached>,
    /// Streams that are to be ended at some time, and why.
    endings: Heap<(Key, Disconnect)>,
    /// Silences after which a heartbeat is sent, in the streams' order of numbers.
    beats: Vec<Duration>,
    /// Answers not sent yet, of the connection that is being served.
    out: Vec<u8>,
    /// A receive buffer that no connection needs now.
    spare: Option<BytesMut>,
    date: date::DateCache,
    /// Of the request whose handler is called first now, or was last.
    path: String,
    epoch: Instant,
    /// Accepting failed in this turn.
    accept_failed: bool,
    accept_again: Option<Instant>,
    drain_until: Option<Instant>,
    /// Draining began in this turn: what was accepted last is told in the next.
    drain_began: bool,
}

impl Worker {
    /// On the worker's own thread.
    pub(crate) fn new(
        number: usize,
        shared: Arc<Shared>,
        counts: Arc<WorkerCounts>,
        remote: Remote<Message>,
    ) -> Self {
        let wake = Arc::new(streams::RingWake(remote.waker()));
        let executor = Executor::enter(remote, &shared, counts.clone());
        let fanout = Fanout::new(executor.home(), wake, counts.fanout.clone());
        let fanout = Rc::new(RefCell::new(fanout));
        headwater_sse::enter(&fanout);
        let door = crate::sse::enter(&fanout);
        Self {
            number,
            shared,
            counts,
            slots: Vec::new(),
            fanout,
            executor,
            answers: Rc::default(),
            told: Rc::default(),
            handlers: Handlers::default(),
            returned: Rc::default(),
            classes: None,
            door,
            attached: HashMap::new(),
            endings: Heap::new(),
            beats: Vec::new(),
            out: Vec::new(),
            spare: None,
            date: date::DateCache::default(),
            path: String::new(),
            epoch: Instant::now(),
            accept_failed: false,
            accept_again: None,
            drain_until: None,
            drain_began: false,
        }
    }

    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        self.slots.get_mut(key.index()).filter(|slot| slot.generation == key.generation())
    }

    fn is_http(&mut self, key: Key) -> bool {
        matches!(self.slot(key), Some(Slot { phase: Phase::Http(_), .. }))
    }

    /// Lets `serve` work on a connection in its HTTP phase, and does what comes after.
    fn with_http(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        serve: impl FnOnce(&mut Self, &mut Core<'_>, &mut HttpConnection) -> After,
    ) {
        let Some(slot) = self.slot(key) else { return };
        let Phase::Http(mut connection) = std::mem::replace(&mut slot.phase, Phase::Busy) else {
            unreachable!("callers looked at the phase");
        };
        let after = {
            let surroundings = self.executor.surround();
            let _entered = surroundings.enter();
            serve(self, core, &mut connection)
        };
        let phase = match after {
            After::Keep => Phase::Http(connection),
            After::Stream(live) => Phase::Stream(live),
            After::Detached(line) => Phase::Detached(line),
            After::Linger => {
                self.linger(core, key);
                Phase::Lingering
            }
            After::Close => return self.close(core, key),
        };
        // Nothing inside `serve` frees the slot of the connection being served.
        self.slots[key.index()].phase = phase;
    }

    /// Says that nothing more will be sent, and waits a while for the peer to notice: closing at once
    /// with unread bytes would reset the connection and lose what the peer has not read yet.
    fn linger(&mut self, core: &mut Core<'_>, key: Key) {
        core.shutdown(key);
        core.detach(key);
        core.arm(key, self.classes().linger);
    }

    fn close(&mut self, core: &mut Core<'_>, key: Key) {
        core.close(key);
        self.slots[key.index()] = Slot::vacant();
        self.counts.open.store(core.open(), Ordering::Relaxed);
        if self.accept_failed || self.accept_again.is_some() {
            self.resume_accept(core);
        }
    }
}

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
        }
    }

    fn turn(&mut self, core: &mut Core<'_>) -> Turn {
        crate::time::wake_sleepers(core.now());
        self.take_answers(core);
        self.executor.run(TASKS_PER_TURN);
        self.take_answers(core);
        self.serve_told(core);
        let more = self.serve_streams(core);
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
}
