//! The newest events in memory, within limits. Never outlives the process.
//! What one scope holds is in `ring/kept.rs`, their order in `ring/scopes.rs`.

use super::{Ids, Page, ReplayStore, Scope, StoreError, UnknownId, place, refuse_empty};
use crate::{EventId, PreparedEvent};
use kept::Kept;
use scopes::Scopes;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod kept;
mod scopes;
#[cfg(test)]
mod tests;

/// Keeps the newest events of each scope in memory.
///
/// | limit | default |
/// |---|---|
/// | events of a scope | as given to [`new`](Self::new) |
/// | bytes of a scope's events | 16 MiB |
/// | age | none |
/// | bytes of all scopes' events | 256 MiB |
/// | scopes | 65,536 |
///
/// An event takes about 50 bytes besides its own. Past the limits of a scope its oldest events go.
/// Past those for all scopes whole scopes are forgotten, as many as have to be, those that were
/// appended to least recently; ids of theirs are then [`AgedOut`](UnknownId::AgedOut), and their next
/// events get higher ones than any before. Nothing is known any more of which scopes those were, so that
/// where a scope without events begins may be [`AgedOut`](UnknownId::AgedOut), too.
///
/// Appending takes constant time, besides forgetting what goes for it. Nothing survives the process, so that
/// after a restart ids begin again: a client of the process before may come back with an id that has meanwhile
/// been given to another event. Where that matters, begin at another id each time, see
/// [`first_id`](RingBufferBuilder::first_id).
///
/// ```
/// use headwater_sse::replay::{ReplayStore, RingBuffer, Scope, StoreError, UnknownId};
/// use headwater_sse::Event;
///
/// let store = RingBuffer::new(2);
/// let chat = Scope::topic("chat");
/// for text in ["one", "two", "three"] {
///     store.append(&chat, &[Event::data(text).into()])?;
/// }
/// let page = store.since(&chat, Some(&1.into()), 10)?;
/// assert_eq!(page.events.len(), 2);
/// // What followed the beginning is not all there any more.
/// let aged = store.since(&chat, Some(&0.into()), 10).unwrap_err();
/// assert!(matches!(aged, StoreError::Unknown { why: UnknownId::AgedOut, .. }));
/// # Ok::<(), StoreError>(())
/// ```
pub struct RingBuffer {
    limits: RingBufferBuilder,
    begin: Instant,
    inside: Mutex<Inside>,
}

struct Inside {
    scopes: Scopes,
    bytes: usize,
    /// What the first event of a scope gets that is not here.
    next: u64,
}

impl RingBuffer {
    /// A ring of so many events per scope, at least one, and otherwise with the defaults.
    pub fn new(capacity: usize) -> Self {
        Self::builder(capacity).build()
    }

    /// A ring of so many events per scope, at least one, whose other limits may be set.
    ///
    /// ```
    /// use headwater_sse::replay::RingBuffer;
    /// use std::time::Duration;
    ///
    /// let store = RingBuffer::builder(1000).age(Duration::from_mins(10)).newest(20).build();
    /// # let _ = store;
    /// ```
    pub fn builder(capacity: usize) -> RingBufferBuilder {
        RingBufferBuilder {
            events: capacity.max(1),
            bytes: 16 << 20,
            age: None,
            total_bytes: 256 << 20,
            scopes: 65_536,
            first_id: 1,
            newest: 0,
        }
    }

    /// How many bytes the events have that are kept now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it is held.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock is only read where an age is set.
    fn now(&self) -> Duration {
        self.limits.age.map_or(Duration::ZERO, |_| self.begin.elapsed())
    }

    fn append_at(
        &self,
        scope: &Scope,
        events: &[PreparedEvent],
        now: Duration,
    ) -> Result<Ids, StoreError> {
        refuse_empty(events)?;
        let most = self.limits.bytes.min(self.limits.total_bytes);
        if let Some(at) = events.iter().position(|event| event.len() > most) {
            return Err(StoreError::TooLarge { at, bytes: events[at].len(), most });
        }
        let mut inside = self.lock();
        if events.is_empty() {
            return Ok(Ids::consecutive(inside.next, 0));
        }
        let first = match inside.append(scope, events, &self.limits, now) {
            Some(first) => first,
            None => inside.begin(scope, events, &self.limits, now),
        };
        if inside.bytes > self.limits.total_bytes {
            inside.make_room_for_bytes(self.limits.total_bytes, scope);
        }
        Ok(Ids::consecutive(first, events.len()))
    }

    fn since_at(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
        now: Duration,
    ) -> Result<Page, StoreError> {
        let mut inside = self.lock();
        let beginning = inside.next - 1;
        let Some(kept) = inside.scopes.get_mut(scope) else {
            let Some(id) = after else { return Ok(Page::default()) };
            return match place(id)? {
                at if at == beginning => Ok(Page::default()),
                at if at > beginning => Err(StoreError::unknown(id, UnknownId::Future)),
                at => Err(StoreError::unknown(id, self.below(at))),
            };
        };
        let freed = kept.forget_older(self.limits.age, now);
        let after = match after {
            None => Ok(kept.last() - (self.limits.newest.min(kept.len()) as u64)),
            Some(id) => match place(id)? {
                at if at > kept.last() => Err(StoreError::unknown(id, UnknownId::Future)),
                at if at + 1 < kept.first() => Err(StoreError::unknown(id, self.below(at))),
                at => Ok(at),
            },
        };
        let page = after.map(|after| kept.page(after, max.max(1)));
        inside.bytes -= freed;
        page
    }

    /// Why an id is unknown that is smaller than those that are kept.
    fn below(&self, id: u64) -> UnknownId {
        if id + 1 < self.limits.first_id { UnknownId::NeverRecorded } else { UnknownId::AgedOut }
    }
}

impl ReplayStore for RingBuffer {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        self.append_at(scope, events, self.now())
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.since_at(scope, after, max, self.now())
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        let inside = self.lock();
        Ok(inside.scopes.get(scope).map_or(inside.next - 1, Kept::last).into())
    }

    fn blocks(&self) -> bool {
        false
    }
}

impl fmt::Debug for RingBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingBuffer").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Inside {
    /// To a scope that is there: otherwise none. Returns the first id.
    fn append(
        &mut self,
        scope: &Scope,
        events: &[PreparedEvent],
        limits: &RingBufferBuilder,
        now: Duration,
    ) -> Option<u64> {
        let kept = self.scopes.touch(scope)?;
        let (first, before) = (kept.last() + 1, kept.bytes());
        kept.forget_older(limits.age, now);
        for event in events {
            kept.push(event.without_id(), limits, now);
        }
        self.bytes = self.bytes - before + kept.bytes();
        Some(first)
    }

    /// To a scope that is not.
    fn begin(
        &mut self,
        scope: &Scope,
        events: &[PreparedEvent],
        limits: &RingBufferBuilder,
        now: Duration,
    ) -> u64 {
        while self.scopes.len() >= limits.scopes {
            self.forget_oldest();
        }
        let first = self.next;
        self.scopes.insert(scope.clone(), Kept::new(first));
        self.append(scope, events, limits, now).unwrap_or(first)
    }

    /// After the newest scope was appended to.
    fn make_room_for_bytes(&mut self, most: usize, newest: &Scope) {
        while self.bytes > most && self.scopes.len() > 1 {
            self.forget_oldest();
        }
        let Some(kept) = self.scopes.get_mut(newest) else { return };
        if self.bytes > most {
            self.bytes -= kept.forget_bytes(self.bytes - most);
        }
    }

    fn forget_oldest(&mut self) {
        let Some(kept) = self.scopes.pop_oldest() else { return };
        self.bytes -= kept.bytes();
        // No id may come a second time, for another event.
        self.next = self.next.max(kept.last() + 1);
    }
}

/// The limits of a [`RingBuffer`], which has an example.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RingBufferBuilder {
    events: usize,
    bytes: usize,
    age: Option<Duration>,
    total_bytes: usize,
    scopes: usize,
    first_id: u64,
    newest: usize,
}

impl RingBufferBuilder {
    /// How many bytes the events of one scope may have. Default 16 MiB. A larger event is refused.
    pub fn bytes(mut self, most: usize) -> Self {
        self.bytes = most;
        self
    }

    /// How long events are kept. Default: as long as there is room.
    pub fn age(mut self, most: Duration) -> Self {
        self.age = Some(most);
        self
    }

    /// How many bytes the events of all scopes together may have. Default 256 MiB. Past it whole scopes are
    /// forgotten, with what [`scopes`](Self::scopes) says of that.
    pub fn total_bytes(mut self, most: usize) -> Self {
        self.total_bytes = most;
        self
    }

    /// How many scopes there may be, at least one. Default 65,536. Past it one is forgotten for each that begins.
    ///
    /// An id that was told as the beginning of a scope without events is then
    /// [`AgedOut`](UnknownId::AgedOut) if a scope with greater ids was forgotten, although nothing of its own
    /// scope was lost, and events appended to that since are not given for it: it may have been forgotten,
    /// too. Let there be as many scopes as have clients.
    pub fn scopes(mut self, most: usize) -> Self {
        self.scopes = most.max(1);
        self
    }

    /// The id of each scope's first event, at least 1, which is the default. One that is greater
    /// with every start, such as the microseconds since 1970, makes all ids of earlier processes
    /// unknown, as they should be.
    ///
    /// ```
    /// use headwater_sse::replay::RingBuffer;
    /// use std::time::UNIX_EPOCH;
    ///
    /// let micros = u64::try_from(UNIX_EPOCH.elapsed()?.as_micros())?;
    /// let store = RingBuffer::builder(1000).first_id(micros).build();
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first_id(mut self, id: u64) -> Self {
        self.first_id = id.max(1);
        self
    }

    /// How many of the newest events a client gets that has no last id. Default 0.
    pub fn newest(mut self, many: usize) -> Self {
        self.newest = many;
        self
    }

    /// The ring.
    pub fn build(self) -> RingBuffer {
        let inside = Inside { scopes: Scopes::default(), bytes: 0, next: self.first_id };
        RingBuffer { limits: self, begin: Instant::now(), inside: Mutex::new(inside) }
    }
}
