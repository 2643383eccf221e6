//! Gives a client what it missed of a broker, page by page as it takes them, and then what comes. Each
//! step is made on the client's core; what has to be asked of a store that blocks is waited for in
//! between, as long as the stream is there.

use super::replay::until_closed;
use super::{Client, Command, FlushError, Subscription, Wish};
use crate::broker::{Broker, Cursor};
use crate::fanout::{Step, SubscribeError};
use crate::id::EventId;
use crate::pause::{Backoff, pause};
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use futures_channel::oneshot;
use std::fmt;

/// Steps in a row that may bring a stream nothing before it pauses: as many as it takes until it is told what
/// comes, where nothing is wrong.
const STEPS: u32 = 3;

/// Why a client is not given what it missed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResumeError {
    /// The store does not know the event, or could not be asked.
    Store(StoreError),
    /// The client or the broker cannot be subscribed.
    Subscribe(SubscribeError),
    /// What was given so far does not leave any more.
    Flush(FlushError),
    /// There is more than may wait for a stream that has not begun.
    NotBegun,
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Subscribe(error) => write!(f, "{error}"),
            Self::Flush(error) => write!(f, "{error}"),
            Self::NotBegun => f.write_str("the stream has not begun"),
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            _ => None,
        }
    }
}

/// A client that is being given what it missed, for the owner of its stream: the subscription ends with
/// the stream. See [`Fanout::subscribe_from`](crate::Fanout::subscribe_from), and for handlers
/// [`Broker::subscribe_from`].
#[must_use]
pub struct Follow {
    client: Client,
    broker: Broker,
    cursor: Cursor,
    /// The store is to be asked next.
    asks: bool,
}

impl Follow {
    pub(crate) fn new(client: Client, broker: Broker, cursor: Cursor, asks: bool) -> Self {
        Self { client, broker, cursor, asks }
    }

    /// A client that is to be given what was published after this event, as
    /// [`Broker::subscribe_from`] does.
    pub fn begin(client: &Client, broker: &Broker, after: Option<EventId>) -> Self {
        Self::new(client.clone(), broker.clone(), Cursor::new(after), false)
    }

    /// Gives the client the rest, and lets it receive what comes. The subscription is the stream's.
    ///
    /// # Errors
    /// See [`ResumeError`]. What was given up to there stays with the client.
    pub async fn run(self) -> Result<(), ResumeError> {
        self.go_on(None).await.map(drop)
    }

    async fn go_on(self, number: Option<u32>) -> Result<Option<Subscription>, ResumeError> {
        let Self { client, broker, mut cursor, mut asks } = self;
        let Some(journal) = &broker.shared.journal else { return Ok(None) };
        let (mut idle, mut backoff) = (0, Backoff::default());
        // What it has is still to be sent to others.
        let mut waits = false;
        loop {
            let mut page = Vec::new();
            if asks {
                let read = until_closed(&client, journal.read(cursor.clone())).await;
                match read.map_err(ResumeError::Flush)? {
                    Ok(read) => (page, cursor) = read,
                    // It is ahead, and lacks nothing as far as anybody knows.
                    Err(StoreError::Unavailable { .. } | StoreError::Refused { .. }) if waits => {}
                    Err(error) => return Err(ResumeError::Store(error)),
                }
            }
            // Nothing overtakes what the client is still owed, and no more than a page waits.
            client.flush().await.map_err(ResumeError::Flush)?;
            let (step, subscription) = client.step(&broker, cursor, page, number).await?;
            waits = matches!(step, Step::Wait(_));
            match step {
                Step::Live => return Ok(subscription),
                Step::More(next) => {
                    (cursor, asks) = (next, false);
                    (idle, backoff) = (0, Backoff::default());
                    continue;
                }
                Step::Ask(next) => (cursor, asks) = (next, true),
                Step::Wait(next) => {
                    // If that does not help, the store may have lost what the stream has.
                    (cursor, asks) = (next, idle >= STEPS);
                    let sent = journal.sent(&broker.shared);
                    until_closed(&client, sent).await.map_err(ResumeError::Flush)?;
                }
                Step::NotBegun => return Err(ResumeError::NotBegun),
                Step::Unknown(error) => return Err(ResumeError::Store(error)),
                Step::Refused(error) => return Err(ResumeError::Subscribe(error)),
            }
            idle += 1;
            if idle > STEPS {
                let paused = until_closed(&client, pause(backoff.next())).await;
                paused
                    .map_err(ResumeError::Flush)?
                    .map_err(|error| ResumeError::Store(StoreError::unavailable(error, false)))?;
            }
        }
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("broker", &self.broker.name()).finish_non_exhaustive()
    }
}

impl Broker {
    /// Gives a client what was published after this event, and lets it receive what comes: none is missed
    /// and none comes twice, however much is published meanwhile. Without an event it gets what comes, after
    /// an event that holds nothing but the id where that begins, and after the newest ones if the store says
    /// so. With a broker that has no store this is [`Broker::subscribe`].
    ///
    /// What was missed is read in pages of up to 256 events, the next when the client has the one before. It
    /// counts as sent to the client: whatever else it is sent meanwhile comes after a page or before it.
    ///
    /// A client that is subscribed to the broker already is given nothing that it missed, since that would come
    /// twice: it is subscribed once more, as by [`Broker::subscribe`].
    ///
    /// # Errors
    /// See [`ResumeError`]. An event that the store does not know is one of them: whether the client
    /// begins anew then is yours to say. A store that cannot be asked is another; but a client without an
    /// event begins all the same if events are [sent without ids](crate::StoreFailure::SendWithoutId) then. One
    /// that has read what nobody was sent yet, since the store went away in between, waits for the store.
    ///
    /// ```
    /// use headwater_sse::{Broker, Client, Disconnect, Event, ResumeError, replay::StoreError};
    ///
    /// async fn follow(client: Client, chat: Broker) -> Result<Disconnect, ResumeError> {
    ///     let _subscribed = match chat.subscribe_from(&client, client.last_event_id()).await {
    ///         // It was away for too long.
    ///         Err(ResumeError::Store(StoreError::Unknown { .. })) => {
    ///             chat.subscribe_from(&client, None).await?
    ///         }
    ///         subscribed => subscribed?,
    ///     };
    ///     Ok(client.closed().await)
    /// }
    /// ```
    pub async fn subscribe_from(
        &self,
        client: &Client,
        after: Option<&EventId>,
    ) -> Result<Subscription, ResumeError> {
        if self.shared.journal.is_none() {
            return Ok(self.subscribe(client));
        }
        let number = client.shared.next_subscription();
        let follow = Follow::new(client.clone(), self.clone(), Cursor::new(after.cloned()), false);
        let subscription = follow.go_on(Some(number)).await?;
        // A core whose step has a number answers with a subscription.
        subscription.ok_or(ResumeError::Subscribe(SubscribeError::StreamOver))
    }
}

impl Client {
    /// One step, on the client's core.
    async fn step(
        &self,
        broker: &Broker,
        cursor: Cursor,
        page: Vec<PreparedEvent>,
        number: Option<u32>,
    ) -> Result<(Step, Option<Subscription>), ResumeError> {
        let (reply, step) = oneshot::channel();
        let (stream, broker) = (self.shared.stream, broker.shared.clone());
        let wish = Wish::Resume { stream, broker, cursor, page, number, reply };
        self.shared.home.post(Command(wish));
        // A core that is gone has no clients.
        step.await.map_err(|_| ResumeError::Subscribe(SubscribeError::StreamOver))
    }
}
