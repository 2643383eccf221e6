//! One connected client, as a handler sees it: a handle that any thread may hold. What it sends is in
//! `send` and `forward`, what waits for the core in `queue`; never touches a socket.

use crate::broker::{Broker, BrokerShared, Cursor, SlowPolicy};
use crate::fanout::{Disconnect, Step, StreamId, on_core};
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use futures_channel::oneshot;
use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

pub(crate) mod block;
mod config;
mod enter;
mod error;
mod follow;
mod forward;
mod kept;
mod origin;
mod queue;
mod replay;
mod room;
mod send;
mod subscription;
mod writers;

pub use config::{ClientConfig, ClientPolicy};
pub use error::{FlushError, SendError, SendRefusal};
pub use follow::{Follow, ResumeError};
pub use forward::{ForwardError, ForwardItem};
pub use origin::Origin;
pub(crate) use queue::{ClientShared, Queued};
pub use replay::{ClientReplay, ClientReplayBuilder};
#[cfg(test)]
pub(crate) use room::HELD_BYTES;
pub use subscription::Subscription;

use queue::Waiting;

/// The core that owns a client's socket. See the [crate's example](crate).
pub trait Home: Send + Sync {
    /// Passes a command to [`crate::Fanout::command`] on that core, soon. A core that is gone
    /// ignores it.
    fn post(&self, command: Command);
}

/// A wish that concerns one stream, for its core: see [`Home`].
pub struct Command(pub(crate) Wish);

pub(crate) enum Wish {
    Pull(StreamId),
    /// Look at what the kernel has of it.
    Look(StreamId),
    Subscribe {
        stream: StreamId,
        broker: Arc<BrokerShared>,
        /// In the hub's ring, of the first event that is wanted, or a later one.
        position: u64,
        /// Counts the client's subscriptions.
        number: u32,
    },
    Unsubscribe {
        stream: StreamId,
        broker: Arc<BrokerShared>,
        number: u32,
    },
    /// The next step of a stream that is being given what it missed, with a page that was read for it.
    Resume {
        stream: StreamId,
        broker: Arc<BrokerShared>,
        cursor: Cursor,
        page: Vec<PreparedEvent>,
        /// Counts the client's subscriptions; `None` if it is to be the stream's.
        number: Option<u32>,
        reply: oneshot::Sender<(Step, Option<Subscription>)>,
    },
    /// What a broker's callback says about a subscriber.
    Answer {
        stream: StreamId,
        broker: Arc<BrokerShared>,
        /// The membership it was asked about, by its first subscription.
        first: u32,
        policy: SlowPolicy,
    },
    Close(StreamId, Disconnect),
}

/// A client with an open stream. Cheap to clone; all clones are the same client, and any thread may
/// use them.
///
/// ```
/// use headwater_sse::{Client, Disconnect, Event, SendError};
///
/// async fn count_down(client: Client) -> Result<Disconnect, SendError> {
///     for n in (0..3).rev() {
///         client.send(Event::data(n.to_string())).await?;
///     }
///     client.close();
///     Ok(client.closed().await)
/// }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<ClientShared>,
}

impl Client {
    pub(crate) fn new(
        home: Arc<dyn Home>,
        stream: StreamId,
        config: Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> Self {
        Self { shared: Arc::new(ClientShared::new(home, stream, config, origin)) }
    }

    /// Ends the stream after what is queued, and what the client's store has still to say. Calling it twice does
    /// nothing.
    pub fn close(&self) {
        self.shared.close(Disconnect::Done);
    }

    /// Waits until the stream has ended, and says why.
    ///
    /// ```
    /// use headwater_sse::Client;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// /// Counts who is there, for as long as they are.
    /// async fn count(client: Client, here: &AtomicUsize) {
    ///     here.fetch_add(1, Ordering::Relaxed);
    ///     let why = client.closed().await;
    ///     here.fetch_sub(1, Ordering::Relaxed);
    ///     println!("{why}");
    /// }
    /// ```
    pub async fn closed(&self) -> Disconnect {
        let mut waiting = Waiting::new(&self.shared, |queue| &mut queue.ended);
        poll_fn(move |context| match self.shared.lock().ended(&mut waiting.ticket, context) {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        })
        .await
    }

    /// Whether nothing more can be sent.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_ended()
    }

    /// Events queued here and not yet taken by the core, those among them that wait for the client's store; 0
    /// where the stream has no queue.
    ///
    /// ```
    /// use headwater_sse::Client;
    ///
    /// /// Whether a client keeps up, so that it may get pictures in place of words.
    /// fn keeps_up(client: &Client) -> bool {
    ///     client.queue_depth() < 16 && client.queued_bytes() < 64 * 1024 && client.dropped_events() == 0
    /// }
    /// ```
    pub fn queue_depth(&self) -> usize {
        self.shared.depth().0
    }

    /// Bytes of such events.
    pub fn queued_bytes(&self) -> usize {
        self.shared.depth().1
    }

    /// Events that this client did not get, because its queue was full or because a broker's buffer
    /// was, or because its store refused it when nobody waited for that. Of a broker, those of an episode of
    /// slowness are counted when it ends, or when [`Broker::slowest`] was told of it.
    pub fn dropped_events(&self) -> u64 {
        self.shared.dropped()
    }

    /// What the client sent as `Last-Event-ID`.
    ///
    /// ```
    /// use headwater_sse::Client;
    ///
    /// /// The number to go on with, for one that was cut off.
    /// fn next_number(client: &Client) -> u64 {
    ///     let last = client.last_event_id().and_then(|id| id.to_string().parse::<u64>().ok());
    ///     last.map_or(1, |last| last.saturating_add(1))
    /// }
    /// ```
    pub fn last_event_id(&self) -> Option<&EventId> {
        self.shared.origin()?.last_event_id()
    }

    /// The address at the other end of the socket, if it is known.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.origin()?.peer_addr()
    }

    /// Bytes that the kernel has and the client has not acknowledged, as the stream's core saw them
    /// last. `None` where that cannot be known (not on Linux, or not yet), or the stream is over.
    ///
    /// The core looks when the stream begins and when its socket takes no more; and each call has it
    /// look once more, soon: who asks again is told what was so just after the call before.
    ///
    /// ```
    /// use headwater_sse::Client;
    ///
    /// /// Whether the client has all that was sent, as far as that can be known.
    /// fn is_up_to_date(client: &Client) -> bool {
    ///     client.queue_depth() == 0 && client.unsent_bytes().is_none_or(|bytes| bytes == 0)
    /// }
    /// ```
    pub fn unsent_bytes(&self) -> Option<usize> {
        self.shared.unsent_bytes()
    }

    /// What was kept of the request that opened the stream, if it is a `T`.
    ///
    /// ```
    /// use headwater_sse::Client;
    ///
    /// /// Kept of each request by this program.
    /// struct User(String);
    ///
    /// fn name(client: &Client) -> &str {
    ///     client.request::<User>().map_or("nobody", |user| &user.0)
    /// }
    /// ```
    pub fn request<T: Any>(&self) -> Option<&T> {
        self.shared.origin()?.request()?.downcast_ref()
    }

    pub(crate) fn subscribe(&self, broker: &Broker) -> Subscription {
        // So that its core keeps what is published before it hears of the wish.
        on_core::join(&broker.shared.hub);
        let position = broker.shared.hub.ring.tail();
        Subscription::new(self.shared.clone(), broker.shared.clone(), position)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
