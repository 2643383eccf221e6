//! The hub: one ordered ring that all its brokers publish into and all worker cores read. Owns the
//! order of events; who gets them is the fan-out's business.

use crate::broker::{BrokerBuilder, BrokerShared};
use crate::fanout::Laggard;
use crate::fanout::stalled::Snapshot;
use crate::prepared::PreparedEvent;
use crate::ring::Ring;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Events that a hub holds for cores that have not read them.
const RING_EVENTS: usize = 65_536;
/// Bytes of such events.
const RING_BYTES: u64 = 64 * 1024 * 1024;
/// Closed brokers that are remembered by number; a core further behind looks at all it has.
const CLOSED: usize = 1024;

/// Where brokers meet cores. Cheap to clone; all clones are the same hub.
///
/// Events of all brokers of a hub are in one order, which is also the order of their ids. Every core
/// delivers those of one broker in it; a client of several gets each broker's in it, but what one broker
/// published may come before what another published earlier.
///
/// # When a core does not read
///
/// A core that is held up, by a handler that blocks for example, finds its events in the hub when it goes
/// on: nothing is lost, and publishers and other cores go on meanwhile, until as many events or bytes
/// wait as the hub holds ([`HubBuilder::ring_events`], [`HubBuilder::ring_bytes`]). From then on, for all
/// brokers of the hub:
///
/// | | while the hub is full |
/// |---|---|
/// | [`Broker::publish`](crate::Broker::publish) | gives the event back at once, as [`Refusal::Full`](crate::Refusal::Full) |
/// | ... on the core that is behind | reads what waits for this core, then tries once more |
/// | [`Broker::publish_wait`](crate::Broker::publish_wait) | waits for room, its deadline, the broker's close or the core's end; on a core it is [`Refusal::Busy`](crate::Refusal::Busy) at once |
/// | [`Broker::publish_async`](crate::Broker::publish_async) | the same in a task, on a core, too |
///
/// A broker with a store that blocks waits up to 5 s for a full hub that makes no progress, and up to 20 s for one
/// that makes some but has no room for the event. After that what it stores counts as published, and is sent from the store as soon as there is room.
///
/// A core that ends, be it by a panic, holds nobody up from then on. [`Hub::backlog`] tells how far the
/// slowest is behind.
///
/// ```
/// use headwater_sse::Hub;
///
/// let hub = Hub::new();
/// let news = hub.broker("news").build();
/// assert_eq!(news.name(), "news");
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<HubShared>,
}

pub(crate) struct HubShared {
    pub(crate) ring: Arc<Ring<Entry>>,
    /// Counts closed brokers, so that cores notice without a place in the ring.
    pub(crate) closings: AtomicU64,
    /// The latest of them. Locked when a broker is closed, and by cores that have seen the count
    /// change: on no event's way.
    closed: Mutex<VecDeque<u64>>,
    /// What the cores say about slow streams. Locked when a core joins, and by those who ask.
    snapshots: Mutex<Vec<Weak<Snapshot>>>,
}

/// Brokers are numbered across all hubs, since a core tells them apart by number.
static BROKERS: AtomicU64 = AtomicU64::new(0);

/// What goes through the ring.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) broker: Arc<BrokerShared>,
    pub(crate) event: PreparedEvent,
}

impl Hub {
    /// How many cores can read one hub: the most workers that one server can have, and all servers of a
    /// process that share a hub together.
    pub const MAX_CORES: usize = 256;

    /// A hub with the default limits: 65,536 events and 64 MiB not read by some core.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A hub with limits of your own.
    pub fn builder() -> HubBuilder {
        HubBuilder { events: RING_EVENTS, bytes: RING_BYTES }
    }

    /// Starts a broker. The name is for metrics and logs; it need not be unique.
    pub fn broker(&self, name: impl Into<Arc<str>>) -> BrokerBuilder {
        let id = BROKERS.fetch_add(1, Ordering::Relaxed);
        BrokerBuilder::new(self.shared.clone(), id, name.into())
    }

    /// The most memory that it holds, in bytes: as many of events as [`HubBuilder::ring_bytes`] says, and
    /// their places.
    ///
    /// ```
    /// let hub = headwater_sse::Hub::builder().ring_events(1024).ring_bytes(1_000_000).build();
    /// assert!((1_000_000..1_200_000).contains(&hub.most_bytes()));
    /// ```
    pub fn most_bytes(&self) -> u64 {
        self.shared.ring.most_bytes()
    }

    /// Events that some core has still to read.
    pub fn backlog(&self) -> usize {
        self.shared.ring.len()
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

impl HubShared {
    /// Tells the cores that a broker was closed. Where it ends is set before.
    pub(crate) fn note_closing(&self, broker: u64) {
        let mut closed = self.closed();
        closed.push_back(broker);
        if closed.len() > CLOSED {
            closed.pop_front();
        }
        // Release: whoever sees the count sees where the broker ends.
        self.closings.fetch_add(1, Ordering::Release);
        drop(closed);
        self.ring.wake_all();
        // Of those who wait to publish, the ones of this broker do so in vain.
        self.ring.look_again();
    }

    /// The count of closings, and which brokers those since `seen` were: `None` if they were too
    /// many to be remembered.
    pub(crate) fn closed_since(&self, seen: u64) -> (u64, Option<Vec<u64>>) {
        let closed = self.closed();
        let closings = self.closings.load(Ordering::Acquire);
        let new = usize::try_from(closings - seen).ok();
        let first = new.and_then(|new| closed.len().checked_sub(new));
        (closings, first.map(|first| closed.range(first..).copied().collect()))
    }

    /// Asks this core, too, who is slow.
    pub(crate) fn watch(&self, core: &Arc<Snapshot>) {
        let mut snapshots = self.snapshots();
        snapshots.retain(|core| core.strong_count() > 0);
        snapshots.push(Arc::downgrade(core));
    }

    /// Shows who keeps a broker waiting, on all cores.
    pub(crate) fn show_laggards(&self, broker: u64, mut look: impl FnMut(&Laggard)) {
        let cores: Vec<_> = self.snapshots().iter().filter_map(Weak::upgrade).collect();
        for core in cores {
            core.show(broker, &mut look);
        }
    }

    fn snapshots(&self) -> MutexGuard<'_, Vec<Weak<Snapshot>>> {
        // As with `closed`.
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> MutexGuard<'_, VecDeque<u64>> {
        // No code that can panic runs under the lock, so a poisoned list is whole.
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Limits of a [`Hub`].
///
/// ```
/// use headwater_sse::{Event, Hub};
///
/// // A core may be 1,024 events or 4 MiB behind; then publishers are told, or wait.
/// let hub = Hub::builder().ring_events(1024).ring_bytes(4 * 1024 * 1024).build();
/// let news = hub.broker("news").build();
/// news.publish(Event::data("hello"))?;
/// // No core reads this hub, so that nothing waits for one.
/// assert_eq!(hub.backlog(), 0);
/// # Ok::<(), headwater_sse::PublishError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HubBuilder {
    events: usize,
    bytes: u64,
}

impl HubBuilder {
    /// How many events may wait for the slowest core: rounded up to a power of two, at least 2.
    /// Default 65,536.
    pub fn ring_events(mut self, events: usize) -> Self {
        self.events = events.clamp(2, 1 << 30);
        self
    }

    /// How many bytes of events may wait for the slowest core. A larger event is let in when no
    /// other waits. Default 64 MiB.
    pub fn ring_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Makes the hub.
    pub fn build(self) -> Hub {
        let ring = Arc::new(Ring::new(self.events, self.bytes, Hub::MAX_CORES));
        let shared = HubShared {
            ring,
            closings: AtomicU64::new(0),
            closed: Mutex::default(),
            snapshots: Mutex::default(),
        };
        Hub { shared: Arc::new(shared) }
    }
}
