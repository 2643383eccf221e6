//! One worker of a server: what it holds, and how a connection is lent to the part that serves its
//! phase, and ends. What the engine tells comes in through `callbacks`. HTTP is in `exchange` and `asking`, streams
//! in `streams`, limits of accepting in `admit`, the end in `shutdown`.

mod admit;
mod asking;
mod beats;
mod before_body;
mod callbacks;
mod connection;
mod date;
mod deadlines;
mod endings;
mod exchange;
mod guarded;
mod handing_over;
mod handlers;
mod held;
#[cfg(any(test, feature = "scripted"))]
mod leftovers;
mod pieces;
mod respond;
mod shared;
mod shutdown;
mod streams;
mod takeover;
mod tell;

pub(crate) use shared::{Colleague, Message, Shared};
pub(crate) use tell::Tell;

use crate::handler::Reply;
use crate::response::Response;
use crate::sse::Entered;
use crate::stats::WorkerCounts;
use crate::task::Executor;
use bytes::BytesMut;
use connection::{After, HttpConnection, Phase, Slot};
use deadlines::Classes;
use endings::Attached;
use handlers::{HandlerId, Handlers};
use headwater_engine::timer::Heap;
use headwater_engine::{Core, Key, Remote};
use headwater_http::HeadMemo;
use headwater_sse::{Disconnect, Fanout, StreamId};
use held::Overseer;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tell::Told;

/// A handler that returned, and its event stream, if it had one, with how that ends.
type Returned = (HandlerId, Option<(StreamId, Disconnect)>);

pub(crate) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    counts: Arc<WorkerCounts>,
    overseer: Rc<Overseer>,
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
    /// Spares parsing heads that are as the one before.
    last_head: HeadMemo,
    /// A receive buffer that no connection needs now.
    spare: Option<BytesMut>,
    date: date::DateCache,
    /// Of the request whose handler is called first now, or was last.
    path: Vec<u8>,
    /// Of the last request whose handler went on.
    watched: Rc<[u8]>,
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
        let wake = streams::RingWake { wake: remote.waker(), counts: counts.clone() };
        let executor = Executor::enter(remote, &shared, counts.clone());
        let fanout = Fanout::new(executor.home(), Arc::new(wake), counts.fanout.clone());
        let fanout = Rc::new(RefCell::new(fanout));
        headwater_sse::enter(&fanout);
        let door = crate::sse::enter(&fanout);
        let overseer = Overseer::new(counts.clone(), shared.clone());
        Self {
            number,
            shared,
            counts,
            overseer,
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
            last_head: HeadMemo::default(),
            spare: None,
            date: date::DateCache::default(),
            path: Vec::new(),
            watched: Rc::default(),
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
            self.overseer.interrupt();
            serve(self, core, &mut connection)
        };
        // Nothing inside `serve` frees the slot of the connection being served.
        let phase = match after {
            After::Keep => {
                self.slots[key.index()].phase = Phase::Http(connection);
                return;
            }
            After::Stream(live) => Phase::Stream(live),
            After::Detached(line) => Phase::Detached(line),
            After::Leave(leaving) => Phase::Leaving(leaving),
            After::Linger => {
                self.linger(core, key);
                Phase::Lingering
            }
            After::Close => {
                self.close(core, key);
                return self.discard(connection);
            }
        };
        self.slots[key.index()].phase = phase;
        // An answer may wait in it.
        self.discard(connection);
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
        let left = std::mem::replace(&mut self.slots[key.index()], Slot::vacant());
        self.discard(left);
        self.counts.occupancy.leave();
        if self.accept_failed || self.accept_again.is_some() {
            self.resume_accept(core);
        }
    }
}
