//! Stores that keep events for clients that come back: what every store promises, and the stores.
//! Never decides when a stream resumes, nor what becomes of an event that a store refused: those that
//! call it do.
//!
//! # How a store is called
//! A [`ReplayStore`] is plain blocking code. Where [`blocks`](ReplayStore::blocks) says so, it talks
//! to the network and may take as long as its timeouts: it is called on threads kept for it, and
//! never on a core. The others answer within a microsecond or so, and are called in place.
//!
//! 1. [`append`](ReplayStore::append) takes a batch and says its ids. Whoever publishes appends
//!    first, and sends the event under the id that it was told.
//! 2. [`tail`](ReplayStore::tail) says where a stream begins that replays nothing. It is sent before
//!    the first event, so that a client that is cut off before that has something to come back with.
//! 3. [`since`](ReplayStore::since) reads what came after an id, page by page: the last id of a page
//!    is where the next begins. Appending meanwhile is fine. Brokers and clients ask with
//!    [`since_now`](ReplayStore::since_now), which leaves it to them to wait for events under way.
//!
//! What is stored is a [`PreparedEvent`] without an id line, and what comes back is one again:
//! nothing is formatted twice.
//!
//! # Scopes
//! Everything belongs to a [`Scope`]: a topic, a user, a session, or what is shared by all. Scopes
//! have ids of their own and never see one another's events. Whoever resumes a private stream has to
//! ask with the scope of the client that is authenticated now, not with one that it claims.
//!
//! # Ids
//! Decimal numbers, increasing and without gaps within a scope. An id that the store cannot place is
//! an error that says why ([`UnknownId`]), an id that lies ahead of all events among them: the store
//! may have lost what the client has seen, so that it is not up to date.
//!
//! | store | survives | ids begin at |
//! |---|---|---|
//! | [`RingBuffer`] | nothing | 1, or where it is told |
//! | [`KvReplayStore`] over [`MemoryKv`] | nothing, but several stores may share one | 1 |
//! | over `RedisKv` (feature `redis`) | its process, and what Redis keeps | 1, or the clock |
//! | over `PostgresKv` (feature `postgres`) | its process, Postgres' restarts and crashes | 1, or the clock |
//! | over `MemcachedKv` (feature `memcache`) | its process | the clock |
//!
//! The clock is the microseconds since 1970 when the store found no counter. An older counter that comes back,
//! as from a snapshot of Redis, gives ids a second time in any case.
//!
//! ```
//! use headwater_sse::replay::{ReplayStore, RingBuffer, Scope, StoreError, UnknownId};
//! use headwater_sse::{Event, PreparedEvent};
//!
//! let store = RingBuffer::new(100);
//! let news = Scope::topic("news");
//! store.append(&news, &[Event::data("one").into(), Event::data("two").into()])?;
//!
//! let page = store.since(&news, Some(&1.into()), 10)?;
//! assert_eq!(page.events[0].id, 2.into());
//! assert_eq!(page.events[0].event, PreparedEvent::new(&Event::data("two")));
//! assert!(!page.more);
//!
//! let ahead = store.since(&news, Some(&3.into()), 10).unwrap_err();
//! assert!(matches!(ahead, StoreError::Unknown { why: UnknownId::Future, .. }));
//! # Ok::<(), StoreError>(())
//! ```

pub use error::{StoreError, UnknownId};
#[cfg(feature = "memcache")]
pub use kv::MemcachedKv;
#[cfg(feature = "postgres")]
pub use kv::PostgresKv;
#[cfg(feature = "redis")]
pub use kv::RedisKv;
pub use kv::{
    AppendInOneStep, Counter, KeyValue, KvLimits, KvReplayConfig, KvReplayStore, LogKeys, MemoryKv,
};
pub use page::{Ids, Page, Replayed, Since};
pub use ring::{RingBuffer, RingBufferBuilder};
pub use scope::Scope;

mod error;
mod kv;
mod page;
mod ring;
mod scope;

use crate::{EventId, PreparedEvent};
use std::time::Duration;

/// Keeps events and gives them back to clients that missed them. See the [module](self) for how it
/// is called.
///
/// All methods may be called from any number of threads at once.
pub trait ReplayStore: Send + Sync {
    /// Records the events in this order, after all that the scope has, and says their ids. An id
    /// line of their own is not recorded: ids are the store's. No events are no ids.
    ///
    /// What has been appended is seen by every [`since`](Self::since) that begins afterwards, unless
    /// the store says otherwise.
    ///
    /// # Errors
    /// An event cannot be recorded, or the store cannot be reached. Nothing has been recorded then,
    /// unless [`StoreError::may_have_written`] says that it might: a connection that breaks does not
    /// tell.
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError>;

    /// What was appended after `after`, oldest first: at most `max` events (at least one is asked
    /// for, a `max` of 0 is 1), and fewer where they are large (see [`Page::more`]). Without `after`
    /// it is nothing, or the newest ones, as the store was set.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where the id is none of this scope's, or what followed it is not all
    /// there any more; others where the store cannot be reached.
    fn since(&self, scope: &Scope, after: Option<&EventId>, max: usize)
    -> Result<Page, StoreError>;

    /// What [`since`](Self::since) answers; but where an event may still be under way, when to ask again in place
    /// of waiting for it. A store that sleeps in [`since`](Self::since) should not do so here: others wait for
    /// the thread. By default it is [`since`](Self::since).
    ///
    /// # Errors
    /// Those of [`since`](Self::since).
    fn since_now(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Since, StoreError> {
        self.since(scope, after, max).map(Since::Page)
    }

    /// The id of the scope's newest event, or the one before its first: [`since`](Self::since) this
    /// id there is nothing yet.
    ///
    /// # Errors
    /// The store cannot be reached.
    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError>;

    /// How many events were given ids and could not be stored afterwards, of all scopes. 0 where an
    /// event is stored when its id is told.
    fn lost(&self) -> u64 {
        0
    }

    /// Whether calls may wait for the network or a disk, so that no core may make them.
    fn blocks(&self) -> bool;

    /// How long after an id was given its event may still be written; zero, the default, where both are one
    /// step. Until then [`since`](Self::since) may end before an id that [`tail`](Self::tail) has counted;
    /// afterwards the event is there, or readers have gone past its place.
    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }
}

/// A page ends at this many bytes, if it has an event by then.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// The number that an id is, if it is one.
fn place(id: &EventId) -> Result<u64, StoreError> {
    id.as_number().ok_or_else(|| StoreError::unknown(id, UnknownId::Malformed))
}

/// Events without any bytes cannot be told apart from what follows them in a stream.
fn refuse_empty(events: &[PreparedEvent]) -> Result<(), StoreError> {
    match events.iter().position(PreparedEvent::is_empty) {
        Some(at) => Err(StoreError::Empty { at }),
        None => Ok(()),
    }
}
