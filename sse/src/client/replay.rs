//! What keeps clients' own events and gives them to those that come back: a store, with its threads where it
//! blocks. How an event gets there is in `enter` and `writers`.

use super::kept::Phase;
use super::writers::Writers;
use super::{Client, FlushError, ResumeError};
use crate::id::EventId;
use crate::keeper::{
    Keeper, Read, ReplayStats, STORE_QUEUE, StoreFailure, Threads, pause_for_store,
};
use crate::prepared::PreparedEvent;
use crate::replay::{Page, ReplayStore, Scope, StoreError};
use futures_channel::oneshot;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Reads of a store that blocks that may be under way at a time.
const READERS: usize = 2;

/// Keeps what clients are sent themselves in a store, and gives those that come back what they missed. Given to
/// endpoints with the [`Scope`] that each client's events belong to; clones are the same, and may serve several
/// endpoints. The threads that ask a store that blocks are its own, and end with the last clone.
///
/// While a client's events are kept,
/// - each event with data that it is sent itself is in the store before it is queued, and its id on the wire is
///   the store's, whatever id it had. If it is refused it is not stored, and if it is stored, the send has
///   succeeded: an event that the stream's end keeps from leaving is one that the client gets when it comes
///   back. Comments, and events without data, are neither stored nor do they have ids, and they do not wait for
///   a store that blocks;
/// - the ids on a stream only grow, however many clones of the client send at once;
/// - what its brokers publish is theirs, and not stored. Since their ids would be taken for the store's, give
///   such clients brokers without ids ([`BrokerBuilder::ids`](crate::BrokerBuilder::ids)).
///
/// A stream is promised what its scope had when it began, and what its own client is sent from then on, in this
/// order and each once. What is appended to its scope later by others, such as the handler of an older stream
/// that has not noticed yet that its client left, is not sent to it, and neither is it replayed if the client
/// comes back with a later id: one stream at a time should append to a scope. What several streams share is a
/// broker's, with a store of its own.
///
/// A store that does not block is asked in place. One that blocks is asked by threads, so that it stalls no
/// core: [`Client::send`] then returns when the event is stored and queued. [`Client::try_send`] does not
/// wait for what the store says; an event that it refuses later counts as dropped. Up to 1,024 events of all
/// clients wait for the store ([`ClientReplayBuilder::store_queue`]), which have 16 MiB at most; past that
/// those who may wait do, and others get [`SendRefusal::Busy`](crate::SendRefusal::Busy), as does
/// [`Client::send_blocking`] on a core. A slow store also takes its time with [`Client::flush`], with
/// [`Client::close`], which ends the stream after what the store has, and with the end of a stream whose
/// handler returns.
///
/// ```
/// use headwater_sse::{ClientReplay, StoreFailure, replay::RingBuffer};
/// use std::sync::Arc;
///
/// let replay = ClientReplay::builder(Arc::new(RingBuffer::new(1000)))
///     .store_failure(StoreFailure::SendWithoutId)
///     .store_queue(100)
///     .build();
/// assert_eq!(replay.stats().stored, 0);
/// ```
#[derive(Clone)]
pub struct ClientReplay {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) keeper: Keeper,
    /// Where the store blocks.
    pub(super) writers: Option<Writers>,
    readers: Threads,
}

/// Settings of a [`ClientReplay`].
#[must_use]
pub struct ClientReplayBuilder {
    store: Arc<dyn ReplayStore>,
    failure: StoreFailure,
    queue: usize,
}

impl ClientReplayBuilder {
    /// What becomes of events that the store does not take. Default [`StoreFailure::Refuse`].
    pub fn store_failure(mut self, then: StoreFailure) -> Self {
        self.failure = then;
        self
    }

    /// How many events of all clients may wait for a store that blocks: 1 at least, 1,024 by default. They have
    /// 16 MiB together at most, but any one is let in alone.
    pub fn store_queue(mut self, events: usize) -> Self {
        self.queue = events.max(1);
        self
    }

    /// With these settings.
    pub fn build(self) -> ClientReplay {
        let keeper = Keeper::new(self.store, self.failure);
        let writers = keeper.blocks().then(|| Writers::new(self.queue));
        let readers = Threads::new("headwater-replay", READERS);
        ClientReplay { shared: Arc::new(Shared { keeper, writers, readers }) }
    }
}

impl ClientReplay {
    /// With the defaults.
    pub fn new(store: Arc<dyn ReplayStore>) -> Self {
        Self::builder(store).build()
    }

    /// With settings of its own.
    pub fn builder(store: Arc<dyn ReplayStore>) -> ClientReplayBuilder {
        ClientReplayBuilder { store, failure: StoreFailure::default(), queue: STORE_QUEUE }
    }

    /// What has become of the events of all its clients.
    pub fn stats(&self) -> ReplayStats {
        self.shared.keeper.stats(self.writers().map_or(0, Writers::waiting))
    }

    pub(super) fn writers(&self) -> Option<&Writers> {
        self.shared.writers.as_ref()
    }

    /// For the owner of a stream: the client's events belong to this scope, before anybody else has a handle to
    /// it. What it is sent until [`ClientReplay::resume`] is a greeting: it is not kept, and has no ids. Does
    /// nothing the second time.
    pub fn attach(&self, client: &Client, scope: Scope) {
        client.shared.keep(self, scope);
    }

    /// For the owner of a stream that has begun: gives an [attached](Self::attach) client what its scope has
    /// after this event, page by page as it takes them, and lets it be sent to after that. Events of the
    /// scope that wait for the store are waited for first: an older stream may have been sent them. Without
    /// an event that is the newest ones if the store says so, and then the id where it begins. Returns when
    /// the kernel has it.
    ///
    /// # Errors
    /// See [`ResumeError`]. What was given up to there stays with the client, which is to be greeted still. A
    /// client without an event begins all the same if the store is not there, where events are
    /// [sent without ids](StoreFailure::SendWithoutId) then.
    pub async fn resume(
        &self,
        client: &Client,
        after: Option<&EventId>,
    ) -> Result<(), ResumeError> {
        let Some(keeping) = client.shared.keeping.get() else { return Ok(()) };
        client.shared.set_phase(Phase::Replayed);
        let resumed = self.replay(client, &keeping.scope, after.cloned()).await;
        client.shared.set_phase(if resumed.is_ok() { Phase::Live } else { Phase::Greeted });
        resumed?;
        client.flush().await.map_err(ResumeError::Flush)
    }

    async fn replay(
        &self,
        client: &Client,
        scope: &Scope,
        mut after: Option<EventId>,
    ) -> Result<(), ResumeError> {
        let keeper = &self.shared.keeper;
        let is_new = after.is_none();
        if let Some(writers) = self.writers() {
            // Those of the stream that was cut, which are missing in the store still.
            until_closed(client, writers.settled(scope)).await.map_err(ResumeError::Flush)?;
        }
        loop {
            // Nobody waits for a store on behalf of a stream that has ended.
            let read = until_closed(client, self.read(scope, after.clone()));
            let (page, tail) = match read.await.map_err(ResumeError::Flush)? {
                Ok(read) => read,
                Err(StoreError::Unavailable { .. } | StoreError::Refused { .. })
                    if is_new && keeper.failure() == StoreFailure::SendWithoutId =>
                {
                    keeper.count_read_failure();
                    return Ok(());
                }
                Err(error) => {
                    if !matches!(error, StoreError::Unknown { .. }) {
                        keeper.count_read_failure();
                    }
                    return Err(ResumeError::Store(error));
                }
            };
            // No more than a page waits.
            client.flush().await.map_err(ResumeError::Flush)?;
            keeper.count_replayed(page.events.len());
            for event in &page.events {
                client.shared.push_missed(event.with_id())?;
            }
            after = page.events.last().map(|event| event.id.clone()).or(after);
            if !page.more {
                let begin = tail.filter(|_| is_new && after.is_none());
                return begin
                    .map_or(Ok(()), |at| client.shared.push_missed(PreparedEvent::id_alone(&at)));
            }
        }
    }

    /// A page, and, for one who has no event and is given nothing, where the end is.
    async fn read(
        &self,
        scope: &Scope,
        after: Option<EventId>,
    ) -> Result<(Page, Option<EventId>), StoreError> {
        loop {
            match self.ask(scope, after.clone()).await? {
                Read::Page(page, tail) => return Ok((page, tail)),
                Read::Later(time) => pause_for_store(time).await?,
            }
        }
    }

    async fn ask(&self, scope: &Scope, after: Option<EventId>) -> Result<Read, StoreError> {
        let shared = &self.shared;
        if shared.writers.is_none() {
            return shared.keeper.read_now(scope, after.as_ref());
        }
        let (reply, outcome) = oneshot::channel();
        let (shared, scope) = (self.shared.clone(), scope.clone());
        self.shared.readers.run(Box::new(move || {
            // Otherwise its stream has ended.
            if !reply.is_canceled() {
                // As above.
                reply.send(shared.keeper.read_now(&scope, after.as_ref())).ok();
            }
        }))?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::unavailable("nobody asks it", false)))
    }

    /// For the owner of a stream whose handler has returned: closes the client, and waits until its stream may
    /// end without losing what the store has of it.
    pub async fn finish(&self, client: &Client) {
        client.close();
        // If it has ended that is well, too.
        client.is_settled().await.ok();
    }
}

/// What a future comes to, unless the client's stream ends first.
pub(super) async fn until_closed<T>(
    client: &Client,
    future: impl Future<Output = T>,
) -> Result<T, FlushError> {
    let (mut future, mut closed) = (pin!(future), pin!(client.closed()));
    poll_fn(|context| match closed.as_mut().poll(context) {
        Poll::Ready(why) => Poll::Ready(Err(FlushError::Closed(why))),
        Poll::Pending => future.as_mut().poll(context).map(Ok),
    })
    .await
}

impl From<Arc<dyn ReplayStore>> for ClientReplay {
    fn from(store: Arc<dyn ReplayStore>) -> Self {
        Self::new(store)
    }
}

impl<S: ReplayStore + 'static> From<Arc<S>> for ClientReplay {
    fn from(store: Arc<S>) -> Self {
        Self::new(store)
    }
}

impl From<&ClientReplay> for ClientReplay {
    fn from(replay: &ClientReplay) -> Self {
        replay.clone()
    }
}

impl fmt::Debug for ClientReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientReplay").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientReplayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientReplayBuilder")
            .field("store_failure", &self.failure)
            .field("store_queue", &self.queue)
            .finish_non_exhaustive()
    }
}
