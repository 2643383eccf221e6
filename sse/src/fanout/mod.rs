//! The fan-out of one core: takes published events from the hubs' rings and gets them to the streams
//! whose sockets this core owns. Single-threaded; sees sockets only through [`Egress`], and is told
//! the time.
//!
//! An event goes ring → [`Fanout::absorb`] → log of its topic → [`Fanout::round`] → socket. What a
//! socket refuses becomes *owed* and leaves before anything else does on that stream.

mod batch;
mod block;
mod closed;
mod egress;
mod end;
mod flush;
pub(crate) mod gap;
mod hold;
mod lag;
mod log;
mod look;
pub(crate) mod on_core;
mod owed;
mod resume;
mod round;
mod settle;
mod short;
mod slow;
pub(crate) mod stalled;
mod stream;
mod subscribe;
mod take;
#[cfg(test)]
mod tests;
mod topic;

pub use egress::{Attempt, Egress, Outcome};
pub use end::Over;
pub use on_core::enter;
pub use resume::Resumed;
pub(crate) use resume::Step;
pub use stalled::Laggard;
pub use stream::{Disconnect, StreamId};
pub use subscribe::SubscribeError;

use crate::client::{Client, ClientConfig, Command, Home, Origin, Subscription, Wish};
use crate::replay::PAGE_BYTES;
use crate::ring::Wake;
use batch::Batch;
use block::{Blocks, frame};
use bytes::Bytes;
use owed::RUN;
use slab::Slab;
use stalled::{SLOW_AFTER, Snapshot};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use stream::{Life, Stream, Subscriptions, number};
use take::{Index, Joined, Scratch};
use topic::Topic;

/// Bytes that all slow streams of a core may be owed together.
const OWED_PER_CORE: usize = 256 * 1024 * 1024;
/// Sent on a stream that was silent for too long. A named comment: some clients stumble over `:`.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// How the bytes of a stream are framed: given to [`Fanout::open`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Framing {
    /// HTTP/1.1 chunks, one per event (RFC 9112 §7.1).
    Chunked,
    /// As they are, until the connection closes (HTTP/1.0).
    Plain,
}

/// What a core counts; read from any thread. Given to [`Fanout::new`].
#[derive(Debug, Default)]
pub struct Counts {
    /// Streams open now.
    pub streams: AtomicUsize,
    /// Events handed completely to the kernel.
    pub delivered: AtomicU64,
    /// Attempts to hand bytes to the kernel: one per stream and round, if it takes them.
    pub sends: AtomicU64,
    /// Bytes that slow streams are owed now.
    pub owed_bytes: AtomicUsize,
}

/// The streams of one core, and what they are owed. For one thread; sees sockets only through [`Egress`], and
/// is told the time. See the [crate's example](crate).
pub struct Fanout {
    home: Arc<dyn Home>,
    wake: Arc<dyn Wake>,
    counts: Arc<Counts>,
    hubs: Vec<Joined>,
    topics: Slab<Topic>,
    index: Index,
    streams: Slab<Stream>,
    generation: u32,
    /// Topics with something to send.
    ready: VecDeque<u32>,
    /// Streams that stay stuck and are to have memory of their own.
    compacting: VecDeque<u32>,
    /// Streams with something owed and room, or the hope of it.
    flush: VecDeque<u32>,
    over: VecDeque<Over>,
    /// Sockets that do not take the end of their stream.
    stuck_ends: VecDeque<u64>,
    /// Streams whose clients are to be told what the kernel has of them.
    looks: Vec<StreamId>,
    blocks: Blocks,
    scratch: Scratch,
    /// None while it is being made.
    batch: Option<Box<Batch>>,
    owed_bytes: usize,
    /// Of these, those of events that are the clients' own: each stream has limits for them.
    own_bytes: usize,
    /// Bytes that slow streams may be owed together, beside the clients' own.
    owed_limit: usize,
    /// Bytes in all logs.
    log_bytes: u64,
    /// Streams whose sockets refused bytes, and that have not caught up since.
    stalled: Vec<u32>,
    /// There are others than the snapshot knows.
    stalled_changed: bool,
    /// When the snapshot was written.
    stalled_told: u32,
    snapshot: Arc<Snapshot>,
    slow_after: Duration,
}

impl Fanout {
    /// The most memory that the events of slow and of quick streams take together: those that slow ones are
    /// owed (256 MiB, and a quarter more since pieces are freed as a whole), and those in logs, which have
    /// room for one hub's batch more and keep some blocks. On top come their places, about 100 bytes for each
    /// event that is owed, and for each stream [`STREAM_BYTES`](Self::STREAM_BYTES) and what its own client sends.
    pub const MOST_BYTES: usize = OWED_PER_CORE + OWED_PER_CORE / 4 + 8 * 1024 * 1024;
    /// What each stream may take besides, in bytes: two pages of what it missed of a broker, 1 MiB each and
    /// the event that passes it (the one that was read of a store that blocks, and what was sent while it was;
    /// of other stores one), with their frames; and a piece of 16 KiB, which is freed with its last byte. A
    /// stream that resumes several brokers at once may be owed as much of each; a store of your own may give
    /// larger pages.
    pub const STREAM_BYTES: usize = 2 * (PAGE_BYTES + RUN);

    /// A fan-out without streams. `home` posts to this core, `wake` wakes it.
    pub fn new(home: Arc<dyn Home>, wake: Arc<dyn Wake>, counts: Arc<Counts>) -> Self {
        Self {
            home,
            wake,
            counts,
            hubs: Vec::new(),
            topics: Slab::new(),
            index: Index::default(),
            streams: Slab::new(),
            generation: 0,
            ready: VecDeque::new(),
            compacting: VecDeque::new(),
            flush: VecDeque::new(),
            over: VecDeque::new(),
            stuck_ends: VecDeque::new(),
            looks: Vec::new(),
            blocks: Blocks::default(),
            scratch: Scratch::default(),
            batch: None,
            owed_bytes: 0,
            own_bytes: 0,
            owed_limit: OWED_PER_CORE,
            log_bytes: 0,
            stalled: Vec::new(),
            stalled_changed: false,
            stalled_told: 0,
            snapshot: Arc::default(),
            slow_after: SLOW_AFTER,
        }
    }

    /// Takes over a socket as a stream. `head` is sent first, then what `config` opens a stream
    /// with. `origin` is what the stream's [`Client`] is to know of the other end; a stream without
    /// costs less, as its client is made only when somebody asks for it.
    pub fn open(
        &mut self,
        to: u64,
        framing: Framing,
        head: Bytes,
        config: &Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> StreamId {
        let id = self.insert(to, framing, config, origin);
        self.push(id.index, head);
        self.push_preamble(id.index);
        id
    }

    fn insert(
        &mut self,
        to: u64,
        framing: Framing,
        config: &Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> StreamId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let index = number(self.streams.insert(Stream {
            to,
            generation,
            framing,
            life: Life::Open,
            blocked: false,
            queued: false,
            in_batch: false,
            config: config.clone(),
            last_sent: 0,
            owed: None,
            subscriptions: Subscriptions::None,
            client: None,
        }));
        self.counts.streams.fetch_add(1, Ordering::Relaxed);
        let id = StreamId { index, generation };
        if origin.is_some() {
            let client = Client::new(self.home.clone(), id, config.clone(), origin);
            self.streams[index as usize].client = Some(client.shared);
            self.look_at(id);
        }
        id
    }

    /// What the settings say that a stream opens with.
    fn push_preamble(&mut self, index: u32) {
        let stream = &self.streams[index as usize];
        if let Some(preamble) = stream.config.preamble() {
            self.push(index, frame(stream.framing, preamble.bytes()));
        }
    }

    /// A handle to the stream: the same client each time. That of a stream that is over is closed.
    pub fn client(&mut self, id: StreamId) -> Client {
        self.make_client(id, None)
    }

    /// The client of a stream, made if need be, and then from `origin`.
    fn make_client(&mut self, id: StreamId, origin: Option<Arc<dyn Origin>>) -> Client {
        let home = self.home.clone();
        let Some(stream) = self.get(id) else {
            let client = Client::new(home, id, Arc::default(), None);
            client.shared.over(Disconnect::ClientGone);
            return client;
        };
        if let Some(shared) = &stream.client {
            return Client { shared: shared.clone() };
        }
        let client = Client::new(home, id, stream.config.clone(), origin);
        stream.client = Some(client.shared.clone());
        // What it missed may have become owed before: flushing waits for that, too.
        let own = stream.owed.as_ref().map_or(0, |owed| owed.own_events());
        client.shared.note_sent(own as u64);
        if let Life::Closing(why) = stream.life {
            drop(client.shared.end(why));
        }
        self.look_at(id);
        client
    }

    /// Carries out what a client's handle, on whatever thread, asked for.
    pub fn command(&mut self, command: Command) {
        match command.0 {
            Wish::Pull(id) if self.get(id).is_some() => self.pull(id.index),
            Wish::Pull(_) => {}
            Wish::Look(id) => self.look_at(id),
            // Refused where the stream or the broker has ended, which both say themselves.
            Wish::Subscribe { stream, broker, position, number } => {
                let _ = self.subscribe_shared(stream, &broker, Some(position), number);
            }
            Wish::Unsubscribe { stream, broker, number } => {
                self.unsubscribe(stream, &broker, number);
            }
            Wish::Resume { stream, broker, cursor, page, number, reply } => {
                // Who has stopped waiting wants no subscription.
                if !reply.is_canceled() {
                    let own = number.unwrap_or_default();
                    let step = self.resume_step(stream, &broker, cursor, &page, own);
                    let subscription = number
                        .filter(|_| matches!(step, Step::Live))
                        .map(|number| Subscription::begun(&self.client(stream), broker, number));
                    // Dropped, it ends what has just begun: once this is done.
                    reply.send((step, subscription)).ok();
                }
            }
            Wish::Answer { stream, broker, first, policy } => {
                self.answer(stream, &broker, first, policy);
            }
            Wish::Close(id, Disconnect::Slow) => {
                if self.is_open(id) {
                    self.end_slow(id.index);
                }
            }
            Wish::Close(id, why) => self.close(id, why),
        }
    }

    /// The socket has room again.
    pub fn writable(&mut self, id: StreamId) {
        if let Some(stream) = self.get(id)
            && std::mem::take(&mut stream.blocked)
        {
            self.enqueue(id.index);
        }
    }

    /// Sends a comment if nothing was sent since `since` and nothing waits to be. Returns the
    /// moment from which to plan the next look; `None` for a stream that is ending or over.
    pub fn heartbeat(&mut self, id: StreamId, since: u32, now: u32) -> Option<u32> {
        let stream = self.get(id).filter(|stream| stream.life == Life::Open)?;
        if stream.owed.is_some() {
            // Not when bytes last left: a stuck stream would be looked at without end.
            return Some(now);
        }
        if stream.last_sent > since {
            return Some(stream.last_sent);
        }
        stream.last_sent = now;
        let beat = frame(stream.framing, HEARTBEAT);
        self.push(id.index, beat);
        Some(now)
    }

    /// Streams open on this core.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    fn get(&mut self, id: StreamId) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(id.index as usize)?;
        (stream.generation == id.generation).then_some(stream)
    }
}
